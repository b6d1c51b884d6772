"""Changes that a command makes: jobs of their own in the command's trace, each awaited for a moment."""

from __future__ import annotations

import itertools

from engine.handlers.context import JobContext
from engine.job_types import JobType

WAIT_S = 10.0
"""So long a command waits for another job before it says that it will be done later."""


class Changes:
    """The jobs that one run of a command adds, numbered alike whenever it runs again, so that each is added once."""

    def __init__(self, context: JobContext, noun: str) -> None:
        """`noun` tells their ids apart from those of other tools, such as "task"."""
        self._context = context
        self._noun = noun
        self._numbers = itertools.count(1)

    async def make(self, payload: JobType, done: str, waiting: str) -> str:
        """Add the job; `done` when it has ended well within `WAIT_S`, else `waiting`. Raises what it failed with."""
        options = self._context.child_options(f"{self._noun}.{next(self._numbers)}")
        handle = await self._context.services.client.add(payload, options)
        try:
            await handle.result(WAIT_S)
        except TimeoutError:
            return waiting
        return done
