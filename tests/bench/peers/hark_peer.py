"""Hark: the client, and a worker as `hark worker` runs it, with a job that does nothing."""

import asyncio
import time

from protocol import Peer, Watch, main, payload, say, until

from engine.admin import Admin
from engine.client import Client
from engine.job_types import CreateTask
from engine.model import JobOptions
from engine.monitor import Monitor
from engine.queues import TASK_PROCESSING
from engine.settings import load_settings
from engine.store import Store
from engine.worker.broker import create_broker
from engine.worker.pool import serve


class Hark(Peer):
    """All jobs are `create-task` on task-processing, whose priority is 4."""

    async def open(self):
        settings = load_settings(redis_url=self.url)
        self.store = Store(self.url, settings.queue_specs)
        await self.store.ping()
        self.client = Client(self.store, settings)

    async def add(self, arguments, urgent=False):
        await self.client.add(CreateTask(**arguments), JobOptions(priority=1) if urgent else None)

    async def add_bulk(self, many, limit_s, delay_ms=0):
        for start in range(0, len(many), 20_000):  # a million handles at once would be gigabytes of objects
            part = many[start : start + 20_000]
            options = [JobOptions(delay_ms=delay_ms)] * len(part) if delay_ms else None
            await self.client.add_bulk((CreateTask(**arguments) for arguments in part), options)
        return len(many)

    async def start(self, concurrency, run):
        await self.open()
        settings = load_settings(redis_url=self.url, queues={TASK_PROCESSING: {"concurrency": concurrency}})

        async def noop(job, context):
            await run(job.title)

        broker = create_broker(settings, [TASK_PROCESSING], {CreateTask: noop})
        self.serving = asyncio.ensure_future(serve(broker, settings, asyncio.Event()))

    async def settled(self, count):
        async def all_completed():
            return int((await self.store.sample(TASK_PROCESSING, 0))[8]) >= count

        await until(all_completed)

    async def idle(self):
        settings = load_settings(redis_url=self.url)
        self.serving = asyncio.ensure_future(serve(create_broker(settings), settings, asyncio.Event()))


async def batches(peer, options):
    """Drain `batches` times `count` jobs with one worker; each is added while the queue is paused."""
    watch = Watch({"count": 0})
    await peer.start(options["concurrency"], watch.run)
    say(ready=True)
    admin, taken_s = Admin(peer.store), 0.0
    for number in range(options["batches"]):
        await admin.pause(TASK_PROCESSING, actor="bench")
        await peer.add_bulk([payload() for _ in range(options["count"])], 60)
        watch.started, watch.count = 0, watch.done + options["count"]
        watch.full.clear()
        await admin.resume(TASK_PROCESSING, actor="bench")
        await watch.full.wait()
        await peer.settled(watch.count)
        if number:  # the first warms up
            taken_s += (time.monotonic_ns() - watch.started) / 1e9
    say(jobs_per_s=(options["batches"] - 1) * options["count"] / taken_s)


async def watch(peer, options):
    """Look at all queues once a second, as the window does, until ended."""
    settings = load_settings(redis_url=peer.url)
    store = Store(peer.url, settings.queue_specs)
    monitor = Monitor(store, settings)
    await monitor.snapshot()
    say(ready=True)
    while True:
        await monitor.snapshot(fresh=False)
        await asyncio.sleep(1)


main(Hark, batches=batches, watch=watch)
