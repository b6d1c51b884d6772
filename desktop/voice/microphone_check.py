"""The doctor's look at the microphone: is there one, and does any sound come from it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import numpy as np

from desktop.voice.portaudio import PortAudio
from engine.audio import SPEECH_RATE_HZ
from engine.doctor import Check, Finding, Level, blocking_check

FIRST_SOUND_WITHIN_S = 3.0
"""A Bluetooth headset changes its mode first."""
_CHECK_S = 8.0
_MUTED = "Unmute it or choose another in the system's sound settings, and let Hark use it in its privacy settings."


def microphone_check(first_sound_within_s: float = FIRST_SOUND_WITHIN_S) -> Check:
    """The check that `hark doctor` runs. A missing microphone is a warning: commands can be typed, too."""
    return blocking_check(
        "microphone",
        lambda: [_listen(first_sound_within_s)],
        limit_s=_CHECK_S,
        failure=Level.WARNING,
        hang_remedy="Unplug it and plug it in again, or start the system's sound service again.",
    )


def _listen(first_sound_within_s: float) -> Finding:
    """Open the default microphone and wait for a sample that is not silence; nothing is kept of what is heard."""
    blocks: deque[bytes] = deque(maxlen=1)
    heard = threading.Event()

    def take(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        block = bytes(data)
        blocks.append(block)
        # Every real microphone has some noise: only zeros are nothing.
        if np.frombuffer(block, dtype=np.int16).any():
            heard.set()

    portaudio = PortAudio()
    stream, rate_hz = portaudio.open("input", SPEECH_RATE_HZ, take, lambda: None)
    try:
        started_s = time.monotonic()
        portaudio.start(stream, "input")
        sounds = heard.wait(first_sound_within_s)
        waited_ms = (time.monotonic() - started_s) * 1000
    finally:
        portaudio.close(stream)
    if sounds:
        message = f"The microphone gives sound, at {rate_hz:,} Hz, after {waited_ms:.0f} ms."
        return Finding("microphone", Level.OK, message)
    if blocks:
        return Finding("microphone", Level.WARNING, "The microphone gives nothing but silence.", _MUTED)
    return Finding("microphone", Level.WARNING, "The microphone opens, but no sound comes from it.", _MUTED)
