"""A production connection in the window: framed, read-only with the reason told, unlocked by a reason, locked again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import audit, commands, failures, jobs, queues, recurring, workers, write_lock
from desktop.theme import Look
from desktop.tray import Tray
from desktop.window import Window
from engine.admin import Admin
from engine.model import JobState
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.failed_jobs import fail_jobs
from tests.desktop.test_queues_console import until

EMAIL = "email-processing"
REASON = "ticket 4711: stuck mail"
REFUSAL = "This connection is marked as production: orders and is read-only. Unlock it with a reason."


@asynccontextmanager
async def wired(url: str, *, production: bool = True) -> AsyncIterator[Window]:
    """A window with connected pages on a connection that may be production; email has three failed jobs."""
    store = Store(url)
    await fail_jobs(store, EMAIL, 3)
    await store.close()
    look, actions = Look(), Actions()
    look.dress()
    window = Window(look, actions)
    bridge = Bridge(lambda: load_settings(redis_url=url, production=production, production_name="orders"))
    queues.connect(window.queues, actions, bridge, window)
    jobs.connect(window.jobs, bridge, window)
    failures.connect(window.failures, bridge, window)
    recurring.connect(window.recurring, bridge, window)
    workers.connect(window.workers, bridge, window)
    audit.connect(window.audit, bridge, window)
    commands.connect(window, actions, bridge, Tray(look))
    write_lock.connect(window, actions, bridge)
    bridge.noticed.connect(window.notices.show_notice)
    window.show()
    window.open_page(window.queues)
    try:
        bridge.start()
        await until(lambda: window.queues.rows[EMAIL].numbers["failed"].text() == "3")
        yield window
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


async def unlock(window: Window) -> None:
    """Press Unlock, say why, and wait until it is unlocked."""
    window.production.button.click()
    dialog = window.production.dialog
    assert dialog is not None
    assert not dialog.confirm.isEnabled()
    dialog.reason.setText(REASON)
    dialog.confirm.click()
    await until(lambda: not window.production.locked)


async def test_it_opens_read_only_with_a_frame_and_every_change_tells_why_not(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        assert window.production.words.text() == "Production: orders, read-only"
        await until(lambda: window.grab().toImage().pixelColor(1, 400) == window.queues._look.colour("caution"))
        row = window.queues.rows[EMAIL]
        window.jobs.choose(EMAIL, JobState.FAILED)
        window.open_page(window.workers)
        for button in (
            *(row.switch, row.clean, row.retry, window.queues.pause_all),
            *(window.jobs.list.buttons["retry"], window.jobs.list.buttons["remove"], window.jobs.detail.rerun),
            *(window.recurring.add, window.workers.concurrency[EMAIL].number, window.audit.restore),
        ):
            await until(lambda button=button: button.toolTip() == REFUSAL)
            assert not button.isEnabled()
        assert window.jobs.list.buttons["export"].toolTip() != REFUSAL


async def test_the_palette_offers_no_change_either(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        known = window.catalogue
        assert known.refusal(known.command(f"queue.pause.{EMAIL}")) == REFUSAL
        assert known.refusal(known.command("page.jobs")) == ""


async def test_unlocked_with_a_reason_it_can_be_operated_until_it_is_locked(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        await unlock(window)
        assert window.production.words.text().startswith("Production: orders, unlocked: 1")
        assert window.grab().toImage().pixelColor(1, 400) == window.queues._look.colour("danger")
        row = window.queues.rows[EMAIL]
        row.switch.click()
        await until(lambda: row.pill.state == "paused")
        window.production.button.click()
        await until(lambda: window.production.locked)
        assert row.switch.toolTip() == REFUSAL
    store = Store(fresh_redis)
    trail = await Admin(store).audit()
    await store.close()
    assert [entry.action for entry in trail] == ["lock", "pause", "unlock"]
    assert trail[-1].reason == REASON


async def test_another_connection_has_neither_frame_nor_bar(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis, production=False) as window:
        await until(window.queues.rows[EMAIL].switch.isEnabled)
        assert window.production.isHidden()
        refusal = window.catalogue.refusal(window.catalogue.command("production.unlock"))
        assert refusal == "This connection is not marked as production."
