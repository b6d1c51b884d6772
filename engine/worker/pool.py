"""A worker process: taskiq's Receiver on our broker, from start to a clean drain."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from taskiq import AckableMessage
from taskiq.receiver import Receiver

from engine.concurrency import entered_unless_set, together, unless_set
from engine.errors import RedisGoneError
from engine.log import get_logger
from engine.process import keep_what_is_loaded, run_until_stopped
from engine.settings import Settings
from engine.store import Claimed
from engine.worker.broker import QueueBroker, create_broker
from engine.worker.messages import ClaimedMessage

_log = get_logger("worker")

_MOST_TASKS = 10_000
"""Beyond any sum of limits: the broker's own gate decides how many jobs of a queue run at once."""
_GIVE_UP_S = 10.0
_CANCELS = 2
"""A job's task takes one for the end of its handler, and then tells of that; the next one ends the telling."""
_LONGEST_BACKOFF_S = 10.0


class QueueReceiver(Receiver):
    """taskiq's Receiver that forgets no job: one that it drops is ended, one that is cancelled is given back."""

    def __init__(self, broker: QueueBroker, drain_s: float) -> None:
        self._own_broker = broker
        self._running: set[asyncio.Task[None]] = set()
        super().__init__(
            broker,
            ThreadPoolExecutor(thread_name_prefix="hark-job"),
            max_async_tasks=_MOST_TASKS,
            max_prefetch=0,
            run_startup=False,
            wait_tasks_timeout=drain_s,
        )

    async def listen(self, finish_event: asyncio.Event) -> None:
        """Start claimed jobs as they come until `finish_event`; then wait for those that run, up to the drain's end.

        The broker claims no more than can start at once, so taskiq's prefetching has nothing to do here.
        """
        stopping = asyncio.create_task(finish_event.wait(), name="stop asked")
        claiming = asyncio.create_task(self._claim(), name="claim")
        try:
            await asyncio.wait({claiming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            claiming.cancel()
            await asyncio.wait({claiming})
        if not claiming.cancelled():
            claiming.result()  # it ends by itself with an error only
        _log.info("stopping: %d jobs are active, they have %.0f s", len(self._running), self.wait_tasks_timeout or 0)
        # What was claimed and has not begun goes back at once: another worker may have room.
        await together(self._own_broker.stop_claiming(), self._drain())

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self.wait_tasks_timeout)

    async def _claim(self) -> None:
        while True:
            for job in await self._own_broker.claim():
                self._begin(job)

    def _begin(self, job: Claimed) -> None:
        if self._own_broker.runs_itself(job):
            task = asyncio.create_task(self._own_broker.run(job))
        else:
            task = asyncio.create_task(self.callback(self._own_broker.as_message(job)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def callback(self, message: bytes | AckableMessage, raise_err: bool = False) -> None:
        """Run one job to its end through taskiq: middlewares, dependencies and all."""
        try:
            await super().callback(message, raise_err)
        finally:
            if isinstance(message, ClaimedMessage):
                await self._own_broker.abandon(message.job)

    async def cancel_running(self) -> None:
        """Stop the jobs that outlasted the drain; their broker gives them back."""
        if running := self._cancel_all():
            _log.warning("%d jobs outlasted the drain and go back to waiting", len(running))
            await asyncio.wait(running, timeout=_GIVE_UP_S)

    async def cut_off(self) -> None:
        """End what is left once the broker is gone: nobody hears of those jobs any more, their leases will end."""
        for _ in range(_CANCELS):
            if running := self._cancel_all():
                await asyncio.wait(running, timeout=_GIVE_UP_S)

    def _cancel_all(self) -> list[asyncio.Task[None]]:
        """Cancel the tasks of the jobs that have not ended, and return them."""
        running = [task for task in self._running if not task.done()]
        for task in running:
            task.cancel()
        return running


async def serve(broker: QueueBroker, settings: Settings, stop: asyncio.Event) -> None:
    """Run jobs until `stop` is set, then finish what is active within `settings.drain_ms` and return.

    A Redis that is away at the start is waited for, as one that goes away later is.
    """
    broker.is_worker_process = True
    if not await _started(broker, stop):
        return
    receiver = QueueReceiver(broker, settings.drain_ms / 1000)
    try:
        _log.info("worker %s is ready", broker.worker_id)
        await receiver.listen(stop)
        await receiver.cancel_running()
    finally:
        try:
            await broker.shutdown()
        finally:
            await receiver.cut_off()
        _log.info("worker %s has stopped", broker.worker_id)


async def _started(broker: QueueBroker, stop: asyncio.Event) -> bool:
    """Start the broker once Redis answers; False where `stop` came before that, also in the middle of a try."""
    backoff_s = 0.5
    async with unless_set(stop):
        while not stop.is_set():  # should a library swallow that it was cut off
            try:
                await broker.startup()
                return True
            except RedisGoneError as error:
                _log.warning("the worker waits for Redis: %s", error)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
    await broker.shutdown()
    return False


Beside = Callable[[], contextlib.AbstractAsyncContextManager[object]]
"""Something that a worker's process does besides, from before its first job until after its last."""


def run_worker(
    settings: Settings,
    queues: Sequence[str] | None = None,
    embedded: bool = False,
    beside: Beside = contextlib.nullcontext,
) -> None:
    """Run a worker for `queues` (all where None) until SIGTERM, SIGINT or, `embedded`, the end of standard input.

    Returns after the drain. Raises HarkError where Redis refuses us (a wrong password); one that is away is waited for.
    """
    run_until_stopped(functools.partial(_run, settings, queues, embedded, beside))


async def _run(
    settings: Settings, queues: Sequence[str] | None, embedded: bool, beside: Beside, stop: asyncio.Event
) -> None:
    if embedded:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_watch_stdin, args=(loop, stop), name="hark-stdin", daemon=True).start()
    broker = create_broker(settings, queues)
    broker.is_embedded = embedded
    keep_what_is_loaded()
    async with entered_unless_set(stop, beside()):
        if not stop.is_set():
            await serve(broker, settings, stop)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The app holds the other end: its death, however sudden, ends this read."""
    while sys.stdin.buffer.read(1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(stop.set)
