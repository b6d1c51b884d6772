"""The queues, their workers and what they have done."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.histogram import Histogram
from engine.model.jobs import JobState


@dataclass(frozen=True, slots=True)
class Figures:
    """What was recorded of a span of time: of a queue, of one of its job types, or of several queues.

    `processing` holds the times of completed jobs only (a failure's time says nothing of the work);
    `waiting` those of all that started, from being added (or becoming due) to the start.
    """

    added: int = 0
    completed: int = 0
    failed: int = 0
    """Final failures; attempts that are tried again count as `retried`."""
    retried: int = 0
    stalled: int = 0
    processing: Histogram = field(default_factory=Histogram)
    waiting: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class Period:
    """One minute, or one longer bucket, of a queue's history.

    The depths are those seen last in the period, None where no worker was there to look.
    """

    start_ms: int
    span_ms: int
    total: Figures
    by_type: dict[str, Figures] = field(default_factory=dict)
    depths: dict[JobState, int] | None = None
    oldest_waiting_ms: int | None = None
    failures_by_group: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """One full or running minute of a queue: finished jobs, final failures, and added jobs."""

    minute: int
    """Unix time of the minute's start, divided by 60."""
    completed: int = 0
    failed: int = 0
    retried: int = 0
    added: int = 0
    processing_ms_sum: int = 0


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment."""

    name: str
    title: str
    paused: bool
    concurrency: int
    waiting: int
    delayed: int
    active: int
    completed: int
    failed: int
    oldest_waiting_ms: int | None
    workers: int
    paused_since_ms: int | None = None
    completed_total: int = 0
    """Jobs completed since the queue exists: the difference of two samples is the throughput."""
    failed_total: int = 0
    minutes: tuple[MinuteCounts, ...] = ()
    """The last 60 minutes, oldest first, gaps filled with zeros; the last is the running one."""
    recent: Figures = field(default_factory=Figures)
    """The last 5 full minutes and the running one."""
    concurrency_set: bool = False
    """An operator has set the concurrency; else it is the workers' own setting."""
    drained_in_ms: int | None = None
    """When the waiting jobs will be done at the pace of the last minutes; None where they grow or nobody knows."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process that gave a sign of life within the last 15 s."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    started_at_ms: int
    seen_at_ms: int
    active: int
    stopping: bool = False
    """It claims no more jobs and ends when its active ones have."""
    embedded: bool = False
    """It is the child of a desktop app: nobody keeps its log."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All eight queues and the workers, read in one go."""

    taken_at_ms: int
    queues: tuple[QueueState, ...]
    workers: tuple[WorkerInfo, ...] = ()
    redis: str = ""
    """Where Redis is, without any password."""
    watching_commands_per_s: float = 0.0
    """Redis commands that this viewer has sent for its snapshots, a second, over the last minute."""
