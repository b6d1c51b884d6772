"""Asks before something is done to many jobs, with their number and a few of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.job_words import sample_lines
from desktop.widgets.text import Text
from desktop.widgets.typed_name import TypedName
from engine.model import Job


class JobConfirm(Dialog):
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
        keep = "Keep them" if destroys else "Not now"
        super().__init__(look, title, words, keep=keep, order=verb, danger=destroys, parent=parent)
        self._verb, self._destroys, self._count = verb, destroys, 0
        self.setMinimumWidth(460)
        self._number = Text(look, "Counting…", "strong")
        self._ages = wrapped(look)
        self._samples = wrapped(look, font="caption")
        for label in (self._ages, self._samples):
            label.hide()
        self._typed = TypedName(look, queue)
        self._typed.changed.connect(self._check)
        self.typed = self._typed.field
        self.confirm.clicked.connect(self._confirm)
        for widget in (self._number, self._ages, self._samples, self._typed):
            self.body.addWidget(widget)
        self._check()

    @property
    def counted(self) -> str:
        """The number, the ages and the samples, a line each."""
        lines = (self._number.text(), self._ages.text(), self._samples.text())
        return "\n".join(line for line in lines if line)

    def show_count(self, count: int, samples: Sequence[Job] = (), ages: str = "") -> None:
        """So many jobs are meant, these among them; `ages` tells how old they are."""
        self._count = count
        self._number.setText("1 job" if count == 1 else f"{count:,} jobs")
        self._say(sample_lines(samples, count), ages)
        if self._destroys:
            self._typed.ask(count)
        self._check()

    def show_failed(self, words: str) -> None:
        """They cannot be counted: say why."""
        self._count = 0
        self._number.setText("They could not be counted.")
        self._say(words)
        self._check()

    def _say(self, samples: str, ages: str = "") -> None:
        for label, words in ((self._ages, ages), (self._samples, samples)):
            label.setText(words)
            label.setVisible(bool(words))

    def _check(self) -> None:
        reason = self._typed.refusal if self._count else "There is nothing counted to go by."
        self.confirm.setText(f"{self._verb} {self._count:,}" if self._count else self._verb)
        self.allow(reason)

    def _confirm(self) -> None:
        self.confirmed.emit()
        self.accept()
