"""Finished jobs run again, all at once or slowly; the part of `Admin` for them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from uuid import uuid4

from engine.admin.changing import Changing
from engine.errors import BadInputError
from engine.job_filter import JobFilter
from engine.model import JobState, RetryProgress
from engine.queues import require_queue

FINISHED = (JobState.FAILED, JobState.COMPLETED)
_PAGE = 500
_IDS = 5000
_CANARY_LOOK_S = 0.25


class Retrying(Changing):
    """Methods raise NotFoundError for an unknown queue."""

    async def matching(self, queue: str, state: JobState, where: JobFilter, limit: int = 0) -> list[str]:
        """Ids of the jobs of one state that match, the oldest first, at most `limit` (0: all).

        Of waiting and delayed jobs the next to run is the first.
        """
        require_queue(queue)
        found: list[str] = []
        now_ms = int(time.time() * 1000)
        if state is JobState.FAILED and where.signature is not None:
            members = await self._store.group_members(queue, where.signature)
            return members[:limit] if limit else members
        async for page in self._pages(queue, state, _PAGE):
            for job in await self._store.records(queue, page):
                if where.matches(job, now_ms):
                    found.append(job.id)
                    if len(found) == limit:
                        return found
        return found

    async def retry(
        self,
        queue: str,
        job_ids: Sequence[str] | None = None,
        *,
        state: JobState = JobState.FAILED,
        where: JobFilter | None = None,
        actor: str,
        reason: str = "",
    ) -> int:
        """Failed (or completed) jobs back to waiting with all their attempts; returns how many.

        All, the named ones, or those that match `where`. Raises BadInputError for jobs that have not ended.
        """
        store = self._changing
        self._check_retry(queue, state)
        if where is not None:
            job_ids = await self.matching(queue, state, where)
        return await store.retry(queue, job_ids, state=state, actor=actor, reason=reason)

    async def retry_gradually(
        self,
        queue: str,
        *,
        rate_per_s: float,
        canary: int = 0,
        state: JobState = JobState.FAILED,
        where: JobFilter | None = None,
        stop: asyncio.Event | None = None,
        actor: str,
        reason: str = "",
    ) -> AsyncGenerator[RetryProgress, None]:
        """Retry at `rate_per_s`, the oldest first; `canary` jobs go before the rest and decide whether it follows.

        Tells of each step. The rest stays untouched where one of the canaries fails again. `stop` ends it between
        two steps, and so does closing the iterator; the end of an unlocking ends it with WriteLockedError. Raises
        BadInputError for a rate or canary that makes no sense.
        """
        self.write_lock.check()
        self._check_retry(queue, state)
        if not 0 < rate_per_s <= 100_000 or canary < 0:
            raise BadInputError("The rate is a number of jobs a second above 0, the canary 0 or more jobs.")
        stop = stop or asyncio.Event()
        ids = await self._ids(queue, state, where)
        progress = RetryProgress(0, len(ids))
        action_id = uuid4().hex
        if canary:
            birds = ids[:canary]
            count = await self._changing.retry(
                queue, birds, state=state, actor=actor, reason=reason, action_id=action_id
            )
            progress = replace(progress, retried=count)
            yield progress
            completed, failed = await self._outcome(queue, birds, stop)
            progress = replace(progress, canary_completed=completed, canary_failed=failed)
            if failed or stop.is_set():
                yield replace(progress, stopped=True)
                return
            yield progress
        loop = asyncio.get_running_loop()
        began_s, place = loop.time(), canary
        while place < len(ids) and not stop.is_set():
            due = canary + int((loop.time() - began_s) * rate_per_s) + 1
            part = ids[place : min(due, place + _PAGE)]
            if part:
                count = await self._changing.retry(
                    queue, part, state=state, actor=actor, reason=reason, action_id=action_id
                )
                place += len(part)
                progress = replace(progress, retried=progress.retried + count)
                yield progress
                if place >= len(ids):
                    return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.02, (place - canary) / rate_per_s - (loop.time() - began_s)))
        if stop.is_set() and place < len(ids):
            yield replace(progress, stopped=True)

    # --- inside ---

    async def _ids(self, queue: str, state: JobState, where: JobFilter | None) -> list[str]:
        if where is not None:
            return await self.matching(queue, state, where)
        return [job_id async for page in self._pages(queue, state, _IDS) for job_id in page]

    async def _pages(self, queue: str, state: JobState, count: int) -> AsyncIterator[list[str]]:
        """All ids of a state, `count` at a time."""
        position: str | None = None
        while page := await self._store.jobs_from(queue, state, position, count, oldest_first=True):
            yield [job_id for job_id, _ in page]
            position = page[-1][1]

    async def _outcome(self, queue: str, job_ids: Sequence[str], stop: asyncio.Event) -> tuple[int, int]:
        """How many of the jobs completed and failed, once all have ended (a record that is gone has completed)."""
        while True:
            states = [job.state for job in await self._store.records(queue, job_ids)]
            failed = states.count(JobState.FAILED)
            pending = len(states) - failed - states.count(JobState.COMPLETED)
            if not pending or failed or stop.is_set():
                return len(job_ids) - failed - pending, failed
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _CANARY_LOOK_S)

    @staticmethod
    def _check_retry(queue: str, state: JobState) -> None:
        require_queue(queue)
        if state not in FINISHED:
            raise BadInputError(f"Jobs that are {state} cannot be retried.", "Retry those that failed or completed.")
