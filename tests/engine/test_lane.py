"""The one connection of all scripts, where Redis is slow or texts are odd."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.store import NewJob, Store
from engine.store.connect import connect
from engine.store.lane import Lane

QUEUE = "task-processing"


async def test_a_call_too_large_for_a_redis_that_reads_no_more_ends_in_time() -> None:
    over = asyncio.Event()

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, and then neither answer nor read what is to be run."""
        while b"EVALSHA" not in (heard := await reader.read(1024)):
            writer.write(b"+PONG\r\n" if b"PING" in heard else b"+OK\r\n" * (heard.count(b"\r\n*") + 1))
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(stuck, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    redis = connect(f"redis://127.0.0.1:{port}?protocol=2").redis
    lane = Lane(redis.connection_pool, Retry(NoBackoff(), 0), 0.2)
    with pytest.raises(RedisTimeoutError):
        async with asyncio.timeout(30):
            await lane.run(redis.register_script("return 1"), ["k"], ["x" * 20_000_000])
    over.set()
    await lane.close()
    await redis.aclose()
    server.close()


async def test_half_a_surrogate_pair_becomes_a_question_mark(store: Store) -> None:
    await store.add(QUEUE, [NewJob("a", "create-task", "{}", 1, 3, "fixed", 0, 60_000)])
    (job,) = (await store.take(QUEUE, 1, lease_ms=60_000, token="t", worker="w")).jobs
    assert await store.progress(job, "\ud800")
    assert (await store.find("a")).progress == "?"
