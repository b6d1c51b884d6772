"""Firing recurring jobs when they are due; any number of workers may do so for the same queues."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

from engine.errors import HarkError, RedisGoneError
from engine.job_types import JobType, SyncCalendar, SyncInbox, SyncTasks
from engine.log import get_logger
from engine.model import Schedule
from engine.schedules import local_timezone, next_slot_ms
from engine.store import Store

_log = get_logger("scheduler")

LOOK_S = 2.0
"""The longest time without a look at the schedules: so soon a change is seen."""
_SHORTEST_S = 0.002
_LAST_LOOK_S = 5.0

_SEED: tuple[tuple[str, JobType, str], ...] = (
    ("email-sync", SyncInbox(), "*/30 * * * *"),
    ("calendar-sync", SyncCalendar(), "*/15 * * * *"),
    ("task-sync", SyncTasks(), "0 * * * *"),
)


class Scheduler:
    """One worker's eye on the schedules of its queues."""

    def __init__(self, store: Store, queues: Sequence[str]) -> None:
        self._store = store
        self._queues = queues
        self._seeded = False
        self._complained: set[tuple[str, str]] = set()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin: install Hark's own schedules, fire what was missed, and go on."""
        self._task = asyncio.create_task(self._run(), name="scheduler")

    async def stop(self) -> None:
        """End after the look that is under way."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_LAST_LOOK_S)
            self._task.cancel()

    async def install(self) -> None:
        """Put Hark's own schedules there, unless that was done before: one that was removed stays removed."""
        timezone = await asyncio.to_thread(local_timezone)
        for schedule_id, payload, cron in _SEED:
            if payload.queue in self._queues:
                now_ms, _ = await self._store.schedules(payload.queue)
                schedule = Schedule(schedule_id, payload.queue, payload.job_name, {}, cron=cron, timezone=timezone)
                schedule = replace(schedule, next_at_ms=next_slot_ms(schedule, now_ms))
                if await self._store.seed_schedule(schedule):
                    _log.info("schedule %s is installed: %s, %s", schedule_id, cron, timezone)

    async def fire_due(self) -> float:
        """Add the jobs of all slots that are due; returns in how many seconds to look again."""
        waits = await asyncio.gather(*(self._fire_queue(queue) for queue in self._queues))
        return min(waits, default=LOOK_S)

    async def _fire_queue(self, queue: str) -> float:
        now_ms, stored = await self._store.schedules(queue)
        wait_s = LOOK_S
        for seen in stored:
            schedule = seen.schedule
            if not schedule.enabled or schedule.next_at_ms is None:
                continue
            next_at_ms = schedule.next_at_ms
            if next_at_ms <= now_ms:
                try:
                    next_at_ms = next_slot_ms(schedule, now_ms)
                    if await self._store.fire(seen, next_at_ms, now_ms):
                        _log.debug("schedule %s added a job to %s", schedule.id, queue)
                except RedisGoneError:
                    raise
                except HarkError as error:  # its time cannot be understood, or Redis is full: the others go on
                    self._complain(schedule, seen.text, error)
                    continue
            wait_s = min(wait_s, (next_at_ms - now_ms) / 1000)
        return max(wait_s, _SHORTEST_S)

    def _complain(self, schedule: Schedule, text: str, error: HarkError) -> None:
        """Once for each such record, not at each look."""
        if (schedule.id, text) not in self._complained:
            self._complained.add((schedule.id, text))
            _log.error("schedule %s on %s cannot go on: %s", schedule.id, schedule.queue, error)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            wait_s = LOOK_S
            try:
                if not self._seeded:
                    await self.install()
                    self._seeded = True
                wait_s = await self.fire_due()
            except RedisGoneError as error:
                _log.info("schedules wait for Redis: %s", error)
            except HarkError as error:
                _log.error("schedules cannot be served: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
