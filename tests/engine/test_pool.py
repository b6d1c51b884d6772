"""A worker in a loop that ends around it, as after a failure beside it: all of its tasks are cancelled at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from engine.client import Client
from engine.handlers.context import JobContext
from engine.job_types import CreateTask, JobType
from engine.model import JobState
from engine.settings import Settings, load_settings
from engine.store import Store, open_store
from engine.store.records import Taken
from engine.store.server import PrivateRedis
from engine.worker import broker
from engine.worker.broker import create_broker
from engine.worker.pool import serve
from tests.engine.worker_process import TASKS, until_state


async def _leave_a_worker_at_work(settings: Settings) -> None:
    """Return while a worker runs a job; the end of the loop cancels it and all that it has begun."""
    started = asyncio.Event()

    async def never(payload: JobType, context: JobContext) -> Any:
        started.set()
        await asyncio.Event().wait()

    worker = asyncio.create_task(
        serve(create_broker(settings, [TASKS], {CreateTask: never}), settings, asyncio.Event())
    )
    async with open_store(settings) as store:
        await Client(store, settings).add(CreateTask(title="milk"))
    async with asyncio.timeout(30):
        await asyncio.wait({worker, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert started.is_set()


def _leases() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hark-leases"]


def test_its_job_goes_back(settings: Settings) -> None:
    asyncio.run(_leave_a_worker_at_work(settings))

    async def waiting() -> int:
        async with open_store(settings) as store:
            return await store.depth(TASKS, JobState.WAITING)

    assert asyncio.run(waiting()) == 1
    assert not _leases()


@pytest.mark.expect_errors
def test_it_ends_although_redis_is_gone(private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_LAST_WRITES_S", 0.1)

    async def lose_redis() -> None:
        await _leave_a_worker_at_work(load_settings(redis_url=private_redis.ensure()))
        private_redis.release()

    asyncio.run(lose_redis())
    assert not _leases()


async def test_what_was_claimed_as_the_worker_was_told_to_end_goes_back_before_its_last_jobs_have_ended(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, let_go, claimed, answered = (asyncio.Event() for _ in range(4))

    async def held(payload: JobType, context: JobContext) -> Any:
        running.set()
        await let_go.wait()

    stop, patient = asyncio.Event(), settings.model_copy(update={"drain_ms": 3_600_000, "lease_ms": 3_600_000})
    queue_broker = create_broker(patient, [TASKS], {CreateTask: held})
    worker = asyncio.create_task(serve(queue_broker, patient, stop))
    client = Client(store, settings)
    await client.add(CreateTask(title="milk"))
    await running.wait()
    take = queue_broker._claiming._take_from

    async def slow(*claim: Any, **more: Any) -> Taken:
        taken = await take(*claim, **more)
        if taken.jobs:
            claimed.set()
            await answered.wait()
        return taken

    monkeypatch.setattr(queue_broker._claiming, "_take_from", slow)
    handle = await client.add(CreateTask(title="bread"))
    await claimed.wait()
    stop.set()
    for _ in range(10):
        await asyncio.sleep(0)  # it hands out no more
    answered.set()
    await until_state(store, handle.id, JobState.WAITING)
    assert not worker.done()
    let_go.set()
    await worker
