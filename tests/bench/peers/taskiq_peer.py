"""taskiq with taskiq-redis: the stream broker, results kept for an hour."""

import asyncio

from protocol import Peer, main, until
from taskiq.api import run_receiver_task
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker


class Taskiq(Peer):
    async def open(self):
        results = RedisAsyncResultBackend(self.url, result_ex_time=3600)
        self.broker = RedisStreamBroker(self.url).with_result_backend(results)
        self.run = None

        @self.broker.task(task_name="create-task")
        async def noop(user_id: str, title: str) -> None:
            await self.run(title)

        self.task = noop
        await self.broker.startup()

    async def add(self, arguments, urgent=False):
        await self.task.kiq(**arguments)

    async def start(self, concurrency, run):
        await self.open()
        self.run = run
        self.serving = asyncio.ensure_future(run_receiver_task(self.broker, max_async_tasks=concurrency))

    async def settled(self, count):
        from redis.asyncio import Redis

        async with Redis(connection_pool=self.broker.connection_pool) as redis:

            async def none_pending():
                return not (await redis.xpending(self.broker.queue_name, self.broker.consumer_group_name))["pending"]

            await until(none_pending)


main(Taskiq)
