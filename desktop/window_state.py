"""What the window is like when it opens again: its size and place, its page, its colours, and what pages keep.

It hides the file `window.ini` beside the settings, and what in it is unreadable or does not fit any more: that
is passed over, for a lost splitter is no reason for a window not to open.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

FILE = "window.ini"


@runtime_checkable
class Remembering(Protocol):
    """A page, or another part, that looks next time as it was left."""

    def memory(self) -> dict[str, Any]:
        """What to keep, as JSON can hold it."""
        ...

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take it up again. Raises TypeError, ValueError or KeyError for what it cannot make out."""
        ...


class WindowState:
    """Reads and writes the file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._kept = QSettings(str(folder / FILE), QSettings.Format.IniFormat)

    def restore(self, window: QWidget, parts: Mapping[str, object]) -> None:
        """Bring back the window's place, maximised or not, and each of the parts; the first time it is centred.

        Where its screen is gone it comes up on one that is there. A part that is made later gets `restore_part`.
        """
        geometry = self._kept.value("window/geometry")
        if not isinstance(geometry, QByteArray) or not window.restoreGeometry(geometry):
            _centre(window)
        for name, part in parts.items():
            self.restore_part(name, part)

    def restore_part(self, name: str, part: object) -> None:
        """Bring back one of the parts."""
        text = self._kept.value(f"parts/{name}")
        if isinstance(part, Remembering) and isinstance(text, str):
            with contextlib.suppress(ValueError, TypeError, KeyError):  # of another version, or edited by hand
                part.recall(json.loads(text))

    def save(self, window: QWidget, parts: Mapping[str, object]) -> None:
        """Keep all of it; a disk that takes nothing is no reason not to close."""
        self._kept.setValue("window/geometry", window.saveGeometry())
        for name, part in parts.items():
            if isinstance(part, Remembering):
                self._kept.setValue(f"parts/{name}", json.dumps(part.memory()))
        self._kept.sync()


def _centre(window: QWidget) -> None:
    screen = window.screen() or QGuiApplication.primaryScreen()
    area = screen.availableGeometry()
    window.resize(window.size().boundedTo(area.size()))
    frame = window.frameGeometry()
    frame.moveCenter(area.center())
    window.move(frame.topLeft())
