"""What stands where a list would be while there is nothing to list: a title, and words on why."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout

from desktop.theme import Look
from desktop.widgets.text import Text


class EmptyCard(QFrame):
    """Blank until `say`; a card by itself, or with `framed` False a part of one."""

    def __init__(self, look: Look, *, framed: bool = True) -> None:
        super().__init__()
        if framed:
            self.setObjectName("card")
        self._title = Text(look, "", "heading")
        self._words = Text(look, "", tone="muted")
        column = QVBoxLayout(self)
        column.setSpacing(6)
        column.addStretch(2)
        for label in (self._title, self._words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(3)

    @property
    def text(self) -> str:
        """What it says."""
        return f"{self._title.text()}. {self._words.text()}"

    def say(self, title: str, words: str) -> None:
        """Say this from now on."""
        self._title.setText(title)
        self._words.setText(words)
