"""Asks before something is done to many jobs, with their number and a few of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.job_words import sample_lines
from desktop.widgets.text import Button, Text
from desktop.widgets.typed_name import TypedName
from engine.model import Job


class JobConfirm(QDialog):
    """Open it with `open()`; `confirmed` is the order.

    Where it `destroys`, the queue's name must be typed first above 1,000 jobs.
    """

    confirmed = Signal()

    def __init__(
        self,
        look: Look,
        title: str,
        words: str,
        verb: str,
        queue: str,
        parent: QWidget | None = None,
        *,
        destroys: bool = True,
    ) -> None:
        super().__init__(parent)
        self._verb, self._destroys, self._count = verb, destroys, 0
        self.setWindowTitle(title)
        self.setMinimumWidth(460)
        self._number = Text(look, "Counting…", "strong")
        self._samples = Text(look, "", "caption", "muted")
        self._samples.setWordWrap(True)
        self._samples.hide()
        self._typed = TypedName(look, queue)
        self._typed.changed.connect(self._check)
        self.typed = self._typed.field
        explained = Text(look, words, tone="muted")
        explained.setWordWrap(True)
        self.keep = Button(look, "Keep them" if destroys else "Not now")
        self.keep.clicked.connect(self.reject)
        self.confirm = Button(look, verb, kind="danger" if destroys else "primary", font="strong")
        self.confirm.setAutoDefault(False)
        self.confirm.clicked.connect(self._confirm)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(self.keep)
        buttons.addWidget(self.confirm)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(Text(look, title, "heading"))
        column.addWidget(explained)
        column.addSpacing(6)
        column.addWidget(self._number)
        column.addWidget(self._samples)
        column.addWidget(self._typed)
        column.addSpacing(10)
        column.addLayout(buttons)
        self._check()

    @property
    def words(self) -> str:
        """The number and the samples."""
        return f"{self._number.text()}\n{self._samples.text()}".strip()

    def show_count(self, count: int, samples: Sequence[Job] = ()) -> None:
        """So many jobs are meant, these among them."""
        self._count = count
        self._number.setText("1 job" if count == 1 else f"{count:,} jobs")
        self._say(sample_lines(samples, count))
        if self._destroys:
            self._typed.ask(count)
        self._check()

    def show_failed(self, words: str) -> None:
        """They cannot be counted: say why."""
        self._count = 0
        self._number.setText("They could not be counted.")
        self._say(words)
        self._check()

    def _say(self, words: str) -> None:
        self._samples.setText(words)
        self._samples.setVisible(bool(words))

    def _check(self) -> None:
        reason = self._typed.refusal if self._count else "There is nothing counted to go by."
        self.confirm.setText(f"{self._verb} {self._count:,}" if self._count else self._verb)
        self.confirm.setEnabled(not reason)
        self.confirm.setToolTip(reason)

    def _confirm(self) -> None:
        self.confirmed.emit()
        self.accept()
