"""What operators see of what they do, of failures and of recurring jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.model.jobs import Job, JobState


@dataclass(frozen=True, slots=True)
class CleanPreview:
    """What a clean would take away: an exact count, how old the jobs are, and up to five of them."""

    queue: str
    state: JobState
    count: int
    oldest_at_ms: int | None = None
    newest_at_ms: int | None = None
    samples: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """Jobs that were taken away, and the id under which the quarantine has them (None: they are gone for good)."""

    count: int
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One operator's action: who did what to how many jobs, when and why, and the queue's depths around it.

    `queue` is "" for what concerns the whole connection, such as unlocking it.
    """

    id: str
    queue: str
    at_ms: int
    actor: str
    action: str
    reason: str
    touched: int
    before: dict[str, int]
    after: dict[str, int]
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QuarantineBatch:
    """Jobs that one clean or removal took away less than a day ago; `id` restores them."""

    id: str
    queue: str
    at_ms: int
    until_ms: int
    actor: str
    reason: str
    counts: dict[JobState, int]
    """How many were taken, by the state they were in."""
    left: int
    """How many are still there."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs of one queue whose errors are alike."""

    signature: str
    queue: str
    title: str
    """The message with its numbers and ids folded."""
    kind: str
    """The type of the error."""
    job_name: str
    """The job type that failed so last."""
    count: int
    """How often it has happened since `first_at_ms`."""
    failed_now: int
    """How many such jobs are in the failed state."""
    first_at_ms: int
    last_at_ms: int
    sample: str
    """The id of the last job that failed so."""
    trend: tuple[int, ...] = ()
    """Failures in each of the last 24 hours, oldest first, the running one last."""


@dataclass(frozen=True, slots=True)
class RetryProgress:
    """How far a retry at a set rate is. `canary_...` tell of the first few jobs, None before they have ended."""

    retried: int
    total: int
    canary_completed: int | None = None
    canary_failed: int | None = None
    stopped: bool = False
    """It ended early: the canary failed, or somebody stopped it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring job: either by `cron` in `timezone`, or each `every_ms`.

    Slots that passed while nothing ran count as one, and a slot adds no job while the one before still waits.
    """

    id: str
    queue: str
    job_name: str
    arguments: dict[str, Any]
    cron: str | None = None
    timezone: str = "UTC"
    every_ms: int | None = None
    enabled: bool = True
    next_at_ms: int | None = None
    """The next slot; None while it is switched off."""
    last_at_ms: int | None = None
    """When it last added a job."""
    last_job: str | None = None
    """The id of that job."""
