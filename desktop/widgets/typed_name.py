"""The queue's name, typed before very many jobs are taken away: a slip of the hand does not do that."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Text

TYPED_ABOVE = 1_000
"""More jobs than this go only after the queue's name was typed."""


class TypedName(QWidget):
    """Hidden until `ask` brings a count that is too large to go without it."""

    changed = Signal()

    def __init__(self, look: Look, queue: str) -> None:
        super().__init__()
        self._queue, self._asked = queue, False
        self.field = QLineEdit()
        self.field.setProperty("kind", "field")
        self.field.setFixedHeight(38)
        self.field.setAccessibleName(f"Type {queue} to confirm")
        self.field.textChanged.connect(self.changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        hint = Text(look, f"These are more than {TYPED_ABOVE:,} jobs. Type {queue} to go on:", tone="muted")
        hint.setWordWrap(True)
        column.addWidget(hint)
        column.addWidget(self.field)
        self.hide()

    def ask(self, count: int) -> None:
        """So many jobs would go."""
        self._asked = count > TYPED_ABOVE
        self.setVisible(self._asked)

    @property
    def refusal(self) -> str:
        """Why it cannot go on yet; "" where it can."""
        missing = self._asked and self.field.text().strip() != self._queue
        return f"Type {self._queue} first: these are more than {TYPED_ABOVE:,} jobs." if missing else ""
