"""What the Workers page asks of the engine; the restart of the app's own worker is the app's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.bridge import Bridge
from desktop.pages.workers import WorkersPage
from desktop.window import Window
from engine.queues import QUEUES
from engine.settings import Settings

if TYPE_CHECKING:
    from engine import Engine


def connect(page: WorkersPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's wishes to the bridge; what it shows comes with the snapshots."""

    def show_settings(settings: Settings) -> None:
        page.show_own_concurrency({name: spec.concurrency for name, spec in settings.queue_specs.items()})

    def set_concurrency(queue: str, number: int) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.set_concurrency(queue, number, actor=actor)
            title = QUEUES[queue].title
            if not number:
                return f"Each worker goes by its own setting of {title}."
            return f"Each worker runs {number:,} of {title} at once."

        # The bridge takes a fresh snapshot after each action: nothing else is to be read.
        bridge.operate(f"set concurrency of {queue}", act, then=lambda: None)

    page.concurrency_wanted.connect(set_concurrency)
    bridge.opened.connect(show_settings)
    bridge.sampled.connect(page.show_snapshot)
    bridge.gone.connect(lambda *_: page.show_gone())
