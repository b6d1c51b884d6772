"""The drawing area of a `LineChart`: lines over the time before now, on axes whose ranges are set.

Hides pyqtgraph, whose automatic ranges cost several times the drawing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QSizePolicy

from desktop.theme import Look
from desktop.widgets.chart_data import Line, line_pen


class LinePlot(pg.PlotWidget):  # type: ignore[misc]
    """Draws what `LineChart` hands it."""

    def __init__(self, look: Look, lines: Sequence[Line]) -> None:
        super().__init__()
        self._look, self._lines = look, tuple(lines)
        self.setMouseEnabled(x=False, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAntialiasing(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.getPlotItem().getViewBox().disableAutoRange()
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._running: dict[str, pg.PlotDataItem] = {}
        for line in reversed(self._lines):
            self._curves[line.key] = self.plot([], [])
            self._running[line.key] = self.plot([], [])

    def show_axes(self, span: float, ticks: Sequence[tuple[float, str]], top: float) -> None:
        """Set both ranges: from `span` before now (0) to it, and from 0 to `top`."""
        plot = self.getPlotItem()
        plot.getViewBox().setRange(xRange=(-span, span * 0.055), yRange=(-top * 0.02, top * 1.08), padding=0)
        plot.getAxis("bottom").setTicks([list(ticks)])
        middle = top / 2
        plot.getAxis("left").setTicks([[(0, "0"), (middle, _number(middle)), (top, _number(top))]])

    def show_lines(self, x: Sequence[float], lines: Mapping[str, Sequence[float]], running_last: bool) -> None:
        """Draw the lines; with `running_last`, the stretch to the last point dashed."""
        full = len(x) - 1 if running_last and len(x) > 1 else len(x)
        for line in self._lines:
            y = lines.get(line.key, ())
            self._curves[line.key].setData(list(x[:full]), list(y[:full]))
            rest = slice(full - 1, None) if full < len(x) else slice(0, 0)
            self._running[line.key].setData(list(x[rest]), list(y[rest]))

    def draw_style(self, stale: bool, dimmed: bool) -> None:
        """Take the theme's colours, or grey for lines that are not to be relied on."""
        self.setBackground(self._look.colour("surface"))
        plot = self.getPlotItem()
        grid = QPen(self._look.colour("line"), 1)
        grid.setCosmetic(True)
        for name in ("bottom", "left"):
            axis = plot.getAxis(name)
            axis.setPen(grid)
            axis.setTextPen(self._look.colour("stale" if stale else "muted"))
            font = self._look.font("caption")
            axis.setStyle(tickLength=0, tickFont=font, tickTextOffset=6, hideOverlappingLabels=False)
        plot.getAxis("left").setWidth(46)
        plot.getAxis("bottom").setHeight(24)
        plot.showGrid(x=False, y=True, alpha=0.35)
        for line in self._lines:
            pen = line_pen(self._look, line, stale or dimmed)
            self._curves[line.key].setPen(pen)
            dashed = QPen(pen)
            dashed.setStyle(Qt.PenStyle.DashLine)
            self._running[line.key].setPen(dashed)
            if line.filled:
                under = self._look.colour("stale" if stale or dimmed else line.role)
                under.setAlpha(36)
                self._curves[line.key].setFillLevel(0)
                self._curves[line.key].setBrush(under)


def _number(value: float) -> str:
    return f"{value / 1_000_000:,g} M" if value >= 1_000_000 else f"{value:,g}"
