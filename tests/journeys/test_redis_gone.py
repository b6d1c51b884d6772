"""Redis dies under the open window and comes back: every page keeps what it knew, greyed, and is fresh again by itself.

The real app with its worker, and a real server of the test's own that is killed and started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

from desktop.actions import REDIS_GONE
from desktop.app import App
from desktop.opening import open_window
from desktop.pages.freshness import Freshness
from desktop.theme import Look
from engine.model import JobState
from engine.store import NewJob, Store
from engine.store.server import PrivateRedis
from tests.desktop.test_bridge import kill_server

pytestmark = pytest.mark.timeout(120)
EMAIL = "email-processing"


async def until(holds: Callable[[], object]) -> None:
    """Let the app run until `holds`."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for is seen in the window, which has no asyncio events
            await asyncio.sleep(0.01)


async def give_work(url: str) -> None:
    """A job that fails for good, for nobody knows its name, and one for much later."""
    store = Store(url)
    await store.add(EMAIL, [NewJob("unknown", "no-such-job", "{}", 2, 1, "fixed", 0, 1_000)])
    await store.add(EMAIL, [NewJob("later", "send-email", "{}", 2, 1, "fixed", 0, 1_000, delay_ms=3_600_000)])
    await store.close()


async def journey(app: App, server: PrivateRedis, url: str) -> None:
    window = app.window
    queues, jobs, failures = window.queues, window.jobs, window.failures
    pages: tuple[QWidget, ...] = (queues, jobs, failures, window.recurring, window.workers, window.audit)
    email = queues.rows[EMAIL]

    async def visit(shown: Callable[[QWidget, Freshness], object]) -> None:
        for page in pages:
            window.open_page(page)
            age = page.findChild(Freshness)
            await until(lambda page=page, age=age: shown(page, age))

    window.open_page(queues)
    await until(lambda: email.pill.state == "running")
    await give_work(url)
    await until(lambda: email.numbers["failed"].text() == "1")
    queues.rows["calendar-sync"].switch.click()
    await until(lambda: queues.rows["calendar-sync"].pill.state == "paused")
    jobs.choose(EMAIL, JobState.FAILED)
    await visit(lambda _, age: age.known and not age.gone)
    await until(lambda: jobs.table.jobs.job(0) and failures.list.order and window.recurring.rows)
    await until(lambda: window.workers.rows and window.audit.actions_table.rowCount())

    await asyncio.to_thread(kill_server, url)
    await until(window.trouble.isVisible)
    await visit(lambda _, age: age.gone == REDIS_GONE and age.isVisible() and age.whole.startswith("As of "))
    assert (email.pill.state, email.numbers["failed"].text()) == ("unknown", "1")
    assert jobs.table.jobs.job(0) is not None
    assert failures.list.order
    assert window.recurring.rows
    assert window.workers.rows
    assert window.audit.actions_table.rowCount()
    disabled = (
        email.switch,
        queues.resume_all,
        jobs.list.buttons["retry"],
        failures.panel.retry,
        window.recurring.add,
        next(iter(window.workers.concurrency.values())).reset,
        window.audit.restore,
    )
    assert [(button.isEnabled(), button.toolTip()) for button in disabled] == [(False, REDIS_GONE)] * len(disabled)
    window.assistant.typed.setText("what time is it")
    window.assistant.send.click()
    await until(lambda: "The command is kept" in window.assistant.exchange(1).reply)

    await asyncio.to_thread(server.ensure)
    await until(lambda: not window.trouble.isVisible())
    await visit(lambda _, age: not age.gone and not age.whole)
    await until(lambda: email.pill.state == "running" and email.switch.isEnabled())
    assert email.numbers["delayed"].text() == "1"
    assert failures.panel.retry.isEnabled()
    await until(lambda: window.assistant.exchange(1).reply.startswith("It is "))


def test_every_page_outlives_redis(
    qapp: QApplication, private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = private_redis.ensure()
    monkeypatch.setenv("REDIS_URL", url)

    async def live() -> None:
        look = Look(dark=False)
        app = App(look, *open_window(look))
        running = asyncio.ensure_future(app.run())
        try:
            await journey(app, private_redis, url)
        finally:
            app.window.close()
            await running

    with asyncio.Runner(loop_factory=lambda: QEventLoop(qapp)) as runner:
        runner.run(live())
