"""The button that tells which microphone listens, with a menu to choose another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QMenu

from desktop.theme import Look
from desktop.widgets.text import Button

_DEFAULT = "Default microphone"
_NAME_PX = 220


class MicrophoneButton(Button):
    """Devices are told apart by their ids; "" is whichever is the default."""

    wanted = Signal()
    """The list is being opened: `show_microphones` fills it."""
    device_chosen = Signal(str)

    def __init__(self, look: Look) -> None:
        super().__init__(look, _DEFAULT, kind="quiet", icon="microphone", icon_role="muted", font="caption")
        self.device = ""
        """The chosen one."""
        self._name = ""
        self.setIconSize(QSize(14, 14))
        self.set_low(24)
        self.setMaximumWidth(280)
        self.setToolTip("The microphone that listens; choose another one here")
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.wanted)
        self.setMenu(self._menu)

    def show_microphones(self, known: Sequence[tuple[str, str]], default: str) -> None:
        """Show which there are, each with its id and its name, and which name the default one has ("": unknown)."""
        names = dict(known)
        entries = [("", f"{_DEFAULT} ({default})" if default else _DEFAULT), *known]
        if self.device and self.device not in names:
            entries.append((self.device, f"{self._name or self.device} (not plugged in)"))
        elif self.device:
            self._name = names[self.device]
        self._menu.clear()
        for device, name in entries:
            entry = self._menu.addAction(name)
            entry.setCheckable(True)
            entry.setChecked(device == self.device)
            entry.triggered.connect(lambda _=False, device=device: self._choose(device))
        shown = names.get(self.device, default) or _DEFAULT
        self.setText(self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, _NAME_PX))

    def memory(self) -> dict[str, Any]:
        """The chosen microphone, to be kept."""
        return {"microphone": self.device, "name": self._name}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take the choice up again. Raises KeyError where there is none."""
        self._name = str(memory["name"])
        self._choose(str(memory["microphone"]))

    def _choose(self, device: str) -> None:
        self.device = device
        self.device_chosen.emit(device)
