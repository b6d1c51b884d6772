"""The commands of this window, typed and spoken: each a stream of events under its number, until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

from PySide6.QtCore import QObject, Signal

from desktop.bridge.tasks import Tasks
from engine import Engine
from engine.audio import Recording
from engine.client import Client
from engine.errors import HarkError, RedisGoneError
from engine.log import get_logger
from engine.model import VoiceEvent, Waiting
from engine.recordings import KeptRecording, new_recording, recordings_of
from engine.settings import Settings
from engine.spoken_commands import Provider

_log = get_logger("bridge")


class VoiceCommands(Tasks):
    """The part of `Bridge` for commands; one that is given while there is no connection waits for it."""

    voice_event = Signal(int, object)
    """Number of a command, and its VoiceEvent."""
    command_failed = Signal(int, str)
    """Number of a command that could not be sent or followed, and why."""
    command_ended = Signal(int)
    resumed = Signal(int, object)
    """Number of a command of an earlier run that goes on now, and its KeptRecording."""

    def __init__(self, load: Callable[[], Settings], parent: QObject | None = None) -> None:
        """`load` reads the settings."""
        super().__init__(parent)
        self._load = load
        self._engine: Engine | None = None
        self._engine_here = asyncio.Event()
        self._newest_command = 0
        self._traces: dict[int, str] = {}
        """Of the commands that have not ended, by their numbers."""
        self._taken_back: set[str] = set()

    def ask(self, said: str | Recording, *, conversation_id: str = "default", answers: str | None = None) -> int:
        """Send a command; `voice_event` and `command_ended` follow under the number returned.

        `answers` is the trace of the command whose question the words say yes or no to.
        """
        trace = uuid4().hex
        return self._follow(trace, self._ask(trace, said, conversation_id, answers))

    def ask_again(self, kept: KeptRecording, provider: Provider = "", language: str = "") -> int:
        """Send a kept recording once more, to another provider or as another language where given; as `ask`."""
        return self._follow(kept.next_trace, self._ask_again(kept, provider, language))

    def take_back(self, number: int) -> None:
        """Cancel a command with all of its jobs; its `Cancelled` follows. Nothing happens where it has ended."""
        if number in self._traces:
            self.take_back_trace(self._traces[number])

    def take_back_trace(self, trace: str) -> None:
        """As `take_back`, by the command's own id; nothing happens where it is not under way."""
        if trace in self._traces.values():
            self._taken_back.add(trace)
            if self._engine is not None:
                self._spawn("take back a command", self._engine.client.commands.take_back(trace))

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise RedisGoneError("Hark is not connected to Redis.", "It keeps trying; do this again then.")
        return self._engine

    def _follow(self, trace: str, events: AsyncIterator[VoiceEvent]) -> int:
        self._newest_command += 1
        number = self._newest_command
        self._traces[number] = trace
        self._spawn(f"command {number}", self._tell_events(number, events))
        return number

    async def _tell_events(self, number: int, events: AsyncIterator[VoiceEvent]) -> None:
        try:
            async for event in events:
                self.voice_event.emit(number, event)
        except HarkError as error:
            self.command_failed.emit(number, str(error))
        except Exception as error:
            self.command_failed.emit(number, f"Hark made a mistake ({type(error).__name__}); the log has the details.")
            raise
        finally:
            self._taken_back.discard(self._traces.pop(number))
            self.command_ended.emit(number)

    async def _ask(
        self, trace: str, said: str | Recording, conversation_id: str, answers: str | None
    ) -> AsyncIterator[VoiceEvent]:
        kept: KeptRecording | None = None
        if self._engine is None:
            yield Waiting(trace, "Redis does not answer yet; the command goes when it does.")
            if isinstance(said, Recording):
                kept = await asyncio.to_thread(self._keep, trace, said, conversation_id)
            await self._engine_here.wait()
        client = self._require_engine().client
        if trace in self._taken_back:
            await client.commands.take_back(trace)
        events = (
            client.commands.follow(kept)
            if kept is not None
            else client.ask(said, conversation_id=conversation_id, trace=trace, answers=answers)
        )
        async for event in events:
            yield event

    async def _ask_again(self, kept: KeptRecording, provider: Provider, language: str) -> AsyncIterator[VoiceEvent]:
        async for event in self._require_engine().client.commands.ask_again(
            kept.id, provider=provider, language=language
        ):
            yield event

    def _keep(self, trace: str, recording: Recording, conversation_id: str) -> KeptRecording | None:
        """Save a recording although there is no connection yet; None where the settings do not say where."""
        try:
            recordings = recordings_of(self._load())
        except HarkError as error:
            _log.warning("a recording is kept in memory only: %s", error.message)
            return None
        kept = new_recording(trace, recording, conversation_id=conversation_id)
        recordings.keep(kept, recording.to_flac())
        return kept

    async def _resume(self, client: Client) -> None:
        """Go on with what was said in an earlier run and is not understood yet; forget what was kept long enough."""
        for kept in await client.commands.resume():
            if (kept.trace or kept.id) not in self._traces.values():
                number = self._follow(kept.trace or kept.id, client.commands.follow(kept))
                self.resumed.emit(number, kept)
        await asyncio.to_thread(client.recordings.sweep)
