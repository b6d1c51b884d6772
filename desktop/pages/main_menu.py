"""The menu of the rail: palette and keys, the colours, what the app and the console enter, and quitting."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QWidget

from desktop.commands import Catalogue
from desktop.pages.command_menu import CommandMenu
from desktop.theme import Look

_COLOURS = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))


class MainMenu(CommandMenu):
    """Further entries stand before the last part, in the order in which they come."""

    def __init__(self, look: Look, catalogue: Catalogue, parent: QWidget) -> None:
        super().__init__(catalogue, parent)
        self._look = look
        self.setAccessibleName("Menu")
        self.add_command("window.palette")
        self.add_command("window.keys")
        self.addSeparator()
        self._add_colours()
        self._last_part = self.addSeparator()
        self.add_command("window.quit")

    def add_entry(self, text: str, call: Callable[[], None], *, tooltip: str = "") -> QAction:
        """Enter something of the whole app; switch and word it by what is returned."""
        entry = QAction(text, self)
        entry.setToolTip(tooltip)
        entry.triggered.connect(lambda _=False: call())
        self.insertAction(self._last_part, entry)
        return entry

    def add_command_entry(self, key: str) -> None:
        """Enter the command of this key. Raises KeyError."""
        self.add_command(key, self._last_part)

    def _add_colours(self) -> None:
        colours = self.addMenu("Colours")
        group = QActionGroup(self)
        for choice, words in _COLOURS:
            entry = colours.addAction(words)
            entry.setCheckable(True)
            entry.setData(choice)
            entry.triggered.connect(lambda _=False, choice=choice: self._look.choose(choice))
            group.addAction(entry)
        colours.aboutToShow.connect(lambda: self._mark_choice(group))

    def _mark_choice(self, colours: QActionGroup) -> None:
        for entry in colours.actions():
            entry.setChecked(entry.data() == self._look.choice)
