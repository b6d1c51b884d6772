"""What the API answers: the paths and their errors, and from these /openapi.json."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from engine import Engine, __version__
from engine.api.bodies import (
    ActionRequest,
    Cleaned,
    CleanRequest,
    Health,
    Paused,
    Problem,
    Retried,
    RetryRequest,
    Status,
)
from engine.api.guard import problem
from engine.api.metrics import CONTENT_TYPE, exposition
from engine.errors import BadInputError, HarkError, NotFoundError, RedisGoneError, WriteLockedError
from engine.figures import status_json
from engine.model import JobState
from engine.queues import QUEUES, require_queue

if TYPE_CHECKING:
    from engine.admin import Admin

LOOK_WITHIN_S = 5.0
"""So long a reading call waits for a Redis that hangs."""
_RETRY_AFTER_S = 2
_UNLOCK_MINUTES = 5.0
"""The longest that one call may change a production connection."""


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
        423: "The connection is marked as production, and no X-Hark-Reason unlocks it for this call",
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
_Reason = Annotated[
    str,
    Header(
        alias="X-Hark-Reason",
        max_length=500,
        description="Why; unlocks a connection that is marked as production, for this call alone, and is audited.",
    ),
]


@dataclass(frozen=True)
class _Operator:
    """Who calls for an action, and why, where a header says so."""

    actor: str
    _engine: Engine
    _reason: str

    async def admin(self, queue: str) -> Admin:
        """The actions, unlocked where the call has a reason; asked for when all else of the call is right."""
        require_queue(queue)
        if not self._reason.strip():
            return self._engine.admin
        return await self._engine.admin.unlocked(_UNLOCK_MINUTES, actor=self.actor, reason=self._reason)

    def reason(self, wanted: ActionRequest | None) -> str:
        """Why, for the action's row in the audit trail."""
        return (wanted.reason if wanted else "") or self._reason


def _operator(engine: _Engine, actor: _Actor, reason: _Reason = "") -> _Operator:
    return _Operator(actor, engine, reason)


_Acting = Annotated[_Operator, Depends(_operator)]
_Name = Annotated[str, Path(description="The queue's name.", json_schema_extra={"enum": list(QUEUES)})]

_looks = APIRouter(responses=_problems(403, 421, 500, 503))
# The guard has checked the token before; this tells OpenAPI so.
_acts = APIRouter(
    prefix="/api/queue",
    dependencies=[Depends(HTTPBearer(auto_error=False, description="The value of HARK_API_TOKEN."))],
    responses=_problems(401, 403, 404, 408, 413, 415, 421, 422, 423, 500, 503),
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
    """Depths, states, totals and times of the queues, for Prometheus."""
    async with _within(LOOK_WITHIN_S):
        snapshot = await engine.monitor.snapshot(fresh=False)
        totals = await engine.monitor.totals()
    return Response(exposition(snapshot, totals), headers={"content-type": CONTENT_TYPE})


@_looks.get("/api/queue/status", response_model=Status)
async def status(engine: _Engine) -> Response:
    """Counts, rates and workers of all queues."""
    async with _within(LOOK_WITHIN_S):
        return JSONResponse(status_json(await engine.monitor.snapshot(fresh=False)))


@_looks.get("/api/queue/status/{queue}", response_model=Status, responses=_problems(404, 422))
async def queue_status(queue: _Name, engine: _Engine) -> Response:
    """The same of one queue."""
    require_queue(queue)
    async with _within(LOOK_WITHIN_S):
        return JSONResponse(status_json(await engine.monitor.snapshot(fresh=False), queue))


# --- acting ---


@_acts.post("/pause/{queue}")
async def pause(queue: _Name, operator: _Acting, wanted: ActionRequest | None = None) -> Paused:
    """Start no more jobs of the queue; those that are active finish."""
    admin = await operator.admin(queue)
    changed = await admin.pause(queue, actor=operator.actor, reason=operator.reason(wanted))
    return Paused(queue=queue, paused=True, changed=changed)


@_acts.post("/resume/{queue}")
async def resume(queue: _Name, operator: _Acting, wanted: ActionRequest | None = None) -> Paused:
    """Let the queue run again."""
    admin = await operator.admin(queue)
    changed = await admin.resume(queue, actor=operator.actor, reason=operator.reason(wanted))
    return Paused(queue=queue, paused=False, changed=changed)


@_acts.post("/clean/{queue}")
async def clean(queue: _Name, operator: _Acting, wanted: CleanRequest) -> Cleaned:
    """Remove old jobs of one state."""
    state = JobState(wanted.status)
    admin = await operator.admin(queue)
    reason = operator.reason(wanted)
    gone = await admin.clean(queue, state, wanted.grace, wanted.limit, actor=operator.actor, reason=reason)
    return Cleaned(queue=queue, status=state, removed=gone.count, quarantine=gone.batch)


@_acts.post("/retry/{queue}")
async def retry(queue: _Name, operator: _Acting, wanted: RetryRequest | None = None) -> Retried:
    """Run failed jobs again, all or the named ones, with all their attempts."""
    wanted = wanted or RetryRequest()
    ids = None if wanted.ids is None else list(dict.fromkeys(wanted.ids))
    admin = await operator.admin(queue)
    retried = await admin.retry(queue, ids, actor=operator.actor, reason=operator.reason(wanted))
    return Retried(queue=queue, retried=retried, skipped=0 if ids is None else len(ids) - retried)


# --- errors ---


def _answer(_request: Request, error: Exception) -> Response:
    match error:
        case NotFoundError():
            return problem(404, error)
        case BadInputError():
            return problem(422, error)
        case WriteLockedError():
            return problem(423, HarkError(error.message, "Say why in the header X-Hark-Reason."))
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
    for kind in (NotFoundError, BadInputError, WriteLockedError, RedisGoneError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    return app
