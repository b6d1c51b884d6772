"""The microphone: from key down to a Recording, with nothing cut off at either end.

Hides when the device is open, and its rate. It is opened on the first `start`, then kept warm for 30 s: while
warm, the last 500 ms are remembered, so that the next recording holds the syllable spoken as the
key went down. After `stop` it goes on for at most 250 ms, until the voice has died away. The
device's thread only appends bytes to a ring; a timer of Qt's thread does the rest.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.voice.end_of_speech import EndOfSpeech
from desktop.voice.portaudio import BLOCK_MS, PortAudio, resampler
from engine.audio import SPEECH_RATE_HZ, Recording
from engine.errors import HarkError

PRE_ROLL_MS = 500
POST_ROLL_MIN_MS = 60
POST_ROLL_MAX_MS = 250
TRAILING_SILENCE_MS = 300
WARM_MS = 30_000
_QUIET_MS = 100
_QUIET_BELOW_LOUDEST_DB = 30.0
_QUIET_DBFS = -55.0
_LOST_AFTER_S = 0.5
_FIRST_BLOCK_WITHIN_S = 3.0  # a Bluetooth headset changes its mode first
_METER_FLOOR_DBFS = -60.0
_SILENT_AFTER_MS = 1_500
_SILENT_DBFS = -70.0  # a microphone that is on has some noise; one that is muted gives zeros
_MOST_WAITING_MS = 600_000
_CLIPPED = 32_700
_CLIPPED_SAMPLES = 4
"""So many of a block's 320 samples at full scale: one may be a knock on the table."""


