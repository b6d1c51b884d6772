"""The connection to the engine, the snapshots, and what pages ask and do.

Answers that a newer question has overtaken are dropped by their number.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections import Counter
from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, Signal

from desktop.bridge.voice_commands import VoiceCommands
from engine import Engine, open_engine
from engine.errors import HarkError, RedisGoneError
from engine.log import get_logger
from engine.settings import Settings

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


class Bridge(VoiceCommands):
    """One connection to the engine for as long as the app lives, opened again where it fails."""

    configured = Signal(object)
    """Settings, as they were read for a connection that may yet fail."""
    opened = Signal(object)
    """The engine's Settings: the connection stands."""
    sampled = Signal(object)
    """A Snapshot, once a second and after each operator action."""
    gone = Signal(str, str)
    """No snapshot can be had: message and remedy. `sampled` ends it."""
    answered = Signal(str, object)
    """Topic of a `request`, and what it brought."""
    refused = Signal(str, str)
    """Topic of a `request` that failed, and why, with what to do."""

    def __init__(self, load: Callable[[], Settings], parent: QObject | None = None) -> None:
        """`load` reads the settings; it is called again for each attempt, so that a corrected file helps."""
        super().__init__(load, parent)
        self._sample_now = asyncio.Event()
        self._newest_requests: Counter[str] = Counter()
        self._is_gone = False
        self._reopen = False
        self._watched = True
        self._actor = f"{getpass.getuser()} (window)"

    def start(self) -> None:
        """Connect and begin to sample; needs a running loop."""
        self._spawn(_CONNECTION, self._stay_connected())

    async def close(self) -> None:
        """Cancel every task and disconnect; what is asked for from now on is not done."""
        await self._cancel_tasks(last=_CONNECTION)

    @property
    def actor(self) -> str:
        """Who does what is asked for here, as the audit trail names it."""
        return self._actor

    @property
    def is_gone(self) -> bool:
        """Between `gone` and the next `sampled`: why a request is refused then has been told."""
        return self._is_gone

    # Requests

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
                self.configured.emit(settings)
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


def pause_s(took_s: float, *, watched: bool) -> float:
    """How long to wait after a sample that took so long, in seconds."""
    return max(SAMPLE_S if watched else HIDDEN_S, min(took_s / _SHARE, _SLOWEST_S))


def in_thread(call: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """What calls `call` in a thread when it is called, for `Bridge.consult`."""
    return lambda: asyncio.to_thread(call)
