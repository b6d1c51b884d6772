"""One sampler for all viewers: whoever looks first samples, the others take what it has left in Redis.

Hides how viewers in several processes share. A sample costs a command a queue and one for the workers; what it found
stays under one key for 0.9 s, and a look at that key is all that another viewer pays. The key also holds the turn of
the one who is sampling, so that viewers who look in the same moment do not all do it, and an operator's action
empties it, so that nobody is shown what was before.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import uuid4

from engine.concurrency import together
from engine.figures import summed
from engine.histogram import Histogram
from engine.model import Figures
from engine.queues import QUEUES
from engine.store import Store
from engine.store.records import dumps, figures_by_type

SHARED_MS = 900
"""How long others take a sample for the present; less than the second at which they look."""
SHARED_MINUTES = 2
"""The running minute and the one before: a shared sample has no more."""
_TURN_MS = 500
_TURN_WAITS_S = (0.03, 0.06, 0.12, 0.3)
"""How long to wait for another's sample, a try each: together a little longer than a turn lasts."""
_STUCK_S = 1.5
_FORMAT = 1
_WINDOW_S = 60.0
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class QueueSample:
    """One queue's numbers as `lua/sample.lua` gives them; -1 where there is none."""

    waiting: int
    delayed: int
    active: int
    completed: int
    failed: int
    paused_at_ms: int
    """0 where it is paused and nobody knows since when."""
    concurrency: int
    completed_total: int
    failed_total: int
    oldest_at_ms: int
    minutes: Mapping[int, Figures] = field(default_factory=dict)
    """The last minutes, by number since 1970; those in which nothing happened are left out."""


@dataclass(frozen=True, slots=True)
class Sample:
    """All queues and the workers' signs of life (JSON by id) at one moment of Redis's clock."""

    taken_at_ms: int
    first_minute: int
    """From this minute on the sample has them all."""
    queues: Mapping[str, QueueSample]
    workers: Mapping[str, str]


class Sampler:
    """One viewer's access to the present, and what that costs. For one event loop.

    `clock` tells seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._sent: deque[tuple[float, int]] = deque()
        self._began_s: float | None = None
        self._met = (0, 0.0)

    @property
    def commands_per_s(self) -> float:
        """Commands sent to Redis, a second, over the last minute (or since the first, and then at least 1 s)."""
        if self._began_s is None:
            return 0.0
        now_s = self._clock()
        while self._sent and self._sent[0][0] < now_s - _WINDOW_S:
            self._sent.popleft()
        return sum(count for _, count in self._sent) / min(_WINDOW_S, max(1.0, now_s - self._began_s))

    async def take(self, minutes: int) -> Sample:
        """Sample now, with the last `minutes` minutes. Raises RedisGoneError."""
        self._count(1 + len(QUEUES))
        samples: list[Awaitable[Any]] = [self._store.sample(queue, minutes) for queue in QUEUES]
        workers, *replies = await together(self._store.workers(), *samples)
        now_ms = int(replies[0][0])
        queues = {queue: queue_sample(reply) for queue, reply in zip(QUEUES, replies, strict=True)}
        return Sample(now_ms, now_ms // 60_000 - minutes + 1, queues, workers)

    async def shared(self) -> Sample:
        """What is not older than SHARED_MS, another viewer's where there is one, else sampled now and left for others.

        Raises RedisGoneError.
        """
        turn = f"taking {uuid4().hex}"
        found = None
        for wait_s in (*_TURN_WAITS_S, 0.0):
            self._count(1)
            found = await self._store.shared_snapshot(turn, _TURN_MS)
            if found is None or found == turn or not found.startswith("taking "):
                break
            await asyncio.sleep(wait_s)
        sample = None if found is None else _unpacked(found)
        if sample is not None and not self._is_stuck(sample):
            return sample
        sample = await self.take(SHARED_MINUTES)
        if found is not None:
            # In place of our turn, and also of what is spoilt; an operator's action in between has taken that away.
            self._count(1)
            await self._store.share_snapshot(found, _packed(sample), SHARED_MS)
        return sample

    def _is_stuck(self, sample: Sample) -> bool:
        """Whether this very sample was met longer ago than it may be kept: somebody's hand took away its end."""
        now_s = self._clock()
        taken_at_ms, met_s = self._met
        if taken_at_ms != sample.taken_at_ms:
            self._met = (sample.taken_at_ms, now_s)
            return False
        return now_s - met_s > _STUCK_S

    def _count(self, commands: int) -> None:
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s
        self._sent.append((now_s, commands))
        while self._sent[0][0] < now_s - _WINDOW_S:
            self._sent.popleft()


def queue_sample(reply: list[Any]) -> QueueSample:
    """What `Store.sample` replies, with names."""
    _, *numbers, minutes = reply
    recorded = {int(minute): dict(zip(flat[::2], flat[1::2], strict=True)) for minute, flat in minutes}
    by_minute = {minute: summed(figures_by_type(record).values()) for minute, record in recorded.items()}
    named = {name: int(number) for name, number in zip(_NUMBERS, numbers, strict=True)}
    return QueueSample(**named, minutes=by_minute)


_NUMBERS = tuple(one.name for one in fields(QueueSample) if one.name != "minutes")
_COUNTS = ("added", "completed", "failed", "retried", "stalled")


def _packed(sample: Sample) -> str:
    queues = {
        name: [
            [getattr(queue, number) for number in _NUMBERS],
            {minute: _packed_figures(figures) for minute, figures in queue.minutes.items()},
        ]
        for name, queue in sample.queues.items()
    }
    return dumps(
        {
            "format": _FORMAT,
            "taken_at_ms": sample.taken_at_ms,
            "first_minute": sample.first_minute,
            "workers": sample.workers,
            "queues": queues,
        }
    )


def _packed_figures(figures: Figures) -> list[Any]:
    times = [[histogram.sum_ms, histogram.counts] for histogram in (figures.processing, figures.waiting)]
    return [[getattr(figures, name) for name in _COUNTS], *times]


def _unpacked(text: str) -> Sample | None:
    """What `_packed` wrote; None for anything else, such as another version's or what somebody has spoilt."""
    try:
        told = json.loads(text)
        if told["format"] != _FORMAT or list(told["queues"]) != list(QUEUES):
            return None
        return Sample(
            taken_at_ms=_whole(told["taken_at_ms"]),
            first_minute=_whole(told["first_minute"]),
            queues={name: _unpacked_queue(*packed) for name, packed in told["queues"].items()},
            workers={str(worker): str(record) for worker, record in told["workers"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _unpacked_queue(numbers: list[Any], minutes: Mapping[str, Any]) -> QueueSample:
    named = {name: _whole(number) for name, number in zip(_NUMBERS, numbers, strict=True)}
    return QueueSample(**named, minutes={int(minute): _unpacked_figures(*packed) for minute, packed in minutes.items()})


def _unpacked_figures(counts: list[Any], processing: list[Any], waiting: list[Any]) -> Figures:
    named = {name: _whole(count) for name, count in zip(_COUNTS, counts, strict=True)}
    return Figures(**named, processing=_unpacked_times(*processing), waiting=_unpacked_times(*waiting))


def _unpacked_times(sum_ms: Any, counts: Mapping[str, Any]) -> Histogram:
    return Histogram({int(bucket): _whole(count) for bucket, count in counts.items()}, _whole(sum_ms))


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > _MOST:
        raise ValueError(f"{value!r} is no count")
    return value
