"""What the engine tells others: frozen data without behaviour, safe to hand to any thread or page.

All times ending in `_ms` are milliseconds; `..._at_ms` are Unix times by Redis's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job is. (`paused` is a queue's state, not a job's.)"""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How one job is to be run; None means the queue's default.

    `job_id`: a second job with an id that exists is not added. `trace` is the id shared by all
    jobs of one command, `parent` the job that caused this one.
    """

    job_id: str | None = None
    priority: int | None = None
    attempts: int | None = None
    backoff: str | None = None
    backoff_ms: int | None = None
    delay_ms: int = 0
    timeout_ms: int | None = None
    trace: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job's record as Redis has it now."""

    id: str
    queue: str
    name: str
    arguments: dict[str, Any]
    state: JobState
    priority: int
    attempts: int
    attempts_made: int
    timeout_ms: int
    created_at_ms: int
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    due_at_ms: int | None = None
    stalled: int = 0
    progress: Any = None
    worker: str | None = None
    result: Any = None
    error: str | None = None
    traceback: str | None = None
    trace: str | None = None
    parent: str | None = None


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
    completed_total: int = 0
    """Jobs completed since the queue exists: the difference of two samples is the throughput."""
    failed_total: int = 0
    minutes: tuple[MinuteCounts, ...] = ()
    """The last 60 minutes, oldest first, gaps filled with zeros; the last is the running one."""


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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All eight queues and the workers, read in one go."""

    taken_at_ms: int
    queues: tuple[QueueState, ...]
    workers: tuple[WorkerInfo, ...] = ()
    redis: str = ""
    """Where Redis is, without any password."""


@dataclass(frozen=True, slots=True)
class CleanPreview:
    """What a clean would take away: an exact count, and how old the jobs are."""

    queue: str
    state: JobState
    count: int
    oldest_at_ms: int | None = None
    newest_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A thing that a command did: the tool's name, its arguments, and whether it worked."""

    name: str
    arguments: dict[str, Any]
    outcome: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Something happened to a spoken or typed command; `trace` tells which command."""

    trace: str


@dataclass(frozen=True, slots=True)
class StageTimed(VoiceEvent):
    """A stage (`transcription`, `voice-processing`, `synthesis`) is done: how long it waited and ran."""

    queue: str
    waited_ms: int
    ran_ms: int


@dataclass(frozen=True, slots=True)
class Heard(VoiceEvent):
    """The transcript."""

    text: str


@dataclass(frozen=True, slots=True)
class Replied(VoiceEvent):
    """The answer in words, and what was done for it."""

    text: str
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken(VoiceEvent):
    """The answer's sound, as FLAC bytes."""

    flac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting(VoiceEvent):
    """The command is kept but cannot go on yet: why, and what to do."""

    message: str


@dataclass(frozen=True, slots=True)
class CommandFailed(VoiceEvent):
    """A stage failed for good; the message carries its remedy."""

    queue: str
    message: str
