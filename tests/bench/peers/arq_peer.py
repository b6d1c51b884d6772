"""arq with its defaults: results kept for an hour, the queue polled every half a second."""

import asyncio
from urllib.parse import unquote, urlsplit

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from protocol import Peer, main, until


class Arq(Peer):
    @property
    def settings(self):
        if self.url.startswith("unix:"):
            parts = urlsplit(self.url)
            return RedisSettings(unix_socket_path=unquote(parts.path), password=unquote(parts.password))
        return RedisSettings.from_dsn(self.url)

    async def open(self):
        self.pool = await create_pool(self.settings)

    async def add(self, arguments, urgent=False):
        await self.pool.enqueue_job("create-task", **arguments)

    async def start(self, concurrency, run):
        await self.open()

        async def noop(context, user_id, title):
            await run(title)

        self.worker = Worker(
            [func(noop, name="create-task")],
            redis_settings=self.settings,
            max_jobs=concurrency,
            max_tries=3,
            handle_signals=False,
        )
        self.serving = asyncio.ensure_future(self.worker.async_run())

    async def settled(self, count):
        async def none_queued():
            return not await self.pool.zcard(self.worker.queue_name)

        await until(none_queued)


main(Arq)
