"""A menu made from the catalogue: what cannot be done now is greyed, with the reason as its tooltip."""

from __future__ import annotations

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop.commands import Catalogue


class CommandMenu(QMenu):
    """Fill it with `add_command`; it looks at the state anew whenever it opens."""

    def __init__(self, catalogue: Catalogue, parent: QWidget | None = None, *, keys: bool = True) -> None:
        """`keys`: the shortcuts are told; they work in the window only."""
        super().__init__(parent)
        self._keys = keys
        self._catalogue = catalogue
        self._made: dict[str, QAction] = {}
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._renew)

    def add_command(self, key: str, before: QAction | None = None) -> QAction:
        """Enter the command of this key, at the end or before another entry. Raises KeyError."""
        command = self._catalogue.command(key)
        action = QAction(command.text, self)
        self.insertAction(before, action)  # type: ignore[arg-type]
        if self._keys and command.shortcut and not command.held:
            # Only shown: the window's own shortcut answers the key, and two of them would cancel each other.
            shown = QKeySequence(command.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
            action.setText(f"{command.text}\t{shown}")
        action.triggered.connect(lambda _=False: self._catalogue.run(self._catalogue.command(key)))
        self._made[key] = action
        return action

    def _renew(self) -> None:
        for key, action in self._made.items():
            reason = self._catalogue.refusal(self._catalogue.command(key))
            action.setEnabled(not reason)
            action.setToolTip(reason)
