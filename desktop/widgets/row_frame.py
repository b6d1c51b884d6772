"""The frame of a row in a list: it shows that the mouse is over it."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame

from desktop.widgets.text import set_property


class RowFrame(QFrame):
    """A row that a list is made of.

    The mouse is followed by a property, not by the style's own hover state: that changes under a menu or a dialog
    without the row being drawn anew, and what is drawn anew inside it then has another ground than the row.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("row")

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        set_property(self, "pointed", True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        set_property(self, "pointed", False)
