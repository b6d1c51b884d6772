"""The room of a plot within its chart, which stays empty until it is seen.

The library that plots takes longer to import than all of the page around it, so a page is painted first and its plots
come after it, one in a turn of the loop.
"""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

_APART_MS = 15


class PlotRoom(QWidget):
    """Asks once, by `wanted`, to be filled; `place` is how many other plots of the page come before it."""

    wanted = Signal()

    def __init__(self, place: int) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.setInterval((place + 1) * _APART_MS)
        self._asking.timeout.connect(self._ask)
        self._filled = False

    def fill(self, plot: QWidget) -> None:
        """Take the plot in."""
        self._filled = True
        self._column.addWidget(plot)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        # Not when it is shown: a window system lets the window be painted only some turns of the loop later.
        if not self._filled and not self._asking.isActive():
            self._asking.start()

    def _ask(self) -> None:
        if not self._filled and self.isVisible():
            self.wanted.emit()
