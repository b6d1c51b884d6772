"""streaq with its defaults, results kept for an hour."""

import asyncio

from protocol import Peer, main, until
from streaq import Worker


class Streaq(Peer):
    def _prepare(self, concurrency=16):
        self.run = None
        self.worker = Worker(redis_url=self.url, concurrency=concurrency, handle_signals=False)

        @self.worker.task(name="create-task", ttl=3600)
        async def noop(user_id: str, title: str) -> None:
            await self.run(title)

        self.task = noop

    async def open(self):
        self._prepare()
        await self.worker.__aenter__()

    async def add(self, arguments, urgent=False):
        await self.task.enqueue(**arguments)

    async def add_bulk(self, many, limit_s):
        await self.worker.enqueue_many([self.task.enqueue(**arguments) for arguments in many])
        return len(many)

    async def start(self, concurrency, run):
        self._prepare(concurrency)
        self.run = run
        self.serving = asyncio.ensure_future(self.worker.run_async())

    async def settled(self, count):
        async def none_left():
            return not await self.worker.queue_size()

        await until(none_left)


main(Streaq)
