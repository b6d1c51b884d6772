"""A person holds the key, says a command, lets go, and hears the answer; nothing is replaced.

The real window, a microphone and a loudspeaker that PulseAudio provides, the embedded worker in its
own process, Hark's own Redis, and the offline recogniser, understanding and voice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from desktop.app import App
from desktop.opening import open_window
from desktop.theme import Look
from desktop.voice.push_to_talk import TalkState
from desktop.widgets.exchange import Exchange
from engine.audio import SPEECH_RATE_HZ, Recording
from engine.model import CommandFailed, Heard, Replied, Snapshot, Spoken, VoiceEvent
from engine.providers.offline.synthesizer import OfflineSynthesizer
from engine.queues import EMAIL_PROCESSING
from tests.virtual_audio import VirtualAudio

pytestmark = pytest.mark.timeout(180)


class Person:
    """Someone at the window: what they do, and what they come to see and hear."""

    def __init__(self, app: App, audio: VirtualAudio) -> None:
        self.app = app
        self.audio = audio
        self.level = 0.0
        self.listening = False
        self.snapshot: Snapshot | None = None
        self.events: list[VoiceEvent] = []
        app.voice.recording_started.connect(self._on_recording_started)
        app.voice.recording_level.connect(self._on_level)
        app.bridge.sampled.connect(self._on_sampled)
        app.bridge.voice_event.connect(lambda _number, event: self.events.append(event))

    async def say(self, words: str) -> None:
        """Hold the space bar, say `words`, and let go when the meter shows silence."""
        speech = await OfflineSynthesizer().synthesize(words)
        self.listening = False
        QTest.keyPress(self.app.window, Qt.Key.Key_Space)
        await until(lambda: self.listening)
        saying = self.audio.play(speech)
        await until(lambda: self.level > 0.3)
        await until(lambda: saying.poll() is not None and self.level == 0)
        QTest.keyRelease(self.app.window, Qt.Key.Key_Space)

    def event(self, kind: type[VoiceEvent]) -> VoiceEvent | None:
        """The event of that kind, once it has come; fails where the command has failed."""
        failures = [event for event in self.events if isinstance(event, CommandFailed)]
        assert not failures, failures
        return next((event for event in self.events if isinstance(event, kind)), None)

    @property
    def exchange(self) -> Exchange:
        """The newest exchange that the window shows."""
        return self.app.window.findChildren(Exchange)[-1]

    def _on_recording_started(self) -> None:
        self.listening = True

    def _on_level(self, level: float) -> None:
        self.level = level

    def _on_sampled(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


async def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    """Let the app run until `condition` holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is seen in the window, which has no asyncio events
            await asyncio.sleep(0.01)


def likeness(heard: Recording, spoken: Recording) -> float:
    """How much of `spoken` is in `heard`, wherever it lies: 1.0 is the same sound at any loudness."""
    size = len(heard.samples) + len(spoken.samples)
    a, b = (recording.samples.astype(float) for recording in (heard, spoken))
    match = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    at = int(match.argmax()) % size
    there = a[at : at + len(b)]
    return float(match.max() / (np.linalg.norm(there) * np.linalg.norm(b)))


@pytest.fixture
def at_the_window(qapp: QApplication, virtual_audio: VirtualAudio) -> Callable[..., None]:
    """Run a journey inside the app, from the window's opening to its close."""

    async def live(journey: Callable[[Person], Awaitable[None]]) -> None:
        look = Look(dark=False)
        app = App(look, *open_window(look))
        person = Person(app, virtual_audio)
        running = asyncio.ensure_future(app.run())
        try:
            await until(lambda: person.snapshot is not None and person.snapshot.workers)
            await journey(person)
        finally:
            app.window.close()
            await running

    def run(journey: Callable[[Person], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=lambda: QEventLoop(qapp)) as runner:
            runner.run(live(journey))

    return run


def test_a_spoken_command_is_done_and_answered_aloud(at_the_window: Callable[..., None]) -> None:
    async def journey(person: Person) -> None:
        with person.audio.record_speaker() as tap:
            await person.say("pause the email queue")
            await until(lambda: person.event(Spoken))

            heard, replied, spoken = (person.event(kind) for kind in (Heard, Replied, Spoken))
            assert isinstance(heard, Heard)
            assert isinstance(replied, Replied)
            assert isinstance(spoken, Spoken)
            assert "pause the email queue" in heard.text.lower()
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

    at_the_window(journey)
