"""Demo traffic from the window: started by a command, told in the rail, stopped there, and cleaned away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import demo, queues
from desktop.theme import Look
from desktop.window import Window
from engine.settings import load_settings
from tests.desktop.test_queues_console import until


@asynccontextmanager
async def wired(url: str, *, production: bool = False) -> AsyncIterator[Window]:
    """A window with the demo's commands."""
    look, actions = Look(), Actions()
    look.dress()
    window = Window(look, actions)
    bridge = Bridge(lambda: load_settings(redis_url=url, production=production))
    queues.connect(window.queues, actions, bridge, window)
    demo.connect(window, bridge)
    bridge.noticed.connect(window.notices.show_notice)
    opened: list[object] = []
    bridge.opened.connect(opened.append)
    window.show()
    window.open_page(window.queues)
    try:
        bridge.start()
        await until(lambda: opened)
        yield window
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


def run(window: Window, key: str) -> str:
    """Run a command; why it was refused."""
    return window.catalogue.run(window.catalogue.command(key))


def jobs(window: Window) -> int:
    """How many jobs the dashboard's rows tell of."""
    numbers = (row.numbers[state].text() for row in window.queues.rows.values() for state in ("waiting", "delayed"))
    return sum(int(number) for number in numbers if number.isdigit())


async def test_it_runs_until_the_rails_button_stops_it_and_its_jobs_are_cleaned(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        assert window.rail.demo.isHidden()
        assert run(window, "demo.start-20") == ""
        await until(window.rail.demo.isVisible)
        assert window.rail.demo.text().strip() == "Demo 20/s"
        assert run(window, "demo.start-100") == "It runs already."
        await until(lambda: jobs(window) >= 5)
        window.rail.demo.click()
        await until(window.rail.demo.isHidden)
        assert run(window, "demo.clean") == ""
        await until(lambda: window.notices.text.startswith("Removed") and not jobs(window))


async def test_a_production_connection_offers_none(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis, production=True) as window:
        assert run(window, "demo.start-5") == "This connection is marked as production: no demo traffic here."
        assert run(window, "demo.stop") == "None runs from here."
