"""The Queues page on a real Redis: what its actions do, and where its counts lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import failures, jobs, queues
from desktop.theme import Look
from desktop.window import Window
from engine.model import JobState
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.failed_jobs import fail_jobs

EMAIL = "email-processing"


async def until(holds: Callable[[], object]) -> None:
    """Give both loops turns until `holds`."""
    async with asyncio.timeout(20):
        while not holds():
            QApplication.processEvents()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Window]:
    """A window with connected pages; email has three jobs that failed alike.

    No fixture: between the phases of a test Qt's timers go on, but the loop that the bridge needs does not.
    """
    store = Store(url)
    await fail_jobs(store, EMAIL, 3)
    await store.close()
    look, actions = Look(), Actions()
    look.dress()
    window = Window(look, actions)
    bridge = Bridge(lambda: load_settings(redis_url=url))
    queues.connect(window.queues, actions, bridge, window)
    jobs.connect(window.jobs, bridge, window)
    failures.connect(window.failures, bridge, window)
    bridge.noticed.connect(window.notices.show_notice)
    window.show()
    window.open_page(window.queues)
    try:
        bridge.start()
        await until(lambda: failed_of(window) == "3")
        yield window
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


def failed_of(window: Window) -> str:
    """What the Email row says of failed jobs."""
    return window.queues.rows[EMAIL].numbers["failed"].text()


async def test_a_cleaned_queue_is_as_before_after_undo(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.queues.open_clean_dialog(EMAIL)
        dialog = window.queues.clean_dialog
        assert dialog is not None
        dialog.choose(JobState.FAILED, 0)
        await until(dialog.confirm.isEnabled)
        dialog.confirm.click()
        await until(lambda: window.notices.text == "Removed 3 failed jobs from Email.")
        await until(lambda: failed_of(window) == "0")
        window.notices.action.click()
        await until(lambda: window.notices.text == "3 jobs of Email came back.")
        await until(lambda: failed_of(window) == "3")


async def test_undo_is_disabled_with_the_reason_while_redis_is_gone(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.notices.show_notice("success", "Removed 3 failed jobs from Email.")
        window.notices.offer("Undo", "Bring them back", lambda: None)
        window.show_gone("Redis does not answer.", "Start it.")
        assert not window.notices.action.isEnabled()
        assert "Redis does not answer" in window.notices.action.toolTip()
        window.show_connected("Connected", fresh_redis)
        assert window.notices.action.isEnabled()


async def test_a_paused_queue_tells_who_paused_it(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        row = window.queues.rows[EMAIL]
        row.switch.click()
        await until(lambda: " by " in row.words.whole)
        assert row.pill.state == "paused"
        row.switch.click()
        await until(lambda: row.pill.state != "paused")


async def test_all_failed_jobs_run_again(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.queues.rows[EMAIL].retry.click()
        await until(lambda: window.notices.text == "3 failed jobs of Email will run again.")
        await until(lambda: window.queues.rows[EMAIL].numbers["waiting"].text() == "3")


async def test_two_clicks_lead_from_the_dashboard_to_the_traceback(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        QTest.mouseClick(window.queues.rows[EMAIL].numbers["failed"], Qt.MouseButton.LeftButton)
        assert window.page is window.failures
        await until(lambda: "mail.py" in window.failures.panel.shown_trace)


async def test_a_double_click_leads_to_the_jobs(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        QTest.mouseDClick(window.queues.rows[EMAIL], Qt.MouseButton.LeftButton)
        assert window.page is window.jobs
        assert (window.jobs.queue, window.jobs.state) == (EMAIL, JobState.FAILED)
        await until(lambda: window.jobs.table.jobs.job(2) is not None)
