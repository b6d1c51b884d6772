"""When a person has begun to speak and when they have stopped: for hands-free talking.

Hides pocketsphinx's bundled voice activity detector (WebRTC's). Its work on a block takes some ten
microseconds, so that it may run in the window's thread.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

BLOCK_MS = 20
_BEGAN_WITHIN_MS = 300
_BEGAN_SHARE = 0.6
PAUSE_MS = 900
"""People pause for up to half a second within a sentence."""
_PAUSE_SHARE = 0.1


class EndOfSpeech:
    """Hears one recording after the other: `start`, then `hear` each block of 20 ms, 16 kHz mono int16."""

    def __init__(self, pause_ms: int = PAUSE_MS) -> None:
        """`pause_ms`: a silence of this length ends what is said."""
        self._lately: deque[bool] = deque(maxlen=_BEGAN_WITHIN_MS // BLOCK_MS)
        self._pause: deque[bool] = deque(maxlen=pause_ms // BLOCK_MS)
        self._began = False
        self._detector: Any = None

    def start(self) -> None:
        """Forget what was heard."""
        self._lately.clear()
        self._pause.clear()
        self._began = False

    def hear(self, block: bytes) -> Literal["began", "ended"] | None:
        """What the block has changed: "began" once somebody speaks, "ended" once they have paused for long."""
        if self._detector is None:
            from pocketsphinx import Vad

            self._detector = Vad(mode=Vad.STRICT, sample_rate=16_000, frame_length=BLOCK_MS / 1000)
        voice = bool(self._detector.is_speech(block))
        self._lately.append(voice)
        self._pause.append(voice)
        if not self._began:
            self._began = len(self._lately) == self._lately.maxlen and _share(self._lately) >= _BEGAN_SHARE
            return "began" if self._began else None
        if len(self._pause) == self._pause.maxlen and _share(self._pause) <= _PAUSE_SHARE:
            self.start()
            return "ended"
        return None


def _share(heard: deque[bool]) -> float:
    return sum(heard) / len(heard)
