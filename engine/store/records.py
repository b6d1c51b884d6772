"""What goes into and comes out of the store's scripts, and how a job's hash becomes a `Job`."""

from __future__ import annotations

import functools
import json
import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.histogram import Histogram
from engine.model import Attempt, Figures, Job, JobState, LogLine

# One encoder for all: json.dumps with options would build a new one for each call.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dumps(value: Any) -> str:
    """JSON without spaces; arguments and results of jobs are written so."""
    return _encode(value)


# Thousands of these are made a second: a frozen dataclass takes four times as long to make as a tuple or a plain one.
@dataclass(slots=True)
class NewJob:
    """A job to add: everything resolved, nothing left to defaults. Times in ms. Not to be changed."""

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
    jitter: float | None = None
    keep_completed_ms: int | None = None
    keep_completed_count: int | None = None
    keep_failed_ms: int | None = None
    keep_failed_count: int | None = None
    trace: str | None = None
    parent: str | None = None
    awaited: bool = False

    def as_argument(self) -> dict[str, Any]:
        """The shape that `_prelude.lua`'s add_job reads (null is left out: Lua takes it for true).

        A trace that is the job's own id is left out, too: it is what the absence of one means.
        """
        argument = {
            "id": self.id,
            "name": self.name,
            "data": self.data,
            "options": _options_text(*_options_of(self)),
            "priority": self.priority,
            "delay_ms": self.delay_ms,
        }
        if self.trace and self.trace != self.id:
            argument["trace"] = self.trace
        if self.parent:
            argument["parent"] = self.parent
        if self.awaited:
            argument["awaited"] = True
        return argument

    @classmethod
    def from_argument(cls, argument: Mapping[str, Any]) -> NewJob:
        """The job that `as_argument` wrote down."""
        fields = {name: value for name, value in argument.items() if name != "options"}
        return cls(**fields | _UNSAID | json.loads(argument["options"]))


_OPTIONS = (
    "priority",
    "attempts",
    "backoff",
    "backoff_ms",
    "timeout_ms",
    "jitter",
    "keep_completed_ms",
    "keep_completed_count",
    "keep_failed_ms",
    "keep_failed_count",
)
_options_of = operator.attrgetter(*_OPTIONS)
_UNSAID = {"backoff": "exponential", "backoff_ms": 2000}
"""What the absence of these means, here and in `fail.lua`: a job's record has no byte too many."""


@functools.lru_cache(maxsize=256)
def _options_text(*values: Any) -> str:
    """Most jobs of a queue have the same options: their text is made once."""
    named = zip(_OPTIONS, values, strict=True)
    return dumps({name: value for name, value in named if value is not None and value != _UNSAID.get(name)})


@functools.lru_cache(maxsize=256)
def claimed_options(text: str, timeout_ms: int) -> tuple[int, int | None, int | None]:
    """From a job's options: time-out (ms; `timeout_ms` where they are unreadable), own retention of completed ones."""
    options = json_or(text, {})
    if not isinstance(options, dict):
        return timeout_ms, None, None
    timeout = _number_or_none(options.get("timeout_ms"))
    return (
        timeout if timeout is not None and timeout > 0 else timeout_ms,
        _number_or_none(options.get("keep_completed_ms")),
        _number_or_none(options.get("keep_completed_count")),
    )


class Claimed(NamedTuple):
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
    keep_ms: int | None = None
    """This job's own retention once completed, where it overrules the queue's; so `keep_count`."""
    keep_count: int | None = None


class FinishedJob(NamedTuple):
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
    written: list[bool] = field(default_factory=list)
    """Of each job whose end went along: False where it was not ours any more."""


def arguments_of(data: str) -> dict[str, Any]:
    """Arguments as shown to people; unreadable text is shown as it is."""
    match json_or(data, None):
        case dict(value):
            return value
        case [list(positional), dict(keyword)]:
            return {"args": positional, **keyword}
        case _:
            return {"unreadable": data}


