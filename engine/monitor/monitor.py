"""`Monitor`: what a viewer sees now, of the queues as a whole, of their jobs and of their failures."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from engine.alerts import AlertNotes, Watch
from engine.concurrency import together
from engine.errors import HarkError, RedisGoneError
from engine.figures import summed
from engine.job_filter import JobFilter
from engine.model import (
    Alert,
    FailureGroup,
    Figures,
    Job,
    JobState,
    LogLine,
    MinuteCounts,
    QueueState,
    Searched,
    Snapshot,
    WorkerInfo,
)
from engine.monitor.history import Histories
from engine.queues import QUEUES, require_queue
from engine.sampling import SHARED_MINUTES, QueueSample, Sample, Sampler
from engine.settings import Settings
from engine.store import Store
from engine.store.presence import alive

HISTORY_MINUTES = 60
RECENT_MINUTES = 5
_PAGE = 500
_MEMORY_EVERY_S = 30.0
_NEARBY = 100
_MINUTE_MS = 60_000


class Monitor(Histories):
    """Reads for one viewer. A snapshot costs one Redis command a queue and one for the workers, or a single one where
    another viewer's serves (see `sampling`).

    The minutes' history is kept here: after the first, a snapshot asks only for those that it lacks.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._sampler = Sampler(store)
        self._history: dict[str, dict[int, Figures]] = {queue: {} for queue in QUEUES}
        self._known_minute: int | None = None
        """The minutes before this one are known to their ends."""
        self._newest_ms = 0
        self._memory_share: float | None = None
        self._memory_due_s = 0.0

    async def snapshot(self, *, fresh: bool = True) -> Snapshot:
        """All eight queues and the workers. Raises RedisGoneError.

        Now; or where not `fresh`, as any viewer has seen them within the last second (`taken_at_ms` tells when),
        though never as they were before an operator's last action. Who looks once a second takes the latter.
        """
        sample = None
        if self._known_minute is not None:
            sample = await (self._sampler.take(SHARED_MINUTES) if fresh else self._sampler.shared())
        if sample is None or self._leaves_a_gap(sample) or (not fresh and sample.taken_at_ms < self._newest_ms):
            sample = await self._sampler.take(HISTORY_MINUTES)
        workers = alive(sample.workers, sample.taken_at_ms)
        if sample.taken_at_ms >= self._newest_ms:
            self._remember(sample)
        states = tuple(self._state(name, sample.queues[name], sample.taken_at_ms, workers) for name in QUEUES)
        return Snapshot(
            sample.taken_at_ms, states, workers, self._store.address, round(self._sampler.commands_per_s, 2)
        )

    async def alerts(self) -> tuple[Alert, ...]:
        """The alerts that a look finds open now, the worst first; a viewer who stays keeps a `Watch` of its own."""
        snapshot = await self.snapshot()
        watch = Watch(self._settings, patient=False)
        watch.note(await self.alert_notes())
        watch.look(snapshot)
        return watch.open

    async def alert_notes(self) -> AlertNotes:
        """What a `Watch` needs beside snapshots: one Redis command, and each half a minute another one."""
        if self._memory_due_s <= time.monotonic():
            self._memory_due_s = time.monotonic() + _MEMORY_EVERY_S
            self._memory_share = await self._used_of_maxmemory()
        return replace(
            await self._store.alert_notes(self._newest_ms or int(time.time() * 1000)), memory_share=self._memory_share
        )

    async def tell_alerts(self, alerts: Sequence[Alert]) -> None:
        """Leave for other viewers since when these alerts are open; for the one who watches for all."""
        since_ms = {alert.key: alert.began_at_ms for alert in alerts}
        await self._store.tell_open_alerts(since_ms, self._newest_ms or int(time.time() * 1000))

    async def totals(self) -> dict[str, dict[str, Figures]]:
        """What was counted since the queues exist, by queue and job type; it never goes down."""
        found = await together(*(self._store.totals(queue) for queue in QUEUES))
        return dict(zip(QUEUES, found, strict=True))

    async def ping(self) -> None:
        """Return when Redis answers. Raises RedisGoneError."""
        await self._store.ping()

    async def jobs(self, queue: str, state: JobState, start: int = 0, count: int = 50) -> tuple[Job, ...]:
        """Jobs of one state: the next to run first, of the finished the newest first."""
        return await self._store.jobs(require_queue(queue), state, start, count)

    async def search(
        self, queue: str, state: JobState, where: JobFilter, count: int = 50, after: str | None = None
    ) -> AsyncGenerator[Searched, None]:
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

    async def job(self, job_id: str, queue: str | None = None) -> Job:
        """A job's record, of `queue` or whichever has it. Raises NotFoundError."""
        return await self._store.find(job_id, tuple(QUEUES) if queue is None else (require_queue(queue),))

    async def named(self, queue: str, job_ids: Sequence[str]) -> tuple[Job, ...]:
        """Those of the named jobs of a queue that exist, in this order."""
        return await self._store.records(require_queue(queue), job_ids)

    async def trace(self, trace_id: str) -> tuple[Job, ...]:
        """The jobs of one command on all queues, the oldest first; none where it is forgotten.

        Found by the ids that jobs give their follow-ups, and among the first 100 jobs of each state: others are missed.
        """
        ids = [trace_id, *(f"{trace_id}.{queue}" for queue in QUEUES)]
        known = [self._store.records(queue, ids) for queue in QUEUES]
        nearby = [self._store.jobs(queue, state, 0, _NEARBY) for queue in QUEUES for state in JobState]
        found = await together(*known, *nearby)
        jobs = {
            (job.queue, job.id): job
            for part in found
            for job in part
            if (job.trace or job.id) == trace_id or job.id in ids
        }
        return tuple(sorted(jobs.values(), key=lambda job: job.created_at_ms))

    async def log(self, queue: str, job_id: str, start: int = 0) -> tuple[LogLine, ...]:
        """The lines of a job's log, from the `start`-th (0 is the first) on."""
        return await self._store.log(require_queue(queue), job_id, start)

    async def failures(self, queue: str | None = None, count: int = 100) -> tuple[FailureGroup, ...]:
        """Groups of like failures, of one queue or all: the largest of those that still have failed jobs first."""
        names = list(QUEUES) if queue is None else [require_queue(queue)]
        found = await together(*(self._store.groups(name, count) for name in names))
        groups = [group for of_queue in found for group in of_queue]
        return tuple(sorted(groups, key=lambda group: (group.failed_now, group.last_at_ms), reverse=True)[:count])

    async def failed_like(self, queue: str, signature: str, count: int = 50) -> tuple[Job, ...]:
        """The newest failed jobs of one group."""
        ids = await self._store.group_members(require_queue(queue), signature)
        return await self._store.records(queue, ids[::-1][:count])

    async def _used_of_maxmemory(self) -> float | None:
        """The fullest server's share, 0 to 1; None where none has a limit, or they do not tell (an ACL forbids it)."""
        try:
            told = await self._store.server_info()
        except RedisGoneError:
            raise
        except HarkError:
            return None
        return max(
            (info["used_memory"] / info["maxmemory"] for info in told.values() if info.get("maxmemory")), default=None
        )

    def _leaves_a_gap(self, sample: Sample) -> bool:
        """Whether minutes have passed that neither the sample nor the history has whole."""
        return self._known_minute is None or sample.first_minute > self._known_minute

    def _remember(self, sample: Sample) -> None:
        """Bring the history up to the sample."""
        self._newest_ms = sample.taken_at_ms
        self._known_minute = current = sample.taken_at_ms // _MINUTE_MS
        for queue, history in self._history.items():
            history.update(sample.queues[queue].minutes)
            for minute in [minute for minute in history if not current - HISTORY_MINUTES < minute <= current]:
                del history[minute]

    def _state(self, queue: str, sample: QueueSample, now_ms: int, workers: tuple[WorkerInfo, ...]) -> QueueState:
        history = self._history[queue]
        current = now_ms // _MINUTE_MS
        window = range(current - HISTORY_MINUTES + 1, current + 1)
        recent = summed(history[minute] for minute in window[-RECENT_MINUTES - 1 :] if minute in history)
        spec = self._settings.queue_specs[queue]
        return QueueState(
            name=queue,
            title=spec.title,
            paused=sample.paused_at_ms >= 0,
            paused_since_ms=sample.paused_at_ms if sample.paused_at_ms > 0 else None,
            concurrency=sample.concurrency if sample.concurrency > 0 else spec.concurrency,
            concurrency_set=sample.concurrency > 0,
            waiting=sample.waiting,
            delayed=sample.delayed,
            active=sample.active,
            completed=sample.completed,
            failed=sample.failed,
            oldest_waiting_ms=max(0, now_ms - sample.oldest_at_ms) if sample.oldest_at_ms >= 0 else None,
            workers=sum(queue in worker.queues and not worker.stopping for worker in workers),
            completed_total=sample.completed_total,
            failed_total=sample.failed_total,
            minutes=tuple(_minute(minute, history.get(minute, Figures())) for minute in window),
            recent=recent,
            drained_in_ms=_drained_in_ms(sample.waiting, recent),
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
