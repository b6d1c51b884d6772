"""Asks before a batch of the quarantine comes back."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, reason_field
from engine.model import QuarantineBatch
from engine.queues import QUEUES


class RestoreDialog(Dialog):
    """Open it with `open()`; `confirmed(reason)` is the order."""

    confirmed = Signal(str)

    def __init__(self, look: Look, batch: QuarantineBatch, parent: QWidget | None = None) -> None:
        count = f"{batch.left:,} job" if batch.left == 1 else f"{batch.left:,} jobs"
        words = (
            f"{count} of {QUEUES[batch.queue].title} go back to the state that they were in ({states(batch)}). "
            "Waiting jobs run then; ended ones may go again soon, if the queue keeps them for a short time only."
        )
        super().__init__(
            look,
            f"Restore {count}?",
            words,
            keep="Leave them",
            order=f"Restore {count}",
            title="Restore jobs",
            parent=parent,
        )
        self.setFixedWidth(480)
        self.reason = reason_field()
        self.body.addWidget(self.reason)
        self.confirm.clicked.connect(self._confirm)

    def _confirm(self) -> None:
        self.confirmed.emit(self.reason.text().strip())
        self.accept()


def states(batch: QuarantineBatch) -> str:
    """How many jobs of each state a batch took: "3 failed, 1 waiting"."""
    return ", ".join(f"{count:,} {state.value}" for state, count in batch.counts.items()) or "–"
