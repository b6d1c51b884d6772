"""The icon in the system tray, where there is one: opens the window; wears a dot and speaks where alerts are open."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QAction, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QSystemTrayIcon

from desktop.commands import Catalogue
from desktop.pages.command_menu import CommandMenu
from desktop.theme import Look
from desktop.widgets.text import in_window
from engine.alerts import RULES
from engine.model import Alert, Notice, Severity

_SIZE = 64
_LINES = 3
"""A tooltip and a notification tell of so many alerts in full."""
_SHOWN_MS = 10_000


class Tray(QObject):
    """Shows itself if the desktop has a tray, and else does nothing."""

    open_requested = Signal()
    alerts_requested = Signal()
    """Somebody wants to see the alerts that the menu or a message tells of."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._dot = ""
        self._listening = False
        self._told_alerts = True
        self._alerts_entry = QAction(self)
        self._alerts_entry.setVisible(False)
        self._alerts_entry.triggered.connect(self.alerts_requested)
        self._icon: QSystemTrayIcon | None = None
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        self._icon = QSystemTrayIcon(badged(look, ""), self)
        self._icon.setToolTip("Hark")
        self._icon.activated.connect(lambda _reason: self.open_requested.emit())
        self._icon.messageClicked.connect(self._on_message_clicked)
        self._icon.show()
        look.changed.connect(self._draw)

    def fill(self, catalogue: Catalogue, keys: Sequence[str]) -> None:
        """Enter the commands of these keys into the icon's menu."""
        if self._icon is not None:
            self._menu = CommandMenu(catalogue, keys=False)
            self._menu.addAction("Open Hark").triggered.connect(self.open_requested)
            self._menu.addAction(self._alerts_entry)
            self._menu.addSeparator()
            for key in keys:
                self._menu.add_command(key)
            self._icon.setContextMenu(self._menu)

    def show_alerts(self, alerts: Sequence[Alert]) -> None:
        """Say how many are open; the dot is for those that nobody has acknowledged or snoozed."""
        loud = [alert for alert in alerts if alert.silence is None]
        dot = "" if not loud else "danger" if any(alert.severity is Severity.CRITICAL for alert in loud) else "caution"
        self._alerts_entry.setText(f"Show {_counted(alerts)}")
        self._alerts_entry.setVisible(bool(alerts))
        if self._icon is not None:
            tooltip = tooltip_of(alerts)
            if self._icon.toolTip() != tooltip:
                self._icon.setToolTip(tooltip)
            if dot != self._dot:
                self._dot = dot
                self._draw()

    def show_listening(self, listening: bool) -> None:
        """Wear a microphone while one is open."""
        if listening != self._listening:
            self._listening = listening
            self._draw()

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Raise one desktop notification that tells of them all."""
        if self._icon is not None and alerts:
            critical = any(alert.severity is Severity.CRITICAL for alert in alerts)
            kinds = QSystemTrayIcon.MessageIcon
            self._told_alerts = True
            self._icon.showMessage(*notification_of(alerts), kinds.Critical if critical else kinds.Warning, _SHOWN_MS)

    def tell(self, notices: Sequence[Notice]) -> None:
        """Raise one desktop notification that tells of all these notices."""
        if self._icon is not None and notices:
            self._told_alerts = False
            self._icon.showMessage(*message_of(notices), QSystemTrayIcon.MessageIcon.Information, _SHOWN_MS)

    def _on_message_clicked(self) -> None:
        (self.alerts_requested if self._told_alerts else self.open_requested).emit()

    def close(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()

    def _draw(self) -> None:
        if self._icon is not None:
            self._icon.setIcon(badged(self._look, self._dot, "microphone" if self._listening else "hark"))


def badged(look: Look, dot: str, icon: str = "hark") -> QIcon:
    """Hark's icon, with a dot in the colour role `dot` at its lower right where that is not empty."""
    pixmap = QPixmap(look.pixmap(icon, "accent", _SIZE))  # the look keeps its own
    if dot:
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # A rim of the icon's own ground keeps the dot apart from it on any panel.
        painter.setPen(QPen(look.colour("surface"), 4))
        painter.setBrush(look.colour(dot))
        painter.drawEllipse(QPointF(_SIZE - 15, _SIZE - 15), 12.5, 12.5)
        painter.end()
    return QIcon(pixmap)


def tooltip_of(alerts: Sequence[Alert]) -> str:
    """What pointing at the icon tells: how many alerts are open, and the worst of them."""
    if not alerts:
        return "Hark"
    return "\n".join((f"Hark: {_counted(alerts)}", *_lines([alert.message for alert in alerts])))


def notification_of(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and text of a notification."""
    if len(alerts) == 1:
        (alert,) = alerts
        return f"Hark: {RULES[alert.rule].title}", in_window(f"{alert.message} {alert.remedy}".strip())
    return f"Hark: {len(alerts)} alerts", "\n".join(_lines([alert.message for alert in alerts]))


def message_of(notices: Sequence[Notice]) -> tuple[str, str]:
    """Title and text of a desktop notification that tells of notices."""
    if len(notices) == 1:
        return notices[0].title, notices[0].text
    told = [f"{notice.title}: {notice.text}".replace("\n", " ").removesuffix(": ") for notice in notices]
    return f"Hark: {len(notices)} notifications", "\n".join(_lines(told))


def _counted(alerts: Sequence[Alert]) -> str:
    return "1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts"


def _lines(messages: list[str]) -> list[str]:
    left = len(messages) - _LINES
    return [*messages[:_LINES], *([f"and {left} more"] if left > 0 else [])]
