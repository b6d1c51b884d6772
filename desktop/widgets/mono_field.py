"""Text in letters of equal width that can be selected but not changed: JSON, tracebacks, log lines."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from desktop.widgets.job_words import mono_font

_MOST_LINES = 14
_LINE_WIDTH = 54
"""Characters that fit into a line of the narrowest field; a longer one takes several."""


class MonoField(QPlainTextEdit):
    """As high as its layout lets it be, or as its text needs: `fit`."""

    def __init__(self, name: str, text: str = "") -> None:
        """`name` is what a screen reader calls it."""
        super().__init__(text)
        self.setReadOnly(True)
        self.setFont(mono_font())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )

    def fit(self) -> None:
        """Be as high as the text, but never higher than some lines: what is longer scrolls."""
        text = self.toPlainText()
        needed = text.count("\n") + 1 + sum(len(line) // _LINE_WIDTH for line in text.splitlines())
        lines = min(_MOST_LINES, max(1, needed))
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 14)
