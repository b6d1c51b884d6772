"""When the ends of jobs are written: together, with the next claim, and all of them before the worker ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.errors import HarkError, RedisGoneError
from engine.model import JobState
from engine.store import Claimed, FinishedJob, NewJob, Store
from engine.store.records import Taken
from engine.worker import settling
from engine.worker.settling import Settling

QUEUE = "ai-processing"
LONG_MS = 60_000


@pytest.fixture(autouse=True)
def gathering_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written only because time passes."""
    monkeypatch.setattr(settling, "GATHER_S", 600)


async def _claimed(store: Store, count: int, queue: str = QUEUE) -> list[Claimed]:
    jobs = [NewJob(f"j{number}", "create-task", "{}", 1, 3, "fixed", 0, LONG_MS) for number in range(count)]
    await store.add(queue, jobs)
    return (await store.take(queue, count, lease_ms=LONG_MS, token="t", worker="w")).jobs


async def _end(settling: Settling, jobs: list[Claimed]) -> None:
    for job in jobs:
        await settling.finish(FinishedJob(job, "null", 1))
    for _ in range(5):
        await asyncio.sleep(0)  # it sees them, and begins to gather


async def test_ends_go_to_redis_with_the_next_claim_of_their_queue(store: Store) -> None:
    known: list[str] = []
    ends = Settling(store, lambda jobs: known.extend(job.id for job in jobs))
    ends.start()
    await _end(ends, await _claimed(store, 3))
    await ends.take("transcription", 1, lease_ms=LONG_MS, token="other", worker="w")
    assert (known, await store.depth(QUEUE, JobState.ACTIVE)) == ([], 3)
    await ends.take(QUEUE, 1, lease_ms=LONG_MS, token="next", worker="w")
    assert known == ["j0", "j1", "j2"]
    assert await store.depth(QUEUE, JobState.COMPLETED) == 3
    await ends.close()


async def test_ends_whose_claim_is_refused_are_written_on_their_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> Taken:
        raise HarkError("Refused.")

    written = asyncio.Event()
    ends = Settling(store, lambda _: written.set())
    ends.start()
    await _end(ends, await _claimed(store, 3))
    monkeypatch.setattr(Store, "take", refuse)
    with pytest.raises(HarkError, match="Refused"):
        await ends.take(QUEUE, 1, lease_ms=LONG_MS, token="next", worker="w")
    async with asyncio.timeout(10):
        await written.wait()
    assert await store.depth(QUEUE, JobState.COMPLETED) == 3
    await ends.close()


async def test_ends_whose_claims_found_no_redis_are_written_together_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object, **__: object) -> Taken:
        raise RedisGoneError("Gone.")

    writes: list[int] = []
    finish = store.finish

    async def noting(queue: str, finished: Sequence[FinishedJob]) -> list[bool]:
        writes.append(len(finished))
        return await finish(queue, finished)

    ends = Settling(store, lambda _: None)
    ends.start()
    jobs = await _claimed(store, 3)
    monkeypatch.setattr(store, "take", gone)
    monkeypatch.setattr(store, "finish", noting)
    for job in jobs:
        await _end(ends, [job])
        with pytest.raises(RedisGoneError):
            await ends.take(QUEUE, 1, lease_ms=LONG_MS, token="next", worker="w")
    await ends.close()
    assert writes == [3]
    assert await store.depth(QUEUE, JobState.COMPLETED) == 3


async def test_a_queue_whose_ends_cannot_be_written_does_not_hold_up_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, go_on, finish = asyncio.Event(), asyncio.Event(), store.finish

    async def half_stuck(queue: str, finished: Sequence[FinishedJob]) -> list[bool]:
        if queue == QUEUE:
            stuck.set()
            await go_on.wait()
        return await finish(queue, finished)

    monkeypatch.setattr(store, "finish", half_stuck)
    monkeypatch.setattr(settling, "GATHER_S", 0.001)
    known: asyncio.Queue[str] = asyncio.Queue()
    ends = Settling(store, lambda jobs: [known.put_nowait(job.queue) for job in jobs])
    ends.start()
    await _end(ends, await _claimed(store, 1))
    await stuck.wait()
    await _end(ends, await _claimed(store, 1, "transcription"))
    async with asyncio.timeout(10):
        assert await known.get() == "transcription"
        go_on.set()
        assert await known.get() == QUEUE
    await ends.close()


async def test_an_end_that_went_with_a_claim_after_its_lease_is_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ends = Settling(store, lambda _: None)
    ends.start()
    (job,) = await _claimed(store, 1)
    await store.release(QUEUE, [job])
    await _end(ends, [job])
    taken = await ends.take(QUEUE, 1, lease_ms=LONG_MS, token="next", worker="w")
    assert [again.id for again in taken.jobs] == ["j0"]
    assert "job j0 on ai-processing ended after its lease: another run counts" in caplog.text
    await ends.close()


async def test_few_ends_wait_for_company_and_are_written_at_the_latest_when_the_worker_ends(store: Store) -> None:
    ends = Settling(store, lambda _: None)
    ends.start()
    await _end(ends, await _claimed(store, 99))
    assert await store.depth(QUEUE, JobState.ACTIVE) == 99
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
