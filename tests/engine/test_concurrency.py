"""Work side by side leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from engine.concurrency import together, unless_set


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


async def test_what_is_under_way_is_cut_off_by_the_event_and_what_follows_goes_on() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    async with unless_set(stop):
        await asyncio.Event().wait()
    await asyncio.sleep(0)  # which a cancellation left over would end


async def test_a_cancellation_by_somebody_else_is_not_taken_for_the_event() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with unless_set(asyncio.Event()):
            begun.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await begun.wait()
    working.cancel()
    await asyncio.wait({working})
    assert working.cancelled()
