"""Which worker gets which job, and how soon: several queues and several workers on one Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from engine.errors import RedisGoneError
from engine.model import JobState
from engine.queues import QUEUES
from engine.settings import Settings
from engine.store import Claimed, NewJob, Store
from engine.store import keys as redis_keys
from engine.store.records import Taken
from engine.worker.broker import QueueBroker
from engine.worker.claiming import Claiming

AI, VOICE = "ai-processing", "voice-processing"
LONG_MS = 60_000
AT_ONCE_S = 3.0
"""Less than the time after which a worker looks at its queues without any sign."""


def _job(job_id: str) -> NewJob:
    return NewJob(job_id, "create-task", "{}", 1, 3, "fixed", 0, LONG_MS)


def _claiming(store: Store, *queues: str, worker: str = "w", concurrency: int = 5) -> Claiming:
    return Claiming(store, [replace(QUEUES[queue], concurrency=concurrency) for queue in queues], worker, LONG_MS)


@pytest.fixture
def raw(fresh_redis: str) -> Iterator[redis.Redis]:
    """The same server, for what the store does not tell."""
    with redis.Redis.from_url(fresh_redis, decode_responses=True) as client:
        yield client


async def _asleep(raw: redis.Redis, waits: int = 1) -> None:
    """Until so many workers wait for markers."""

    def poll() -> None:
        end_s = time.monotonic() + 10
        while sum(one["cmd"] == "bzpopmin" and "b" in one["flags"] for one in raw.client_list()) != waits:
            assert time.monotonic() < end_s, "no worker fell asleep"
            time.sleep(0.01)

    await asyncio.to_thread(poll)


async def test_a_queue_that_never_runs_dry_does_not_hold_up_the_others(store: Store) -> None:
    await store.add(AI, [_job(f"a{n}") for n in range(20_000)])
    claiming = _claiming(store, AI, VOICE, concurrency=100)
    jobs: list[Claimed] = await claiming.claim_all()
    await store.add(VOICE, [_job("v")])
    while all(job.queue == AI for job in jobs):
        for job in jobs:
            claiming.free(job.queue)
        jobs = await claiming.claim_all()
    assert await store.depth(AI, JobState.WAITING) > 0
    await claiming.close()


async def test_of_two_queues_with_work_each_is_told_of(store: Store, raw: redis.Redis) -> None:
    told = set()
    for _ in range(100):
        for queue in (AI, VOICE):
            raw.zadd(redis_keys.marker(queue), {"0": 0})
        told.add(await store.wait_for_work((AI, VOICE), "w", 5))
    assert told == {AI, VOICE}


async def test_a_worker_that_ends_hands_on_what_it_was_told(store: Store, raw: redis.Redis) -> None:
    ending, other = _claiming(store, AI, worker="ending"), _claiming(store, AI, worker="other")
    await store.add(AI, [_job("a")])
    (held,) = await ending.claim_all()
    waiting = asyncio.create_task(ending.claim())
    await _asleep(raw)
    claimed = asyncio.create_task(other.claim_all())
    await _asleep(raw, waits=2)
    waiting.cancel()
    await asyncio.wait({waiting})
    await store.release(AI, [held])
    async with asyncio.timeout(AT_ONCE_S):
        await ending.close()
        (job,) = await claimed
    assert job.id == "a"
    await other.close()


async def test_a_queue_with_fewer_slots_than_before_goes_on_when_they_come_free(store: Store, raw: redis.Redis) -> None:
    claiming = _claiming(store, AI)
    await store.add(AI, [_job(name) for name in "abc"])
    held = await claiming.claim_all()
    claimed = asyncio.create_task(claiming.claim_all())
    await _asleep(raw)
    claiming.limit(AI, 2)
    await _asleep(raw, waits=0)
    await store.add(AI, [_job("d")])
    async with asyncio.timeout(AT_ONCE_S):
        for job in held:
            claiming.free(job.queue)
        (job,) = await claimed
    assert job.id == "d"
    await claiming.close()


async def test_in_a_rush_the_slots_of_a_queue_are_filled_by_two_claims_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    take = store.take

    async def noting(queue: str, count: int, **claim: Any) -> Taken:
        asked.append((claim["hand"], count))
        return await take(queue, count, **claim)

    monkeypatch.setattr(store, "take", noting)
    claiming = _claiming(store, AI)
    await store.add(AI, [_job(f"a{number}") for number in range(100)])
    jobs = await claiming.claim_all()
    assert asked == [(0, 5)]
    for job in jobs:
        claiming.free(job.queue)
    again = await claiming.claim_all()
    while len(again) < 5:
        again += await claiming.claim_all()
    assert asked == [(0, 5), (0, 3), (1, 2)]
    assert [job.id for job in jobs + again] == [f"a{number}" for number in range(10)]
    await claiming.close()


async def test_each_hands_last_claim_can_be_asked_for_again(store: Store) -> None:
    await store.add(AI, [_job(name) for name in "abcd"])

    async def ids(hand: int, token: str) -> list[str]:
        taken = await store.take(AI, 2, lease_ms=LONG_MS, token=token, worker="w", hand=hand)
        return [job.id for job in taken.jobs]

    first, second = await ids(0, "t1"), await ids(1, "t2")
    assert (first, second) == (["a", "b"], ["c", "d"])
    assert (await ids(0, "t1"), await ids(1, "t2")) == (first, second)


async def test_claims_whose_answers_were_lost_keep_their_slots_and_bring_their_jobs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: asyncio.Queue[int] = asyncio.Queue()
    lose, take = asyncio.Event(), store.take

    async def losing(queue: str, count: int, **claim: Any) -> Taken:
        taken = await take(queue, count, **claim)
        if not lose.is_set():
            begun.put_nowait(claim["hand"])
            await lose.wait()
            raise RedisGoneError("The answer is lost.")
        return taken

    claiming = _claiming(store, AI, concurrency=4)
    await store.add(AI, [_job(f"a{number}") for number in range(20)])
    await claiming.claim_all()
    monkeypatch.setattr(claiming, "_take_from", losing)
    claimed = asyncio.create_task(claiming.claim_all())
    for hand in (0, 1):
        claiming.free(AI)
        assert await begun.get() == hand
    lose.set()
    again = await claimed
    while len(again) < 2:
        again += await claiming.claim_all()
    assert [job.id for job in again] == ["a4", "a5"]
    # The two that were freed here, and nobody ended, are still active for Redis.
    assert await store.depth(AI, JobState.ACTIVE) == 4 + 2
    await claiming.close()


async def test_a_claim_under_way_when_the_worker_ends_is_given_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, take = asyncio.Event(), asyncio.Event(), store.take

    async def slow(queue: str, count: int, **claim: Any) -> Taken:
        taken = await take(queue, count, **claim)
        begun.set()
        await go_on.wait()
        return taken

    monkeypatch.setattr(store, "take", slow)
    claiming = _claiming(store, AI)
    await store.add(AI, [_job("a")])
    claimed = asyncio.create_task(claiming.claim_all())
    await begun.wait()
    claimed.cancel()
    closing = asyncio.create_task(claiming.close())
    await asyncio.wait({claimed})
    assert await store.depth(AI, JobState.ACTIVE) == 1
    go_on.set()
    await closing
    assert await store.depth(AI, JobState.WAITING) == 1


@pytest.mark.parametrize(("paused", "told"), [(False, 1), (True, 0)])
async def test_a_lost_marker_is_there_again_after_a_tick(
    store: Store, raw: redis.Redis, paused: bool, told: int
) -> None:
    await store.add(AI, [_job("a")])
    await store.set_paused(AI, paused, actor="test")
    raw.delete(redis_keys.marker(AI))
    await store.tick(AI)
    assert raw.exists(redis_keys.marker(AI)) == told


async def test_a_job_that_is_claimed_again_where_it_still_runs_keeps_its_lease_and_costs_no_slot(
    store: Store, settings: Settings, raw: redis.Redis
) -> None:
    broker = QueueBroker(settings, [AI])
    broker.is_worker_process = True
    await broker.startup()
    await store.add(AI, [_job("a")])
    (first,) = await broker.claim()
    raw.zadd(redis_keys.state(AI, "active"), {"a": 0})
    await store.recover(AI, 5)
    (second,) = await broker.claim()
    assert (first.id, first.token != second.token) == (second.id, True)
    await broker.abandon(first)
    assert [job.token for job in broker._leases.held] == [second.token]
    assert broker._claiming.active == 1
    await broker._release(second)
    assert broker._claiming.active == 0
    await broker.shutdown()
