"""A card over the dimmed window: what the palette and the sheet of keys have in common.

It hides the size that follows the window, the focus that stays inside and goes back where it was, and the
ways out: Esc and a click beside the card.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

from desktop.theme import Look

_DIMMED = 96
_MARGIN = 24


class Overlay(QWidget):
    """Lies over its parent once `open_over` is called; subclasses fill `card`."""

    def __init__(self, look: Look, parent: QWidget, width: int, height: int) -> None:
        super().__init__(parent)
        self._look, self._under = look, parent
        self._wanted = (width, height)
        self._focus_before: QWidget | None = None
        self.card = QFrame(self)
        self.card.setObjectName("dialogCard")
        self.column = QVBoxLayout(self.card)
        self.hide()
        parent.installEventFilter(self)

    def open_over(self, focus: QWidget) -> None:
        """Show it, with the focus on one of its widgets."""
        if not self.isVisible():
            self._focus_before = QApplication.focusWidget()
        self._fit()
        self.show()
        self.raise_()
        focus.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_over(self) -> None:
        """Hide it; the focus goes back to where it was."""
        if self.isVisible():
            self.hide()
            before, self._focus_before = self._focus_before, None
            if before is not None and before.isVisible():
                before.setFocus(Qt.FocusReason.PopupFocusReason)
            else:
                self._under.setFocus()

    def _fit(self) -> None:
        area = self._under.rect()
        self.setGeometry(area)
        width = min(self._wanted[0], area.width() - 2 * _MARGIN)
        height = min(self._wanted[1], area.height() - 2 * _MARGIN)
        top = max(_MARGIN, min((area.height() - height) // 2, area.height() // 8))
        self.card.setGeometry((area.width() - width) // 2, top, width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._under and self.isVisible():
            self._fit()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_over()
        event.accept()  # nothing under the overlay hears of keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_over()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0, _DIMMED))
        painter.end()

    def focusNextPrevChild(self, following: bool) -> bool:
        """Tab stays inside."""
        return False
