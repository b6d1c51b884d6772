"""All jobs of one trace over time: a line each, waiting and running as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.job_words import exact_text, span_text
from desktop.widgets.text import Button, Text
from engine.model import Job, JobState
from engine.queues import QUEUES

_NAME_WIDTH = 118
_LEAST_BAR = 3.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a job's life, from and to in Unix ms: "waiting", "running", "failed" or "completed" (the run)."""

    kind: str
    from_ms: int
    to_ms: int


def bars_of(job: Job, now_ms: int) -> tuple[Bar, ...]:
    """How a job waited and ran: each failed attempt kept in its history, and the last run. Oldest first."""
    bars: list[Bar] = []
    ready_ms = job.created_at_ms
    for attempt in job.history:
        if attempt.started_at_ms > ready_ms:
            bars.append(Bar("waiting", ready_ms, attempt.started_at_ms))
        bars.append(Bar("failed", attempt.started_at_ms, attempt.ended_at_ms))
        ready_ms = attempt.ended_at_ms
    ended = job.state in (JobState.COMPLETED, JobState.FAILED)
    runs = job.state is JobState.ACTIVE or ended
    if job.started_at_ms is not None and runs and job.started_at_ms >= ready_ms:
        if job.started_at_ms > ready_ms:
            bars.append(Bar("waiting", ready_ms, job.started_at_ms))
        kind = job.state.value if ended else "running"
        bars.append(Bar(kind, job.started_at_ms, max(job.started_at_ms, job.finished_at_ms or now_ms)))
    elif not ended:
        bars.append(Bar("waiting", ready_ms, max(ready_ms, now_ms)))
    return tuple(bars)


def told(job: Job, now_ms: int) -> str:
    """The bars in words: "waited 20 ms, ran 1.2 s, completed"."""
    bars = bars_of(job, now_ms)
    waited = sum(bar.to_ms - bar.from_ms for bar in bars if bar.kind == "waiting")
    ran = sum(bar.to_ms - bar.from_ms for bar in bars if bar.kind != "waiting")
    words = [f"waited {span_text(waited)}"]
    if any(bar.kind != "waiting" for bar in bars):
        words.append(f"ran {span_text(ran)}")
    return ", ".join([*words, job.state.value])


class TraceTimeline(QWidget):
    """Shows the jobs of a trace; pressing one's name emits `chosen(Job)`."""

    chosen = Signal(object)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.rows: list[Button] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self._head = Text(look, "", "caption", "muted")
        self._head.setWordWrap(True)
        legend = QHBoxLayout()
        legend.setSpacing(6)
        for kind, word in (("waiting", "waiting"), ("completed", "running"), ("failed", "failed attempt")):
            legend.addWidget(_Swatch(look, kind))
            legend.addWidget(Text(look, word, "caption", "muted"))
            legend.addSpacing(8)
        legend.addStretch(1)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)
        column.addWidget(self._head)
        column.addLayout(legend)
        column.addLayout(self._lines)
        column.addStretch(1)

    @property
    def words(self) -> str:
        """What is said above the bars."""
        return self._head.text()

    def show_trace(self, jobs: Sequence[Job], current_id: str, now_ms: int) -> None:
        """Show the jobs, the oldest first; `current_id` is the one whose detail is open."""
        self._clear()
        if not jobs:
            self._head.setText("No job of this trace is kept any more.")
            return
        bars = {job.id: bars_of(job, now_ms) for job in jobs}
        start = min(job.created_at_ms for job in jobs)
        end = max([bar.to_ms for of_job in bars.values() for bar in of_job] + [start + 1])
        count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        self._head.setText(f"{count} in {span_text(end - start)}, from {exact_text(start)}")
        for job in sorted(jobs, key=lambda job: (job.created_at_ms, job.started_at_ms or end)):
            title = QUEUES[job.queue].title
            words = told(job, now_ms)
            button = Button(self._look, title, kind="nav", font="label" if job.id == current_id else "body")
            button.setCheckable(True)
            button.setChecked(job.id == current_id)
            button.setFixedWidth(_NAME_WIDTH)
            button.setToolTip(f"{job.name}\n{job.id}\n{words}")
            button.setAccessibleName(f"{title}, {job.name}: {words}")
            button.clicked.connect(lambda _=False, job=job: self.chosen.emit(job))
            self.rows.append(button)
            side = QVBoxLayout()
            side.setSpacing(2)
            side.addWidget(_Track(self._look, bars[job.id], start, end))
            told_text = Text(self._look, words, "caption", "muted")
            told_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            told_text.setToolTip(words)
            side.addWidget(told_text)
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 2, 0, 2)
            row.setSpacing(8)
            row.addWidget(button)
            row.addLayout(side, 1)
            self._lines.addWidget(line)

    def say(self, words: str) -> None:
        """Words in place of bars: that they are on the way, or why they are not."""
        self._clear()
        self._head.setText(words)

    def _clear(self) -> None:
        self.rows.clear()
        while (item := self._lines.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()


class _Track(QWidget):
    """One job's bars between the trace's start and end. Waiting is hollow, a failed attempt is hatched."""

    def __init__(self, look: Look, bars: tuple[Bar, ...], start_ms: int, end_ms: int) -> None:
        super().__init__()
        self._look, self._bars, self._start, self._span = look, bars, start_ms, max(1, end_ms - start_ms)
        self.setFixedHeight(14)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._look.colour("line"), 1))
        painter.drawLine(0, self.height() // 2, self.width(), self.height() // 2)
        room = self.width() - _LEAST_BAR - 1
        for bar in self._bars:
            left = (bar.from_ms - self._start) / self._span * room
            width = max(_LEAST_BAR, (bar.to_ms - bar.from_ms) / self._span * room)
            _draw_bar(painter, self._look, bar.kind, QRectF(left + 0.5, 1.5, width, self.height() - 3))
        painter.end()


class _Swatch(QLabel):
    """A small bar for the legend."""

    def __init__(self, look: Look, kind: str) -> None:
        super().__init__()
        self._look, self._kind = look, kind
        self.setFixedSize(QSize(18, 12))
        look.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _draw_bar(painter, self._look, self._kind, QRectF(1, 1, 16, 10))
        painter.end()


def _draw_bar(painter: QPainter, look: Look, kind: str, area: QRectF) -> None:
    colour = look.colour("active" if kind == "running" else kind)
    painter.setPen(QPen(colour, 1.2))
    if kind == "waiting":
        painter.setBrush(look.colour("neutral_soft"))
    elif kind == "failed":
        painter.setBrush(QBrush(colour, Qt.BrushStyle.BDiagPattern))
    else:
        painter.setBrush(colour)
    painter.drawRoundedRect(area, 2, 2)
