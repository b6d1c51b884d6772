"""The search line of the Jobs page: what is looked for, how far the search is, and going on or stopping."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.job_table_model import MOST_FOUND
from desktop.widgets.text import Button, Text
from engine.model import Searched

SEARCH_SPAN = 10_000
_ALL = 2**53
_QUALIFIERS = (
    ("anna", "text in the id, name, arguments or error"),
    ('"call anna"', "quotes keep spaces together"),
    ("name:create-task", "also id: trace: worker: signature: error:"),
    ("args:anna", "text anywhere in the arguments"),
    ("args.to:anna", "text in one argument; dots go deeper"),
    ("older:2h  newer:30m", "when it was added; ms s m h d"),
    ("-error:timeout", "a minus: not that"),
)


class JobSearch(QWidget):
    """Goes through the jobs in steps: `step_wanted` asks for one, `show_step` brings it and leads to the next.

    It rests after each 10,000 jobs until the person lets it go on, for as many more or to the end. `begun` tells of
    a new search, "" for none.
    """

    begun = Signal(str)
    step_wanted = Signal(int, str, object)
    """Number of the search, its query, and the position to go on from (None: the beginning)."""
    changed = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.query = ""
        """What is looked for; "" while all jobs are shown."""
        self.running = False
        self._number, self._position, self._at_end = 0, "", False
        self._looked = self._total = self._found = self._stop_at = 0
        self.typed = QLineEdit()
        self.typed.setFixedHeight(40)
        self.typed.setMinimumWidth(300)
        self.typed.setMaxLength(1_000)
        self.typed.setClearButtonEnabled(True)
        self.typed.setPlaceholderText("Search: anna, error:timeout, args.to:anna, older:2h")
        self.typed.setAccessibleName("Search these jobs")
        self.typed.setToolTip("Press Enter to search (Ctrl+F comes here)")
        self.typed.returnPressed.connect(lambda: self.begin(self.typed.text()))
        self.typed.textChanged.connect(lambda text: self.begin("") if not text and self.query else None)
        self.help = Button(look, "", kind="quiet", icon="info", icon_role="muted")
        self.help.setFixedSize(32, 32)
        self.help.setAccessibleName("What a search can say")
        self.help.setToolTip("What a search can say")
        self.help.clicked.connect(self._show_help)
        self._progress = Text(look, "", "label", "muted")
        self.go_on_button = Button(look, "Go on", kind="row")
        self.go_on_button.setAccessibleName("Search the next 10,000 jobs")
        self.go_on_button.setToolTip("Search the next 10,000 jobs")
        self.go_on_button.clicked.connect(lambda: self.go_on())
        self.to_end_button = Button(look, "To the end", kind="row")
        self.to_end_button.setAccessibleName("Search all the rest")
        self.to_end_button.setToolTip("Search all the rest; it can be stopped")
        self.to_end_button.clicked.connect(lambda: self.go_on(to_end=True))
        self.stop_button = Button(look, "Stop", kind="row")
        self.stop_button.setAccessibleName("Stop the search")
        self.stop_button.setToolTip("End the search here; what was found stays.")
        self.stop_button.clicked.connect(self.stop)
        self._popover = _HelpPopover(look, self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.typed, 1)
        for widget in (self.help, self._progress, self.go_on_button, self.to_end_button, self.stop_button):
            row.addWidget(widget)
        self._draw()

    @property
    def progress(self) -> str:
        """How far the search is, in words."""
        return self._progress.text()

    @property
    def at_end(self) -> bool:
        """Whether nothing is left to look at."""
        return self._at_end

    def begin(self, query: str, total: int = 0) -> None:
        """Look from the beginning for `query` among about `total` jobs; "" shows all again."""
        self.query = query.strip()
        self._number += 1
        self._looked = self._found = 0
        self._total, self._position, self._stop_at = total, "", SEARCH_SPAN
        self._at_end = False
        self.running = bool(self.query)
        self.begun.emit(self.query)
        if self.query:
            self._ask()
        self._draw()

    def go_on(self, *, to_end: bool = False) -> None:
        """Search the next 10,000 jobs, or all that are left."""
        if self.query and not self._at_end and not self.running:
            self.running, self._stop_at = True, _ALL if to_end else self._looked + SEARCH_SPAN
            self._ask()
            self._draw()

    def stop(self) -> None:
        """End the search where it is; what was found stays, and it can go on."""
        self.running = False
        self._draw()

    def show_step(self, number: int, step: Searched) -> bool:
        """One step's outcome; False for one of a search that another has overtaken.

        A total of 0 says nothing new: what the search began with stays.
        """
        if number != self._number or not self.query:
            return False
        self._looked += step.looked
        self._found += len(step.found)
        self._total = max(step.total or self._total, self._looked)
        self._position, self._at_end = step.position or "", step.position is None
        self.running = self.running and not self._at_end and self._looked < self._stop_at
        if self.running:
            self._ask()
        self._draw()
        return True

    def show_failed(self, words: str) -> None:
        """The search cannot go on: say why."""
        self.running = False
        self._draw()
        self._progress.setText(words)
        self._progress.setToolTip(words)

    def _ask(self) -> None:
        self.step_wanted.emit(self._number, self.query, self._position or None)

    def _draw(self) -> None:
        going = bool(self.query)
        self._progress.setVisible(going)
        for button in (self.go_on_button, self.to_end_button):
            button.setVisible(going and not self.running and not self.at_end)
        self.stop_button.setVisible(going and self.running)
        what = "Searching: " if self.running else "Searched "
        shown = f", the first {MOST_FOUND:,} are shown" if self._found > MOST_FOUND else ""
        self._progress.setText(f"{what}{self._looked:,} of {self._total:,}, {self._found:,} found{shown}")
        self._progress.setToolTip("All jobs of this state were looked at." if self.at_end else "")
        self.changed.emit()

    def _show_help(self) -> None:
        place = QPoint(self.help.width() - self._popover.sizeHint().width(), self.help.height() + 4)
        self._popover.move(self.help.mapToGlobal(place))
        self._popover.show()


class _HelpPopover(QFrame):
    """The words of a search, each with its meaning; a click elsewhere or Esc closes it."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("dialogCard")
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 16)
        column.setSpacing(6)
        column.addWidget(Text(look, "What a search can say", "strong"))
        for example, meaning in _QUALIFIERS:
            row = QHBoxLayout()
            label = Text(look, example, "label", "accent")
            label.setFixedWidth(150)
            row.addWidget(label)
            row.addWidget(Text(look, meaning, "body", "muted"), 1)
            column.addLayout(row)
        column.addWidget(Text(look, "Words are joined by and. Capitals do not matter.", "caption", "muted"))
