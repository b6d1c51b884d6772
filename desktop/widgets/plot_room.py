"""The room of a plot within its chart, which stays empty until it is seen.

The library that plots takes longer to import than all of the page around it, so a page is painted first and its plots
come after it, each in a turn of the loop of its own.
"""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

_APART_MS = 15


class PlotRoom(QWidget):
    """Asks by `wanted` to be filled; where `after` waits for its plot, too, not before that one has it."""

    wanted = Signal()
    settled = Signal()
    """It is filled, or does not want to be any more."""

    def __init__(self, after: PlotRoom | None = None) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._filled = False
        self.waits = False
        """It was seen and is not filled yet."""
        self._after = after
        if after is not None:
            after.settled.connect(self._ask_soon)
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.setInterval(_APART_MS)
        self._asking.timeout.connect(self._ask)

    def fill(self, plot: QWidget) -> None:
        """Take the plot in."""
        self._filled = True
        self._column.addWidget(plot)
        self._settle()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        # Not when it is shown: a window system lets the window be painted only some turns of the loop later.
        if not self._filled and not self.waits:
            self.waits = True
            self._ask_soon()

    def _ask_soon(self) -> None:
        if self.waits and (self._after is None or not self._after.waits):
            self._asking.start()

    def _ask(self) -> None:
        if self.waits and self.isVisible():
            self.wanted.emit()
        else:
            self._settle()

    def _settle(self) -> None:
        self.waits = False
        self.settled.emit()
