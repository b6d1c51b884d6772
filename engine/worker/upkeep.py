"""What must happen although no job comes or goes: promote, recover, forward, retain, and signs of life."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

import psutil

from engine.errors import HarkError, RedisGoneError
from engine.log import get_logger
from engine.model import WorkerInfo
from engine.settings import Settings
from engine.store import Store
from engine.store.presence import seen_at_ms, sign_of_life
from engine.worker.alerting import LOOK_S, AlertLog
from engine.worker.settling import forward

_log = get_logger("upkeep")

TICK_S = 1.0
HEALTH_S = 30.0
FORWARD_S = 2.0
HEARTBEAT_S = 5.0
RETAIN_S = 30.0
_FORGOTTEN_MS = 3_600_000
_LAST_DUTY_S = 5.0


class Upkeep:
    """One worker's upkeep of its queues; any number of workers may do the same ones.

    `active` tells how many jobs the worker has in hand. `told` is called each second with a queue, the
    concurrency that an operator has set for it (or None) and the ids of running jobs to cancel.
    """

    def __init__(
        self,
        store: Store,
        queues: Sequence[str],
        settings: Settings,
        worker: str,
        active: Callable[[], int],
        told: Callable[[str, int | None, list[str]], None],
        *,
        embedded: bool = False,
    ) -> None:
        self._store = store
        self._queues = queues
        self._settings = settings
        self._worker = worker
        self._active = active
        self._told = told
        self._embedded = embedded
        self._alerts = AlertLog(store, settings, worker)
        self._started_at_ms = int(time.time() * 1000)
        self._recover_from_s = dict.fromkeys(queues, 0.0)
        self._recover_every_s = min(settings.lease_ms / 3000, 5.0)
        self._stopping = asyncio.Event()
        self._last_jobs = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stuck: dict[str, set[str]] = {}
        """Follow-ups of each queue that could not be forwarded when last tried."""

    def start(self) -> None:
        """Begin, each duty at its own pace."""
        for name, duty, every_s in (
            ("heartbeat", self._heartbeat, HEARTBEAT_S),
            ("health", self._health, HEALTH_S),
            ("alerts", self._alerts.look, LOOK_S),
        ):
            self._begin(name, duty, every_s)
        # On a Cluster each queue has tasks of its own: where one's node is away, the others are kept up.
        for group in self._store.wait_groups(self._queues):
            for name, of_queues, every_s in (
                ("tick", self._tick, TICK_S),
                ("recover", self._recover, self._recover_every_s),
                ("forward", self._forward, FORWARD_S),
                ("retain", self._retain, RETAIN_S),
            ):
                self._begin(name, functools.partial(of_queues, group), every_s, group)

    def _begin(
        self, name: str, duty: Callable[[], Awaitable[None]], every_s: float, queues: Sequence[str] = ()
    ) -> None:
        self._tasks.append(asyncio.create_task(self._repeat(name, duty, every_s, queues), name=f"upkeep {name}"))

    async def tell_stopping(self) -> None:
        """From now on the worker only ends what it has begun: who looks for a worker must not count on it."""
        self._last_jobs = True
        with contextlib.suppress(RedisGoneError):
            await self._heartbeat()

    async def stop(self) -> None:
        """End what is under way, and tell that this worker is gone."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_LAST_DUTY_S)
            for task in late:
                task.cancel()
        with contextlib.suppress(RedisGoneError, TimeoutError):  # others then forget it for want of signs of life
            async with asyncio.timeout(_LAST_DUTY_S):
                await self._store.forget_worker(self._worker)

    async def _repeat(
        self, name: str, duty: Callable[[], Awaitable[None]], every_s: float, queues: Sequence[str]
    ) -> None:
        loop = asyncio.get_running_loop()
        waits = False
        while not self._stopping.is_set():
            try:
                await duty()
                waits = False
            except RedisGoneError as error:
                if not waits:
                    _log.info("upkeep (%s) waits for Redis: %s", name, error)
                waits = True
                # Workers get a chance to renew their leases before anybody calls them dead.
                for queue in queues:
                    self._recover_from_s[queue] = loop.time() + self._settings.lease_ms / 2000
            except HarkError as error:
                _log.error("upkeep (%s) failed: %s", name, error)
            except Exception:  # noqa: BLE001 - see below
                # A bug met once, such as by a spoilt record: the duty must go on, and the log has it all.
                _log.exception("upkeep (%s) failed", name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), every_s)

    async def _tick(self, queues: Sequence[str]) -> None:
        for queue in queues:
            _, concurrency, cancels = await self._store.tick(queue)
            self._told(queue, concurrency, cancels)

    async def _recover(self, queues: Sequence[str]) -> None:
        for queue in queues:
            if asyncio.get_running_loop().time() < self._recover_from_s[queue]:
                continue
            recovered, failed = await self._store.recover(
                queue,
                self._settings.max_stalled,
                gap_ms=round(self._recover_every_s * 3000) + 1000,
                lease_ms=self._settings.lease_ms,
            )
            for job_id in recovered:
                _log.warning("job %s on %s lost its worker and waits again", job_id, queue)
            for job_id in failed:
                _log.error("job %s on %s lost its worker too often and failed", job_id, queue)

    async def _forward(self, queues: Sequence[str]) -> None:
        for queue in queues:
            stuck: set[str] = set()
            for entry in await self._store.outbox(queue):
                try:
                    # Another may have forwarded it since: its job may have run and be gone, and must not come again.
                    if await self._store.is_in_outbox(queue, entry):
                        await forward(self._store, queue, [entry])
                except RedisGoneError:
                    raise
                except (HarkError, ValueError, TypeError, KeyError) as error:
                    # Spoilt, or for a queue that is: it stays, told once, and those behind it go on.
                    stuck.add(entry)
                    if entry not in self._stuck.get(queue, ()):
                        _log.error("a follow-up of a job on %s cannot be forwarded and stays: %s", queue, error)
            self._stuck[queue] = stuck

    async def _retain(self, queues: Sequence[str]) -> None:
        for queue in queues:
            await self._store.retain(queue)
            await self._store.fold(queue)

    async def _health(self) -> None:
        samples = await asyncio.gather(*(self._store.sample(queue, 0) for queue in self._queues))
        waiting, failed = sum(sample[1] for sample in samples), sum(sample[5] for sample in samples)
        paused = [queue for queue, sample in zip(self._queues, samples, strict=True) if sample[6] != "-1"]
        memory_mb = psutil.Process().memory_info().rss // 2**20
        _log.info(
            "health: %d active, %d waiting, %d failed; paused: %s; memory %d MB, up %d s",
            self._active(),
            waiting,
            failed,
            ", ".join(paused) or "none",
            memory_mb,
            time.time() - self._started_at_ms / 1000,
        )

    async def _heartbeat(self) -> None:
        now_ms = int(time.time() * 1000)
        worker = WorkerInfo(
            id=self._worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            queues=tuple(self._queues),
            started_at_ms=self._started_at_ms,
            seen_at_ms=now_ms,
            active=self._active(),
            stopping=self._last_jobs,
            embedded=self._embedded,
        )
        await self._store.tell_alive(self._worker, sign_of_life(worker))
        records = await self._store.workers()
        self._alerts.heard(records, now_ms)
        for other, text in records.items():
            if now_ms - seen_at_ms(text) > _FORGOTTEN_MS:
                await self._store.forget_worker(other)
