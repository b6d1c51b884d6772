"""A job as taskiq's message and back: labels to options, a claimed job to what a Receiver takes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from taskiq import AckableMessage, BrokerMessage, TaskiqMessage

from engine.errors import BadInputError
from engine.model import JobOptions
from engine.queues import QueueSpec, require_queue
from engine.store import Claimed
from engine.store.new_job import new_job
from engine.store.records import NewJob, dumps


class ClaimedMessage(AckableMessage):
    """A message that knows its job, for a receiver that looks after it."""

    job: Any


def kicked_job(message: BrokerMessage, specs: Mapping[str, QueueSpec]) -> tuple[str, NewJob]:
    """The queue and the new job of a task that was kicked.

    Labels: `queue` (required), `priority`, `attempts`, `backoff`, `backoff_ms`, `delay_ms`, `timeout` (s),
    `trace`, `parent`. Raises BadInputError for a message or a label that cannot be used, NotFoundError for
    an unknown queue.
    """
    try:
        parsed = TaskiqMessage.model_validate_json(message.message)
    except ValueError as error:
        raise BadInputError(f"The task {message.task_name} cannot be read: {error}") from error
    labels = parsed.labels
    if "queue" not in labels:
        raise BadInputError(f"The task {message.task_name} has no queue.", "Declare it with queue=… .")
    queue = require_queue(str(labels["queue"]))
    data = dumps([parsed.args, parsed.kwargs] if parsed.args else parsed.kwargs)
    return queue, new_job(message.task_name, data, specs[queue], _options_of(message.task_id, labels))


def claimed_message(job: Claimed, ack: Callable[[], Awaitable[None]]) -> ClaimedMessage:
    """A claimed job as taskiq's Receiver takes it; `ack` is called when taskiq is through with it."""
    return ClaimedMessage(data=_as_message(job), ack=ack, job=job)


def _as_message(job: Claimed) -> bytes:
    """The job as taskiq's JSON formatter reads it.

    Keyword arguments go in as the text they are, unread: unreadable ones the formatter refuses, and
    the job ends with that reason.
    """
    labels = {"queue": job.queue, "timeout": job.timeout_ms / 1000, "attempt": job.attempt, "trace": job.trace}
    args, kwargs = "[]", job.data
    if job.data.startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            args, kwargs = (dumps(part) for part in json.loads(job.data))
    head = dumps({"task_id": job.id, "task_name": job.name, "labels": labels})
    return f'{head[:-1]},"args":{args},"kwargs":{kwargs}}}'.encode(errors="replace")


def _options_of(job_id: str, labels: Mapping[str, Any]) -> JobOptions:
    """What a task's labels ask for. Raises BadInputError for a label that is no number and should be."""

    def number(name: str, scale: int = 1) -> int | None:
        try:
            return None if labels.get(name) is None else round(float(labels[name]) * scale)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadInputError(f"The label {name} is no number: {str(labels[name])[:100]!r}.") from error

    return JobOptions(
        job_id=job_id,
        priority=number("priority"),
        attempts=number("attempts"),
        backoff=None if labels.get("backoff") is None else str(labels["backoff"]),
        backoff_ms=number("backoff_ms"),
        delay_ms=number("delay_ms") or 0,
        timeout_ms=number("timeout", 1000),
        trace=str(labels.get("trace") or job_id),
        parent=str(labels["parent"]) if labels.get("parent") else None,
    )
