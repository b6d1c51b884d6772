"""A job: what it may be told, what becomes of it, and jobs found."""

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

    `job_id`: a second job with an id that exists is not added. `jitter` (0 to 1) is the share of the
    back-off that is left to chance. The `keep_...` values overrule the queue's retention when this job
    ends, 0 as a count meaning that its record goes at once. `trace` is the id shared by all jobs of one
    command, `parent` the job that caused this one. `awaited`: somebody will wait for it, so what it came to can be had
    for five minutes even where the retention keeps nothing.
    """

    job_id: str | None = None
    priority: int | None = None
    attempts: int | None = None
    backoff: str | None = None
    backoff_ms: int | None = None
    jitter: float | None = None
    delay_ms: int = 0
    timeout_ms: int | None = None
    keep_completed_ms: int | None = None
    keep_completed_count: int | None = None
    keep_failed_ms: int | None = None
    keep_failed_count: int | None = None
    trace: str | None = None
    parent: str | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job that ended in an error; `number` counts those that count, from 1."""

    number: int
    started_at_ms: int
    ended_at_ms: int
    worker: str
    error: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a job left in its log."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job's record as Redis has it now. `options` are those it was added with, defaults filled in."""

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
    options: dict[str, Any] = field(default_factory=dict)
    history: tuple[Attempt, ...] = ()
    """Its failed attempts, oldest first, at most the last ten."""
    signature: str | None = None
    """The group of like failures that it belongs to, while it is failed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a job has got from a model for one of its prompts: `text`, or why the prompt was refused for good (`error`).

    `number` is the prompt's place, from 0. `cut`: the model stopped before its end, at the most that it may say.
    """

    number: int
    text: str
    error: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """One page of a search: the jobs found in it, and how far the search has looked."""

    found: tuple[Job, ...]
    looked: int
    total: int
    position: str | None
    """Where to go on; None where everything was looked at."""
