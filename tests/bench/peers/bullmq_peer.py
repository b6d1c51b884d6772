"""BullMQ's Python library, with the seed's options for every job."""

import asyncio

from bullmq import Queue, Worker
from protocol import Peer, main

NAME = "task-processing"
OPTIONS = {
    "attempts": 3,
    "backoff": {"type": "exponential", "delay": 2000},
    "priority": 4,
    "removeOnComplete": {"age": 3600, "count": 100},
    "removeOnFail": {"age": 86400},
}


class PythonBullMQ(Peer):
    async def open(self):
        self.queue = Queue(NAME, {"connection": self.url})
        await self.queue.isPaused()

    async def add(self, arguments, urgent=False):
        await self.queue.add("create-task", arguments, {**OPTIONS, "priority": 1} if urgent else OPTIONS)

    async def add_bulk(self, many, limit_s):
        await self.queue.addBulk([{"name": "create-task", "data": data, "opts": OPTIONS} for data in many])
        return len(many)

    async def start(self, concurrency, run):
        self.completed, self.completion = 0, asyncio.Event()

        async def process(job, token):
            await run(job.data["title"])

        self.worker = Worker(NAME, process, {"connection": self.url, "concurrency": concurrency})
        self.worker.on("completed", self._note)

    def _note(self, *_):
        self.completed += 1
        self.completion.set()

    async def settled(self, count):
        while self.completed < count:
            self.completion.clear()
            await self.completion.wait()


main(PythonBullMQ)
