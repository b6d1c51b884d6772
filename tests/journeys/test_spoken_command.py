"""A person holds the key, says a command, lets go, and hears the answer; nothing is replaced.

The real window, a microphone and a loudspeaker that PulseAudio provides, the embedded worker in its
own process, Hark's own Redis, and the offline recogniser, understanding and voice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.voice.push_to_talk import TalkState
from desktop.widgets.exchange import Exchange
from engine.audio import SPEECH_RATE_HZ, Recording
from engine.model import Heard, Hearing, Replied, Spoken
from engine.queues import EMAIL_PROCESSING
from tests.journeys.person import Person, until

pytestmark = pytest.mark.timeout(180)


_PIECE_MS = 120
_QUIET = 100
"""Root mean square of samples, below which there is nothing to compare."""


def likeness(heard: Recording, spoken: Recording) -> float:
    """How much of `spoken` is in `heard`, piece after piece, wherever it begins: 1.0 is the same at any loudness.

    A busy machine may put pauses between the pieces; what is left out, or comes in another order, counts as missing.
    """
    sound, size = heard.samples.astype(float), spoken.rate_hz * _PIECE_MS // 1000
    starts = range(0, len(spoken.samples) - size + 1, size)
    if len(sound) < len(spoken.samples):
        return 0.0
    width = 1 << (len(sound) + size).bit_length()
    spectrum, energy = np.fft.rfft(sound, width), np.cumsum(np.concatenate(([0.0], sound**2)))
    there = np.sqrt(np.maximum(energy[size:] - energy[:-size], 1.0))
    # For each number of samples by which `spoken` may lie later than `heard` begins: the best of the pieces so far.
    best, pieces = np.zeros(len(sound)), 0
    for start in starts:
        piece = spoken.samples[start : start + size].astype(float)
        if np.sqrt(np.mean(piece**2)) < _QUIET:
            continue
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, width)), width)[: len(there)]
        alike = np.full(len(sound), -1.0)
        alike[: len(there) - start] = (match / there / np.linalg.norm(piece))[start:]
        best, pieces = np.maximum.accumulate(best) + alike, pieces + 1
    return float(best.max()) / pieces


def test_a_spoken_command_is_done_and_answered_aloud(at_the_window: Callable[..., None]) -> None:
    async def journey(person: Person) -> None:
        with person.audio.record_speaker() as tap:
            await person.say("pause the email queue")
            await until(lambda: person.event(Spoken))

            assert isinstance(person.event(Hearing), Hearing), "words are shown while the rest is heard"
            heard, replied, spoken = (person.event(kind) for kind in (Heard, Replied, Spoken))
            assert isinstance(heard, Heard)
            assert isinstance(replied, Replied)
            assert isinstance(spoken, Spoken)
            assert heard.text.lower() in ("pause the email queue", "pause the mail queue")
            assert person.exchange.reply == replied.text

            await until(lambda: person.app.voice.state == TalkState.IDLE)
            answer = Recording.decode(spoken.flac).at_rate(SPEECH_RATE_HZ)
            await until(lambda: likeness(tap.recording(), answer) > 0.9)

        def email_is_paused() -> bool:
            queues = person.snapshot.queues if person.snapshot is not None else ()
            return any(queue.paused for queue in queues if queue.name == EMAIL_PROCESSING)

        await until(email_is_paused)

    at_the_window(journey)


def test_silence_is_told_and_not_sent(at_the_window: Callable[..., None]) -> None:
    async def journey(person: Person) -> None:
        refusals: list[str] = []
        levels: list[float] = []
        person.app.voice.refused.connect(refusals.append)
        person.app.voice.recording_level.connect(levels.append)
        QTest.keyPress(person.app.window, Qt.Key.Key_Space)
        await until(lambda: len(levels) > 20)
        QTest.keyRelease(person.app.window, Qt.Key.Key_Space)
        await until(lambda: refusals)
        assert "silent" in refusals[0]
        assert not person.app.window.findChildren(Exchange)
        notice = person.app.window.notices
        assert "silent" in notice.text
        assert not notice.isHidden()
        await until(lambda: not person.app.voice.held)
        await person.press()
        assert notice.isHidden(), "it is no news any more"
        person.escape()

    at_the_window(journey)
