"""When the ends of jobs are written: together, behind a claim, and all of them before the worker ends."""

from __future__ import annotations

import asyncio

import pytest

from engine.model import JobState
from engine.store import Claimed, FinishedJob, NewJob, Store
from engine.worker import settling
from engine.worker.settling import GATHER_ENOUGH, Settling

QUEUE = "ai-processing"
LONG_MS = 60_000


@pytest.fixture(autouse=True)
def gathering_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written only because time passes."""
    monkeypatch.setattr(settling, "GATHER_S", 600)


async def _claimed(store: Store, count: int) -> list[Claimed]:
    jobs = [NewJob(f"j{number}", "create-task", "{}", 1, 3, "fixed", 0, LONG_MS) for number in range(count)]
    await store.add(QUEUE, jobs)
    return (await store.take(QUEUE, count, lease_ms=LONG_MS, token="t", worker="w")).jobs


async def _end(settling: Settling, jobs: list[Claimed]) -> None:
    for job in jobs:
        await settling.finish(FinishedJob(job, "null", 1))
    for _ in range(5):
        await asyncio.sleep(0)  # it sees them, and begins to gather


@pytest.mark.parametrize(("ended", "slots"), [(GATHER_ENOUGH, 1000), (10, 10)], ids=["many", "as many as run at once"])
async def test_enough_ends_are_written_behind_the_next_claim(
    store: Store, monkeypatch: pytest.MonkeyPatch, ended: int, slots: int
) -> None:
    monkeypatch.setattr("engine.worker.settling.GATHER_S", 3600)  # they would wait for company
    written = asyncio.Event()
    ends = Settling(store, lambda _: written.set())
    ends.start()
    await _end(ends, await _claimed(store, ended))
    ends.write_behind_claim(slots)
    async with asyncio.timeout(10):
        await written.wait()
    assert await store.depth(QUEUE, JobState.ACTIVE) == 0
    await ends.close()


async def test_few_ends_wait_for_company_and_are_written_at_the_latest_when_the_worker_ends(store: Store) -> None:
    ends = Settling(store, lambda _: None)
    ends.start()
    await _end(ends, await _claimed(store, GATHER_ENOUGH - 1))
    ends.write_behind_claim(GATHER_ENOUGH)
    assert await store.depth(QUEUE, JobState.ACTIVE) == GATHER_ENOUGH - 1
    async with asyncio.timeout(10):
        await ends.close()
    assert await store.depth(QUEUE, JobState.ACTIVE) == 0


async def test_what_is_left_is_written_although_the_writer_was_cancelled_with_all_tasks(store: Store) -> None:
    ends = Settling(store, lambda _: None)
    ends.start()
    await _end(ends, await _claimed(store, 2))
    (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "settling"]
    writer.cancel()
    async with asyncio.timeout(10):
        await ends.close()
    assert await store.depth(QUEUE, JobState.ACTIVE) == 0