def job_from_hash(queue: str, job_id: str, record: Mapping[str, str]) -> Job:
    """The `Job` that a hash tells of; fields that are missing or unreadable become their empty values."""
    options = json_or(record.get("options"), {})
    if not isinstance(options, dict):
        options = {}
    return Job(
        id=job_id,
        queue=queue,
        name=record.get("name", ""),
        arguments=arguments_of(record.get("data", "{}")),
        state=JobState(record["state"]) if record.get("state") in set(JobState) else JobState.FAILED,
        priority=_number_or_none(options.get("priority")) or 0,
        attempts=_number_or_none(options.get("attempts")) or 1,
        attempts_made=_int_or_none(record.get("made")) or 0,
        timeout_ms=_number_or_none(options.get("timeout_ms")) or 0,
        created_at_ms=_time_or_none(record.get("created")) or 0,
        started_at_ms=_time_or_none(record.get("started")),
        finished_at_ms=_time_or_none(record.get("finished")),
        due_at_ms=_time_or_none(record.get("due")),
        stalled=_int_or_none(record.get("stalled")) or 0,
        progress=json_or(record.get("progress"), None),
        worker=record.get("worker"),
        result=json_or(record.get("result"), None),
        error=record.get("error") or None,
        traceback=record.get("traceback") or None,
        trace=record.get("trace") or job_id,
        parent=record.get("parent") or None,
        options=_UNSAID | options if options else {},
        history=_attempts(record.get("history")),
        signature=record.get("signature") or None,
    )


def log_line(text: str) -> LogLine:
    """One entry of a job's log, as `progress.lua` writes it."""
    match json_or(text, None):
        case [int() | float() as at_ms, str(line)]:
            return LogLine(int(at_ms), line)
        case _:
            return LogLine(0, text)


def figures_by_type(fields: Mapping[str, str]) -> dict[str, Figures]:
    """A minute's or an hour's hash as figures, by job type."""
    counts: dict[str, dict[str, int]] = {}
    for field_name, number in fields.items():
        what, at, job_type = field_name.partition("@")
        if at:
            counts.setdefault(job_type, {})[what] = _int_or_none(number) or 0
    return {
        job_type: Figures(
            added=found.get("added", 0),
            completed=found.get("completed", 0),
            failed=found.get("failed", 0),
            retried=found.get("retried", 0),
            stalled=found.get("stalled", 0),
            processing=_histogram(found, "p"),
            waiting=_histogram(found, "w"),
        )
        for job_type, found in counts.items()
    }


def _histogram(found: Mapping[str, int], kind: str) -> Histogram:
    buckets = {int(what[1:]): count for what, count in found.items() if what[0] == kind and what[1:].isdigit()}
    return Histogram(buckets, found.get(f"{kind}sum", 0))


def _attempts(text: str | None) -> tuple[Attempt, ...]:
    history = json_or(text, [])
    if not isinstance(history, list):
        return ()
    return tuple(Attempt(**entry) for entry in history if isinstance(entry, dict) and _is_attempt(entry))


def _is_attempt(entry: Mapping[str, Any]) -> bool:
    numbers = ("number", "started_at_ms", "ended_at_ms")
    return set(entry) == set(Attempt.__dataclass_fields__) and all(
        isinstance(value, int if name in numbers else str) for name, value in entry.items()
    )


def _int_or_none(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None


def _time_or_none(text: str | None) -> int | None:
    """A Unix time in ms; None also for one that no calendar can show."""
    number = _int_or_none(text)
    return number if number is not None and 0 <= number < _YEAR_9999_MS else None


_YEAR_9999_MS = 253_370_764_800_000


def _number_or_none(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None


def json_or(text: str | None, otherwise: Any) -> Any:
    """What JSON text means; `otherwise` where it is none. What JSON cannot say (infinities, half a surrogate pair)
    does not come through, so that whatever comes can be written as JSON again.
    """
    if text is None:
        return otherwise
    try:
        value = _decoder.decode(text)
        if _surrogate.search(text):
            value = _decoder.decode(dumps(value).encode("utf-8", "replace").decode())
    except (ValueError, RecursionError):
        return otherwise
    return value


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=lambda _: None)
_surrogate = re.compile(r"\\u[dD][89a-fA-F]")
