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


async def test_a_call_finds_a_new_connection_where_the_reader_of_replies_was_cancelled(fresh_redis: str) -> None:
    redis = connect(fresh_redis).redis
    lane, one = Lane(redis.connection_pool, Retry(NoBackoff(), 1), 3600), redis.register_script("return 1")
    assert await lane.run(one, ["k"], []) == 1
    (reader,) = [task for task in asyncio.all_tasks() if task.get_name() == "redis lane"]
    reader.cancel()  # as with all tasks of a loop that ends; the next call is on its way before it is told
    async with asyncio.timeout(30):
        assert await lane.run(one, ["k"], []) == 1
    await lane.close()
    await redis.aclose()


async def test_a_cancellation_is_not_lost_while_a_call_connects(fresh_redis: str) -> None:
    for turns in range(8):
        store = Store(fresh_redis)
        call = asyncio.create_task(store.reach())
        for _ in range(turns):
            await asyncio.sleep(0)
        asked = call.cancel()
        await asyncio.wait({call})
        assert call.cancelled() is asked, turns
        await store.close()


async def test_a_cancellation_from_right_before_a_call_is_not_lost(fresh_redis: str) -> None:
    async def work(store: Store) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()  # as Ctrl-C does while the task runs: it hears of it where it waits next
        await store.events({QUEUE: "0-0"}, 1)

    store = Store(fresh_redis)
    await store.last_event(QUEUE)
    call = asyncio.create_task(work(store))
    await asyncio.wait({call})
    assert call.cancelled()
    await store.close()


async def test_half_a_surrogate_pair_becomes_a_question_mark(store: Store) -> None:
    await store.add(QUEUE, [NewJob("a", "create-task", "{}", 1, 3, "fixed", 0, 60_000)])
    (job,) = (await store.take(QUEUE, 1, lease_ms=60_000, token="t", worker="w")).jobs
    assert await store.progress(job, "\ud800")
    assert (await store.find("a")).progress == "?"
