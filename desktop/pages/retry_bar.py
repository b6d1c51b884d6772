"""How far a gradual retry is, above the failures while one runs, and its Stop."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar

from desktop.pages.failure_dialogs import jobs
from desktop.theme import Look
from desktop.widgets.dialog import wrapped
from desktop.widgets.text import Button, set_property
from engine.model import RetryProgress


class RetryBar(QFrame):
    """Hidden until `show_progress`; `end` hides it again."""

    stop_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("notice")
        set_property(self, "kind", "info")
        self._words = wrapped(look, font="strong", tone="ink")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(220, 8)
        self._bar.setAccessibleName("Progress of the gradual retry")
        self.stop = Button(look, "Stop", font="label")
        self.stop.setAccessibleName("Stop the gradual retry")
        self.stop.setToolTip("Leave the rest as it is. What runs already goes on.")
        self.stop.clicked.connect(self._ask_stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.setSpacing(12)
        row.addWidget(self._words, 1)
        row.addWidget(self._bar)
        row.addWidget(self.stop)
        self.hide()

    @property
    def running(self) -> bool:
        """Whether a retry is under way."""
        return not self.isHidden()

    @property
    def retried(self) -> int:
        """How many jobs it has sent."""
        return self._bar.value()

    def show_progress(self, progress: RetryProgress) -> None:
        """The retry is so far."""
        if not self.running:
            self.stop.setEnabled(True)
            self.stop.setText("Stop")
        self._bar.setRange(0, max(1, progress.total))
        self._bar.setValue(progress.retried)
        self._words.setText(progress_words(progress))
        self.show()

    def end(self) -> None:
        """The retry has ended, however it did."""
        self.hide()

    def _ask_stop(self) -> None:
        self.stop.setEnabled(False)
        self.stop.setText("Stopping…")
        self.stop_wanted.emit()


def progress_words(progress: RetryProgress) -> str:
    """How far a gradual retry is, in words."""
    words = f"Retried {progress.retried:,} of {jobs(progress.total)}"
    if progress.canary_failed:
        return f"{words}; {jobs(progress.canary_failed)} of the canaries failed again, the rest stays."
    if progress.stopped:
        return f"{words}, then stopped."
    if progress.canary_completed is not None:
        return f"{words}; the canaries completed."
    return f"{words}."
