"""The bodies of requests and answers, as OpenAPI describes them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from engine.figures import UNTOLD_FIELDS
from engine.model import QueueState, WorkerInfo

_MOST_IDS = 1000
_LONGEST_MS = 10 * 365 * 86_400_000


def _as_whole(value: Any) -> Any:
    # In JSON 1.0 is a whole number.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Whole = Annotated[int, BeforeValidator(_as_whole)]


class Problem(BaseModel):
    """Every answer that is not a success: what went wrong, and what to do about it (may be empty)."""

    error: str
    remedy: str


class Health(BaseModel):
    """Redis answers."""

    status: Literal["ok"]


class Paused(BaseModel):
    """Whether the queue is paused now, and whether this call changed that."""

    queue: str
    paused: bool
    changed: bool


class Cleaned(BaseModel):
    """How many jobs were removed, and under which id the quarantine keeps them for a day (null: none were)."""

    queue: str
    status: str
    removed: int
    quarantine: str | None


class Retried(BaseModel):
    """How many failed jobs wait again, and how many of the named ones were not failed jobs of the queue."""

    queue: str
    retried: int
    skipped: int


class ActionRequest(BaseModel):
    """What may be said with every action."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(default="", max_length=500, description="Why, for the audit trail.")


class CleanRequest(ActionRequest):
    """Which jobs to remove, the oldest first."""

    status: Literal["completed", "failed", "waiting", "delayed"]
    grace: _Whole = Field(
        default=0,
        ge=0,
        le=_LONGEST_MS,
        description="Keep those that ended (or, not yet run, were added) within so many ms.",
    )
    limit: _Whole = Field(default=0, ge=0, le=2**31, description="Remove at most so many; 0: all.")


class RetryRequest(ActionRequest):
    """The failed jobs to run again; all of the queue where no ids are given."""

    ids: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        default=None, min_length=1, max_length=_MOST_IDS
    )


def _described(kind: type, without: frozenset[str] = frozenset(), **more: Any) -> type[BaseModel]:
    """A description of a dataclass of `engine.model` for OpenAPI, so that its fields are named there alone."""
    hints = get_type_hints(kind)
    told: Any = {name: (hints[name], ...) for name in _field_names(kind) if name not in without} | more
    return create_model(kind.__name__, __doc__=kind.__doc__, **told)


def _field_names(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


_Queue = _described(
    QueueState,
    UNTOLD_FIELDS,
    jobs_per_minute=(float, Field(description="Jobs that ended a minute: the mean of the last 5 full minutes.")),
    failure_rate=(float | None, Field(description="0 to 1, of the jobs that ended within the last hour.")),
)
_Worker = _described(WorkerInfo)


class Status(BaseModel):
    """The same object as `hark status --json` prints."""

    taken_at_ms: int
    redis: str = Field(description="Where Redis is, without any password.")
    workers: list[_Worker]  # type: ignore[valid-type]
    queues: list[_Queue]  # type: ignore[valid-type]
