"""The loudspeaker: plays one answer at a time, while it still comes in parts, and can be silenced at once.

Hides the output device. Its thread only copies bytes; when they are used up, or the device goes
away, Qt's thread is told by signal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.voice.portaudio import PortAudio, resampler
from engine.audio import Recording

_STALLED_MS = 2_000


class _Playback:
    """The sound on its way out; `position` is in bytes. With `more` it does not end where it is used up."""

    def __init__(self) -> None:
        # Only Qt's thread appends, only the device's reads: what was appended stays as it is.
        self.sound = bytearray()
        self.position = 0
        self.more = False
        self.given_rate_hz = 0
        self.resampler: Any = None
        self.stream: Any = None

    def append(self, recording: Recording, *, last: bool) -> None:
        """Put `recording` behind the rest. Parts are resampled as the one sound that they are: no seam is heard."""
        samples = recording.at_rate(self.given_rate_hz).samples
        if self.resampler is not None:
            samples = self.resampler.resample_chunk(samples, last=last)
        self.sound += samples.tobytes()


class Speaker(QObject):
    """Plays on the default output.

    `finished`: the sound was played to its end (not after `stop`). `failed`: the output was lost
    (message with remedy).
    """

    finished = Signal()
    failed = Signal(str)
    _ended = Signal(object)

    def __init__(self, portaudio: PortAudio | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._portaudio = portaudio or PortAudio()
        self._playback: _Playback | None = None
        self._ended.connect(self._on_ended)
        self._watched_position = 0
        self._watch = QTimer(self)
        self._watch.setInterval(_STALLED_MS)
        self._watch.timeout.connect(self._check_progress)

    @property
    def is_playing(self) -> bool:
        """Whether sound is on its way out."""
        return self._playback is not None

    def play(self, recording: Recording, *, more: bool = False) -> None:
        """Play `recording`, instead of what was playing; with `more`, `add` and `end` follow.

        Raises PermanentError or BadInputError, each with what to do, where there is no sound
        library or no output.
        """
        self.stop()
        playback = _Playback()
        used_up = self._portaudio.callback_stop

        def give(out: Any, _frames: int, _times: Any, _status: Any) -> None:
            chunk = playback.sound[playback.position : playback.position + len(out)]
            playback.position += len(chunk)
            out[: len(chunk)] = chunk
            if len(chunk) < len(out):
                out[len(chunk) :] = bytes(len(out) - len(chunk))
                if not playback.more:
                    raise used_up

        def end() -> None:
            self._ended.emit(playback)

        playback.more = more
        playback.given_rate_hz = recording.rate_hz
        playback.stream, rate_hz = self._portaudio.open("output", recording.rate_hz, give, end)
        if rate_hz != recording.rate_hz:
            playback.resampler = resampler(recording.rate_hz, rate_hz)
        playback.append(recording, last=not more)
        self._portaudio.start(playback.stream, "output")
        self._playback = playback
        self._watched_position = -1
        self._watch.start()

    def add(self, recording: Recording) -> None:
        """Play `recording` when the sound so far has been played; nothing happens after `stop`."""
        if self._playback is not None:
            self._playback.append(recording, last=False)

    def end(self) -> None:
        """No more is added: `finished` comes when all has been played."""
        if self._playback is not None and self._playback.more:
            self._playback.append(Recording(np.zeros(0, np.int16), self._playback.given_rate_hz), last=True)
            self._playback.more = False

    def stop(self) -> None:
        """Be silent at once; what was not yet played is dropped and `finished` does not come."""
        self._watch.stop()
        playback, self._playback = self._playback, None
        if playback is not None:
            self._portaudio.close(playback.stream)

    def _on_ended(self, playback: _Playback) -> None:
        if playback is not self._playback:
            return
        complete = playback.position >= len(playback.sound)
        self.stop()
        if complete:
            self.finished.emit()
        else:
            self._lost()

    def _check_progress(self) -> None:
        if self._playback is None:
            return
        if self._playback.position == self._watched_position < len(self._playback.sound):
            self.stop()
            self._lost()
        elif self._playback is not None:
            self._watched_position = self._playback.position

    def _lost(self) -> None:
        self._portaudio.device_was_lost()
        self.failed.emit(
            "The loudspeaker was lost. The answer is in the window; choose another output to hear the next."
        )
