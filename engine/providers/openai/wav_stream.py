"""Reading a WAV file while it still comes: its rate first, then its sound, as far as it is there.

WAV, since it names its rate, which differs between servers; raw PCM does not. What is no plain 16-bit mono WAV (a
server may answer in another format than the one it was asked for) is read when it is whole.
"""

from __future__ import annotations

import struct

import numpy as np

from engine.audio import Recording

_PCM_CODES = (1, 0xFFFE)


class WavStream:
    """`add` each piece of the file; `end` when there are no more."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._rate_hz = 0
        self._left = 0
        self._is_other = False

    def add(self, data: bytes) -> Recording | None:
        """The sound that `data` has brought, None where there is none to hear yet."""
        self._waiting += data
        if not self._rate_hz and not self._is_other:
            self._read_header()
        return self._take() if self._rate_hz else None

    def end(self) -> Recording | None:
        """What is left to hear. Raises BadInputError where the file was no sound at all."""
        if self._rate_hz:
            return None
        return Recording.decode(bytes(self._waiting), "the spoken answer")

    @property
    def is_cut(self) -> bool:
        """Whether less sound came than the file has promised."""
        return self._left > 0

    def _take(self) -> Recording | None:
        # Behind the sound a file may hold other things.
        size = min(len(self._waiting), self._left) if self._left >= 0 else len(self._waiting)
        size -= size % 2
        if not size:
            return None
        samples = np.frombuffer(bytes(self._waiting[:size]), dtype="<i2").astype(np.int16)
        del self._waiting[:size]
        if self._left >= 0:
            self._left -= size
        return Recording(samples, self._rate_hz)

    def _read_header(self) -> None:
        head = self._waiting
        if len(head) < 12:
            return
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            self._is_other = True
            return
        at, rate_hz = 12, 0
        while len(head) >= at + 8:
            name, size = struct.unpack_from("<4sI", head, at)
            if name == b"data":
                self._is_other = not rate_hz
                if rate_hz:
                    self._rate_hz = rate_hz
                    # Written before the length was known, it is the largest number or 0.
                    self._left = -1 if size in (0, 0xFFFFFFFF, 0x7FFFFFFF) or size > 0x7FFFFF00 else size
                    del head[: at + 8]
                return
            if name == b"fmt ":
                if len(head) < at + 24:
                    return
                code, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", head, at + 8)
                if code not in _PCM_CODES or channels != 1 or bits != 16:
                    self._is_other = True
                    return
            at += 8 + size + size % 2
