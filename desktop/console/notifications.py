"""Notifications and reminders on this desktop: fetched with every sample, told by the tray, kept in the window.

A notice waits in Redis while no window is open and is given to one window only, once. The tray's message goes after a
few seconds, so that the window keeps a notice until somebody closes it.
"""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.tray import Tray
from desktop.window import Window
from engine.model import Notice

_NOTICES = "notices"


def connect(window: Window, bridge: Bridge, tray: Tray) -> None:
    """Fetch this user's notices by the bridge and show them."""
    _Wiring(window, bridge, tray)


class _Wiring(QObject):
    """Lives as long as its window."""

    def __init__(self, window: Window, bridge: Bridge, tray: Tray) -> None:
        super().__init__(window)
        self._window, self._bridge, self._tray = window, bridge, tray
        self._asked = False
        """An answer that a newer request overtakes would be lost, and its notices with it: one at a time."""
        self._unread: deque[Notice] = deque()
        bridge.sampled.connect(self._fetch)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        window.told.dismissed.connect(self._show_next)

    def _fetch(self) -> None:
        if not self._asked:
            self._asked = True
            self._bridge.request(_NOTICES, lambda engine: engine.client.take_notices())

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic != _NOTICES or not isinstance(answer, tuple):
            return
        self._asked = False
        if answer:
            self._tray.tell(answer)
            self._unread += answer
            self._show()

    def _on_refused(self, topic: str, _message: str) -> None:
        # Why is told by `gone`; what waits in Redis goes on waiting.
        self._asked = self._asked and topic != _NOTICES

    def _show(self) -> None:
        notice, more = self._unread[0], len(self._unread) - 1
        title = f"{notice.title} (and {more} more)" if more else notice.title
        self._window.told.show_notice("info", title, notice.text, stays=True)

    def _show_next(self) -> None:
        self._unread.popleft()
        if self._unread:
            self._show()
