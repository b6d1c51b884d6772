"""Running jobs within a test: a whole worker in this process, or handlers by hand, one step at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import redis

from engine.client import Client
from engine.handlers import HANDLERS
from engine.handlers.context import JobContext
from engine.job_types import JobType
from engine.model import JobOptions
from engine.settings import Settings
from engine.store import Store, keys
from engine.worker.broker import QueueBroker, create_broker
from engine.worker.pool import serve
from tests.redis_topologies import until


@asynccontextmanager
async def running(settings: Settings, queues: Sequence[str] | None = None) -> AsyncIterator[QueueBroker]:
    """A worker in this process, for `queues` (all where None)."""
    stop = asyncio.Event()
    broker = create_broker(settings, queues)
    worker = asyncio.create_task(serve(broker, settings, stop))
    try:
        yield broker
    finally:
        stop.set()
        await worker


class Hands:
    """Runs handlers on claimed jobs without a worker, so that a test can break off between two steps."""

    def __init__(self, settings: Settings, store: Store, services: Any) -> None:
        self.client = Client(store, settings)
        self.store = store
        self.services = services

    async def claim(self, payload: JobType, job_id: str = "a") -> JobContext:
        """Claim a job; it is added where it does not exist."""
        await self.client.add(payload, JobOptions(job_id=job_id, backoff="fixed", backoff_ms=0))
        token = uuid4().hex  # the same one again would be given the same jobs again
        taken = await self.store.take(payload.queue, 10, lease_ms=60_000, token=token, worker="test")
        (job,) = [job for job in taken.jobs if job.id == job_id]
        return JobContext(job, self.services)

    async def run(self, payload: JobType, job_id: str = "a") -> Any:
        """Claim a job, and run it as far as its handler."""
        return await HANDLERS[type(payload)](payload, await self.claim(payload, job_id))


@asynccontextmanager
async def hands(settings: Settings, store: Store) -> AsyncIterator[Hands]:
    """Hands with what a worker's broker gives its handlers."""
    broker = create_broker(settings)
    await broker.startup()
    try:
        yield Hands(settings, store, broker._services)
    finally:
        await broker.shutdown()


@contextmanager
def worker_thread(settings: Settings) -> Iterator[None]:
    """A worker in a thread and loop of its own, for tests that have no loop, or block theirs; others see it."""
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        await serve(create_broker(settings), settings, stop)

    assert settings.external_redis_url is not None
    thread = threading.Thread(target=lambda: asyncio.run(run()), name="worker of a test")
    thread.start()
    try:
        with redis.Redis.from_url(settings.external_redis_url) as raw:
            until(lambda: raw.hlen(keys.WORKERS) > 0, "the worker gives no sign of life")
        yield
    finally:
        loop, stop = stopping[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
