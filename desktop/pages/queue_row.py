"""One queue in one line: state, load, counts, rates, and its buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from desktop.actions import CLEAN, REDIS_GONE, RETRY, Actions, QueueAction, pause_or_resume
from desktop.pages.figures import age_text, count_text, per_minute, percent_text, state_of
from desktop.theme import Look
from desktop.widgets.pill import LoadGauge, StatePill
from desktop.widgets.text import Button, Text, set_property
from engine.figures import failure_rate
from engine.model import QueueState
from engine.queues import QUEUES

NAME_WIDTH, STATE_WIDTH, LOAD_WIDTH, NUMBER_WIDTH = 116, 108, 128, 63
NUMBERS = (
    ("waiting", "Waiting", "Jobs that could start when there is room"),
    ("delayed", "Delayed", "Jobs with a time before which they do not start, retries included"),
    ("failed", "Failed", "Jobs that failed with no attempt left, kept for 24 hours"),
    ("oldest", "Oldest", "How long the oldest waiting job has waited"),
    ("rate", "Per min", "Jobs that ended in the last 60 seconds"),
    ("failures", "Failures", "Final failures among the jobs that ended in the last hour"),
)


def header(look: Look) -> QWidget:
    """The line above the rows, in the same columns."""
    line = QWidget()
    row = _columns(line, border=2)
    for word, width in (("Queue", NAME_WIDTH), ("State", STATE_WIDTH), ("Active", LOAD_WIDTH)):
        label = Text(look, word, "caption", "muted")
        label.setFixedWidth(width)
        row.addWidget(label)
    for _, word, meaning in NUMBERS:
        label = Text(look, word, "caption", "muted")
        label.setFixedWidth(NUMBER_WIDTH)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setToolTip(meaning)
        row.addWidget(label)
    row.addStretch(1)
    return line


class QueueRow(QFrame):
    """Shows one QueueState. A click or Enter selects it: `chosen(queue name)`."""

    chosen = Signal(str)
    moved = Signal(int)
    """An arrow key: -1 up, 1 down."""

    def __init__(self, look: Look, actions: Actions, name: str) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(39)
        self.name = name
        self._actions = actions
        self._queue: QueueState | None = None

        self._title = Text(look, QUEUES[name].title, "strong", "muted")
        self._title.setFixedWidth(NAME_WIDTH)
        self.pill = StatePill(look)
        self.gauge = LoadGauge(look)
        self.numbers: dict[str, Text] = {}
        row = _columns(self, border=0)
        row.addWidget(self._title)
        row.addWidget(self.pill)
        row.addSpacing(STATE_WIDTH - self.pill.width())
        self.gauge.setFixedWidth(LOAD_WIDTH)
        row.addWidget(self.gauge)
        for key, _, meaning in NUMBERS:
            number = Text(look, "–", tone="muted")
            number.setFixedWidth(NUMBER_WIDTH)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            number.setToolTip(meaning)
            self.numbers[key] = number
            row.addWidget(number)
        row.addStretch(1)
        self.switch = Button(look, "Pause", kind="row", icon="pause", font="label")
        self.clean = Button(look, "Clean…", kind="row", icon="clean", font="label")
        self.retry = Button(look, "Retry", kind="row", icon="retry", font="label")
        for button, width in ((self.switch, 92), (self.clean, 84), (self.retry, 78)):
            button.setFixedSize(width, 28)
            button.setEnabled(False)
            button.setToolTip("There are no figures of this queue yet.")
            row.addWidget(button)
            row.addSpacing(0 if button is self.retry else 6)
        self.switch.clicked.connect(self._pause_or_resume)
        self.clean.clicked.connect(lambda: self._do(CLEAN))
        self.retry.clicked.connect(lambda: self._do(RETRY))

    def show_queue(self, queue: QueueState, now_ms: int, stale: bool) -> None:
        """Show `queue` as it was at `now_ms`; `stale` greys it and disables its buttons."""
        self._queue = queue
        plain = "stale" if stale else "ink"
        quiet = "stale" if stale else "muted"
        self._title.setText(queue.title)
        self._title.set_tone(plain)
        self._title.setToolTip(queue.name)
        self.pill.show_state(state_of(queue), stale)
        self.gauge.show_load(queue.active, queue.concurrency, stale)
        rate, failures = per_minute(queue, now_ms), failure_rate((queue,))
        percent = failures.percent
        shown = {
            "waiting": (count_text(queue.waiting), bool(queue.waiting)),
            "delayed": (count_text(queue.delayed), bool(queue.delayed)),
            "failed": (count_text(queue.failed), bool(queue.failed)),
            "oldest": (age_text(queue.oldest_waiting_ms), queue.oldest_waiting_ms is not None),
            "rate": (count_text(round(rate)), rate >= 0.5),
            "failures": (percent_text(percent), bool(percent)),
        }
        for key, (text, matters) in shown.items():
            number = self.numbers[key]
            number.setText(text)
            bad = matters and not stale and key in ("failed", "failures")
            number.set_tone("failed" if bad else plain if matters else quiet)
        self._fit_buttons(queue, stale)
        self.setAccessibleName(
            f"{queue.title}: {state_of(queue)}, {queue.active} active of {queue.concurrency}, "
            f"{queue.waiting} waiting, {queue.delayed} delayed, {queue.failed} failed"
        )

    def set_selected(self, selected: bool) -> None:
        """Mark the row whose charts are shown."""
        set_property(self, "selected", selected)

    def _fit_buttons(self, queue: QueueState, stale: bool) -> None:
        for button, action in ((self.switch, pause_or_resume(queue)), (self.clean, CLEAN), (self.retry, RETRY)):
            refusal = REDIS_GONE if stale else action.refusal(queue)
            button.setText(action.text)
            button.set_icon(action.icon)
            button.setEnabled(not refusal)
            button.setToolTip(refusal or action.tooltip(queue))
            button.setAccessibleName(f"{action.text.rstrip('…')} {queue.title}")
            button.setAccessibleDescription(button.toolTip())

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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.name)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(-1 if key == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)


def _columns(widget: QWidget, border: int) -> QHBoxLayout:
    """The columns' layout; `border` makes up for the frame that a row has and the header has not."""
    row = QHBoxLayout(widget)
    row.setContentsMargins(12 + border, 0, 10 + border, 0)
    row.setSpacing(0)
    return row
