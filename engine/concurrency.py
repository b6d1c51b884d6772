"""Work done side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_Result = TypeVar("_Result")


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
