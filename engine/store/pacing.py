"""Calls of a service outside that limits how fast it may be called, by all workers together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from engine.errors import RetryableError
from engine.queues import TASK_PROCESSING
from engine.store import keys
from engine.store.base import StoreBase

Turn = Callable[[], Awaitable[None]]
"""Awaited before each call: returns when it may be made. Raises RetryableError where it may not for long."""
_LOOK_AGAIN_MS = 500


class Pacing(StoreBase):
    """The part of `Store` for it; all under the tasks queue's hash tag."""

    @asynccontextmanager
    async def alone_with(self, service: str, token: str, *, spacing_ms: int, lease_ms: int) -> AsyncIterator[Turn]:
        """Call a service as nobody else does meanwhile; calls are `spacing_ms` apart, whichever worker makes them.

        The hold begins with the first call and ends by itself `lease_ms` after the last; another job waits a little
        longer than that for it. The same `token` holds it again: a job's next run after its worker died.
        """
        arguments = {"service": service, "token": token, "lease_ms": lease_ms, "spacing_ms": spacing_ms}
        held = False

        async def turn() -> None:
            nonlocal held
            give_up = time.monotonic() + (lease_ms + 5_000) / 1000
            while True:
                state, wait_ms = await self._run("pace", TASK_PROCESSING, arguments)
                if state == "mine":
                    held = True
                    return await asyncio.sleep(wait_ms / 1000)
                if state == "paused":
                    raise RetryableError("The service has asked to be left alone for a while.", retry_after_ms=wait_ms)
                if held or time.monotonic() > give_up:
                    raise RetryableError("Another job is talking to the service.", retry_after_ms=max(wait_ms, 1_000))
                await asyncio.sleep(min(max(wait_ms, 10), _LOOK_AGAIN_MS) / 1000)

        try:
            yield turn
        finally:
            if held:
                await self._call("replace", [keys.pacing(TASK_PROCESSING, service, "holder")], [token, token, "1"])

    async def pause_calls(self, service: str, pause_ms: int) -> None:
        """Nobody calls the service for so long."""
        key = keys.pacing(TASK_PROCESSING, service, "pause")
        await self._guarded(lambda: self._redis.set(key, "1", px=max(1, pause_ms)))
