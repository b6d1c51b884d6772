"""A line chart in a card: title, legend with the current values, and a plot whose ranges we set.

The vertical range steps through round numbers and shrinks late (`chart_scale.round_top`): the lines stay calm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.chart_data import Line, line_pen
from desktop.widgets.chart_scale import round_top
from desktop.widgets.plot_room import PlotRoom
from desktop.widgets.text import Text

if TYPE_CHECKING:
    from desktop.widgets.line_plot import LinePlot


class LineChart(QFrame):
    """Lines over the time before now. `after` is the chart whose plot is made before its own."""

    def __init__(self, look: Look, title: str, lines: Sequence[Line], *, after: LineChart | None = None) -> None:
        super().__init__()
        self.setObjectName("card")
        self._look, self._lines = look, tuple(lines)
        self._top = round_top(0, 0)
        self._shown: tuple[Sequence[float], Mapping[str, Sequence[float]], bool] = ((), {}, False)
        self._plot: LinePlot | None = None
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

        self._room: PlotRoom = PlotRoom(after._room if after is not None else None)
        self._room.wanted.connect(self._make_plot)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 14, 8)
        column.setSpacing(4)
        column.addLayout(self.head)
        column.addLayout(self._legend)
        column.addWidget(self._room, 1)
        look.changed.connect(self._draw_style)

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
        x, lines, _ = self._shown
        return list(x), list(lines.get(key, ()))

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
        top = round_top(largest, self._top)
        if top != self._top:
            self._top = top
            self._draw_axes()
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self._draw_style()
        self._shown = (x, lines, running_last)
        for line in self._lines:
            self._values[line.key].setText(f"{line.word} {(values or {}).get(line.key, '')}".strip())
        self._note.setText(note)
        if self._plot is not None:
            self._plot.show_lines(*self._shown)

    def set_stale(self, stale: bool) -> None:
        """Grey the lines: they are not fresh."""
        if stale != self._stale:
            self._stale = stale
            self._draw_style()

    def _make_plot(self) -> None:
        from desktop.widgets.line_plot import LinePlot

        self._plot = LinePlot(self._look, self._lines)
        self._draw_style()
        self._plot.show_lines(*self._shown)
        self._room.fill(self._plot)

    def _draw_axes(self) -> None:
        if self._plot is not None:
            self._plot.show_axes(self._span, self._ticks, self._top)

    def _draw_style(self) -> None:
        if self._plot is not None:
            self._plot.draw_style(self._stale, self._dimmed)
        for mark in self._marks:
            mark.set_stale(self._stale or self._dimmed)
        self._draw_axes()


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
