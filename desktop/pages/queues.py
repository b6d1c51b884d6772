"""The Queues page: totals, eight rows, and the charts of the chosen queue or of all.

It shows what Redis says and nothing else: after a click the figures change with the next
snapshot. Where Redis is gone the last figures stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import CLEAN, PAUSE, REDIS_GONE, RETRY, Actions
from desktop.pages.figures import (
    FEW_SAMPLES,
    History,
    age_text,
    count_text,
    minute_by_minute,
    per_minute,
    percent_text,
)
from desktop.pages.queue_row import QueueRow, header
from desktop.theme import Look
from desktop.widgets.chart import Line, LineChart
from desktop.widgets.clean_dialog import CleanDialog
from desktop.widgets.text import Button, Text, rule
from engine.figures import failure_rate
from engine.model import CleanPreview, MinuteCounts, QueueState, Snapshot
from engine.queues import QUEUES

_SECONDS = [(-60.0, "60 s"), (-40.0, "40 s"), (-20.0, "20 s"), (0.0, "now")]
_MINUTES = [(-60.0, "1 h"), (-40.0, "40 min"), (-20.0, "20 min"), (0.0, "now")]
_DIM_SAMPLES = 20


class QueuesPage(QWidget):
    """All queues; give it snapshots by `show_snapshot`, and `show_gone` where there are none."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._history = History()
        self._snapshot: Snapshot | None = None
        self._gone = False
        self._gone_for_s = 0
        self._selected: str | None = None
        self._dialog: CleanDialog | None = None
        self._by_minute = False

        self.rows = {name: QueueRow(look, actions, name) for name in QUEUES}
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_totals())
        column.addWidget(self._build_table())
        column.addLayout(self._build_charts(), 1)
        self._add_shortcuts()
        actions.clean_dialog_requested.connect(self.open_clean_dialog)

        self._clock = QTimer(self)
        self._clock.setInterval(1_000)
        self._clock.timeout.connect(self._tick_gone)

    # What it shows

    @property
    def selected(self) -> str | None:
        """The queue whose charts are shown; None means all."""
        return self._selected

    @property
    def clean_dialog(self) -> CleanDialog | None:
        """The open clean dialog."""
        return self._dialog

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show fresh figures."""
        self._snapshot = snapshot
        self._history.add(snapshot)
        self._gone = False
        self._clock.stop()
        self.age.hide()
        self._draw()
        if self._dialog is not None:
            self._dialog.refresh()

    def show_gone(self) -> None:
        """Redis does not answer: keep what is known, grey, and say how old it is."""
        if not self._gone:
            self._gone, self._gone_for_s = True, 0
            self._clock.start()
            self._draw()
            self._draw_age()

    def show_preview(self, preview: CleanPreview) -> None:
        """The count that the clean dialog asked for."""
        if self._dialog is not None and self._snapshot is not None:
            self._dialog.show_preview(preview, self._snapshot.taken_at_ms)

    def show_preview_failed(self, message: str) -> None:
        """The count could not be had."""
        if self._dialog is not None:
            self._dialog.show_failure(message)

    def select(self, queue: str | None) -> None:
        """Show the charts of `queue`, or of all queues; choosing the chosen one shows all again."""
        self._selected = None if queue == self._selected else queue
        for name, row in self.rows.items():
            row.set_selected(name == self._selected)
        self.show_all.setVisible(self._selected is not None)
        self._draw()

    def open_clean_dialog(self, queue: str) -> None:
        """Ask which jobs of `queue` to remove."""
        dialog = CleanDialog(self._look, queue, QUEUES[queue].title, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.preview_wanted.connect(
            lambda state, grace_ms, limit: self._actions.preview_requested.emit(queue, state, grace_ms, limit)
        )
        dialog.confirmed.connect(
            lambda state, grace_ms, count: self._actions.clean_requested.emit(queue, state, grace_ms, count)
        )
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()

    # Building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Text(self._look, "Queues", "title"))
        self.age = Text(self._look, "", "strong", "caution")
        self.age.hide()
        row.addSpacing(10)
        row.addWidget(self.age, 0, Qt.AlignmentFlag.AlignBottom)
        row.addStretch(1)
        self.pause_all = Button(self._look, "Pause all", icon="pause", font="label")
        self.resume_all = Button(self._look, "Resume all", icon="resume", font="label")
        self.pause_all.clicked.connect(lambda: self._switch_all(pause=True))
        self.resume_all.clicked.connect(lambda: self._switch_all(pause=False))
        for button in (self.pause_all, self.resume_all):
            button.setAccessibleName(f"{button.text()} queues")
            button.setEnabled(False)
            button.setToolTip("There are no figures yet.")
            row.addWidget(button)
        return row

    def _build_totals(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        row = QHBoxLayout(card)
        row.setContentsMargins(20, 10, 20, 10)
        self.totals: dict[str, Text] = {}
        for key, word in (
            ("waiting", "Waiting"),
            ("active", "Active"),
            ("delayed", "Delayed"),
            ("failed", "Failed"),
            ("rate", "Ended per minute"),
            ("failures", "Failure rate, 1 h"),
            ("workers", "Workers"),
        ):
            figure = Text(self._look, "–", "figure", "muted")
            figure.setAccessibleName(word)
            self.totals[key] = figure
            part = QVBoxLayout()
            part.setSpacing(0)
            part.addWidget(Text(self._look, word, "caption", "muted"))
            part.addWidget(figure)
            row.addLayout(part, 1)
        return card

    def _build_table(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(8, 8, 8, 6)
        column.setSpacing(0)
        head = header(self._look)
        head.setFixedHeight(22)
        column.addWidget(head)
        column.addSpacing(4)
        column.addWidget(rule())
        column.addSpacing(2)
        for row in self.rows.values():
            row.chosen.connect(self.select)
            row.moved.connect(self._move_focus)
            column.addWidget(row)
        return card

    def _build_charts(self) -> QHBoxLayout:
        self.depth_chart = LineChart(
            self._look,
            "Depth",
            (
                Line("waiting", "waiting", "waiting", filled=True),
                Line("active", "active", "active"),
                Line("delayed", "delayed", "delayed", Qt.PenStyle.DotLine),
            ),
        )
        self.throughput_chart = LineChart(
            self._look,
            "Jobs per minute",
            (Line("completed", "completed", "completed", filled=True), Line("failed", "failed", "failed")),
        )
        self.failures_chart = LineChart(
            self._look, "Failure rate, %", (Line("percent", "failed for good", "failed", filled=True),)
        )
        self.depth_chart.set_span(60, _SECONDS)
        self.throughput_chart.set_span(60, _SECONDS)
        self.failures_chart.set_span(60, _MINUTES)
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
        self._scope = Text(self._look, "All queues", "caption", "muted")
        self.show_all = Button(self._look, "Show all", kind="segment", font="caption")
        self.show_all.setAccessibleName("Show the charts of all queues")
        self.show_all.clicked.connect(lambda: self.select(None))
        self.show_all.hide()
        self.depth_chart.head.addWidget(self._scope)
        self.depth_chart.head.addWidget(self.show_all)
        row = QHBoxLayout()
        row.setSpacing(12)
        for chart in (self.depth_chart, self.throughput_chart, self.failures_chart):
            row.addWidget(chart, 1)
        return row

    def _add_shortcuts(self) -> None:
        runs: tuple[tuple[str, Callable[[QueueRow], None]], ...] = (
            (PAUSE.shortcut, lambda row: row.switch.click()),
            (CLEAN.shortcut, lambda row: row.clean.click()),
            (RETRY.shortcut, lambda row: row.retry.click()),
        )
        for key, run in runs:
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda run=run: self._on_selected_row(run))

    # Drawing

    def show_minutes(self, by_minute: bool) -> None:
        """Throughput by full minutes of the last hour, or live over the last 60 s."""
        self._by_minute = by_minute
        self._scales[by_minute].setChecked(True)
        self.throughput_chart.set_span(60, _MINUTES if by_minute else _SECONDS)
        self._draw()

    def _draw(self) -> None:
        if self._snapshot is None:
            return
        snapshot, stale = self._snapshot, self._gone
        for queue in snapshot.queues:
            self.rows[queue.name].show_queue(queue, snapshot.taken_at_ms, stale)
        self._draw_totals(snapshot, stale)
        self._draw_charts(snapshot, stale)
        self._fit_all_buttons(snapshot, stale)

    def _draw_totals(self, snapshot: Snapshot, stale: bool) -> None:
        queues = snapshot.queues
        percent = failure_rate(queues).percent
        failed = sum(queue.failed for queue in queues)
        shown = {
            "waiting": (count_text(sum(queue.waiting for queue in queues)), "ink"),
            "active": (count_text(sum(queue.active for queue in queues)), "ink"),
            "delayed": (count_text(sum(queue.delayed for queue in queues)), "ink"),
            "failed": (count_text(failed), "failed" if failed else "ink"),
            "rate": (count_text(round(sum(per_minute(queue, snapshot.taken_at_ms) for queue in queues))), "ink"),
            "failures": (percent_text(percent), "failed" if percent else "ink"),
            "workers": (count_text(len(snapshot.workers)), "ink" if snapshot.workers else "caution"),
        }
        for key, (text, tone) in shown.items():
            self.totals[key].setText(text)
            self.totals[key].set_tone("stale" if stale else tone)

    def _draw_charts(self, snapshot: Snapshot, stale: bool) -> None:
        chosen = [queue for queue in snapshot.queues if self._selected in (None, queue.name)]
        scope = QUEUES[self._selected].title if self._selected else "All queues"
        if self._selected and chosen and chosen[0].paused:
            scope += ", paused"
        self._scope.setText(scope)
        x, depths = self._history.depths(self._selected)
        self.depth_chart.show_lines(x, depths, values={key: count_text(line[-1]) for key, line in depths.items()})
        minutes = minute_by_minute(chosen)
        if self._by_minute:
            self._draw_minutes(minutes)
        else:
            x, rates = self._history.rates(self._selected)
            self.throughput_chart.show_lines(x, rates, values={key: count_text(v[-1]) for key, v in rates.items() if v})
        self._draw_failures(chosen, minutes)
        for chart in (self.depth_chart, self.throughput_chart, self.failures_chart):
            chart.set_stale(stale)

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
        if rate.ended < FEW_SAMPLES:
            note = f"only {rate.ended} ended: too few" if rate.ended else "nothing ended in 1 h"
        else:
            note = f"{rate.failed:,} of {rate.ended:,} in 1 h"
        self.failures_chart.show_lines(x, {"percent": line}, note=note, dimmed=rate.ended < _DIM_SAMPLES)

    def _fit_all_buttons(self, snapshot: Snapshot, stale: bool) -> None:
        paused = sum(queue.paused for queue in snapshot.queues)
        for button, refusal, tooltip in (
            (
                self.pause_all,
                "Every queue is paused already." if paused == len(snapshot.queues) else "",
                "Pause every queue",
            ),
            (self.resume_all, "" if paused else "No queue is paused.", f"Resume the {paused} paused"),
        ):
            reason = REDIS_GONE if stale else refusal
            button.setEnabled(not reason)
            button.setToolTip(reason or tooltip)

    def _draw_age(self) -> None:
        known = self._snapshot is not None
        self.age.setText(f"Figures of {age_text(self._gone_for_s * 1000)} ago" if known else "No figures yet")
        self.age.show()

    # Reacting

    def _tick_gone(self) -> None:
        self._gone_for_s += 1
        self._draw_age()

    def _switch_all(self, *, pause: bool) -> None:
        if self._snapshot is None:
            return
        signal = self._actions.pause_requested if pause else self._actions.resume_requested
        for queue in self._snapshot.queues:
            if queue.paused != pause:
                signal.emit(queue.name)

    def _on_selected_row(self, run: Callable[[QueueRow], None]) -> None:
        row = self.rows.get(self._selected or "")
        if row is not None:
            run(row)

    def _move_focus(self, step: int) -> None:
        rows = list(self.rows.values())
        for index, row in enumerate(rows):
            if row.hasFocus():
                rows[(index + step) % len(rows)].setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _forget_dialog(self) -> None:
        self._dialog = None
