"""One queue in one line: state, load, counts, rates, the last 5 minutes, and its buttons.

Silent while all is well; where it is not, words under the name tell what is wrong. Each count leads to its jobs.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import CLEAN, REDIS_GONE, RETRY, Actions, QueueAction, pause_or_resume
from desktop.pages.figures import state_of, state_words
from desktop.pages.pace import Pace
from desktop.pages.queue_columns import BUTTON, TITLE_WIDTH, TREND_WIDTH, columns, fill
from desktop.pages.queue_numbers import QueueNumbers
from desktop.theme import Look
from desktop.widgets.pill import LoadGauge, StatePill
from desktop.widgets.row_frame import RowFrame
from desktop.widgets.sparkline import Sparkline
from desktop.widgets.text import Button, Text, set_property
from desktop.widgets.two_lines import ElidedText
from engine.model import JobState, QueueState
from engine.queues import QUEUES


class QueueRow(RowFrame):
    """Shows one QueueState. A click selects it: `chosen(queue name)`; a double click or Enter opens its jobs."""

    chosen = Signal(str)
    moved = Signal(int)
    """An arrow key: -1 up, 1 down."""

    def __init__(self, look: Look, actions: Actions, name: str) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(40)
        self.name = name
        self._actions = actions
        self._queue: QueueState | None = None
        self._pace = Pace()
        cells: dict[str, QWidget] = {"name": self._build_name(look)}
        self.gauge = LoadGauge(look)
        self.gauge.clicked.connect(lambda: self.open_jobs(JobState.ACTIVE))
        cells["load"] = self.gauge
        self._figures = QueueNumbers(look)
        self._figures.jobs_wanted.connect(self.open_jobs)
        self.numbers = self._figures.cells
        cells |= self.numbers
        self.trend = Sparkline(look, "completed")
        self.trend.setMinimumSize(TREND_WIDTH, 24)
        self.trend.setMaximumSize(160, 24)
        cells["trend"] = self.trend
        cells["buttons"] = self._build_buttons(look)
        fill(columns(self, border=0), cells)

    def add_sample(self, queue: QueueState, now_ms: int) -> None:
        """Remember what was completed, for the last 5 minutes; each snapshot is added once."""
        self._pace.add(queue, now_ms)

    def show_queue(
        self, queue: QueueState, now_ms: int, stale: bool, *, paused_by: str = "", no_worker_told: bool = False
    ) -> None:
        """Show `queue` as it was at `now_ms`; `stale` greys it, says "unknown" and disables its buttons.

        `no_worker_told`: no queue has a worker, which is told once for all of them.
        """
        self._queue = queue
        state = "unknown" if stale else state_of(queue)
        words = state_words(queue, now_ms, paused_by.partition(" (")[0])
        if stale or (no_worker_told and not queue.paused):
            words = ""
        self._title.set_tone("stale" if stale else "ink")
        self.pill.show_state(state)
        self.pill.setToolTip(REDIS_GONE if stale else words or "Workers serve this queue.")
        self.words.show_text(words, _remedy(queue, paused_by) if words else "")
        self.words.set_tone("caution" if queue.paused else "danger")
        self.words.setVisible(bool(words))
        self._show_load(queue, stale)
        self._figures.show_queue(queue, now_ms, stale)
        done = self._pace.bars(queue.minutes)
        self.trend.show_values(done, f"{round(sum(done)):,} jobs completed in the last 5 minutes", stale)
        self._fit_buttons(queue, stale)
        self.setAccessibleName(
            f"{queue.title}: {state}, {queue.active} active of {queue.concurrency}, "
            f"{queue.waiting} waiting, {queue.delayed} delayed, {queue.failed} failed"
        )
        self.setAccessibleDescription(words)

    def set_selected(self, selected: bool) -> None:
        """Mark the row whose charts are shown."""
        set_property(self, "selected", selected)

    def open_jobs(self, state: JobState | None = None) -> None:
        """Lead to its jobs of a state: the failed ones to their causes; None for the first state that has any."""
        if self._queue is None:
            return
        if state is None:
            order = (JobState.WAITING, JobState.ACTIVE, JobState.DELAYED, JobState.FAILED, JobState.COMPLETED)
            found = (each for each in order if getattr(self._queue, each.value))
            self._actions.jobs_requested.emit(self.name, next(found, JobState.WAITING))
        elif state is JobState.FAILED:
            self._actions.failures_requested.emit(self.name)
        else:
            self._actions.jobs_requested.emit(self.name, state)

    # Building

    def _build_name(self, look: Look) -> QWidget:
        self._title = Text(look, QUEUES[self.name].title, "strong", "muted")
        self._title.setToolTip(self.name)
        self._title.setFixedWidth(TITLE_WIDTH)
        self.pill = StatePill(look)
        self.words = ElidedText(look, "", "caption", "caution")
        self.words.hide()
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self._title)
        first.addWidget(self.pill)
        first.addStretch(1)
        name = QWidget()
        column = QVBoxLayout(name)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(0)
        column.addStretch(1)
        column.addLayout(first)
        column.addWidget(self.words)
        column.addStretch(1)
        return name

    def _build_buttons(self, look: Look) -> QWidget:
        self.switch = Button(look, "", kind="row", icon="pause")
        self.clean = Button(look, "", kind="row", icon="clean")
        self.retry = Button(look, "", kind="row", icon="retry")
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for button, word in ((self.switch, "Pause"), (self.clean, "Clean"), (self.retry, "Retry")):
            button.setFixedSize(BUTTON)
            button.setEnabled(False)
            button.setAccessibleName(f"{word} {QUEUES[self.name].title}")
            button.setToolTip("There are no figures of this queue yet.")
            row.addWidget(button)
        self.switch.clicked.connect(self._pause_or_resume)
        self.clean.clicked.connect(lambda: self._do(CLEAN))
        self.retry.clicked.connect(lambda: self._do(RETRY))
        return buttons

    # Drawing

    def _show_load(self, queue: QueueState, stale: bool) -> None:
        self.gauge.show_load(queue.active, queue.concurrency * max(queue.workers, 1), stale)
        workers = "1 worker runs" if queue.workers == 1 else f"each of {queue.workers} workers runs"
        at_once = f"{workers} {queue.concurrency:,} at once" if queue.workers else "no worker serves this queue"
        self.gauge.setToolTip(f"{queue.active:,} active; {at_once}. Click to see them. (A)")

    def _fit_buttons(self, queue: QueueState, stale: bool) -> None:
        for button, action in ((self.switch, pause_or_resume(queue)), (self.clean, CLEAN), (self.retry, RETRY)):
            refusal = REDIS_GONE if stale else self._actions.refusal or action.refusal(queue)
            button.set_icon(action.icon)
            button.setEnabled(not refusal)
            button.setToolTip(refusal or action.tooltip(queue))
            button.setAccessibleName(f"{action.text.rstrip('…')} {queue.title}")
            button.setAccessibleDescription(button.toolTip())

    # Reacting

    def _pause_or_resume(self) -> None:
        if self._queue is not None:
            self._do(pause_or_resume(self._queue))

    def _do(self, action: QueueAction) -> None:
        if self._queue is not None:
            self._actions.do(action, self._queue)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.name)
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.open_jobs()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_jobs()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(-1 if key == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)


def _remedy(queue: QueueState, paused_by: str) -> str:
    """What to do about a queue that does not run."""
    if queue.paused:
        paused = f"Paused by {paused_by}. " if paused_by else ""
        return f"{paused}New jobs wait until it is resumed."
    return "Nothing runs: start a worker on the Workers page, or by “hark worker” on any machine."
