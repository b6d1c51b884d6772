"""Someone at the window, and the window itself: what every journey with a voice begins with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from desktop.app import App
from desktop.opening import open_window
from desktop.theme import Look
from desktop.widgets.exchange import Exchange
from engine.audio import Recording
from engine.model import CommandFailed, Snapshot, VoiceEvent
from engine.providers.offline.synthesizer import OfflineSynthesizer
from tests.virtual_audio import VirtualAudio


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
        await self.press()
        await self.speak(speech)
        self.release()

    async def tap(self) -> None:
        """Press the space bar for a moment; returns when the microphone hears."""
        await self.press()
        self.release()

    async def press(self) -> None:
        """Hold the space bar down; returns when the microphone hears."""
        self.listening = False
        QTest.keyPress(self.app.window, Qt.Key.Key_Space)
        await until(lambda: self.listening)

    async def tap_to_send(self) -> None:
        """Tap the space bar again: what was said goes."""
        QTest.keyPress(self.app.window, Qt.Key.Key_Space)
        self.release()

    async def say_it(self, speech: Recording) -> None:
        """Tap, say it, tap again."""
        await self.tap()
        await self.speak(speech)
        await self.tap_to_send()

    def release(self) -> None:
        """Let go of the space bar."""
        QTest.keyRelease(self.app.window, Qt.Key.Key_Space)

    def escape(self) -> None:
        """Press Esc."""
        QTest.keyClick(self.app.window, Qt.Key.Key_Escape)

    async def speak(self, speech: Recording) -> None:
        """Say it into the open microphone; returns when the meter shows silence."""
        saying = self.audio.play(speech)
        await until(lambda: self.level > 0.3)
        await until(lambda: saying.poll() is not None and self.level == 0)

    def event(self, kind: type[VoiceEvent]) -> VoiceEvent | None:
        """The event of that kind, once it has come; fails where the command has failed."""
        failures = [event for event in self.events if isinstance(event, CommandFailed)]
        assert not failures, failures
        return next((event for event in self.events if isinstance(event, kind)), None)

    @property
    def exchanges(self) -> list[Exchange]:
        """All that the window shows, the oldest first."""
        return self.app.window.findChildren(Exchange)

    @property
    def exchange(self) -> Exchange:
        """The newest exchange that the window shows."""
        return self.exchanges[-1]

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
