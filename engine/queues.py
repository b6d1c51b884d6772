"""The eight queues, as data: the one place that names them and their defaults.

A settings file may override concurrency, timeout, attempts, back-off and retention per queue
(`settings.Settings.queue_specs`); everything else reads the specs from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import NotFoundError, did_you_mean

BackoffKind = Literal["exponential", "fixed"]


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One queue's defaults. Priority 1 is served first; times are in milliseconds."""

    name: str
    title: str
    priority: int
    concurrency: int
    timeout_ms: int
    attempts: int = 3
    backoff: BackoffKind = "exponential"
    backoff_ms: int = 2_000
    keep_completed_ms: int = 3_600_000
    keep_completed_count: int = 100
    keep_failed_ms: int = 86_400_000
    keep_failed_count: int | None = None
    part_ms: int = 0
    """The longest that a part of a job of many may take, such as a prompt of a batch."""
    parts_at_once: int = 1
    """So many parts of one job are worked on at the same time."""


VOICE_PROCESSING = "voice-processing"
TRANSCRIPTION = "transcription"
SYNTHESIS = "synthesis"
EMAIL_PROCESSING = "email-processing"
CALENDAR_SYNC = "calendar-sync"
TASK_PROCESSING = "task-processing"
AI_PROCESSING = "ai-processing"
NOTIFICATION = "notification"

QUEUES: dict[str, QueueSpec] = {
    spec.name: spec
    for spec in (
        QueueSpec(VOICE_PROCESSING, "Voice", 1, 5, 60_000),
        QueueSpec(TRANSCRIPTION, "Transcription", 2, 3, 120_000),
        QueueSpec(SYNTHESIS, "Synthesis", 2, 3, 60_000),
        QueueSpec(EMAIL_PROCESSING, "Email", 3, 10, 120_000),
        QueueSpec(CALENDAR_SYNC, "Calendar", 3, 10, 120_000),
        QueueSpec(TASK_PROCESSING, "Tasks", 4, 10, 120_000),
        QueueSpec(AI_PROCESSING, "AI", 1, 5, 300_000, part_ms=120_000, parts_at_once=4),
        QueueSpec(NOTIFICATION, "Notifications", 4, 20, 30_000),
    )
}


def require_queue(name: str) -> str:
    """Return `name` when it is a queue's; raise NotFoundError naming the near ones and the eight otherwise."""
    if name not in QUEUES:
        raise NotFoundError(f"There is no queue named {name[:100]!r}.", known_queues(name))
    return name


def known_queues(name: str) -> str:
    """The remedy for whoever wrote `name` for a queue's."""
    return f"{did_you_mean(name, QUEUES)}The queues are: {', '.join(QUEUES)}."
