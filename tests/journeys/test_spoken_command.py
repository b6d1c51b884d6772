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


def likeness(heard: Recording, spoken: Recording) -> float:
    """How much of `spoken` is in `heard`, wherever it lies: 1.0 is the same sound at any loudness."""
    size = len(heard.samples) + len(spoken.samples)
    a, b = (recording.samples.astype(float) for recording in (heard, spoken))
    match = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    at = int(match.argmax()) % size
    there = a[at : at + len(b)]
    return float(match.max() / (np.linalg.norm(there) * np.linalg.norm(b)))


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
