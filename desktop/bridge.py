"""The only seam between the engine and the window: coroutines on one side, Qt signals on the other.

It owns every task: named, kept until done, cancelled at the end. A HarkError becomes a notice with
its remedy, anything else a log entry and `crashed`. Answers that a newer question has overtaken are
dropped by their number.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any
from uuid import uuid4

from PySide6.QtCore import QObject, Signal

from engine import Engine, open_engine
from engine.audio import Recording
from engine.client import Client
from engine.errors import HarkError, RedisGoneError
from engine.log import get_logger
from engine.model import VoiceEvent, Waiting
from engine.recordings import KeptRecording, new_recording, recordings_of
from engine.settings import Settings
from engine.spoken_commands import Provider

_log = get_logger("bridge")

SAMPLE_S = 1.0
HIDDEN_S = 5.0
"""So often a window is sampled for that nobody sees: alerts still want to know."""
_SHARE = 0.1
_SLOWEST_S = 15.0
"""Samples take no more than this share of the time, as long as they come this often: a busy Redis is left alone."""
_SILENCE_S = 5.0
_RETRY_S = 2.0
_CONNECTION = "connection"


class Bridge(QObject):
    """One connection to the engine for as long as the app lives, opened again where it fails."""

    opened = Signal(object)
    """The engine's Settings: the connection stands."""
    sampled = Signal(object)
    """A Snapshot, once a second and after each operator action."""
    gone = Signal(str, str)
    """No snapshot can be had: message and remedy. `sampled` ends it."""
    noticed = Signal(str, str, str)
    """Kind ("success" or "error"), text and remedy of something to tell."""
    crashed = Signal(str, str)
    """What failed, and the traceback, of an error that is Hark's own."""
    voice_event = Signal(int, object)
    """Number of a command, and its VoiceEvent."""
    command_failed = Signal(int, str)
    """Number of a command that could not be sent or followed, and why."""
    command_ended = Signal(int)
    resumed = Signal(int, object)
    """Number of a command of an earlier run that goes on now, and its KeptRecording."""
    answered = Signal(str, object)
    """Topic of a `request`, and what it brought."""
    refused = Signal(str, str)
    """Topic of a `request` that failed, and why, with what to do."""

    def __init__(self, load: Callable[[], Settings], parent: QObject | None = None) -> None:
        """`load` reads the settings; it is called again for each attempt, so that a corrected file helps."""
        super().__init__(parent)
        self._load = load
        self._engine: Engine | None = None
        self._engine_here = asyncio.Event()
        self._sample_now = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._newest_command = 0
        self._traces: dict[int, str] = {}
        """Of the commands that have not ended, by their numbers."""
        self._taken_back: set[str] = set()
        self._newest_requests: Counter[str] = Counter()
        self._is_gone = False
        self._reopen = False
        self._closing = False
        self._watched = True
        self._actor = f"{getpass.getuser()} (window)"

    def start(self) -> None:
        """Connect and begin to sample; needs a running loop."""
        self._spawn(_CONNECTION, self._stay_connected())

    async def close(self) -> None:
        """Cancel every task and disconnect; what is asked for from now on is not done."""
        self._closing = True
        connection = {task for task in self._tasks if task.get_name() == _CONNECTION}
        # The connection goes last: what still reads from it has let go of it then.
        for tasks in (self._tasks - connection, connection):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def actor(self) -> str:
        """Who does what is asked for here, as the audit trail names it."""
        return self._actor

    @property
    def is_gone(self) -> bool:
        """Between `gone` and the next `sampled`: why a request is refused then has been told."""
        return self._is_gone

    # Requests

    def ask(self, said: str | Recording) -> int:
        """Send a command; `voice_event` and `command_ended` follow under the number returned."""
        trace = uuid4().hex
        return self._follow(trace, self._ask(trace, said))

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

    def request(self, topic: str, read: Callable[[Engine], Awaitable[object]]) -> None:
        """Look something up; `answered` or `refused` follows under `topic`, unless a newer request overtook it."""
        self.consult(topic, lambda: read(self._require_engine()))

    def operate(self, name: str, act: Callable[[Engine, str], Awaitable[str]], *, then: Callable[[], None]) -> None:
        """Do something for the operator: `act` gets the engine and the actor, and gives the words that tell it is done.

        `then` is called after that, such as to read again what has changed; a failure is told and calls nothing.
        """
        self._spawn(name, self._act(act, then))

    def consult(self, topic: str, read: Callable[[], Awaitable[object]]) -> None:
        """As `request`, for what needs no connection, such as the settings; `in_thread` makes one of what blocks."""
        self._newest_requests[topic] += 1
        self._spawn(topic, self._answer(topic, self._newest_requests[topic], read))

    def reopen(self) -> None:
        """Read the settings anew and connect by them; `opened` follows."""
        self._reopen = True
        self._sample_now.set()

    def watch(self, watched: bool) -> None:
        """Whether anybody sees the window: sample as often as that is worth, and at once when it is seen again."""
        if watched and not self._watched:
            self._sample_now.set()
        self._watched = watched

    # The connection

    async def _stay_connected(self) -> None:
        while True:
            try:
                # In a thread: a keyring may ask the person to unlock it first.
                settings = await asyncio.to_thread(self._load)
                async with open_engine(settings) as engine:
                    self._engine = engine
                    self._engine_here.set()
                    self.opened.emit(engine.settings)
                    self._spawn("earlier recordings", self._resume(engine.client))
                    await self._sample(engine)
            except HarkError as error:
                _log.info("no connection: %s", error)
                self._tell_gone(error.message, error.remedy)
            finally:
                self._engine = None
                self._engine_here.clear()
            if not self._reopen:
                await asyncio.sleep(_RETRY_S)
            self._reopen = False

    async def _sample(self, engine: Engine) -> None:
        """Sample until `reopen` or cancelled; a Redis that is gone is only told, because it may come back."""
        fresh = True
        loop = asyncio.get_running_loop()
        while not self._reopen:
            began_s, took_s = loop.time(), 0.0
            try:
                async with asyncio.timeout(_SILENCE_S):
                    snapshot = await engine.monitor.snapshot(fresh=fresh)
            except TimeoutError:
                self._tell_gone(f"Redis has not answered for {_SILENCE_S:.0f} s.", "Check the network and the server.")
            except RedisGoneError as error:
                self._tell_gone(error.message, error.remedy)
            else:
                took_s = loop.time() - began_s
                self._is_gone = False
                self.sampled.emit(snapshot)
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s(took_s, watched=self._watched)):
                    await self._sample_now.wait()
            fresh = self._sample_now.is_set()
            self._sample_now.clear()

    def _tell_gone(self, message: str, remedy: str) -> None:
        self._is_gone = True
        self.gone.emit(message, remedy)

    # Operating

    def _require_engine(self) -> Engine:
        if self._engine is None:
            raise RedisGoneError("Hark is not connected to Redis.", "It keeps trying; do this again then.")
        return self._engine

    async def _act(self, act: Callable[[Engine, str], Awaitable[str]], then: Callable[[], None]) -> None:
        self.noticed.emit("success", await act(self._require_engine(), self._actor), "")
        self._sample_now.set()
        then()

    async def _answer(self, topic: str, number: int, read: Callable[[], Awaitable[object]]) -> None:
        try:
            answer = await read()
        except HarkError as error:
            if number == self._newest_requests[topic]:
                self.refused.emit(topic, str(error))
            return
        if number == self._newest_requests[topic]:
            self.answered.emit(topic, answer)

    # Commands

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

    async def _ask(self, trace: str, said: str | Recording) -> AsyncIterator[VoiceEvent]:
        kept: KeptRecording | None = None
        if self._engine is None:
            yield Waiting(trace, "Redis does not answer yet; the command goes when it does.")
            if isinstance(said, Recording):
                kept = await asyncio.to_thread(self._keep, trace, said)
            await self._engine_here.wait()
        client = self._require_engine().client
        if trace in self._taken_back:
            await client.commands.take_back(trace)
        async for event in client.ask(said, trace=trace) if kept is None else client.commands.follow(kept):
            yield event

    async def _ask_again(self, kept: KeptRecording, provider: Provider, language: str) -> AsyncIterator[VoiceEvent]:
        async for event in self._require_engine().client.commands.ask_again(
            kept.id, provider=provider, language=language
        ):
            yield event

    def _keep(self, trace: str, recording: Recording) -> KeptRecording | None:
        """Save a recording although there is no connection yet; None where the settings do not say where."""
        try:
            recordings = recordings_of(self._load())
        except HarkError as error:
            _log.warning("a recording is kept in memory only: %s", error.message)
            return None
        kept = new_recording(trace, recording)
        recordings.keep(kept, recording.to_flac())
        return kept

    async def _resume(self, client: Client) -> None:
        """Go on with what was said in an earlier run and is not understood yet; forget what was kept long enough."""
        for kept in await client.commands.resume():
            if (kept.trace or kept.id) not in self._traces.values():
                number = self._follow(kept.trace or kept.id, client.commands.follow(kept))
                self.resumed.emit(number, kept)
        await asyncio.to_thread(client.recordings.sweep)

    # Tasks

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if self._closing:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, HarkError):
            self.noticed.emit("error", error.message, error.remedy)
        elif error is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)
            details = "".join(traceback.format_exception(error))
            self.crashed.emit(f"An error in Hark: {task.get_name()} failed.", details)


def pause_s(took_s: float, *, watched: bool) -> float:
    """How long to wait after a sample that took so long, in seconds."""
    return max(SAMPLE_S if watched else HIDDEN_S, min(took_s / _SHARE, _SLOWEST_S))


def in_thread(call: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """What calls `call` in a thread when it is called, for `Bridge.consult`."""
    return lambda: asyncio.to_thread(call)