def with_trailing_silence(recording: Recording) -> Recording:
    """The recording and 300 ms of silence: recognisers drop a last word that ends with the file."""
    silence = np.zeros(recording.rate_hz * TRAILING_SILENCE_MS // 1000, dtype=np.int16)
    return Recording(np.concatenate((recording.samples, silence)), recording.rate_hz)


def loudness_dbfs(block: bytes) -> float:
    """Root mean square of int16 samples in dB below full scale; -inf for silence."""
    samples = np.frombuffer(block, dtype=np.int16).astype(np.float64)
    rms = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return 20 * float(np.log10(rms / 32768)) if rms else float("-inf")


class Microphone(QObject):
    """Records from the default input.

    `started`: the first sound of this recording is in. `level`: 0.0 (silence) to 1.0 (full
    scale), some 50 times a second while recording. `silent`, `clipped`: once a recording, nothing at all
    has come for 1.5 s, or more than the device can tell. `speech_began`, `speech_ended`: somebody speaks, and has
    paused for long. `lost`: the device went away in the middle (message with remedy); `finished` follows with what
    was heard. `finished`: the Recording at 16 kHz, pre-roll and post-roll included.
    """

    started = Signal()
    level = Signal(float)
    silent = Signal()
    clipped = Signal()
    speech_began = Signal()
    speech_ended = Signal()
    lost = Signal(str)
    finished = Signal(object)

    def __init__(self, portaudio: PortAudio | None = None, parent: QObject | None = None, *, warm_ms: int = WARM_MS):
        """`warm_ms`: how long the device stays open after a recording."""
        super().__init__(parent)
        self._portaudio = portaudio or PortAudio()
        self._stream: Any = None
        self._resampler: Any = None
        self._rest = b""
        # Written by the device's thread, read by Qt's; deque operations are atomic. Bounded, lest a
        # hanging window eat the memory.
        self._incoming: deque[bytes] = deque(maxlen=_MOST_WAITING_MS // BLOCK_MS)
        self._ended: set[int] = set()
        self._stream_number = 0
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_MS // BLOCK_MS)
        self._blocks: list[bytes] | None = None
        self._loudness: list[float] = []
        self._heard_block = False
        self._heard_sound = False
        self._told_silent = False
        self._told_clipped = False
        self._end_of_speech = EndOfSpeech()
        self._stopped_at_block: int | None = None
        self._last_block_s = 0.0
        self._poll = QTimer(self)
        self._poll.setTimerType(Qt.TimerType.PreciseTimer)
        self._poll.setInterval(BLOCK_MS)
        self._poll.timeout.connect(self._take_blocks)
        self._cool_down = QTimer(self)
        self._cool_down.setSingleShot(True)
        self._cool_down.setInterval(warm_ms)
        self._cool_down.timeout.connect(self.close)

    @property
    def is_open(self) -> bool:
        """Whether the device is open: recording, or warm."""
        return self._stream is not None

    def start(self) -> None:
        """Begin a recording; opens the device where it is not warm.

        Raises PermanentError or BadInputError, each with what to do, where there is no sound
        library or no microphone.
        """
        self._cool_down.stop()
        if self._stream is not None:
            self._take_blocks()  # may find that the warm device is gone
        if self._stream is None:
            self._open()
        self._blocks = list(self._pre_roll)
        self._loudness = [loudness_dbfs(block) for block in self._blocks]
        self._pre_roll.clear()
        self._heard_block = self._heard_sound = self._told_silent = self._told_clipped = False
        self._end_of_speech.start()
        self._stopped_at_block = None

    @property
    def is_recording(self) -> bool:
        """Between `start` and `finished` or `discard`."""
        return self._blocks is not None

    def stop(self) -> None:
        """End the recording; `finished` comes after the post-roll."""
        if self._blocks is None:
            return
        self._take_blocks()
        if self._blocks is not None and self._stopped_at_block is None:
            self._stopped_at_block = len(self._blocks)

    def discard(self) -> None:
        """Forget the recording; no `finished` comes."""
        if self._blocks is not None:
            self._blocks = None
            self._cool_down.start()

    def close(self) -> None:
        """Let go of the device and of everything heard."""
        self._poll.stop()
        self._cool_down.stop()
        self._stream_number += 1
        if self._stream is not None:
            self._portaudio.close(self._stream)
            self._stream = None
        self._incoming.clear()
        self._pre_roll.clear()
        self._blocks = None

    def _open(self) -> None:
        self._stream_number += 1
        number = self._stream_number
        incoming, ended = self._incoming, self._ended
        incoming.clear()
        ended.clear()

        def take(data: Any, _frames: int, _times: Any, _status: Any) -> None:
            incoming.append(bytes(data))

        def end() -> None:
            ended.add(number)

        self._stream, rate_hz = self._portaudio.open("input", None, take, end)
        self._resampler = None if rate_hz == SPEECH_RATE_HZ else resampler(rate_hz, SPEECH_RATE_HZ)
        self._rest = b""
        try:
            self._portaudio.start(self._stream, "input")
        except HarkError:
            self._stream = None
            raise
        self._last_block_s = time.monotonic() + _FIRST_BLOCK_WITHIN_S - _LOST_AFTER_S
        self._poll.start()

    def _take_blocks(self) -> None:
        """Move what the device delivered to the recording, or to the pre-roll."""
        count = 0
        while self._incoming:
            count += 1
            for block in self._in_blocks(self._incoming.popleft()):
                self._take(block)
        now_s = time.monotonic()
        if count:
            self._last_block_s = now_s
        elif self._stream_number in self._ended or now_s - self._last_block_s > _LOST_AFTER_S:
            self._device_lost()

    def _in_blocks(self, data: bytes, *, last: bool = False) -> list[bytes]:
        """The device's sound as blocks of 20 ms at 16 kHz; a part of a block waits for more."""
        if self._resampler is not None:
            samples = np.frombuffer(data, dtype=np.int16)
            data = self._resampler.resample_chunk(samples, last=last).tobytes()
        data = self._rest + data
        size = SPEECH_RATE_HZ * BLOCK_MS // 1000 * 2
        whole = len(data) // size * size
        self._rest = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]

    def _take(self, block: bytes) -> None:
        if self._blocks is None:
            self._pre_roll.append(block)
            return
        loudness = loudness_dbfs(block)
        self._blocks.append(block)
        self._loudness.append(loudness)
        if not self._heard_block:
            self._heard_block = True
            self.started.emit()
        self.level.emit(min(1.0, max(0.0, 1 - loudness / _METER_FLOOR_DBFS)))
        self._look_at(block, loudness)
        # A slot may have ended the recording.
        if self._blocks is not None and self._stopped_at_block is not None and self._voice_has_died_away():
            self._finish()

    def _look_at(self, block: bytes, loudness: float) -> None:
        """Tell what the person should know of the sound, while it can still be mended."""
        self._heard_sound = self._heard_sound or loudness > _SILENT_DBFS
        if self._blocks is not None and not self._heard_sound and not self._told_silent:
            self._told_silent = len(self._blocks) * BLOCK_MS >= _SILENT_AFTER_MS
            if self._told_silent:
                self.silent.emit()
        if not self._told_clipped:
            at_the_limit = np.abs(np.frombuffer(block, dtype=np.int16).astype(np.int32)) >= _CLIPPED
            self._told_clipped = int(at_the_limit.sum()) >= _CLIPPED_SAMPLES
            if self._told_clipped:
                self.clipped.emit()
        match self._end_of_speech.hear(block):
            case "began":
                self.speech_began.emit()
            case "ended":
                self.speech_ended.emit()

    def _voice_has_died_away(self) -> bool:
        assert self._blocks is not None
        assert self._stopped_at_block is not None
        after_ms = (len(self._blocks) - self._stopped_at_block) * BLOCK_MS
        if after_ms < POST_ROLL_MIN_MS:
            return False
        quiet_dbfs = max(_QUIET_DBFS, max(self._loudness) - _QUIET_BELOW_LOUDEST_DB)
        return after_ms >= POST_ROLL_MAX_MS or max(self._loudness[-_QUIET_MS // BLOCK_MS :]) < quiet_dbfs

    def _finish(self) -> None:
        assert self._blocks is not None
        blocks, self._blocks = self._blocks, None
        self._cool_down.start()
        self.finished.emit(_joined(blocks))

    def _device_lost(self) -> None:
        blocks = self._blocks
        if blocks is not None:
            blocks += self._in_blocks(b"", last=True)
        self.close()
        self._portaudio.device_was_lost()
        if blocks is None:
            return
        self.lost.emit("The microphone was lost. What you said until then was kept; plug it in again to go on.")
        self.finished.emit(_joined(blocks))


def _joined(blocks: list[bytes]) -> Recording:
    return Recording(np.frombuffer(b"".join(blocks), dtype=np.int16), SPEECH_RATE_HZ)
