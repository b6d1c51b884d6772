"""Check everything: the command, its entry in the menu, and the doctor behind its dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.theme import Look
from desktop.window import Window

if TYPE_CHECKING:
    from desktop.pages.checkup import CheckupDialog

_FINDINGS = "checkup"


def connect(look: Look, window: Window, bridge: Bridge) -> None:
    """Enter the command into catalogue and menu."""
    _Wiring(look, window, bridge)


class _Wiring(QObject):
    """Lives as long as its window."""

    def __init__(self, look: Look, window: Window, bridge: Bridge) -> None:
        super().__init__(window)
        self._look, self._window, self._bridge = look, window, bridge
        self._dialog: CheckupDialog | None = None
        words = "doctor health diagnose trouble problem redis microphone disk help"
        window.catalogue.add(Command("window.check", "Window", "Check everything…", self._open, words))
        window.add_menu_command("window.check")
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)

    def _open(self) -> None:
        if self._dialog is not None:
            self._dialog.raise_()
            return
        # Imported when it is first wanted: nobody should wait for the doctor at the start.
        from desktop.pages.checkup import CheckupDialog

        self._dialog = dialog = CheckupDialog(self._look, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._forget)
        dialog.wanted.connect(lambda: self._bridge.consult(_FINDINGS, _examine))
        dialog.open()
        dialog.check()

    def _forget(self) -> None:
        self._dialog = None

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _FINDINGS and self._dialog is not None and isinstance(answer, list):
            self._dialog.show_findings(answer)

    def _on_refused(self, topic: str, message: str) -> None:
        if topic == _FINDINGS and self._dialog is not None:
            self._dialog.show_failed(message)


async def _examine() -> object:
    from desktop.voice.microphone_check import microphone_check
    from engine.doctor import examine

    return await examine([microphone_check()])
