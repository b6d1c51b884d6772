"""A row of a list that can be chosen by mouse or keyboard."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent

from desktop.widgets.row_frame import RowFrame
from desktop.widgets.text import set_property


class ListRow(RowFrame):
    """`key` is what the row stands for; `moved` asks for the row above (-1) or below (1)."""

    chosen = Signal(object)
    """Its key."""
    moved = Signal(object, int)

    def __init__(self, key: object) -> None:
        super().__init__()
        self.key = key
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_selected(self, selected: bool) -> None:
        """Mark it as the one whose details are shown."""
        set_property(self, "selected", selected)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.key)
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.chosen.emit(self.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in steps:
            self.moved.emit(self.key, steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.key)
        else:
            super().keyPressEvent(event)
