"""The columns of the table of jobs: which a state has, and what each says of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.widgets.job_words import (
    exact_text,
    first_line,
    json_text,
    past_text,
    short_id,
    span_text,
    took_ms,
    when_text,
)
from engine.model import Job, JobState
from engine.queues import QUEUES


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and width in pixels (0: the rest), and text and tooltip of a job at a time in ms."""

    title: str
    width: int
    text: Callable[[Job, int], str]
    tip: Callable[[Job, int], str]
    number: bool = False


_ID = Column("Id", 122, lambda job, _: short_id(job.id), lambda job, _: job.id)
_QUEUE = Column("Queue", 118, lambda job, _: QUEUES[job.queue].title, lambda job, _: job.queue)
_NAME = Column("Name", 148, lambda job, _: job.name, lambda job, _: job.name)
_ADDED = Column(
    "Added", 104, lambda job, now: past_text(job.created_at_ms, now), lambda job, _: exact_text(job.created_at_ms)
)
_DUE = Column("Due", 104, lambda job, now: when_text(job.due_at_ms, now), lambda job, _: exact_text(job.due_at_ms))
_STARTED = Column(
    "Started", 104, lambda job, now: past_text(job.started_at_ms, now), lambda job, _: exact_text(job.started_at_ms)
)
_ENDED = Column(
    "Ended", 104, lambda job, now: past_text(job.finished_at_ms, now), lambda job, _: exact_text(job.finished_at_ms)
)
_TOOK = Column(
    "Took",
    84,
    lambda job, now: span_text(took_ms(job, now)),
    lambda job, _: f"Started {exact_text(job.started_at_ms)}\nEnded {exact_text(job.finished_at_ms)}",
    number=True,
)
_PRIORITY = Column("Priority", 70, lambda job, _: str(job.priority), lambda job, _: "1 is served first", number=True)
_WORKER = Column("Worker", 120, lambda job, _: job.worker or "–", lambda job, _: job.worker or "No worker yet")
_ATTEMPTS = Column(
    "Attempts",
    74,
    lambda job, _: f"{job.attempts_made} of {job.attempts}",
    lambda job, _: f"{job.attempts_made} of at most {job.attempts} attempts made",
    number=True,
)
ERROR = Column("Error", 0, lambda job, _: first_line(job.error), lambda job, _: job.error or "No error")
_RESULT = Column(
    "Result",
    0,
    lambda job, _: json_text(job.result, indent=None)[:300],
    lambda job, _: json_text(job.result)[:2_000],
)
_COLUMNS: dict[JobState, tuple[Column, ...]] = {
    JobState.WAITING: (_ID, _NAME, _ADDED, _PRIORITY, _ATTEMPTS, ERROR),
    JobState.DELAYED: (_ID, _NAME, _ADDED, _DUE, _ATTEMPTS, ERROR),
    JobState.ACTIVE: (_ID, _NAME, _STARTED, _WORKER, _ATTEMPTS, ERROR),
    JobState.COMPLETED: (_ID, _NAME, _ENDED, _TOOK, _ATTEMPTS, _RESULT),
    JobState.FAILED: (_ID, _NAME, _ENDED, _TOOK, _ATTEMPTS, ERROR),
}


def columns_of(state: JobState, *, with_queue: bool) -> tuple[Column, ...]:
    """The columns of jobs in `state`; `with_queue` where they are of several queues."""
    first, *rest = _COLUMNS[state]
    return (first, _QUEUE, *rest) if with_queue else (first, *rest)
