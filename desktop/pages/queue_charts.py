"""The three small charts under the queues' rows: depth, throughput and failure rate, of one queue or of all."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from desktop.pages.figures import FEW_SAMPLES, History, minute_by_minute, narrow_text
from desktop.theme import Look
from desktop.widgets.chart import LineChart
from desktop.widgets.chart_data import Line
from desktop.widgets.text import Button, Text
from engine.figures import failure_rate
from engine.model import MinuteCounts, QueueState, Snapshot
from engine.queues import QUEUES

_SECONDS = [(-60.0, "60 s"), (-40.0, "40 s"), (-20.0, "20 s"), (0.0, "now")]
_MINUTES = [(-60.0, "1 h"), (-40.0, "40 min"), (-20.0, "20 min"), (0.0, "now")]


class QueueCharts(QWidget):
    """Give it every snapshot by `add`, and have it drawn by `draw`."""

    all_wanted = Signal()
    """The charts of all queues are wanted again."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._history = History()
        self._by_minute = False
        self._drawn: tuple[Snapshot, str | None, bool] | None = None
        self.depth_chart = LineChart(
            look,
            "Depth",
            (
                Line("waiting", "waiting", "waiting", filled=True),
                Line("active", "active", "active"),
                Line("delayed", "delayed", "delayed", Qt.PenStyle.DotLine),
            ),
        )
        self.throughput_chart = LineChart(
            look,
            "Jobs per minute",
            (Line("completed", "completed", "completed", filled=True), Line("failed", "failed", "failed")),
            after=self.depth_chart,
        )
        self.failures_chart = LineChart(
            look,
            "Failure rate, %",
            (Line("percent", "failed", "failed", filled=True),),
            after=self.throughput_chart,
        )
        self.depth_chart.set_span(60, _SECONDS)
        self.throughput_chart.set_span(60, _SECONDS)
        self.failures_chart.set_span(60, _MINUTES)
        self._build_scales()
        self._scope = Text(look, "All queues", "caption", "muted")
        self.show_all = Button(look, "Show all", kind="segment", font="caption")
        self.show_all.setAccessibleName("Show the charts of all queues")
        self.show_all.clicked.connect(self.all_wanted)
        self.show_all.hide()
        self.depth_chart.head.addWidget(self._scope)
        self.depth_chart.head.addWidget(self.show_all)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        # The depth's legend is the widest.
        for chart, share in ((self.depth_chart, 4), (self.throughput_chart, 3), (self.failures_chart, 3)):
            chart.setMinimumHeight(90)
            row.addWidget(chart, share)

    def add(self, snapshot: Snapshot) -> None:
        """Remember a snapshot for the live charts."""
        self._history.add(snapshot)

    def show_minutes(self, by_minute: bool) -> None:
        """Throughput by full minutes of the last hour, or live over the last 60 s."""
        self._by_minute = by_minute
        self._scales[by_minute].setChecked(True)
        self.throughput_chart.set_span(60, _MINUTES if by_minute else _SECONDS)
        if self._drawn is not None:
            self.draw(*self._drawn)

    def draw(self, snapshot: Snapshot, selected: str | None, stale: bool) -> None:
        """Draw `selected`, or all queues together; `stale` greys them."""
        self._drawn = (snapshot, selected, stale)
        chosen = [queue for queue in snapshot.queues if selected in (None, queue.name)]
        scope = QUEUES[selected].title if selected else "All queues"
        if selected and chosen and chosen[0].paused:
            scope += ", paused"
        self._scope.setText(scope)
        self.show_all.setVisible(selected is not None)
        x, depths = self._history.depths(selected)
        self.depth_chart.show_lines(x, depths, values={key: narrow_text(line[-1]) for key, line in depths.items()})
        minutes = minute_by_minute(chosen)
        if self._by_minute:
            self._draw_minutes(minutes)
        else:
            x, rates = self._history.rates(selected)
            values = {key: narrow_text(line[-1]) for key, line in rates.items() if line}
            self.throughput_chart.show_lines(x, rates, values=values)
        self._draw_failures(chosen, minutes)
        for chart in (self.depth_chart, self.throughput_chart, self.failures_chart):
            chart.set_stale(stale)

    def _build_scales(self) -> None:
        group = QButtonGroup(self)
        self._scales: dict[bool, Button] = {}
        for word, by_minute in (("60 s", False), ("60 min", True)):
            button = Button(self._look, word, kind="segment", font="caption")
            button.setCheckable(True)
            button.setChecked(not by_minute)
            self._scales[by_minute] = button
            button.setAccessibleName(f"Throughput of the last {word}")
            button.clicked.connect(lambda _=False, wanted=by_minute: self.show_minutes(wanted))
            group.addButton(button)
            self.throughput_chart.head.addWidget(button)

    def _draw_minutes(self, minutes: tuple[MinuteCounts, ...]) -> None:
        x = [float(index - len(minutes) + 1) for index in range(len(minutes))]
        lines = {
            "completed": [float(minute.completed) for minute in minutes],
            "failed": [float(minute.failed) for minute in minutes],
        }
        values = {"completed": f"{minutes[-1].completed:,}", "failed": f"{minutes[-1].failed:,}"} if minutes else {}
        self.throughput_chart.show_lines(x, lines, running_last=True, values=values)

    def _draw_failures(self, chosen: list[QueueState], minutes: tuple[MinuteCounts, ...]) -> None:
        rate = failure_rate(chosen)
        x: list[float] = []
        line: list[float] = []
        for index, minute in enumerate(minutes):
            ended = minute.completed + minute.failed
            if ended:
                x.append(float(index - len(minutes) + 1))
                line.append(100 * minute.failed / ended)
        few = rate.ended < FEW_SAMPLES
        if few:
            note = f"only {rate.ended} ended: too few" if rate.ended else "nothing ended in 1 h"
        else:
            note = f"{narrow_text(rate.failed)} of {narrow_text(rate.ended)} in 1 h"
        self.failures_chart.show_lines(x, {"percent": line}, note=note, dimmed=few)
