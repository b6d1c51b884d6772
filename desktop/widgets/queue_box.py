"""The choice of one queue, or of all of them."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox

from engine.queues import QUEUES

ALL_QUEUES = ""
"""The name that stands for all queues."""


class QueueBox(QComboBox):
    """All queues first, then each by its title."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Queue")
        self.setMinimumWidth(170)
        self.setFixedHeight(34)
        self.addItem("All queues", ALL_QUEUES)
        for name, spec in QUEUES.items():
            self.addItem(spec.title, name)

    @property
    def queue(self) -> str:
        """The chosen queue's name; `ALL_QUEUES` for all."""
        return str(self.currentData())

    def choose(self, queue: str) -> None:
        """Choose one as if a person had."""
        self.setCurrentIndex(self.findData(queue))
