"""Demo traffic in the window: the commands that start, stop and clean it, and the button in the rail while it runs."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop.actions import REDIS_GONE
from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.window import Window
from engine.settings import Settings

if TYPE_CHECKING:
    from engine import Engine
    from engine.demo import DemoTraffic

RATES = (5, 20, 100)
"""Jobs a second to choose from."""
SECONDS = 600
"""It ends by itself after ten minutes."""


def connect(window: Window, bridge: Bridge) -> None:
    """Enter the commands into catalogue and menu."""
    _Wiring(window, bridge)


class _Wiring(QObject):
    """Lives as long as its window."""

    def __init__(self, window: Window, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._rate = 0
        """Jobs a second while it runs here, else 0."""
        self._production = False
        bridge.opened.connect(self._on_opened)
        window.rail.demo_stop_wanted.connect(self._stop)
        more = "load generator example test try jobs"
        window.catalogue.add(
            *(
                Command(
                    f"demo.start-{rate}",
                    "Demo",
                    f"Demo traffic, {rate} jobs a second",
                    partial(self._start, rate),
                    more,
                    writes=True,
                    refusal=self._why_no_start,
                )
                for rate in RATES
            ),
            Command("demo.stop", "Demo", "Stop demo traffic", self._stop, more, refusal=self._why_no_stop),
            Command("demo.clean", "Demo", "Clean demo jobs", self._clean, more, writes=True, refusal=self._why_not),
        )
        for key in (*(f"demo.start-{rate}" for rate in RATES), "demo.stop", "demo.clean"):
            window.add_menu_command(key)

    def _on_opened(self, settings: Settings) -> None:
        self._production = settings.production

    def _why_not(self) -> str:
        if self._production:
            return "This connection is marked as production: no demo traffic here."
        return REDIS_GONE if self._bridge.is_gone else ""

    def _why_no_start(self) -> str:
        return self._why_not() or ("It runs already." if self._rate else "")

    def _why_no_stop(self) -> str:
        return "" if self._rate else "None runs from here."

    def _start(self, rate: int) -> None:
        async def act(engine: Engine, _actor: str) -> str:
            added = 0
            self._show(rate, added)
            try:
                async with aclosing(_traffic(engine).run(rate, SECONDS)) as steps:
                    async for added in steps:
                        self._show(rate, added)
            finally:
                self._show(0, added)
            return f"Demo traffic has ended: {added:,} jobs. “Clean demo jobs” in the menu takes them away."

        self._bridge.operate("demo traffic", act, then=_nothing)

    def _stop(self) -> None:
        async def act(engine: Engine, _actor: str) -> str:
            await _traffic(engine).stop()
            return "Demo traffic stops."

        self._bridge.operate("stop demo traffic", act, then=_nothing)

    def _clean(self) -> None:
        async def act(engine: Engine, actor: str) -> str:
            removed = await _traffic(engine).clean(actor=actor)
            return f"Removed {removed:,} demo {'job' if removed == 1 else 'jobs'}."

        self._bridge.operate("clean demo jobs", act, then=_nothing)

    def _show(self, rate: int, added: int) -> None:
        changed, self._rate = rate != self._rate, rate
        words = f"Demo {rate}/s" if rate else ""
        self._window.rail.show_demo(words, f"Demo traffic has added {added:,} jobs, {rate} a second. Press to stop it.")
        if changed:
            self._window.catalogue.changed.emit()


def _traffic(engine: Engine) -> DemoTraffic:
    # Imported when wanted: the window is on the screen before it needs jobs.
    from engine.demo import DemoTraffic

    return DemoTraffic(engine.client, engine.admin)


def _nothing() -> None:
    """There is nothing to do after it."""
