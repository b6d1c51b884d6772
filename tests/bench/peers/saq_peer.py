"""saq with its defaults, three attempts."""

import asyncio

from protocol import Peer, main, until
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue


class Saq(Peer):
    async def open(self):
        self.queue = RedisQueue(Redis.from_url(self.url))
        await self.queue.connect()

    async def add(self, arguments, urgent=False):
        await self.queue.enqueue("create-task", retries=3, ttl=3600, **arguments)

    async def start(self, concurrency, run):
        await self.open()

        async def noop(context, *, user_id, title):
            await run(title)

        self.worker = Worker(self.queue, [("create-task", noop)], concurrency=concurrency)
        self.worker.SIGNALS = []
        self.serving = asyncio.ensure_future(self.worker.start())

    async def settled(self, count):
        async def none_left():
            return not await self.queue.count("incomplete")

        await until(none_left)


main(Saq)
