"""A line chart in a card: title, legend with the current values, and axes whose ranges we set.

Hides pyqtgraph. Its automatic ranges cost several times the drawing itself, so the vertical
range steps through round numbers instead and shrinks late, which also keeps the lines calm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Text

_STEPS = (1, 2, 5)
_SMALLEST_TOP = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its key in the data, its word, its colour role, and how it is drawn.

    `marker` is a shape that tells it apart without colour: "o", "s", "t", "d" or "" for none. A line with `shown` False
    begins hidden, where the chart lets people choose.
    """

    key: str
    word: str
    role: str
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    filled: bool = False
    marker: str = ""
    shown: bool = True


def round_top(largest: float, current: float) -> float:
    """The top of a vertical axis for values up to `largest`, given the `current` top: 5, 10, 20, 50, ...

    It grows at once, and shrinks only where the values fill less than a third.
    """
    if largest <= current and largest > current / 3:
        return current
    top, scale = _SMALLEST_TOP, 10.0
    while top < largest:
        for step in _STEPS:
            top = step * scale
            if top >= largest:
                break
        scale *= 10
    return top


class LineChart(QFrame):
    """Lines over time. The horizontal range never changes: it is `span` before now, in `unit`."""

    def __init__(self, look: Look, title: str, lines: Sequence[Line], *, top: float | None = None) -> None:
        super().__init__()
        self.setObjectName("card")
        self._look, self._lines, self._fixed_top = look, tuple(lines), top
        self._top = top or _SMALLEST_TOP
        self._stale, self._dimmed = False, False
        self._span, self._ticks = 60.0, [(-60.0, "60 s"), (-30.0, "30 s"), (0.0, "now")]
        self.setAccessibleName(title)

        self._title = Text(look, title, "strong")
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self._title.setMinimumHeight(24)
        self.head.addWidget(self._title)
        self.head.addStretch(1)
        self._note = Text(look, "", "caption", "muted")
        self._legend = QHBoxLayout()
        self._legend.setSpacing(14)
        self._values: dict[str, Text] = {}
        self._marks: list[_Mark] = []
        for line in self._lines:
            mark = _Mark(look, line)
            value = Text(look, line.word, "caption", "muted")
            self._marks.append(mark)
            self._values[line.key] = value
            entry = QHBoxLayout()
            entry.setSpacing(6)
            entry.addWidget(mark)
            entry.addWidget(value)
            self._legend.addLayout(entry)
        self._legend.addStretch(1)
        self._legend.addWidget(self._note)

        self._plot = pg.PlotWidget()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setAntialiasing(True)
        self._plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._plot.getPlotItem().getViewBox().disableAutoRange()
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._current: dict[str, pg.PlotDataItem] = {}
        for line in reversed(self._lines):
            self._curves[line.key] = self._plot.plot([], [])
            self._current[line.key] = self._plot.plot([], [])

        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 14, 8)
        column.setSpacing(4)
        column.addLayout(self.head)
        column.addLayout(self._legend)
        column.addWidget(self._plot, 1)
        look.changed.connect(self._draw_style)
        self._draw_style()

    @property
    def ranges(self) -> tuple[float, float]:
        """The horizontal span and the top of the vertical axis."""
        return self._span, self._top

    @property
    def note(self) -> str:
        """The words under the title, at the right."""
        return self._note.text()

    def points(self, key: str) -> tuple[list[float], list[float]]:
        """The line's points, the running one at its end included."""
        x, y = self._curves[key].getData()
        more_x, more_y = self._current[key].getData()
        xs = [] if x is None else list(x)
        ys = [] if y is None else list(y)
        if more_x is not None and len(more_x):
            xs.append(more_x[-1])
            ys.append(more_y[-1])
        return xs, ys

    def set_span(self, span: float, ticks: Sequence[tuple[float, str]]) -> None:
        """Set the horizontal range to `-span`..0 with these ticks."""
        self._span, self._ticks = span, list(ticks)
        self._draw_axes()

    def show_lines(
        self,
        x: Sequence[float],
        lines: Mapping[str, Sequence[float]],
        *,
        running_last: bool = False,
        values: Mapping[str, str] | None = None,
        note: str = "",
        dimmed: bool = False,
    ) -> None:
        """Draw `lines` over `x` (0 is now).

        `running_last`: the last point is of an unfinished minute and its stretch is dashed. `values` are
        the current values for the legend; `dimmed` says that there is too little to go by.
        """
        largest = max((value for line in lines.values() for value in line), default=0.0)
        top = self._fixed_top or round_top(largest, self._top)
        if top != self._top:
            self._top = top
            self._draw_axes()
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self._draw_style()
        for line in self._lines:
            y = lines.get(line.key, ())
            full = len(x) - 1 if running_last and len(x) > 1 else len(x)
            self._curves[line.key].setData(list(x[:full]), list(y[:full]))
            self._current[line.key].setData(list(x[full - 1 :]), list(y[full - 1 :])) if full < len(
                x
            ) else self._current[line.key].setData([], [])
            value = (values or {}).get(line.key, "")
            self._values[line.key].setText(f"{line.word} {value}".strip())
        self._note.setText(note)

    def set_stale(self, stale: bool) -> None:
        """Grey the lines: they are not fresh."""
        if stale != self._stale:
            self._stale = stale
            self._draw_style()

    def _draw_axes(self) -> None:
        plot = self._plot.getPlotItem()
        plot.getViewBox().setRange(
            xRange=(-self._span, self._span * 0.055), yRange=(-self._top * 0.02, self._top * 1.08), padding=0
        )
        plot.getAxis("bottom").setTicks([self._ticks])
        middle = self._top / 2
        plot.getAxis("left").setTicks([[(0, "0"), (middle, _number(middle)), (self._top, _number(self._top))]])

    def _draw_style(self) -> None:
        self._plot.setBackground(self._look.colour("surface"))
        plot = self._plot.getPlotItem()
        grid = QPen(self._look.colour("line"), 1)
        grid.setCosmetic(True)
        for name in ("bottom", "left"):
            axis = plot.getAxis(name)
            axis.setPen(grid)
            axis.setTextPen(self._look.colour("stale" if self._stale else "muted"))
            font = self._look.font("caption")
            axis.setStyle(tickLength=0, tickFont=font, tickTextOffset=6, hideOverlappingLabels=False)
        plot.getAxis("left").setWidth(46)
        plot.getAxis("bottom").setHeight(24)
        plot.showGrid(x=False, y=True, alpha=0.35)
        for line in self._lines:
            pen = line_pen(self._look, line, self._stale or self._dimmed)
            self._curves[line.key].setPen(pen)
            dashed = QPen(pen)
            dashed.setStyle(Qt.PenStyle.DashLine)
            self._current[line.key].setPen(dashed)
            if line.filled:
                under = self._look.colour("stale" if self._stale or self._dimmed else line.role)
                under.setAlpha(36)
                self._curves[line.key].setFillLevel(0)
                self._curves[line.key].setBrush(under)
        for mark in self._marks:
            mark.set_stale(self._stale or self._dimmed)
        self._draw_axes()


def _number(value: float) -> str:
    return f"{value / 1_000_000:,g} M" if value >= 1_000_000 else f"{value:,g}"


class _Mark(QWidget):
    """A short stroke in a line's colour and style: the legend."""

    def __init__(self, look: Look, line: Line) -> None:
        super().__init__()
        self._look, self._line, self._stale = look, line, False
        self.setFixedSize(QSize(18, 12))
        look.changed.connect(self.update)

    def set_stale(self, stale: bool) -> None:
        self._stale = stale
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(line_pen(self._look, self._line, self._stale))
        painter.drawLine(1, 6, 17, 6)
        painter.end()


def line_pen(look: Look, line: Line, stale: bool) -> QPen:
    """The pen of a line in the theme's colours, grey where it is not to be relied on."""
    pen = QPen(look.colour("stale" if stale else line.role), 2.0)
    pen.setStyle(line.style)
    pen.setCosmetic(True)
    return pen
