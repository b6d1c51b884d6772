"""Telling Redis how jobs ended: finishes together, with the next claim or soon without, failures one by one.

Writing behind is safe: after a crash before the write the job only runs again. The buffer is
bounded, and emptied before the worker exits.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from engine.errors import HarkError, RedisGoneError
from engine.failures import signature_of
from engine.log import get_logger
from engine.store import Claimed, FinishedJob, NewJob, Store
from engine.store.operations import BATCH
from engine.store.patience import until_heard
from engine.store.records import Taken

_log = get_logger("settling")

GATHER_S = 0.001
MOST_GATHERS = 10
MANY_AT_ONCE = 3
"""So many jobs ending within one GATHER_S are taken for a rush that is worth waiting in."""
MOST_BUFFERED = 5_000
CANCELLED = "Cancelled"
"""The kind of failure that somebody wanted; `lua/fail.lua` knows it, too."""


class Settling:
    """Ends jobs on one store. `settled` is called with jobs once Redis knows their end."""

    def __init__(self, store: Store, settled: Callable[[Iterable[Claimed]], None]) -> None:
        self._store = store
        self._settled = settled
        self._buffer: dict[str, list[FinishedJob]] = {}
        self._size = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._writing: dict[str, asyncio.Task[None]] = {}
        """What writes the ends of a queue's jobs; those that come meanwhile wait, and other queues' do not."""
        self._away: set[str] = set()
        """Queues whose Redis was gone: their ends are left to the writer, which says so once for all, until it has
        written some."""
        self._hurry = asyncio.Event()
        """There is no waiting for company: the buffer is full, or the worker ends."""
        self._apart: set[asyncio.Task[None]] = set()
        """What is done beside the writer, and awaited in the end."""
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin writing."""
        self._task = asyncio.create_task(self._write(), name="settling")

    async def close(self) -> None:
        """Write what is left, then end. Cancel to give up: leases will recover those jobs."""
        self._closing = True
        self._hurry.set()
        self._filled.set()
        if self._task is None:
            return
        try:
            await asyncio.wait({self._task})
            while self._apart:
                await asyncio.wait(self._apart)
        finally:
            for task in (self._task, *self._apart):
                task.cancel()  # where this is given up; one that has ended stays as it is
        if self._task.cancelled():  # with all tasks of its loop
            await self._write()
        else:
            self._task.result()

    async def finish(self, finished: FinishedJob) -> None:
        """The job is done; returns before Redis knows, unless the buffer is full."""
        await self._room.wait()
        self._buffer.setdefault(finished.job.queue, []).append(finished)
        self._grown(1)

    def _grown(self, by: int) -> None:
        self._size += by
        if self._size >= MOST_BUFFERED:
            self._room.clear()
            self._hurry.set()
        self._filled.set()

    async def take(self, queue: str, count: int, **claim: Any) -> Taken:
        """As `Store.take`; the ends of the queue's jobs that wait to be written go along with the claim."""
        finished = [] if queue in self._away else self._buffer.pop(queue, [])
        if len(finished) > BATCH:
            self._buffer[queue] = finished[BATCH:]
            finished = finished[:BATCH]
        self._size -= len(finished)
        if self._size < MOST_BUFFERED:
            self._room.set()
        try:
            taken = await self._store.take(queue, count, finished=finished, **claim)
        except RedisGoneError:
            self._away.add(queue)
            if finished:
                self._buffer[queue] = finished + self._buffer.get(queue, [])
                self._grown(len(finished))
            raise
        except BaseException:
            if finished:
                self._begin(self._write_queue(queue, finished))  # it may be they that were refused
            raise
        if finished:
            self._tell(queue, finished, taken.written)
        return taken

    async def fail(
        self,
        job: Claimed,
        error: str,
        traceback: str = "",
        *,
        permanent: bool,
        retry_after_ms: int | None = None,
        kind: str = "Failure",
        frames: tuple[str, ...] = (),
        log_as: str = "",
    ) -> None:
        """The attempt ended in an error; returns when Redis knows. `kind` and `frames` tell like errors apart.

        `log_as` is what a log may say of it, where that is not all of `error`.
        """
        signature, title = signature_of(kind, error, frames)
        told = log_as or error
        group = {"signature": signature, "title": title, "kind": kind}
        try:
            outcome, delay_ms = await until_heard(
                lambda: self._store.fail(
                    job, error, traceback, permanent=permanent, retry_after_ms=retry_after_ms, group=group
                ),
                _tell_waiting,
            )
        except HarkError as refused:
            _log.error("the failure of job %s on %s cannot be written: %s", job.id, job.queue, refused)
            return
        finally:
            self._settled([job])
        if outcome == "failed" and kind == CANCELLED:
            _log.info("job %s on %s is cancelled", job.id, job.queue)
        elif outcome == "failed":
            # The alert: this job will not run again by itself.
            _log.error("job %s (%s on %s, attempt %d) failed: %s", job.id, job.name, job.queue, job.attempt, told)
        elif outcome == "retrying":
            _log.info("job %s on %s runs again in %d ms: %s", job.id, job.queue, delay_ms, told)
        else:
            _log.warning("job %s on %s failed after its lease: another run counts", job.id, job.queue)

    async def release(self, job: Claimed) -> None:
        """The job goes back unrun."""
        try:
            await until_heard(lambda: self._store.release(job.queue, [job]), _tell_waiting)
        except HarkError as refused:
            _log.error("job %s on %s cannot be given back: %s", job.id, job.queue, refused)
        finally:
            self._settled([job])

    async def _write(self) -> None:
        while not (self._closing and not self._size and not self._writing):
            await self._filled.wait()
            await self._gather()
            self._filled.clear()
            for queue in self._buffer.keys() - self._writing.keys():
                finished = self._buffer.pop(queue)
                self._size -= len(finished)
                self._writing[queue] = task = self._begin(self._write_queue(queue, finished))
                task.add_done_callback(functools.partial(self._written, queue))
            if self._size < MOST_BUFFERED:
                self._room.set()
            if not self._closing:
                self._hurry.clear()

    def _written(self, queue: str, task: asyncio.Task[None]) -> None:
        del self._writing[queue]
        if not task.cancelled() and task.exception() is not None:
            _log.error("the ends of jobs on %s cannot be written", queue, exc_info=task.exception())
        if self._closing or queue in self._buffer:
            self._filled.set()

    async def _gather(self) -> None:
        """Wait for company, or for a claim that takes all along: a moment, and longer while jobs end in a rush."""
        for _ in range(MOST_GATHERS):
            before = self._size
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._hurry.wait()
            if self._hurry.is_set() or self._size < before + MANY_AT_ONCE:
                return

    async def _write_queue(self, queue: str, finished: list[FinishedJob]) -> None:
        try:
            written = await until_heard(lambda: self._store.finish(queue, finished), _tell_waiting)
        except HarkError as error:
            await self._write_singly(queue, finished, error)
            return
        self._away.discard(queue)
        self._tell(queue, finished, written)

    def _tell(self, queue: str, finished: list[FinishedJob], written: list[bool]) -> None:
        self._settled(one.job for one in finished)
        if not all(written) or any(one.outbox for one in finished):
            for one, ours in zip(finished, written, strict=True):
                if not ours:
                    _log.warning("job %s on %s ended after its lease: another run counts", one.job.id, queue)
                elif one.outbox:
                    self._begin(self._forward(queue, one))

    async def _forward(self, queue: str, one: FinishedJob) -> None:
        try:
            await forward(self._store, queue, one.outbox)
        except HarkError as error:
            # It lies in the outbox: upkeep forwards it later, and no other job waits for that.
            _log.info("follow-ups of job %s on %s wait: %s", one.job.id, queue, error)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._apart.add(task)
        task.add_done_callback(self._apart.discard)
        return task

    async def _write_singly(self, queue: str, finished: list[FinishedJob], error: HarkError) -> None:
        """A script refused the batch, such as for a spoilt record: its job alone is given up, to the lease's end."""
        if len(finished) > 1:
            for one in finished:
                await self._write_queue(queue, [one])
            return
        self._settled(one.job for one in finished)
        _log.error("the end of job %s on %s cannot be written: %s", finished[0].job.id, queue, error)


def _tell_waiting(error: RedisGoneError) -> None:
    _log.warning("the end of a job waits for Redis: %s", error)


async def forward(store: Store, queue: str, entries: list[str] | tuple[str, ...]) -> None:
    """Hand follow-ups of `queue` to their own queues; doing it twice adds nothing while its job is there."""
    for entry in entries:
        follow_up = json.loads(entry)
        await store.add(follow_up["queue"], [NewJob.from_argument(follow_up["job"])])
        await store.forwarded(queue, entry)
