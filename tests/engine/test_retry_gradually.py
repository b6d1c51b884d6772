"""Retry at a set rate, with canaries that go first."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from engine.admin import Admin
from engine.client import Client
from engine.errors import BadInputError
from engine.job_filter import parse_filter
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState, RetryProgress
from engine.settings import Settings
from engine.store import FinishedJob, Store

TASKS = "task-processing"
FAST = 100_000


async def _failed(store: Store, settings: Settings, *ids: str) -> None:
    client = Client(store, settings)
    for job_id in ids:
        await client.add(CreateTask(title=f"buy {job_id}"), JobOptions(job_id))
        (job,) = (await store.take(TASKS, 1, lease_ms=60_000, token=uuid4().hex, worker="w")).jobs
        await store.fail(job, "broken", permanent=True)


async def _work(store: Store, *, well: bool) -> None:
    """Run, as a worker would, what comes until the test cancels it."""
    while True:
        await store.wait_for_work([TASKS], "w", 1)
        for job in (await store.take(TASKS, 100, lease_ms=60_000, token=uuid4().hex, worker="w")).jobs:
            if well:
                await store.finish(TASKS, [FinishedJob(job, "1", 5)])
            else:
                await store.fail(job, "broken again", permanent=True)


async def _run(
    admin: Admin, store: Store, *, well: bool, canary: int = 0, rate_per_s: float = FAST
) -> list[RetryProgress]:
    working = asyncio.create_task(_work(store, well=well))
    try:
        told = admin.retry_gradually(TASKS, rate_per_s=rate_per_s, canary=canary, actor="ada")
        return [progress async for progress in told]
    finally:
        working.cancel()


async def test_without_a_canary_all_are_retried(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    told = await _run(admin, store, well=True)
    assert (told[-1].retried, told[-1].total, told[-1].stopped) == (3, 3, False)
    assert await store.depth(TASKS, JobState.FAILED) == 0


async def test_good_canaries_let_the_rest_follow(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abcde")
    told = await _run(admin, store, well=True, canary=2)
    assert told[0] == RetryProgress(2, 5)
    assert told[1] == RetryProgress(2, 5, canary_completed=2, canary_failed=0)
    assert (told[-1].retried, told[-1].canary_completed, told[-1].stopped) == (5, 2, False)


async def test_a_canary_that_fails_again_keeps_the_rest_where_it_is(
    admin: Admin, store: Store, settings: Settings
) -> None:
    await _failed(store, settings, *"abcde")
    told = await _run(admin, store, well=False, canary=1)
    assert told[-1] == RetryProgress(1, 5, canary_completed=0, canary_failed=1, stopped=True)
    assert {(await store.find(job_id)).error for job_id in "bcde"} == {"broken"}
    assert (await store.find("a")).error == "broken again"


async def test_the_oldest_failures_are_the_canaries(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    told = admin.retry_gradually(TASKS, rate_per_s=1, canary=1, actor="ada")
    await anext(told)
    await told.aclose()
    assert [job.id for job in await store.jobs(TASKS, JobState.WAITING, 0, 9)] == ["a"]


async def test_the_rate_is_kept(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *(str(number) for number in range(5)))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    told = await _run(admin, store, well=True, rate_per_s=20)
    assert told[-1].retried == 5
    # The first goes at once, the last of five after four twentieths of a second: never earlier.
    assert loop.time() - began_s >= 4 / 20


async def test_it_can_be_stopped_while_the_canaries_wait(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    stop = asyncio.Event()
    told = []
    async for progress in admin.retry_gradually(TASKS, rate_per_s=FAST, canary=1, stop=stop, actor="ada"):
        told.append(progress)
        stop.set()
    assert (told[-1].retried, told[-1].stopped) == (1, True)
    assert await store.depth(TASKS, JobState.FAILED) == 2


async def test_it_can_be_stopped_between_two_steps(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    stop = asyncio.Event()
    told = []
    async for progress in admin.retry_gradually(TASKS, rate_per_s=0.001, stop=stop, actor="ada"):
        told.append(progress)
        stop.set()
    assert [(progress.retried, progress.stopped) for progress in told] == [(1, False), (1, True)]


async def test_only_what_matches_is_retried(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    told = admin.retry_gradually(TASKS, rate_per_s=FAST, where=parse_filter("id:b"), actor="ada")
    assert [(progress.retried, progress.total) async for progress in told] == [(1, 1)]
    assert [job.id for job in await store.jobs(TASKS, JobState.WAITING, 0, 9)] == ["b"]


async def test_it_is_one_row_of_the_audit_trail(admin: Admin, store: Store, settings: Settings) -> None:
    await _failed(store, settings, *"abc")
    told = await _run(admin, store, well=True, canary=1, rate_per_s=200)
    assert len(told) > 3
    assert [(entry.action, entry.touched) for entry in await admin.audit(TASKS)] == [("retry", 3)]


async def test_nothing_to_retry_is_told_by_nothing_done(admin: Admin, store: Store) -> None:
    assert [progress async for progress in admin.retry_gradually(TASKS, rate_per_s=1, actor="ada")] == []


@pytest.mark.parametrize(("rate_per_s", "canary"), [(0, 0), (-1, 0), (1e9, 0), (1, -1), (float("nan"), 0)])
async def test_a_rate_that_makes_no_sense_is_refused(admin: Admin, rate_per_s: float, canary: int) -> None:
    with pytest.raises(BadInputError, match="rate"):
        async for _ in admin.retry_gradually(TASKS, rate_per_s=rate_per_s, canary=canary, actor="ada"):
            pass
