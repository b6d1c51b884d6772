"""What the Audit page asks of the engine."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject

from desktop.actions import REDIS_GONE
from desktop.bridge import Bridge
from desktop.pages.audit import AuditPage
from desktop.window import Window
from engine import Engine
from engine.model import QuarantineBatch
from engine.queues import QUEUES

_ACTIONS, _BATCHES = "audit", "audit.quarantine"
_MOST_ACTIONS = 200


def connect(page: AuditPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's signals to the bridge, and the bridge's answers to the page."""
    _Wiring(page, bridge)


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: AuditPage, bridge: Bridge) -> None:
        super().__init__(page)
        self._page, self._bridge = page, bridge
        page.actions_wanted.connect(self._read_actions)
        page.batches_wanted.connect(self._read_batches)
        page.restore_wanted.connect(self._restore)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        bridge.gone.connect(lambda *_: page.show_gone())

    def _read_actions(self, queue: str, who: str) -> None:
        self._bridge.request(_ACTIONS, lambda engine: engine.admin.audit(queue or None, _MOST_ACTIONS, by=who))

    def _read_batches(self, queue: str) -> None:
        async def read(engine: Engine) -> tuple[QuarantineBatch, ...]:
            found = [batch for name in ([queue] if queue else QUEUES) for batch in await engine.admin.quarantined(name)]
            return tuple(sorted(found, key=lambda batch: batch.at_ms, reverse=True))

        self._bridge.request(_BATCHES, read)

    def _on_answered(self, topic: str, answer: object) -> None:
        now_ms = int(time.time() * 1000)
        if topic == _ACTIONS and isinstance(answer, tuple):
            self._page.show_actions(answer, now_ms)
        elif topic == _BATCHES and isinstance(answer, tuple):
            self._page.show_batches(answer, now_ms)

    def _on_refused(self, topic: str, message: str) -> None:
        if topic in (_ACTIONS, _BATCHES):
            self._page.show_gone(REDIS_GONE if self._bridge.is_gone else message)

    def _restore(self, batch: QuarantineBatch, reason: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            came, stayed = await engine.admin.restore(batch.queue, batch.id, actor=actor, reason=reason)
            words = f"{came:,} {'job' if came == 1 else 'jobs'} of {QUEUES[batch.queue].title} came back."
            return f"{words} {stayed:,} stay: newer jobs have their ids." if stayed else words

        self._bridge.operate(f"restore {batch.queue}", act, then=lambda: self._read_batches(self._page.queue))
