"""The bubble with what a person said, and the words in it that were guessed."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout

from desktop.theme import Look
from desktop.widgets.text import Button, Text

_TIP = "Guessed: click to correct"


class Said(QFrame):
    """One sentence. Guessed words are underlined; a click on one, or “Correct…”, is `correction_wanted`."""

    correction_wanted = Signal(str, str)
    """The sentence, and the guessed words that are most likely meant."""

    def __init__(self, look: Look, text: str = "", width: int = 520) -> None:
        """`width`: from so many pixels on a sentence is broken into lines."""
        super().__init__()
        self._width = width
        self._look, self._guessed = look, tuple[str, ...]()
        self.text = ""
        """The sentence in plain words, "…" before there is one."""
        self.setObjectName("said")
        self.words = Text(look, "", "speech")
        self.words.linkActivated.connect(lambda word: self.correction_wanted.emit(self.text, word))
        self.correct = Button(look, "Correct…", kind="quiet", font="caption")
        self.correct.setFixedHeight(24)
        self.correct.setStyleSheet("padding: 0 3px;")
        self.correct.clicked.connect(lambda: self.correction_wanted.emit(self.text, self._guessed[0]))
        inside = QVBoxLayout(self)
        inside.setContentsMargins(16, 9, 16, 9)
        inside.setSpacing(2)
        inside.addWidget(self.words)
        inside.addWidget(self.correct, 0, Qt.AlignmentFlag.AlignRight)
        look.changed.connect(self._draw)
        self.show_text(text)

    def show_text(self, text: str, guessed: Sequence[str] = ()) -> None:
        """Show a sentence, and which parts of it were guessed."""
        self.text = text or "…"
        self._guessed = tuple(part for part in guessed if _marks((part,)).search(self.text))
        known = bool(self._guessed)
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        if known:
            flags |= Qt.TextInteractionFlag.LinksAccessibleByMouse
        self.words.setTextInteractionFlags(flags)
        self.words.setTextFormat(Qt.TextFormat.RichText if known else Qt.TextFormat.PlainText)
        self.words.setToolTip(_TIP if known else "")
        told = f"Guessed: {', '.join(self._guessed)}" if known else ""
        self.words.setAccessibleName(self.text)
        self.words.setAccessibleDescription(told)
        self.correct.setVisible(known)
        self.correct.setToolTip(f"{told}. Put the sentence into the text field and mend it there" if known else "")
        self.correct.setAccessibleName(f"Correct: {self.text}")
        self.correct.setAccessibleDescription(told)
        self._draw()
        # A short sentence keeps a small bubble; only a long one wraps.
        needed = self.words.fontMetrics().horizontalAdvance(self.text) + 4
        self.words.setWordWrap(needed > self._width)
        self.words.setMinimumWidth(min(needed, self._width))
        self.words.setMaximumWidth(self._width)

    def _draw(self) -> None:
        if not self._guessed:
            self.words.setText(self.text)
            return
        colour = self._look.hex("accent")
        parts = _marks(self._guessed).split(self.text)
        for place in range(1, len(parts), 2):
            word = html.escape(parts[place], quote=True)
            parts[place] = f'<a href="{word}" style="color: {colour}; text-decoration: underline">{word}</a>'
        parts[::2] = map(html.escape, parts[::2])
        self.words.setText("".join(parts))


def _marks(guessed: Sequence[str]) -> re.Pattern[str]:
    """Where the guessed parts stand in a sentence, the longest first; as whole words."""
    parts = "|".join(re.escape(part) for part in sorted(guessed, key=len, reverse=True))
    return re.compile(rf"(?<!\w)({parts})(?!\w)", re.IGNORECASE)
