"""What goes into and comes out of the store's scripts, and how a job's hash becomes a `Job`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.model import Job, JobState

# One encoder for all: json.dumps with options would build a new one for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dumps(value: Any) -> str:
    """JSON without spaces; arguments and results of jobs are written so."""
    return _encode(value)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to add: everything resolved, nothing left to defaults. Times in ms."""

    id: str
    name: str
    data: str
    """Arguments: a JSON object of keyword arguments, or a JSON list [positional, keyword]."""
    priority: int
    attempts: int
    backoff: str
    backoff_ms: int
    timeout_ms: int
    delay_ms: int = 0
    jitter: float = 0.0
    trace: str | None = None
    parent: str | None = None

    def as_argument(self) -> dict[str, Any]:
        """The shape that `add.lua` reads (null is left out: Lua takes it for true)."""
        options: dict[str, Any] = {
            "priority": self.priority,
            "attempts": self.attempts,
            "backoff": self.backoff,
            "backoff_ms": self.backoff_ms,
            "timeout_ms": self.timeout_ms,
        }
        if self.jitter:
            options["jitter"] = self.jitter
        argument = {
            "id": self.id,
            "name": self.name,
            "data": self.data,
            "options": dumps(options),
            "priority": self.priority,
            "delay_ms": self.delay_ms,
        }
        if self.trace:
            argument["trace"] = self.trace
        if self.parent:
            argument["parent"] = self.parent
        return argument


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in a worker's hands. `token` proves it until the lease runs out."""

    id: str
    queue: str
    name: str
    data: str
    token: str
    attempt: int
    """1 for the first."""
    timeout_ms: int
    created_at_ms: int
    trace: str
    parent: str


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A claimed job that came to its end: `result` as JSON text; `outbox` holds follow-ups as JSON texts."""

    job: Claimed
    result: str
    processing_ms: int
    outbox: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueEvent:
    """One entry of a queue's event stream; `id` is the job's, "" for the queue's own events."""

    queue: str
    position: str
    event: str
    id: str
    trace: str


@dataclass(slots=True)
class Taken:
    """What one `take` gave: the jobs, and when to ask again."""

    more: bool
    due_in_ms: int | None
    concurrency: int | None
    jobs: list[Claimed] = field(default_factory=list)


def arguments_of(data: str) -> dict[str, Any]:
    """Arguments as shown to people; unreadable text is shown as it is."""
    try:
        value = json.loads(data)
    except ValueError:
        return {"unreadable": data}
    if isinstance(value, dict):
        return value
    return {"args": value[0], **value[1]} if isinstance(value, list) and len(value) == 2 else {"unreadable": data}


def job_from_hash(queue: str, job_id: str, record: Mapping[str, str]) -> Job:
    """The `Job` that a hash tells of; fields that are missing or unreadable become their empty values."""
    options = _json_or(record.get("options"), {})
    if not isinstance(options, dict):
        options = {}
    return Job(
        id=job_id,
        queue=queue,
        name=record.get("name", ""),
        arguments=arguments_of(record.get("data", "{}")),
        state=JobState(record["state"]) if record.get("state") in set(JobState) else JobState.FAILED,
        priority=int(options.get("priority", 0)),
        attempts=int(options.get("attempts", 1)),
        attempts_made=int(record.get("made", 0)),
        timeout_ms=int(options.get("timeout_ms", 0)),
        created_at_ms=int(record.get("created", 0)),
        started_at_ms=_int_or_none(record.get("started")),
        finished_at_ms=_int_or_none(record.get("finished")),
        due_at_ms=_int_or_none(record.get("due")),
        stalled=int(record.get("stalled", 0)),
        progress=_json_or(record.get("progress"), None),
        worker=record.get("worker"),
        result=_json_or(record.get("result"), None),
        error=record.get("error") or None,
        traceback=record.get("traceback") or None,
        trace=record.get("trace") or None,
        parent=record.get("parent") or None,
    )


def _int_or_none(text: str | None) -> int | None:
    return int(text) if text else None


def _json_or(text: str | None, otherwise: Any) -> Any:
    if text is None:
        return otherwise
    try:
        return json.loads(text)
    except ValueError:
        return otherwise
