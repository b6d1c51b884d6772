"""A job that was added, for whoever added it: how it goes, and what it came to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from engine.errors import HarkError, NotFoundError
from engine.model import Job, JobState
from engine.store import Store

_POLL_MS = 1_000


@dataclass(frozen=True, slots=True)
class JobHandle:
    """A job that was added, or had been: ask it how it goes."""

    id: str
    queue: str
    added: bool
    """False where a job of this id existed already; this is that one's handle."""
    _store: Store = field(repr=False)

    async def job(self) -> Job:
        """The record as it is now. Raises NotFoundError once it is cleaned."""
        return await self._store.find(self.id, (self.queue,))

    async def state(self) -> JobState:
        """Where the job is."""
        return (await self.job()).state

    async def progress(self) -> Any:
        """What the job last told of its progress, or None."""
        return (await self.job()).progress

    async def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the end and return the result.

        From the first wait on, the end can be had for five minutes even where the queue, or the job, keeps nothing that
        has completed. A job that may end before that is to be added with `JobOptions(awaited=True)`.

        Raises HarkError with the job's error if it failed, TimeoutError after `timeout_s` seconds (the job goes on),
        NotFoundError where its end is not kept any more, or it was removed.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        position = await self._store.last_event(self.queue)
        while True:
            state, told = await self._store.outcome(self.queue, self.id)
            if state is JobState.COMPLETED:
                return told
            if state is JobState.FAILED:
                raise HarkError(told or "The job failed without a reason.")
            if state is None:
                raise NotFoundError(
                    f"What job {self.id} on {self.queue} came to is not kept any more.",
                    "Add it with JobOptions(awaited=True), or keep finished jobs for longer.",
                )
            # Its event may have been trimmed away in a rush: the record is looked at each second anyway.
            look_again = time.monotonic() + _POLL_MS / 1000
            while True:
                left_ms = _POLL_MS if deadline is None else int((deadline - time.monotonic()) * 1000)
                if left_ms <= 0:
                    raise TimeoutError(f"Job {self.id} on {self.queue} has not ended within {timeout_s} s.")
                seen = await self._store.events({self.queue: position}, min(left_ms, _POLL_MS))
                if seen:
                    position = seen[-1].position
                if any(event.id == self.id for event in seen) or time.monotonic() >= look_again:
                    break
