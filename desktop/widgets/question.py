"""Yes and No under a question of Hark's: by mouse, by key, and gone when nobody waits for the answer any more."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button, Text
from engine.model import HELD_MS


class Question(QWidget):
    """The two buttons; one of the signals comes, once."""

    answered = Signal(bool)
    expired = Signal()
    """The time for an answer is over: what was asked about is not done."""

    def __init__(self, look: Look, asked: str) -> None:
        """`asked` is what the answer is to, in words."""
        super().__init__()
        self.yes = Button(look, "Yes (Y)", kind="primary")
        self.no = Button(look, "No (N)")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        for button, key, yes, what in ((self.yes, "Y", True, "Do it"), (self.no, "N", False, "Leave it")):
            button.setMinimumSize(92, 32)
            button.setToolTip(f"{what} ({key}; Alt+{key} while you type)")
            button.setAccessibleName(f"{'Yes' if yes else 'No'}: {asked}")
            button.clicked.connect(lambda _=False, yes=yes: self.answered.emit(yes))
            for keys in (key, f"Alt+{key}"):
                QShortcut(QKeySequence(keys), self).activated.connect(button.click)
            row.addWidget(button)
        row.addWidget(Text(look, "You can also say it or type it.", "caption", "muted"))
        row.addStretch(1)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self.expired)
        self.timer.start(HELD_MS)
