"""Looking at queues, jobs and workers: frozen snapshots, nothing changed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from engine.model import Job, JobState, MinuteCounts, QueueState, Snapshot, WorkerInfo
from engine.queues import QUEUES, require_queue
from engine.settings import Settings
from engine.store import Store

HISTORY_MINUTES = 60
WORKER_SILENT_MS = 15_000
"""A worker not heard of for so long is counted as gone."""


class Monitor:
    """Reads for one viewer. A snapshot costs one Redis command a queue and one for the workers.

    The minutes' history is kept here: after the first, a snapshot asks only for those that it lacks.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._history: dict[str, dict[int, MinuteCounts]] = {queue: {} for queue in QUEUES}

    async def snapshot(self) -> Snapshot:
        """All eight queues and the workers now. Raises RedisGoneError."""
        records, *samples = await asyncio.gather(
            self._store.workers(), *(self._store.sample(queue, self._minutes_missing(queue)) for queue in QUEUES)
        )
        now_ms = int(samples[0][0])
        workers = _alive(records, now_ms)
        states = tuple(self._state(queue, sample, workers) for queue, sample in zip(QUEUES, samples, strict=True))
        return Snapshot(now_ms, states, workers, self._store.address)

    async def jobs(self, queue: str, state: JobState, start: int = 0, count: int = 50) -> tuple[Job, ...]:
        """Jobs of one state: the next to run first, of the finished the newest first."""
        return await self._store.jobs(require_queue(queue), state, start, count)

    async def job(self, job_id: str) -> Job:
        """A job's record, whichever queue has it. Raises NotFoundError."""
        return await self._store.find(job_id)

    def _minutes_missing(self, queue: str) -> int:
        known = self._history[queue]
        # The last two are asked for again: the running one grows, and its end may have been missed.
        newest = max(known, default=0)
        return min(HISTORY_MINUTES, max(2, int(time.time() // 60) - newest + 2))

    def _state(self, queue: str, sample: list[Any], workers: tuple[WorkerInfo, ...]) -> QueueState:
        (now_ms, waiting, delayed, active, completed, failed, paused, concurrency, done, lost, oldest, minutes) = sample
        history = self._history[queue]
        history.update({row[0]: MinuteCounts(*(int(number) for number in row)) for row in minutes})
        current = int(now_ms) // 60_000
        window = range(current - HISTORY_MINUTES + 1, current + 1)
        for minute in [minute for minute in history if minute not in window]:
            del history[minute]
        # A marker of how far the history is known, also where nothing happened.
        history.setdefault(current, MinuteCounts(current))
        spec = self._settings.queue_specs[queue]
        return QueueState(
            name=queue,
            title=spec.title,
            paused=bool(paused),
            concurrency=int(concurrency) if int(concurrency) > 0 else spec.concurrency,
            waiting=waiting,
            delayed=delayed,
            active=active,
            completed=completed,
            failed=failed,
            oldest_waiting_ms=int(now_ms) - int(oldest) if int(oldest) >= 0 else None,
            workers=sum(queue in worker.queues for worker in workers),
            completed_total=int(done),
            failed_total=int(lost),
            minutes=tuple(history.get(minute, MinuteCounts(minute)) for minute in window),
        )


def _alive(records: dict[str, str], now_ms: int) -> tuple[WorkerInfo, ...]:
    found = []
    for worker_id, text in records.items():
        record = json.loads(text)
        if now_ms - record["seen_at_ms"] <= WORKER_SILENT_MS:
            queues = tuple(record.pop("queues"))
            found.append(WorkerInfo(id=worker_id, queues=queues, **record))
    return tuple(sorted(found, key=lambda worker: worker.started_at_ms))
