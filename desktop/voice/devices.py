"""Which microphone: the list of them, kept up to date, and the choice of one, or of whichever is the default.

On Linux the sound server tells of plugging, unplugging and another default at once (`pulse`). Elsewhere PortAudio lists
the devices, anew each time that the list is asked for.
"""

from __future__ import annotations

import os
import sys

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.voice.portaudio import PortAudio
from desktop.voice.pulse import PulseServer, Source

_SERVER_VARIABLE = "PULSE_SOURCE"
_RECONNECT_MS = 3_000
_GONE = "{} is not plugged in any more. {} listens until it is back."
_BACK = "{} is plugged in again and listens."


class Microphones(QObject):
    """`changed`: something was plugged in or out, muted, or another one is the default.

    A chosen microphone that is not plugged in is stood in for by the default one, until it is back; `notice` says so
    when it goes, `returned` when it comes back.
    """

    changed = Signal()
    notice = Signal(str)
    returned = Signal(str)
    _told = Signal()

    def __init__(self, portaudio: PortAudio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._portaudio = portaudio
        self._chosen = ""
        self._title = ""
        """The chosen one's name for people, as long as it is, or was lately, plugged in."""
        self._was_there = False
        self._has_server = sys.platform.startswith("linux")
        self._own_default = os.environ.get(_SERVER_VARIABLE)
        self._server: PulseServer | None = None
        self._reconnect = QTimer(self)
        self._reconnect.setSingleShot(True)
        self._reconnect.setInterval(_RECONNECT_MS)
        self._reconnect.timeout.connect(self.start)
        self._told.connect(self._on_told)

    @property
    def chosen(self) -> str:
        """The id of the chosen one; "" follows the default."""
        return self._chosen

    @property
    def default(self) -> Source | None:
        """The system's default, where it is known."""
        name = self._own_default or (self._server.default if self._server is not None else "")
        return next((source for source in self.list() if source.id == name), None)

    @property
    def current(self) -> Source | None:
        """The one that the next recording uses, where that is known."""
        return next((source for source in self.list() if source.id == self._chosen), None) or self.default

    def start(self) -> None:
        """Begin to watch; without a sound server that can be asked there is nothing to watch."""
        if not self._has_server:
            return
        if self._server is not None:
            self._server.close()
            self._server = None
        try:
            self._server = PulseServer(self._told.emit)
        except OSError:
            return

    def close(self) -> None:
        """Watch no more."""
        self._reconnect.stop()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def list(self) -> tuple[Source, ...]:
        """All microphones, as far as they are known."""
        if self._server is not None:
            return self._server.sources
        if self._has_server:
            return ()
        found = tuple(Source(name, name) for name in self._portaudio.inputs())
        self._portaudio.input_device = self._chosen if self._look_for_chosen(found) else None
        return found

    def choose(self, device_id: str) -> None:
        """Use this one from the next recording on; "" follows the default."""
        self._chosen, self._title, self._was_there = device_id, "", False
        self._apply()
        self.changed.emit()

    def fall_back(self) -> bool:
        """The chosen one cannot be opened: take the default one, and say so. False where it is that already.

        For systems that do not tell of unplugging; where the list has the chosen one again, it is taken up again.
        """
        if self._server is not None or self._portaudio.input_device is None:
            return False
        self._portaudio.input_device = None
        if self._was_there:
            self._was_there = False
            self.notice.emit(_GONE.format(self._title, "The default one"))
        return True

    def _on_told(self) -> None:
        if self._server is not None and not self._server.alive:
            self._reconnect.start()
        self._apply()
        self.changed.emit()

    def _apply(self) -> None:
        if self._server is None:
            self.list()
            return
        there = any(source.id == self._chosen for source in self._server.sources)
        if self._server.alive:
            self._look_for_chosen(self._server.sources)
        # libpulse, which PortAudio goes through, reads it when a stream is opened.
        name = self._chosen if there else self._own_default
        if name is None:
            os.environ.pop(_SERVER_VARIABLE, None)
        else:
            os.environ[_SERVER_VARIABLE] = name

    def _look_for_chosen(self, sources: tuple[Source, ...]) -> bool:
        """Whether the chosen one is plugged in; where that is news, it is told."""
        chosen = next((source for source in sources if source.id == self._chosen), None)
        was_there, self._was_there = self._was_there, chosen is not None
        if chosen is None and was_there:
            default = self.default
            self.notice.emit(_GONE.format(self._title, default.title if default is not None else "The default one"))
        elif chosen is not None and not was_there and self._title:
            self.returned.emit(_BACK.format(chosen.title))
        if chosen is not None:
            self._title = chosen.title
        return chosen is not None
