"""The head of the Jobs page: which queue and state are shown, with the number of jobs in each state."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from desktop.pages.freshness import Freshness
from desktop.theme import Look
from desktop.widgets.job_words import STATE_WORDS
from desktop.widgets.queue_box import ALL_QUEUES, QueueBox
from desktop.widgets.text import Button, Text
from engine.model import JobState, Snapshot


class JobsHead(QWidget):
    """`changed` comes when somebody chooses another queue or state."""

    changed = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self.queues = QueueBox()
        self.queues.setCurrentIndex(1)
        self.queues.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.states: dict[JobState, Button] = {}
        self.age = Freshness(look)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(Text(look, "Jobs", "title"))
        row.addSpacing(12)
        row.addWidget(self.queues)
        row.addSpacing(8)
        group = QButtonGroup(self)
        for state, word in STATE_WORDS.items():
            button = Button(look, f"{word} –", kind="segment", font="label")
            button.setCheckable(True)
            button.setMinimumHeight(30)
            button.setAccessibleName(word)
            button.clicked.connect(lambda _=False: self.changed.emit())
            group.addButton(button)
            self.states[state] = button
            row.addWidget(button)
        self.states[JobState.WAITING].setChecked(True)
        row.addSpacing(8)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignVCenter)

    @property
    def queue(self) -> str:
        """The chosen queue; `ALL_QUEUES` for all."""
        return self.queues.queue

    @property
    def state(self) -> JobState:
        """The chosen state."""
        return next(state for state, button in self.states.items() if button.isChecked())

    def choose(self, queue: str, state: JobState) -> None:
        """Choose these without a word to anybody."""
        self.queues.blockSignals(True)
        self.queues.choose(queue)
        self.queues.blockSignals(False)
        self.states[state].setChecked(True)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show its counts for the chosen queue."""
        self._snapshot = snapshot
        self.age.renew()
        for state, button in self.states.items():
            count = self.count(state)
            button.setText(f"{STATE_WORDS[state]} {count:,}")
            button.setAccessibleName(f"{STATE_WORDS[state]}: {count:,} jobs")

    def count(self, state: JobState) -> int:
        """How many jobs the chosen queue has in a state; of all queues together where all are chosen."""
        known = self._snapshot.queues if self._snapshot is not None else ()
        return sum(int(getattr(one, state.value)) for one in known if self.queue in (ALL_QUEUES, one.name))
