"""Looking at queues, jobs and workers: frozen snapshots, nothing changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from engine.errors import BadInputError
from engine.figures import summed
from engine.job_filter import JobFilter
from engine.model import (
    FailureGroup,
    Figures,
    Job,
    JobState,
    LogLine,
    MinuteCounts,
    Period,
    QueueState,
    Searched,
    Snapshot,
    WorkerInfo,
)
from engine.queues import QUEUES, require_queue
from engine.settings import Settings
from engine.store import Store
from engine.store.records import figures_by_type

HISTORY_MINUTES = 60
RECENT_MINUTES = 5
WORKER_SILENT_MS = 15_000
"""A worker not heard of for so long is counted as gone."""
_PAGE = 500
_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000


class Monitor:
    """Reads for one viewer. A snapshot costs one Redis command a queue and one for the workers.

    The minutes' history is kept here: after the first, a snapshot asks only for those that it lacks.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._history: dict[str, dict[int, Figures]] = {queue: {} for queue in QUEUES}

    async def snapshot(self) -> Snapshot:
        """All eight queues and the workers now. Raises RedisGoneError."""
        records, *samples = await asyncio.gather(
            self._store.workers(), *(self._store.sample(queue, self._minutes_missing(queue)) for queue in QUEUES)
        )
        now_ms = int(samples[0][0])
        workers = _alive(records, now_ms)
        states = tuple(self._state(queue, sample, workers) for queue, sample in zip(QUEUES, samples, strict=True))
        return Snapshot(now_ms, states, workers, self._store.address)

    async def ping(self) -> None:
        """Return when Redis answers. Raises RedisGoneError."""
        await self._store.ping()

    async def jobs(self, queue: str, state: JobState, start: int = 0, count: int = 50) -> tuple[Job, ...]:
        """Jobs of one state: the next to run first, of the finished the newest first."""
        return await self._store.jobs(require_queue(queue), state, start, count)

    async def search(
        self, queue: str, state: JobState, where: JobFilter, count: int = 50, after: str | None = None
    ) -> AsyncIterator[Searched]:
        """Look through one state page by page, telling after each how far the search is, until `count` are found.

        `after` goes on where an earlier search ended (its last `Searched.position`). Raises BadInputError for
        a position that is none.
        """
        require_queue(queue)
        now_ms = int(time.time() * 1000)
        total = await self._store.depth(queue, state)
        left, looked = count, 0
        while True:
            page = await self._store.jobs_from(queue, state, after, _PAGE)
            jobs = {job.id: job for job in await self._store.records(queue, [job_id for job_id, _ in page])}
            matching: list[Job] = []
            for job_id, position in page:
                looked, after = looked + 1, position
                if job_id in jobs and where.matches(jobs[job_id], now_ms):
                    matching.append(jobs[job_id])
                    if len(matching) == left:
                        break
            left -= len(matching)
            at_end = len(page) < _PAGE and (not page or page[-1][1] == after)
            yield Searched(tuple(matching), looked, max(total, looked), None if at_end else after)
            if at_end or not left:
                return

    async def job(self, job_id: str) -> Job:
        """A job's record, whichever queue has it. Raises NotFoundError."""
        return await self._store.find(job_id)

    async def log(self, queue: str, job_id: str, start: int = 0) -> tuple[LogLine, ...]:
        """The lines of a job's log, from the `start`-th (0 is the first) on."""
        return await self._store.log(require_queue(queue), job_id, start)

    async def failures(self, queue: str | None = None, count: int = 100) -> tuple[FailureGroup, ...]:
        """Groups of like failures, of one queue or all: the largest of those that still have failed jobs first."""
        names = list(QUEUES) if queue is None else [require_queue(queue)]
        found = await asyncio.gather(*(self._store.groups(name, count) for name in names))
        groups = [group for of_queue in found for group in of_queue]
        return tuple(sorted(groups, key=lambda group: (group.failed_now, group.last_at_ms), reverse=True)[:count])

    async def failed_like(self, queue: str, signature: str, count: int = 50) -> tuple[Job, ...]:
        """The newest failed jobs of one group."""
        ids = await self._store.group_members(require_queue(queue), signature)
        return await self._store.records(queue, ids[::-1][:count])

    async def history(self, queue: str, *, periods: int, span_ms: int = _MINUTE_MS) -> tuple[Period, ...]:
        """The last `periods` spans of a queue, oldest first, the running one last; empty ones are there, too.

        `span_ms` is a multiple of a minute (kept 48 hours) or of an hour (kept 90 days). Raises BadInputError.
        """
        require_queue(queue)
        unit_ms, name = (_HOUR_MS, "1h") if span_ms % _HOUR_MS == 0 else (_MINUTE_MS, "1m")
        if periods < 1 or span_ms < unit_ms or span_ms % unit_ms:
            raise BadInputError("A history has 1 or more periods, each of whole minutes or hours.")
        if periods * (span_ms // unit_ms) > (90 * 24 if name == "1h" else 48 * 60):
            raise BadInputError("Minutes are kept for 48 hours, hours for 90 days.", "Ask for longer or fewer periods.")
        each = span_ms // unit_ms
        last = int(time.time() * 1000) // span_ms
        numbers = range((last - periods + 1) * each, (last + 1) * each)
        parts = [
            _period(number * unit_ms, unit_ms, record)
            for number, record in zip(numbers, await self._store.figures(queue, name, numbers), strict=True)
        ]
        return tuple(_joined(parts[start : start + each], span_ms) for start in range(0, len(parts), each))

    async def window(self, queue: str, window_ms: int) -> Period:
        """The last `window_ms` of a queue as one period, up to now; in whole minutes, beyond 48 hours in whole hours.

        Raises BadInputError for less than a minute and more than 90 days.
        """
        unit_ms = _MINUTE_MS if window_ms <= 48 * _HOUR_MS else _HOUR_MS
        parts = await self.history(queue, periods=window_ms // unit_ms, span_ms=unit_ms)
        span_ms = max(1, int(time.time() * 1000) - parts[0].start_ms)
        return replace(_joined(list(parts), span_ms), span_ms=span_ms)

    def _minutes_missing(self, queue: str) -> int:
        known = self._history[queue]
        # The last two are asked for again: the running one grows, and its end may have been missed.
        newest = max(known, default=0)
        return min(HISTORY_MINUTES, max(2, int(time.time() // 60) - newest + 2))

    def _state(self, queue: str, sample: list[Any], workers: tuple[WorkerInfo, ...]) -> QueueState:
        (now_ms, waiting, delayed, active, completed, failed, paused, concurrency, done, lost, oldest, minutes) = sample
        history = self._history[queue]
        history.update({row[0]: summed(figures_by_type(_pairs(row[1])).values()) for row in minutes})
        current = int(now_ms) // _MINUTE_MS
        window = range(current - HISTORY_MINUTES + 1, current + 1)
        for minute in [minute for minute in history if minute not in window]:
            del history[minute]
        # A marker of how far the history is known, also where nothing happened.
        history.setdefault(current, Figures())
        recent = summed(history[minute] for minute in window[-RECENT_MINUTES - 1 :] if minute in history)
        spec = self._settings.queue_specs[queue]
        return QueueState(
            name=queue,
            title=spec.title,
            paused=int(paused) >= 0,
            paused_since_ms=int(paused) if int(paused) > 0 else None,
            concurrency=int(concurrency) if int(concurrency) > 0 else spec.concurrency,
            waiting=waiting,
            delayed=delayed,
            active=active,
            completed=completed,
            failed=failed,
            oldest_waiting_ms=max(0, int(now_ms) - int(oldest)) if int(oldest) >= 0 else None,
            workers=sum(queue in worker.queues for worker in workers),
            completed_total=int(done),
            failed_total=int(lost),
            minutes=tuple(_minute(minute, history.get(minute, Figures())) for minute in window),
            recent=recent,
            drained_in_ms=_drained_in_ms(waiting, recent),
        )


def _drained_in_ms(waiting: int, recent: Figures) -> int | None:
    """Depth over the net pace (what ended less what came) of the last minutes."""
    if not waiting:
        return 0
    ended = recent.completed + recent.failed
    net = ended - recent.added
    return round(waiting / net * (RECENT_MINUTES + 1) * _MINUTE_MS) if net > 0 else None


def _minute(number: int, figures: Figures) -> MinuteCounts:
    return MinuteCounts(
        number, figures.completed, figures.failed, figures.retried, figures.added, figures.processing.sum_ms
    )


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _period(start_ms: int, span_ms: int, record: dict[str, str]) -> Period:
    by_type = figures_by_type(record)
    depths = {state: int(record[f"depth:{state}"]) for state in JobState if f"depth:{state}" in record}
    groups: dict[str, int] = {}
    for field, number in record.items():
        if field.startswith("group:"):
            signature = field.removeprefix("group:").partition("@")[0]
            groups[signature] = groups.get(signature, 0) + int(number)
    oldest = record.get("oldest")
    return Period(
        start_ms, span_ms, summed(by_type.values()), by_type, depths or None, int(oldest) if oldest else None, groups
    )


def _joined(parts: list[Period], span_ms: int) -> Period:
    if len(parts) == 1:
        return parts[0]
    names = sorted({name for part in parts for name in part.by_type})
    by_type = {name: summed(part.by_type[name] for part in parts if name in part.by_type) for name in names}
    groups: dict[str, int] = {}
    for part in parts:
        for signature, number in part.failures_by_group.items():
            groups[signature] = groups.get(signature, 0) + number
    seen = next((part for part in reversed(parts) if part.depths is not None), parts[-1])
    return replace(
        parts[0],
        span_ms=span_ms,
        total=summed(by_type.values()),
        by_type=by_type,
        depths=seen.depths,
        oldest_waiting_ms=seen.oldest_waiting_ms,
        failures_by_group=groups,
    )


def _alive(records: dict[str, str], now_ms: int) -> tuple[WorkerInfo, ...]:
    found = []
    for worker_id, text in records.items():
        record = json.loads(text)
        if now_ms - record["seen_at_ms"] <= WORKER_SILENT_MS:
            queues = tuple(record.pop("queues"))
            found.append(WorkerInfo(id=worker_id, queues=queues, **record))
    return tuple(sorted(found, key=lambda worker: worker.started_at_ms))
