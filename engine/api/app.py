"""What the API answers: the paths, their bodies and their errors, and from these /openapi.json."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, get_type_hints

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException

from engine import Engine, __version__
from engine.api.guard import problem
from engine.api.metrics import CONTENT_TYPE, exposition
from engine.errors import BadInputError, HarkError, NotFoundError, RedisGoneError
from engine.figures import UNTOLD_FIELDS, status_json
from engine.model import JobState, QueueState, WorkerInfo
from engine.queues import QUEUES, require_queue

LOOK_WITHIN_S = 5.0
"""So long a reading call waits for a Redis that hangs."""
_RETRY_AFTER_S = 2
_MOST_IDS = 1000
_LONGEST_MS = 10 * 365 * 86_400_000


# --- bodies ---


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


# --- what every path shares ---


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    words = {
        401: "The admin token is missing or wrong",
        403: "From another site's page; or an admin call, and no token is set",
        404: "No such queue",
        408: "The body did not come",
        413: "The body is too big",
        415: "The body is not declared to be JSON",
        421: "Called by a name that is not this API's",
        422: "The body is wrong; the error names the field",
        500: "An error of Hark's own",
        503: "Redis does not answer",
    }
    return {code: {"model": Problem, "description": words[code]} for code in codes}


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _actor(request: Request) -> str:
    """Who the audit trail names."""
    return f"api:{request.client.host if request.client else 'unknown'}"


_Engine = Annotated[Engine, Depends(_engine)]
_Actor = Annotated[str, Depends(_actor)]
_Name = Annotated[str, Path(description="The queue's name.", json_schema_extra={"enum": list(QUEUES)})]

_looks = APIRouter(responses=_problems(403, 421, 500, 503))
# The guard has checked the token before; this tells OpenAPI so.
_acts = APIRouter(
    prefix="/api/queue",
    dependencies=[Depends(HTTPBearer(auto_error=False, description="The value of HARK_API_TOKEN."))],
    responses=_problems(401, 403, 404, 408, 413, 415, 421, 422, 500, 503),
    tags=["admin"],
)


@asynccontextmanager
async def _within(limit_s: float) -> AsyncIterator[None]:
    """Raise RedisGoneError where the block takes longer: a Redis that hangs is one that is gone."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise RedisGoneError(f"Redis did not answer within {limit_s:g} s.", "Look at it with `hark doctor`.") from error


# --- looking ---


@_looks.get("/health", response_model=Health)
async def health(engine: _Engine) -> Response:
    """Whether Redis answers."""
    async with _within(LOOK_WITHIN_S):
        await engine.monitor.ping()
    return JSONResponse({"status": "ok"})


@_looks.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(engine: _Engine) -> Response:
    """Depths, states and totals of the queues, for Prometheus."""
    async with _within(LOOK_WITHIN_S):
        snapshot = await engine.monitor.snapshot()
    return Response(exposition(snapshot), headers={"content-type": CONTENT_TYPE})


@_looks.get("/api/queue/status", response_model=Status)
async def status(engine: _Engine) -> Response:
    """Counts, rates and workers of all queues."""
    async with _within(LOOK_WITHIN_S):
        return JSONResponse(status_json(await engine.monitor.snapshot()))


@_looks.get("/api/queue/status/{queue}", response_model=Status, responses=_problems(404, 422))
async def queue_status(queue: _Name, engine: _Engine) -> Response:
    """The same of one queue."""
    require_queue(queue)
    async with _within(LOOK_WITHIN_S):
        return JSONResponse(status_json(await engine.monitor.snapshot(), queue))


# --- acting ---


@_acts.post("/pause/{queue}")
async def pause(queue: _Name, engine: _Engine, actor: _Actor, wanted: ActionRequest | None = None) -> Paused:
    """Start no more jobs of the queue; those that are active finish."""
    changed = await engine.admin.pause(queue, actor=actor, reason=wanted.reason if wanted else "")
    return Paused(queue=queue, paused=True, changed=changed)


@_acts.post("/resume/{queue}")
async def resume(queue: _Name, engine: _Engine, actor: _Actor, wanted: ActionRequest | None = None) -> Paused:
    """Let the queue run again."""
    changed = await engine.admin.resume(queue, actor=actor, reason=wanted.reason if wanted else "")
    return Paused(queue=queue, paused=False, changed=changed)


@_acts.post("/clean/{queue}")
async def clean(queue: _Name, engine: _Engine, actor: _Actor, wanted: CleanRequest) -> Cleaned:
    """Remove old jobs of one state."""
    state = JobState(wanted.status)
    gone = await engine.admin.clean(queue, state, wanted.grace, wanted.limit, actor=actor, reason=wanted.reason)
    return Cleaned(queue=queue, status=state, removed=gone.count, quarantine=gone.batch)


@_acts.post("/retry/{queue}")
async def retry(queue: _Name, engine: _Engine, actor: _Actor, wanted: RetryRequest | None = None) -> Retried:
    """Run failed jobs again, all or the named ones, with all their attempts."""
    wanted = wanted or RetryRequest()
    ids = None if wanted.ids is None else list(dict.fromkeys(wanted.ids))
    retried = await engine.admin.retry(queue, ids, actor=actor, reason=wanted.reason)
    return Retried(queue=queue, retried=retried, skipped=0 if ids is None else len(ids) - retried)


# --- errors ---


def _answer(_request: Request, error: Exception) -> Response:
    match error:
        case NotFoundError():
            return problem(404, error)
        case BadInputError():
            return problem(422, error)
        case RedisGoneError():
            wait_s = -(-error.retry_after_ms // 1000) if error.retry_after_ms else _RETRY_AFTER_S
            return problem(503, error, {"retry-after": str(wait_s)})
        case RequestValidationError():
            return problem(422, BadInputError(_wrong(error), "What is allowed is in /openapi.json."))
        case HTTPException(status_code=400):
            return problem(422, BadInputError("The body cannot be read as JSON.", "Send one JSON object."))
        case HTTPException(status_code=404):
            return problem(404, NotFoundError("There is nothing under this path.", "The paths are in /openapi.json."))
        case HTTPException():
            told = HarkError(f"{error.detail}.", "What is allowed is in /openapi.json.")
            return problem(error.status_code, told, dict(error.headers or {}))
    raise error


def _wrong(error: RequestValidationError) -> str:
    """What is wrong with a body, the fields named; nothing of its values is repeated."""
    found = []
    for one in error.errors()[:5]:
        where = ".".join(str(part) for part in one["loc"][1:])
        if one["type"] == "json_invalid":
            found.append("the body is not JSON")
        else:
            found.append(f"{where or 'body'}: {one['msg']}")
    return "; ".join(found) + "."


def _operation_id(route: APIRoute) -> str:
    return route.name


def create_app(engine: Engine) -> FastAPI:
    """The app without its guard."""
    app = FastAPI(
        title="Hark",
        version=__version__,
        summary="The queues of Hark: their status, and the operator's actions.",
        # These pages load their scripts from foreign servers.
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.engine = engine
    app.include_router(_looks)
    app.include_router(_acts)
    for kind in (NotFoundError, BadInputError, RedisGoneError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    return app
