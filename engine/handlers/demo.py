"""Pretended work of the demo traffic: time passes, words are told, some of it fails."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.errors import BadInputError, RetryableError
from engine.handlers.context import JobContext
from engine.job_types import DEMO_TYPES, DemoJob

_STEPS = 4
_TOLD_FROM_MS = 300
"""Shorter work tells nothing on its way."""
_LONGER_THAN_ALLOWED_S = 3600.0
_RETRY_AFTER_MS = 3_000


async def run_demo(payload: DemoJob, context: JobContext) -> dict[str, Any]:
    """Do nothing for a while, fail as the payload says, and else hand on to the next queue of its trace."""
    for step in range(_STEPS):
        await asyncio.sleep(payload.duration_ms / 1000 / _STEPS)
        if payload.duration_ms >= _TOLD_FROM_MS:
            await context.progress(round(100 * (step + 1) / _STEPS))
            await context.log(f"demo: step {step + 1} of {_STEPS} is done")
        if step == _STEPS // 2:
            await _fail(payload, context)
    if payload.then:
        queue, *rest = payload.then
        follower = DEMO_TYPES[queue](duration_ms=payload.duration_ms, then=tuple(rest))
        context.follow_up(follower, f"demo{len(rest)}")
    return {"demo": True}


async def _fail(payload: DemoJob, context: JobContext) -> None:
    """The failures that real services have, in their words; each names a server that cannot exist."""
    match payload.fault:
        case "refused":
            raise RetryableError("demo: mail.example refused the connection on port 993.", "It is only a demo.")
        case "flaky" if context.job.attempt == 1:
            raise RetryableError("demo: dav.example closed the connection.", "It is only a demo.")
        case "slow":
            await asyncio.sleep(_LONGER_THAN_ALLOWED_S)
        case "rate-limit":
            raise RetryableError("demo: api.example answers 429, too many requests.", retry_after_ms=_RETRY_AFTER_MS)
        case "bad-input":
            raise BadInputError("demo: the address anna@ is none.", "It is only a demo.")
        case "bug":
            raise KeyError("demo")
