"""Making a new job: what its options leave open is filled in, and what no job can have is refused."""

from __future__ import annotations

import os

from engine.errors import BadInputError
from engine.job_types import spec_of_job
from engine.model import JobOptions
from engine.queues import QueueSpec
from engine.store.records import NewJob

NO_OPTIONS = JobOptions()
_YEAR_MS = 365 * 86_400_000


def new_job(name: str, data: str, spec: QueueSpec, options: JobOptions) -> NewJob:
    """A job of `name` with the arguments `data`: its defaults filled in, the id chosen where there is none.

    Every new job is made here, whoever adds it: the client, a handler, a schedule or a taskiq task.
    Raises BadInputError for options that no job can have.
    """
    if options is not NO_OPTIONS:
        _check(options)
    spec = spec_of_job(name, data, spec)
    job_id = options.job_id or _new_id()
    return NewJob(
        id=job_id,
        name=name,
        data=data,
        priority=spec.priority if options.priority is None else options.priority,
        attempts=spec.attempts if options.attempts is None else options.attempts,
        backoff=options.backoff or spec.backoff,
        backoff_ms=spec.backoff_ms if options.backoff_ms is None else options.backoff_ms,
        timeout_ms=spec.timeout_ms if options.timeout_ms is None else options.timeout_ms,
        delay_ms=options.delay_ms,
        jitter=options.jitter,
        keep_completed_ms=options.keep_completed_ms,
        keep_completed_count=options.keep_completed_count,
        keep_failed_ms=options.keep_failed_ms,
        keep_failed_count=options.keep_failed_count,
        trace=options.trace or job_id,
        parent=options.parent,
        awaited=options.awaited,
    )


def _check(options: JobOptions) -> None:
    """Raise BadInputError for options that no job can have."""
    limits: tuple[tuple[str, float | None, float, float], ...] = (
        ("priority", options.priority, 1, 16),
        ("attempts", options.attempts, 1, 100),
        ("backoff_ms", options.backoff_ms, 0, _YEAR_MS),
        ("jitter", options.jitter, 0, 1),
        ("delay_ms", options.delay_ms, 0, 10 * _YEAR_MS),
        ("timeout_ms", options.timeout_ms, 1, _YEAR_MS),
        ("keep_completed_ms", options.keep_completed_ms, 0, 10 * _YEAR_MS),
        ("keep_completed_count", options.keep_completed_count, 0, 2**31),
        ("keep_failed_ms", options.keep_failed_ms, 0, 10 * _YEAR_MS),
        ("keep_failed_count", options.keep_failed_count, 0, 2**31),
    )
    for name, value, least, most in limits:
        if value is not None and not least <= value <= most:
            raise BadInputError(f"The {name} {value} is not from {least} to {most}.")
    if options.backoff not in (None, "exponential", "fixed"):
        raise BadInputError(f"There is no back-off {options.backoff!r}.", "Use exponential or fixed.")
    if options.job_id is not None and not 1 <= len(options.job_id) <= 200:
        raise BadInputError("A job id has 1 to 200 characters.")


def _new_id() -> str:
    """32 hex digits by chance, as a uuid's; uuid4 takes three times as long."""
    return os.urandom(16).hex()
