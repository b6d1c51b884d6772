"""How far long work is, and its Stop."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button, Text

_SCALE = 1_000


class WorkBar(QWidget):
    """Hidden until `show_progress`; `stop_wanted` comes once for each work."""

    stop_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._words = Text(look, "", "label")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._bar.setRange(0, _SCALE)
        self.stop = Button(look, "Stop", kind="row", font="label")
        self.stop.setToolTip("End it after what is done now; that stays done.")
        self.stop.clicked.connect(self._stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._words)
        row.addWidget(self._bar, 1)
        row.addWidget(self.stop)
        self.hide()

    @property
    def words(self) -> str:
        """What is said, such as "Removing: 3,400 of 12,000"."""
        return self._words.text()

    def show_progress(self, what: str, done: int, total: int) -> None:
        """Tell that `what` ("Removing") is at `done` of `total` jobs; a total of 0 is not known yet."""
        if self.isHidden():
            self.stop.setEnabled(True)
            self.show()
        words = f"{what}: {done:,} of {total:,}" if total else f"{what}…"
        self._words.setText(words)
        self._bar.setAccessibleName(words)
        self._bar.setValue(_SCALE * min(done, total) // total if total else 0)
        self.stop.setAccessibleName(f"Stop {what.lower()}")

    def end(self) -> None:
        """The work is over."""
        self.hide()

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self._words.setText(f"{self._words.text()}, stopping")
        self.stop_wanted.emit()
