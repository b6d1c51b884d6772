"""Work done side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

_Result = TypeVar("_Result")


class TimeLimit:
    """Cancels the task that makes it after `limit_s` seconds, unless lifted before: always lift it in the end.

    `asyncio.timeout` does more, and takes five times as long to set, which tells where it is set for each job.
    """

    __slots__ = ("_cancels", "_task", "_timer", "reached")

    def __init__(self, limit_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancels = task.cancelling()
        self.reached = False
        """Whether the time is over."""
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._reach)

    def _reach(self) -> None:
        self.reached = True
        self._task.cancel()

    def lift(self) -> None:
        """The task needs no limit any more."""
        self._timer.cancel()

    def is_cause(self) -> bool:
        """Whether the cancellation just caught is this limit's alone; it is taken back then: ask once."""
        return self.reached and self._task.uncancel() <= self._cancels


async def together(*work: Awaitable[_Result]) -> list[_Result]:
    """The results of all, in order. Raises the first error, after the rest has been cancelled and has ended.

    asyncio's `gather` lets the rest run on, which then uses connections that are closed meanwhile.
    """
    under_way = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*under_way))
    except BaseException:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        raise


@asynccontextmanager
async def unless_set(event: asyncio.Event) -> AsyncIterator[None]:
    """Cut the block off where `event` is set before its end, and go on behind it: ask the event whether it was."""
    task = asyncio.current_task()
    assert task is not None
    cancels = task.cancelling()

    async def watch() -> None:
        await event.wait()
        task.cancel()

    watching = asyncio.create_task(watch(), name="stop asked")
    try:
        yield
    except asyncio.CancelledError:
        if not event.is_set() or task.uncancel() > cancels:
            raise
    finally:
        watching.cancel()


@asynccontextmanager
async def entered_unless_set(event: asyncio.Event, context: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
    """Within `context`; where `event` is set before that is entered, entering is cut off and the block run without."""
    async with AsyncExitStack() as held:
        async with unless_set(event):
            await held.enter_async_context(context)
        yield
