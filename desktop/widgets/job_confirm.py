"""Asks before jobs are removed or cancelled, with their number and a few of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.job_words import first_line
from desktop.widgets.text import Button, Text
from engine.model import Job

TYPED_ABOVE = 1_000
_SAMPLES = 5


class JobConfirm(QDialog):
    """Open it with `open()`; `confirmed` is the order. Above 1,000 jobs the queue's name must be typed first."""

    confirmed = Signal()

    def __init__(
        self, look: Look, title: str, words: str, verb: str, queue: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._verb, self._queue, self._count = verb, queue, 0
        self.setWindowTitle(title)
        self.setMinimumWidth(460)
        self._number = Text(look, "Counting…", "strong")
        self._samples = Text(look, "", "caption", "muted")
        self._samples.setWordWrap(True)
        self._type_hint = Text(look, f"Type {queue} to go on:", tone="muted")
        self.typed = QLineEdit()
        self.typed.setFixedHeight(38)
        self.typed.setAccessibleName(f"Type {queue} to confirm")
        self.typed.textChanged.connect(self._check)
        self._type_hint.hide()
        self.typed.hide()
        explained = Text(look, words, tone="muted")
        explained.setWordWrap(True)
        keep = Button(look, "Keep them")
        keep.clicked.connect(self.reject)
        self.confirm = Button(look, verb, kind="danger", font="strong")
        self.confirm.setAutoDefault(False)
        self.confirm.clicked.connect(self._confirm)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(keep)
        buttons.addWidget(self.confirm)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(Text(look, title, "heading"))
        column.addWidget(explained)
        column.addSpacing(6)
        column.addWidget(self._number)
        column.addWidget(self._samples)
        column.addWidget(self._type_hint)
        column.addWidget(self.typed)
        column.addSpacing(10)
        column.addLayout(buttons)
        self._check()

    @property
    def words(self) -> str:
        """The number and the samples."""
        return f"{self._number.text()}\n{self._samples.text()}".strip()

    def show_count(self, count: int, samples: Sequence[Job]) -> None:
        """So many jobs are meant, these among them."""
        self._count = count
        self._number.setText("1 job" if count == 1 else f"{count:,} jobs")
        lines = [f"{job.id}  {job.name}  {first_line(job.error)}".strip()[:90] for job in samples[:_SAMPLES]]
        if count > len(lines):
            lines.append(f"and {count - len(lines):,} more")
        self._samples.setText("\n".join(lines))
        must_type = count > TYPED_ABOVE
        self._type_hint.setVisible(must_type)
        self.typed.setVisible(must_type)
        self._check()

    def show_failed(self, words: str) -> None:
        """They cannot be counted: say why."""
        self._count = 0
        self._number.setText("They could not be counted.")
        self._samples.setText(words)
        self._check()

    def _check(self) -> None:
        reason = ""
        if not self._count:
            reason = "There is nothing counted to go by."
        elif self._count > TYPED_ABOVE and self.typed.text().strip() != self._queue:
            reason = f"Type {self._queue} first."
        self.confirm.setText(f"{self._verb} {self._count:,}" if self._count else self._verb)
        self.confirm.setEnabled(not reason)
        self.confirm.setToolTip(reason)

    def _confirm(self) -> None:
        self.confirmed.emit()
        self.accept()
