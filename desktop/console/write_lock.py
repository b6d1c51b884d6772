"""The write lock of a production connection in the window: bar, frame, commands, and why nothing can be done."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.window import Window
from engine import Engine
from engine.settings import Settings
from engine.write_lock import WriteLock

_TOPIC = "write-lock"
_TICK_MS = 1_000


def connect(window: Window, actions: Actions, bridge: Bridge) -> None:
    """Follow the lock of the bridge's engine, and forbid all changes while it is shut."""
    _Wiring(window, actions, bridge)


class _Wiring(QObject):
    """Lives as long as its window. Each connection begins with a lock of its own, shut."""

    def __init__(self, window: Window, actions: Actions, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._actions, self._bridge = window, actions, bridge
        self._lock = WriteLock()
        self._minutes = 15.0
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._draw)
        bar = window.production
        bar.unlock_wanted.connect(self._unlock)
        bar.lock_wanted.connect(self._shut)
        bridge.opened.connect(self._on_opened)
        bridge.answered.connect(self._on_answered)
        window.catalogue.guard(lambda command: actions.refusal if command.writes else "")
        window.catalogue.add(
            Command(
                "production.unlock",
                "Production",
                "Unlock this connection\u2026",
                bar.ask,
                "write lock allow changes",
                refusal=self._why_no_unlock,
            ),
            Command(
                "production.lock",
                "Production",
                "Lock this connection now",
                self._shut,
                "write lock read-only",
                refusal=lambda: "" if self._lock.left_s else "It is not unlocked.",
            ),
        )

    def _on_opened(self, settings: Settings) -> None:
        self._minutes = settings.production_unlock_minutes
        # Until the lock itself is here, nothing is allowed that it may forbid.
        self._use(WriteLock(settings.production, settings.production_name))
        self._bridge.request(_TOPIC, _read)

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _TOPIC and isinstance(answer, WriteLock):
            self._use(answer)

    def _use(self, lock: WriteLock) -> None:
        self._lock = lock
        self._draw()

    def _draw(self) -> None:
        lock, window = self._lock, self._window
        left_s = lock.left_s
        if left_s:
            self._tick.start()
        else:
            self._tick.stop()
        refusal = f"{lock.refusal} Unlock it with a reason." if lock.refusal else ""
        if refusal != self._actions.refusal:
            self._actions.forbid(refusal)
            window.notices.refuse(refusal)
            window.catalogue.changed.emit()
        if not lock.production:
            window.production.hide()
            window.set_frame("")
        elif left_s:
            window.production.show_unlocked(lock.title, left_s)
            window.set_frame("danger")
        else:
            window.production.show_locked(lock.title, self._minutes)
            window.set_frame("caution")

    def _why_no_unlock(self) -> str:
        if not self._lock.production:
            return "This connection is not marked as production."
        return "It is unlocked already." if self._lock.left_s else ""

    def _unlock(self, reason: str, minutes: float) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.unlock(minutes, actor=actor, reason=reason)
            return f"Unlocked for {minutes:g} minutes."

        self._bridge.operate("unlock", act, then=self._draw)

    def _shut(self) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.lock(actor=actor)
            return "The connection is read-only again."

        self._bridge.operate("lock", act, then=self._draw)


async def _read(engine: Engine) -> WriteLock:
    return engine.admin.write_lock
