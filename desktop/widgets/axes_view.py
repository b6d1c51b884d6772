"""Lines over a left and a bottom axis whose ranges and marks are set: what the charts' drawing areas stand on.

Hides pyqtgraph's scene. Its own plot widget makes a menu with fifty controls for each plot, which costs more than the
plot; and its automatic ranges cost several times the drawing itself. Neither is here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsGridLayout, QSizePolicy

from desktop.theme import Look

_BOTTOM_PX = 24
_GRID = 89
"""Of 255: how strong the lines across are."""


class AxesView(pg.GraphicsView):  # type: ignore[misc]
    """Takes items by `add`; `left_px` is how wide the words of the left axis are."""

    def __init__(self, look: Look, left_px: int) -> None:
        super().__init__()
        self._look = look
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAntialiasing(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._box = pg.ViewBox(enableMouse=False, enableMenu=False)
        self._box.disableAutoRange()
        self._left, self._bottom = pg.AxisItem("left"), pg.AxisItem("bottom")
        self._left.setWidth(left_px)
        self._left.setGrid(_GRID)
        self._bottom.setHeight(_BOTTOM_PX)
        layout = QGraphicsGridLayout()
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addItem(self._box, 0, 1)
        layout.addItem(self._left, 0, 0)
        layout.addItem(self._bottom, 1, 1)
        for axis in (self._left, self._bottom):
            axis.linkToView(self._box)
            axis.setZValue(0.5)  # above the lines, so that those across are seen through what is filled
        inner = pg.GraphicsWidget()
        inner.setLayout(layout)
        self.setCentralItem(inner)

    def add(self, item: pg.GraphicsObject) -> None:
        """Draw an item, above those before it."""
        self._box.addItem(item, ignoreBounds=True)

    @property
    def area(self) -> QRectF:
        """The part between the axes, in the view's own pixels."""
        return QRectF(self._box.sceneBoundingRect())

    def set_ranges(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show this part of the plane."""
        self._box.setRange(xRange=x, yRange=y, padding=0)

    def set_marks(self, x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]]) -> None:
        """Set the marks of both axes, as places with their words."""
        self._bottom.setTicks([list(x)])
        self._left.setTicks([list(y)])

    def dress(self, stale: bool, *, crowded: bool = False) -> None:
        """Take the theme's colours, greyer where `stale`; `crowded`: words of the bottom axis may be left out."""
        self.setBackground(self._look.colour("surface"))
        faint = QPen(self._look.colour("line"), 1)
        faint.setCosmetic(True)
        for axis in (self._left, self._bottom):
            axis.setPen(faint)
            axis.setTextPen(self._look.colour("stale" if stale else "muted"))
            axis.setStyle(tickLength=0, tickFont=self._look.font("caption"), tickTextOffset=6)
            axis.setStyle(hideOverlappingLabels=crowded and axis is self._bottom)
