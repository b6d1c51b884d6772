"""The sheet of keys: every shortcut, by the place where it works, made from the catalogue."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.commands import Catalogue
from desktop.pages.palette import shown_key
from desktop.theme import Look
from desktop.widgets.overlay import Overlay
from desktop.widgets.text import Button, Text

_WIDTH, _HEIGHT = 880, 640
_COLUMNS = 2


class KeySheet(Overlay):
    """Open it with `ask`; Esc, `?` or a click beside it closes it."""

    def __init__(self, look: Look, catalogue: Catalogue, parent: QWidget) -> None:
        super().__init__(look, parent, _WIDTH, _HEIGHT)
        self._catalogue = catalogue
        self.setAccessibleName("Keys")
        close = Button(look, "", kind="quiet", icon="close", icon_role="muted")
        close.setFixedSize(30, 30)
        close.setAccessibleName("Close the sheet of keys")
        close.setToolTip("Close (Esc)")
        close.clicked.connect(self.close_over)
        head = QHBoxLayout()
        head.addWidget(Text(look, "Keys", "title"))
        head.addStretch(1)
        head.addWidget(close)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setAccessibleName("All keys")
        self.column.setContentsMargins(26, 18, 18, 14)
        self.column.setSpacing(10)
        self.column.addLayout(head)
        self.column.addWidget(self.area, 1)
        catalogue.ran.connect(self._on_ran)

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Group, key and words of each line."""
        own = [(command.group, command.shortcut, command.text) for command in self._catalogue.commands()]
        told = [(key.group, key.shortcut, key.text) for key in self._catalogue.keys]
        return [row for row in (*own, *told) if row[1]]

    def ask(self) -> None:
        """Open it, or close it where it is open."""
        if self.isVisible():
            self.close_over()
            return
        self.area.setWidget(self._fill())
        self.open_over(self.area)

    def _on_ran(self, key: str) -> None:
        if key != "window.keys":  # which closes it by itself
            self.close_over()

    def _fill(self) -> QWidget:
        groups: dict[str, list[tuple[str, str]]] = {}
        for group, shortcut, text in self.rows:
            groups.setdefault(group, []).append((shown_key(shortcut), text))
        inner = QWidget()
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, 0, 10, 0)
        row.setSpacing(36)
        columns = [QVBoxLayout() for _ in range(_COLUMNS)]
        filled = [0] * _COLUMNS
        for column in columns:
            column.setSpacing(5)
            row.addLayout(column, 1)
        for group, lines in groups.items():
            place = filled.index(min(filled))
            filled[place] += len(lines) + 2
            title = Text(self._look, group, "strong", "accent")
            columns[place].addWidget(title)
            for shown, text in lines:
                columns[place].addLayout(self._line(shown, text))
            columns[place].addSpacing(14)
        for column in columns:
            column.addStretch(1)
        return inner

    def _line(self, shown: str, text: str) -> QHBoxLayout:
        words = Text(self._look, text, "body")
        words.setWordWrap(True)
        cap = QLabel(shown)
        cap.setObjectName("keyCap")
        cap.setFont(self._look.font("label"))
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(words, 1)
        line.addWidget(cap, 0, Qt.AlignmentFlag.AlignTop)
        return line
