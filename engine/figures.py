"""Figures drawn from snapshots that the command line, the API and the window tell alike.

Rates count jobs that ended for good (completed, or failed with no attempt left); retried attempts are
not failures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.histogram import Histogram
from engine.model import Figures, QueueState, Snapshot

RATE_MINUTES = 5

UNTOLD_FIELDS = frozenset({"minutes", "recent"})
"""The fields of a `QueueState` that `status_json` leaves out."""


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Final failures among the jobs that ended in the last hour."""

    failed: int
    ended: int

    @property
    def share(self) -> float | None:
        """0 to 1, or None where nothing ended."""
        return self.failed / self.ended if self.ended else None

    @property
    def percent(self) -> float | None:
        """0 to 100, or None where nothing ended."""
        return 100 * self.failed / self.ended if self.ended else None


def failure_rate(queues: Iterable[QueueState]) -> FailureRate:
    """The failure rate of all minutes that the queues carry, together."""
    minutes = [minute for queue in queues for minute in queue.minutes]
    failed = sum(minute.failed for minute in minutes)
    return FailureRate(failed, failed + sum(minute.completed for minute in minutes))


def jobs_per_minute(state: QueueState) -> float:
    """Jobs that ended, well or not, a minute: the mean of the last 5 full minutes."""
    full = state.minutes[:-1][-RATE_MINUTES:]
    return sum(minute.completed + minute.failed for minute in full) / len(full) if full else 0.0


def summed(parts: Iterable[Figures]) -> Figures:
    """What was recorded of several job types, queues or spans of time, as one."""
    found = list(parts)
    return Figures(
        added=sum(part.added for part in found),
        completed=sum(part.completed for part in found),
        failed=sum(part.failed for part in found),
        retried=sum(part.retried for part in found),
        stalled=sum(part.stalled for part in found),
        processing=Histogram.merged(part.processing for part in found),
        waiting=Histogram.merged(part.waiting for part in found),
    )


def status_json(snapshot: Snapshot, queue: str | None = None) -> dict[str, Any]:
    """All queues, or the named one, as `hark status --json` documents them."""
    return {
        "taken_at_ms": snapshot.taken_at_ms,
        "redis": snapshot.redis,
        "workers": [dataclasses.asdict(worker) for worker in snapshot.workers],
        "queues": [_queue_json(state) for state in snapshot.queues if queue in (None, state.name)],
    }


def _queue_json(state: QueueState) -> dict[str, Any]:
    # Not `asdict`: it copies what is left out as well, and that is most of it.
    names = (field.name for field in dataclasses.fields(state) if field.name not in UNTOLD_FIELDS)
    told = {name: getattr(state, name) for name in names}
    share = failure_rate([state]).share
    return told | {
        "jobs_per_minute": round(jobs_per_minute(state), 3),
        "failure_rate": None if share is None else round(share, 4),
    }
