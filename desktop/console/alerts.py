"""The window's own watch over the queues: what it finds goes to the Alerts page, the rail and the tray.

The watch is the engine's (`engine/alerts`); here it is given the window's snapshots and what Redis has of silences, and
the news of a Redis that is gone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.pages.alert_row import about
from desktop.pages.alerts import AlertsPage
from desktop.tray import Tray
from desktop.window import Window
from engine.alerts import AlertNotes, Changes, Watch
from engine.model import Silence, Snapshot
from engine.settings import Settings

if TYPE_CHECKING:
    from engine import Engine

_NOTES, _LEFT = "alerts", "alerts.left"
_READ_MS = 5_000
"""So often it is read what others have silenced."""
_REDIS_GONE = "redis-gone"


def connect(page: AlertsPage, bridge: Bridge, window: Window, tray: Tray) -> None:
    """Connect the page's signals to the bridge, and the watch to page, window and tray."""
    _Wiring(page, bridge, window, tray)


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: AlertsPage, bridge: Bridge, window: Window, tray: Tray) -> None:
        super().__init__(page)
        self._page, self._bridge, self._window, self._tray = page, bridge, window, tray
        # Until the settings are read, which may be after a Redis was found to be gone, the defaults hold.
        self._watch = Watch(Settings.model_construct())
        self._noted = False
        self._read_at_ms = 0
        self._snapshot: Snapshot | None = None
        bridge.opened.connect(self._watch.use)
        bridge.sampled.connect(self._on_sampled)
        bridge.gone.connect(self._on_gone)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        page.acknowledge_wanted.connect(self._acknowledge)
        page.snooze_wanted.connect(self._snooze)
        page.unsilence_wanted.connect(self._unsilence)
        page.queue_wanted.connect(self._show_queue)
        page.failures_wanted.connect(lambda: window.open_page(window.failures))
        window.alerts_wanted.connect(lambda: window.open_page(page))
        tray.alerts_requested.connect(self._come_to_front)
        window.catalogue.add_source(self._commands)

    # Watching

    def _on_sampled(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if abs(snapshot.taken_at_ms - self._read_at_ms) >= _READ_MS:
            self._read_at_ms = snapshot.taken_at_ms
            self._read_notes()
            if not snapshot.workers and self._watch.open:
                # No worker is there that would tell other viewers since when these are open.
                found = self._watch.open
                self._bridge.request(_LEFT, lambda engine: engine.monitor.tell_alerts(found))
        # What is acknowledged must be known before anybody is told of anything.
        if self._noted:
            self._look(snapshot)

    def _look(self, snapshot: Snapshot) -> None:
        changes = self._watch.look(snapshot)
        if changes.lapsed:
            self._bridge.request(_LEFT, lambda engine: engine.admin.forget_silences(changes.lapsed))
        self._show(changes, snapshot.taken_at_ms, gone=False)

    def _on_gone(self, message: str, remedy: str) -> None:
        now_ms = int(time.time() * 1000)
        self._show(self._watch.gone(message, remedy, now_ms), now_ms, gone=True)

    def _show(self, changes: Changes, now_ms: int, *, gone: bool) -> None:
        found = self._watch.open
        self._page.show_alerts(found, self._watch.ended, now_ms, gone=gone)
        self._window.show_alerts(found)
        self._tray.show_alerts(found)
        self._tray.notify(changes.news)

    def _commands(self) -> Iterable[Command]:
        for alert in self._watch.open:
            if alert.silence is None:
                yield Command(
                    f"alert.acknowledge.{alert.key}",
                    "Alerts",
                    f"Acknowledge: {about(alert)}",
                    partial(self._acknowledge, alert.key),
                    "alert silence quiet known",
                )

    # Silences

    def _read_notes(self) -> None:
        self._bridge.request(_NOTES, lambda engine: engine.monitor.alert_notes())

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _NOTES and isinstance(answer, AlertNotes):
            self._watch.note(answer)
            self._noted = True
            if self._snapshot is not None:
                self._look(self._snapshot)

    def _on_refused(self, topic: str, _message: str) -> None:
        # Why is told by `gone`, or by the snapshots that fail: alerts go on with the silences known so far.
        self._noted = self._noted or topic == _NOTES

    def _acknowledge(self, key: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.acknowledge_alert(key, actor=actor)
            return "Acknowledged: nobody is told of this alert until it ends."

        self._silence(key, None, act)

    def _snooze(self, key: str, minutes: int) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.snooze_alert(key, minutes, actor=actor)
            return f"Snoozed: nobody is told of this alert for {minutes} minutes."

        self._silence(key, minutes, act)

    def _unsilence(self, key: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.unsilence_alert(key, actor=actor)
            return "This alert is told of again."

        if key == _REDIS_GONE:
            self._watch.unsilence(key)
            self._show_again()
        else:
            self._bridge.operate(f"unsilence {key}", act, then=self._read_notes)

    def _silence(self, key: str, minutes: int | None, act: Callable[[Engine, str], Awaitable[str]]) -> None:
        if key != _REDIS_GONE:
            self._bridge.operate(f"silence {key}", act, then=self._read_notes)
            return
        # A Redis that is gone keeps nothing: this window alone knows of it.
        now_ms = int(time.time() * 1000)
        self._watch.silence(key, Silence(now_ms, "you", None if minutes is None else now_ms + minutes * 60_000))
        self._show_again()

    def _show_again(self) -> None:
        self._show(Changes(), int(time.time() * 1000), gone=True)

    # Pages

    def _show_queue(self, queue: str) -> None:
        self._window.open_page(self._window.queues)
        if self._window.queues.selected != queue:
            self._window.queues.select(queue)

    def _come_to_front(self) -> None:
        self._window.come_to_front()
        self._window.open_page(self._page)
