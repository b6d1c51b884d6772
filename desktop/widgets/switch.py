"""A switch that shows what is, not what was clicked: it turns when whoever was asked has turned it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from desktop.theme import Look


class Switch(QAbstractButton):
    """On or off, in shape, place and word. A click is only a wish: `show_on` moves it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setCheckable(True)
        self.setFixedSize(QSize(74, 28))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        look.changed.connect(self.update)

    def show_on(self, on: bool) -> None:
        """Show whether it is on."""
        self.setChecked(on)
        self.update()

    def nextCheckState(self) -> None:
        """A click changes nothing by itself."""

    def paintEvent(self, event: QPaintEvent) -> None:
        on, enabled = self.isChecked(), self.isEnabled()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field = QRectF(3, self.height() / 2 - 9, 34, 18)
        painter.setPen(QPen(self._look.colour("stale" if not enabled else "accent" if on else "border"), 1.2))
        painter.setBrush(self._look.colour("accent" if on and enabled else "neutral_soft"))
        painter.drawRoundedRect(field, 9, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.colour("stale" if not enabled else "on_accent" if on else "muted"))
        painter.drawEllipse(QPointF(field.right() - 9 if on else field.left() + 9, field.center().y()), 5.5, 5.5)
        painter.setFont(self._look.font("label"))
        painter.setPen(self._look.colour("stale" if not enabled else "ink" if on else "muted"))
        words = QRectF(field.right() + 8, 0, self.width() - field.right() - 8, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, "On" if on else "Off")
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._look.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)
        painter.end()
