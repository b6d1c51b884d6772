"""Work side by side leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from engine.concurrency import together


async def test_the_results_come_in_the_order_asked_for() -> None:
    last = asyncio.Event()

    async def first_asked() -> str:
        await last.wait()
        return "first"

    async def last_asked() -> str:
        last.set()
        return "last"

    assert await together(first_asked(), last_asked()) == ["first", "last"]


@pytest.mark.parametrize("cancelled", [False, True])
async def test_where_one_fails_or_the_caller_is_cancelled_the_rest_has_ended(cancelled: bool) -> None:
    told: list[str] = []
    begun = asyncio.Event()

    async def endless() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            told.append("ended")

    async def failing() -> None:
        await begun.wait()
        if cancelled:
            asking.cancel()
        else:
            raise KeyError("failed")

    asking = asyncio.ensure_future(together(endless(), failing()))
    with pytest.raises(asyncio.CancelledError if cancelled else KeyError):
        await asking
    assert told == ["ended"]
