"""The drawing area of a `LineChart`: lines over the time before now, on axes whose ranges are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPen

from desktop.theme import Look
from desktop.widgets.axes_view import AxesView
from desktop.widgets.chart_data import Line, line_pen

_LEFT_PX = 46


class LinePlot(AxesView):
    """Draws what `LineChart` hands it."""

    def __init__(self, look: Look, lines: Sequence[Line]) -> None:
        super().__init__(look, _LEFT_PX)
        self._lines = tuple(lines)
        self._curves = {line.key: pg.PlotCurveItem() for line in self._lines}
        self._running = {line.key: pg.PlotCurveItem() for line in self._lines}
        for line in reversed(self._lines):
            self.add(self._curves[line.key])
            self.add(self._running[line.key])

    def show_axes(self, span: float, ticks: Sequence[tuple[float, str]], top: float) -> None:
        """Set both ranges: from `span` before now (0) to it, and from 0 to `top`."""
        self.set_ranges((-span, span * 0.055), (-top * 0.02, top * 1.08))
        self.set_marks(ticks, [(value, _number(value)) for value in (0, top / 2, top)])

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
        self.dress(stale)
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
