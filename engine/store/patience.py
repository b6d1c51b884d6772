"""Calls that must reach Redis, however long it is away: what they tell would be lost otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.errors import RedisGoneError

_LONGEST_BACKOFF_S = 2.0
_Reply = TypeVar("_Reply")


async def until_heard(
    call: Callable[[], Awaitable[_Reply]], waiting: Callable[[RedisGoneError], None] = lambda _: None
) -> _Reply:
    """The reply of `call`, which is made again while Redis is gone, up to 2 s apart; `waiting` is told each time."""
    backoff_s = 0.05
    while True:
        try:
            return await call()
        except RedisGoneError as error:
            waiting(error)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
