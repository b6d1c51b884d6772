"""A trend without axes: one bar for each span of time, small enough for a row."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.theme import Look

_GAP = 1.0
_LEAST_BAR = 2.0


class Sparkline(QWidget):
    """Bars from left (oldest) to right (now), the tallest as high as the widget; `role` is a colour of the theme."""

    def __init__(self, look: Look, role: str) -> None:
        super().__init__()
        self._look, self._role = look, role
        self._values: tuple[float, ...] = ()
        self._stale = False
        self.setFixedSize(QSize(96, 30))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    @property
    def values(self) -> tuple[float, ...]:
        """What it shows, oldest first."""
        return self._values

    def show_values(self, values: Sequence[float], words: str, stale: bool = False) -> None:
        """Show `values`, oldest first; `words` say the same to a screen reader and in the tooltip."""
        self.setAccessibleName(words)
        self.setToolTip(words)
        if (tuple(values), stale) != (self._values, self._stale):
            self._values, self._stale = tuple(values), stale
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        ground = self.height() - 1.0
        painter.fillRect(QRectF(0, ground, self.width(), 1), self._look.colour("line"))
        largest = max(self._values, default=0.0)
        if largest > 0:
            colour = self._look.colour("stale" if self._stale else self._role)
            step = self.width() / len(self._values)
            for place, value in enumerate(self._values):
                if value > 0:
                    height = max(_LEAST_BAR, (ground - 1) * value / largest)
                    painter.fillRect(QRectF(place * step, ground - height, max(step - _GAP, 1.0), height), colour)
        painter.end()
