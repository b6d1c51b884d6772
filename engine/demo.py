"""Demo traffic: real jobs that pretend to work, added to the real queues at a set rate, and taken away again.

Hides how the traffic is made up: which queues, how long, what fails and why, what waits, what follows what.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from engine import queues
from engine.admin import Admin
from engine.client import Client
from engine.errors import BadInputError, WriteLockedError
from engine.job_filter import parse_filter
from engine.job_types import DEMO_PREFIX, DEMO_TYPES, DemoFault, DemoJob
from engine.model import JobOptions, JobState
from engine.queues import QUEUES

MOST_PER_S = 500.0
MOST_S = 3_600.0
"""An hour is the longest traffic: it ends by itself."""
_TICK_S = 0.25
_STOP_LOOK_S = 1.0
_TIMEOUT_MS = 1_500
_DELAY_MS = (2_000, 90_000)
_DELAYED, _TRACED, _URGENT, _FLAKY = 0.06, 0.12, 0.04, 0.05
"""Shares of the jobs."""
_FAULTS: tuple[DemoFault, ...] = ("refused", "slow", "rate-limit", "bad-input", "bug")
_FAULT_WEIGHTS = (4, 2, 2, 3, 1)
_CLEANED = (JobState.WAITING, JobState.DELAYED, JobState.FAILED, JobState.COMPLETED)


@dataclass(frozen=True, slots=True)
class _Load:
    """How much of the traffic a queue has, and how long half of its jobs take at most."""

    share: float
    median_ms: float


_LOADS = {
    queues.VOICE_PROCESSING: _Load(8, 90),
    queues.TRANSCRIPTION: _Load(5, 350),
    queues.SYNTHESIS: _Load(5, 250),
    queues.EMAIL_PROCESSING: _Load(24, 180),
    queues.CALENDAR_SYNC: _Load(12, 220),
    queues.TASK_PROCESSING: _Load(18, 60),
    queues.AI_PROCESSING: _Load(6, 700),
    queues.NOTIFICATION: _Load(22, 40),
}
_CHAINS = (
    (queues.TRANSCRIPTION, queues.VOICE_PROCESSING, queues.SYNTHESIS),
    (queues.TRANSCRIPTION, queues.VOICE_PROCESSING, queues.TASK_PROCESSING, queues.SYNTHESIS),
    (queues.EMAIL_PROCESSING, queues.AI_PROCESSING, queues.NOTIFICATION),
    (queues.CALENDAR_SYNC, queues.NOTIFICATION),
)


def demo_jobs(
    count: int, failing_percent: float, chance: random.Random
) -> tuple[list[DemoJob], list[JobOptions | None]]:
    """`count` jobs as a busy day has them, and their options; that share of them fails for good."""
    payloads: list[DemoJob] = []
    options: list[JobOptions | None] = []
    names, shares = list(_LOADS), [load.share for load in _LOADS.values()]
    for _ in range(count):
        queue = chance.choices(names, shares)[0]
        then: tuple[str, ...] = ()
        fault: DemoFault = ""
        if chance.random() * 100 < failing_percent:
            fault = chance.choices(_FAULTS, _FAULT_WEIGHTS)[0]
        elif chance.random() < _FLAKY:
            fault = "flaky"
        elif chance.random() < _TRACED:
            queue, *rest = chance.choice(_CHAINS)
            then = tuple(rest)
        duration_ms = min(10_000, round(chance.lognormvariate(0, 0.6) * _LOADS[queue].median_ms))
        payloads.append(DEMO_TYPES[queue](duration_ms=duration_ms, fault=fault, then=then))
        delayed = chance.random() < _DELAYED
        options.append(
            JobOptions(
                priority=1 if chance.random() < _URGENT else None,
                delay_ms=chance.randint(*_DELAY_MS) if delayed else 0,
                timeout_ms=_TIMEOUT_MS if fault == "slow" else None,
                attempts=2 if fault == "slow" else None,
            )
        )
    return payloads, options


class DemoTraffic:
    """Adds demo jobs, and takes them away. Methods raise RedisGoneError.

    A production connection, unlocked or not, has no demo traffic: there all but `stop` raise WriteLockedError.
    """

    def __init__(self, client: Client, admin: Admin) -> None:
        self._client = client
        self._admin = admin

    async def run(
        self, rate_per_s: float = 20, seconds: float = 300, failing_percent: float = 4, *, seed: int | None = None
    ) -> AsyncGenerator[int, None]:
        """Add `rate_per_s` jobs a second for so long; tells four times a second how many there were.

        Ends early where somebody calls `stop`, here or in another process, and where the iterator is closed.
        Raises BadInputError for numbers that make no sense.
        """
        self._check_connection()
        if not 0 < rate_per_s <= MOST_PER_S or not 0 < seconds <= MOST_S or not 0 <= failing_percent <= 100:
            raise BadInputError(
                "There is no such demo traffic.",
                f"The rate is up to {MOST_PER_S:g} a second, the time up to {MOST_S:g} s, "
                "the failing share from 0 to 100 %.",
            )
        chance = random.Random(seed)
        stop_before = await self._client.demo_stop()
        began_s = looked_s = ticked_s = time.monotonic()
        added, owed = 0, 1.0
        while (now_s := time.monotonic()) - began_s < seconds:
            # After a pause, such as a Redis that was gone, what was missed is not made up for.
            owed += rate_per_s * min(now_s - ticked_s, 2 * _TICK_S)
            ticked_s = now_s
            if owed >= 1:
                payloads, options = demo_jobs(int(owed), failing_percent, chance)
                await self._client.add_bulk(payloads, options)
                owed -= len(payloads)
                added += len(payloads)
                yield added
            if now_s - looked_s >= _STOP_LOOK_S:
                looked_s = now_s
                stop = await self._client.demo_stop()
                if stop is not None and stop != stop_before:
                    return
            await asyncio.sleep(_TICK_S)

    async def stop(self) -> None:
        """End all demo traffic on this Redis within about a second, whichever process makes it."""
        await self._client.stop_demo()

    async def clean(self, *, actor: str) -> int:
        """Stop, and take away all demo jobs that do not run just now, for good; returns how many."""
        self._check_connection()
        await self.stop()
        where = parse_filter(f"name:{DEMO_PREFIX}")
        removed = 0
        for queue in QUEUES:
            for state in _CLEANED:
                gone = await self._admin.clean(queue, state, where=where, purge=True, actor=actor, reason="demo jobs")
                removed += gone.count
        return removed

    def _check_connection(self) -> None:
        lock = self._admin.write_lock
        if lock.production:
            raise WriteLockedError(f"This connection is marked as {lock.title}: no demo traffic here.")
