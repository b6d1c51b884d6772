"""What was taken away by mistake comes back by one click: the same offer after every action that destroys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop.bridge import Bridge
from desktop.window import Window
from engine import Engine
from engine.queues import QUEUES


def offer_undo(bridge: Bridge, window: Window, batches: Sequence[tuple[str, str]], *, then: Callable[[], None]) -> None:
    """Offer, in the notice that tells of a removal, to restore these batches of the quarantine, each with its queue.

    `then` is called when they are back. Call it as the `then` of the removal, so that its notice is the one shown.
    """

    async def restore(engine: Engine, actor: str) -> str:
        came = stayed = 0
        for queue, batch in batches:
            back, left = await engine.admin.restore(queue, batch, actor=actor, reason="undo")
            came, stayed = came + back, stayed + left
        titles = ", ".join(dict.fromkeys(QUEUES[queue].title for queue, _ in batches))
        words = f"{came:,} {'job' if came == 1 else 'jobs'} of {titles} came back."
        return f"{words} {stayed:,} could not: newer jobs have their ids." if stayed else words

    if batches:
        window.notices.offer(
            "Undo",
            "Bring them back from the quarantine, which keeps them for 24 hours",
            lambda: bridge.operate("undo a removal", restore, then=then),
            icon="retry",
            key="Ctrl+Z",
        )
