"""The icon in the system tray, where there is a tray: opens the window, and tells of final failures."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.theme import Look
from engine.model import Snapshot


class Tray(QObject):
    """Shows itself if the desktop has a tray, and else does nothing."""

    open_requested = Signal()
    quit_requested = Signal()

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._failed: int | None = None
        self._icon: QSystemTrayIcon | None = None
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        self._menu = QMenu()
        self._menu.addAction("Open Hark").triggered.connect(self.open_requested)
        self._menu.addAction("Quit").triggered.connect(self.quit_requested)
        self._icon = QSystemTrayIcon(QIcon(look.pixmap("hark", "accent", 64)), self)
        self._icon.setToolTip("Hark")
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(lambda _reason: self.open_requested.emit())
        self._icon.show()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Raise an alert where more jobs have failed for good than a sample ago."""
        failed = sum(queue.failed_total for queue in snapshot.queues)
        known, self._failed = self._failed, failed
        if self._icon is not None and known is not None and failed > known:
            count = failed - known
            words = "A job has failed" if count == 1 else f"{count:,} jobs have failed"
            text = f"{words} for good. The Queues page shows where."
            self._icon.showMessage("Hark", text, QSystemTrayIcon.MessageIcon.Warning)

    def close(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()
