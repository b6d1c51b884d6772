"""Text in letters of equal width that can be selected but not changed: JSON, tracebacks, log lines."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from desktop.widgets.job_words import mono_font

_MOST_LINES = 16


class MonoField(QPlainTextEdit):
    """As high as its layout lets it be, or as its text needs: `fit`."""

    def __init__(self, name: str, text: str = "") -> None:
        """`name` is what a screen reader calls it."""
        super().__init__(text)
        self._fits = False
        self.setReadOnly(True)
        self.setFont(mono_font())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )

    def fit(self) -> None:
        """Be as high as the text at whatever width, but never higher than some lines: what is longer scrolls."""
        self._fits = True
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fits:
            self._fit()

    def _fit(self) -> None:
        lines = min(_MOST_LINES, max(1, round(self.document().size().height())))  # a plain text's is in lines
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 14)
