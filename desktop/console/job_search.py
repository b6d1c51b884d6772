"""One step of the Jobs page's search, through one queue or through all of them, queue by queue."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from desktop.widgets.queue_box import ALL_QUEUES
from engine import Engine
from engine.job_filter import parse_filter
from engine.model import Job, JobState, Searched
from engine.queues import QUEUES

_STEP = 2_000
_FOUND = 200


async def search(
    engine: Engine, number: int, queue: str, state: JobState, query: str, after: str | None
) -> tuple[int, Searched]:
    """Look at 2,000 jobs or find 200, so that the page can tell of it and stop it; `number` comes back with that.

    Of `ALL_QUEUES` the position to go on from begins with the queue, and the total is left to who asks: 0.
    """
    if queue != ALL_QUEUES:
        return number, await _look(engine, queue, state, query, after)
    queues = list(QUEUES)
    name, _, position = after.partition(" ") if after is not None else (queues[0], "", "")
    step = await _look(engine, name, state, query, position or None)
    following = queues[queues.index(name) + 1 :]
    beyond = f"{following[0]} " if following else None
    return number, replace(step, total=0, position=f"{name} {step.position}" if step.position else beyond)


async def _look(engine: Engine, queue: str, state: JobState, query: str, after: str | None) -> Searched:
    found: list[Job] = []
    step = Searched((), 0, 0, after)
    async with aclosing(engine.monitor.search(queue, state, parse_filter(query), _FOUND, after)) as parts:
        async for step in parts:
            found += step.found
            if step.looked >= _STEP:
                break
    return Searched(tuple(found), step.looked, step.total, step.position)
