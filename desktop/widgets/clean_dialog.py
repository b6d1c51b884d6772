"""Removing old jobs: what would go is counted and shown before the button can be pressed."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, fit_field, form_layout, wrapped
from desktop.widgets.job_words import ages_text, sample_lines
from desktop.widgets.text import Text
from desktop.widgets.typed_name import TypedName
from engine.model import CleanPreview, JobState

_STATES = (
    (JobState.COMPLETED, "Completed", "that ended longer ago than"),
    (JobState.FAILED, "Failed", "that ended longer ago than"),
    (JobState.WAITING, "Waiting", "that were added longer ago than"),
    (JobState.DELAYED, "Delayed", "that were added longer ago than"),
)
_UNITS = (("seconds", 1_000), ("minutes", 60_000), ("hours", 3_600_000), ("days", 86_400_000))
_TYPING_MS = 150


class CleanDialog(Dialog):
    """Asks which jobs of one queue to remove. Open it with `open()`.

    `preview_wanted(state, grace_ms, limit)` asks for a count, `show_preview` answers it, and
    `confirmed(state, grace_ms, count)` is the order to remove exactly as many as were shown.
    """

    preview_wanted = Signal(object, object, int)
    confirmed = Signal(object, object, int)

    def __init__(self, look: Look, queue: str, title: str, parent: QWidget | None = None) -> None:
        after = "Removed jobs stay in the quarantine for a day: undo brings them back, and so does the Audit page."
        super().__init__(look, f"Clean {title}", after, keep="Keep them", danger=True, parent=parent)
        self.queue = queue
        self._preview: CleanPreview | None = None
        self.setMinimumWidth(440)

        self._state = QComboBox()
        for state, word, _ in _STATES:
            self._state.addItem(word, state)
        self._state.setAccessibleName("State of the jobs to remove")
        self._grace = QSpinBox()
        self._grace.setRange(0, 9_999)
        self._grace.setValue(1)
        self._grace.setAccessibleName("Age that jobs are kept")
        self._unit = QComboBox()
        for word, size_ms in _UNITS:
            self._unit.addItem(word, size_ms)
        self._unit.setCurrentIndex(2)
        self._unit.setAccessibleName("Unit of the age")
        self._limit = QSpinBox()
        self._limit.setRange(1, 1_000_000)
        self._limit.setValue(1_000)
        self._limit.setGroupSeparatorShown(True)
        self._limit.setAccessibleName("At most this many jobs")
        for field in (self._state, self._grace, self._unit, self._limit):
            fit_field(field)
        age = QHBoxLayout()
        age.setSpacing(8)
        age.addWidget(self._grace, 1)
        age.addWidget(self._unit, 1)

        form = form_layout()
        form.addRow(Text(look, "Jobs", tone="muted"), self._state)
        self._age_label = Text(look, "", tone="muted")
        form.addRow(self._age_label, age)
        form.addRow(Text(look, "at most", tone="muted"), self._limit)

        self._count = Text(look, "", "strong")
        self._detail = wrapped(look)
        self._samples = Text(look, "", "caption", "muted")
        self._samples.hide()
        self.typed = TypedName(look, queue)
        self.typed.changed.connect(self._check)
        self._reason = ""
        self.confirm.clicked.connect(self._confirm)
        self.body.addSpacing(6)
        self.body.addLayout(form)
        self.body.addSpacing(14)
        for widget in (self._count, self._detail, self._samples, self.typed):
            self.body.addWidget(widget)

        # Typing a number asks once, when the typing rests.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_MS)
        self._timer.timeout.connect(self.ask_again)
        self._state.currentIndexChanged.connect(self._changed)
        self._unit.currentIndexChanged.connect(self._changed)
        self._grace.valueChanged.connect(self._changed)
        self._limit.valueChanged.connect(self._changed)
        self._changed()

    def choose(self, state: JobState, grace_ms: int, limit: int = 1_000) -> None:
        """Set the fields; the count is asked for anew."""
        self._state.setCurrentIndex([entry for entry, _, _ in _STATES].index(state))
        index = max((i for i, (_, size) in enumerate(_UNITS) if grace_ms and grace_ms % size == 0), default=0)
        self._unit.setCurrentIndex(index)
        self._grace.setValue(grace_ms // _UNITS[index][1])
        self._limit.setValue(limit)

    @property
    def count_text(self) -> str:
        """What the dialog says would be removed, with the samples."""
        return f"{self._count.text()} {self._detail.text()}\n{self._samples.text()}".strip()

    def ask_again(self) -> None:
        """Ask for the count of what is chosen now; the last one stays until the answer is here."""
        self._timer.stop()
        self.preview_wanted.emit(self._chosen_state(), self._grace_ms(), self._limit.value())

    def refresh(self) -> None:
        """Count again what is chosen, because the queue may have changed; not while someone types."""
        if not self._timer.isActive():
            self.ask_again()

    def show_preview(self, preview: CleanPreview, now_ms: int) -> None:
        """Show the exact count; `now_ms` is Redis's time, for the ages. Answers to earlier choices are ignored."""
        if self._timer.isActive() or (preview.queue, preview.state) != (self.queue, self._chosen_state()):
            return
        self._preview = preview
        word = preview.state.value
        if preview.count:
            self._count.setText(f"{preview.count:,} {word} {_jobs(preview.count)} would be removed.")
            self._detail.setText(ages_text(preview.oldest_at_ms, preview.newest_at_ms, now_ms) or " ")
        else:
            self._count.setText(f"No {word} job is that old.")
            self._detail.setText("Choose a shorter age or another state.")
        self._samples.setText(sample_lines(preview.samples, preview.count))
        self._samples.setVisible(bool(preview.samples))
        self.typed.ask(preview.count)
        self.confirm.setText(f"Clean {preview.count:,} {_jobs(preview.count)}" if preview.count else "Clean")
        self._reason = "" if preview.count else "There is nothing to remove."
        self._check()
        self.adjustSize()

    def show_failure(self, message: str) -> None:
        """The count could not be had: say why, and let nobody confirm."""
        self._preview = None
        self._count.setText("The jobs cannot be counted now.")
        self._detail.setText(message)
        self._samples.hide()
        self._reason = message
        self._check()

    def _changed(self) -> None:
        self._preview = None
        self._age_label.setText(_STATES[self._state.currentIndex()][2])
        self._count.setText("Counting…")
        self._detail.setText(" ")
        self.confirm.setText("Clean")
        self._reason = "Wait for the count."
        self._check()
        self._timer.start()

    def _check(self) -> None:
        self.allow(self._reason or self.typed.refusal)

    def _confirm(self) -> None:
        if self._preview is not None:
            self.confirmed.emit(self._chosen_state(), self._grace_ms(), self._preview.count)
            self.accept()

    def _chosen_state(self) -> JobState:
        return JobState(self._state.currentData())

    def _grace_ms(self) -> int:
        return self._grace.value() * int(self._unit.currentData())


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"
