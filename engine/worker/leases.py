"""Keeping claimed jobs ours while they run, from a thread: a job that blocks the loop must not lose its lease."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

from engine.errors import HarkError
from engine.log import get_logger
from engine.store import Claimed, Store

_log = get_logger("leases")

_LAST_RENEWAL_S = 5.0


class Leases:
    """Renews the lease of every job it holds each third of `lease_ms`. `store` must not be used elsewhere."""

    def __init__(self, store: Store, lease_ms: int) -> None:
        self._store = store
        self._lease_ms = lease_ms
        self._held: dict[tuple[str, str], Claimed] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._renew()), name="hark-leases", daemon=True)

    def start(self) -> None:
        """Begin renewing."""
        self._thread.start()

    def stop(self) -> None:
        """End renewing; blocks for a round trip, and for 5 s where Redis does not answer: the thread is then left."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_RENEWAL_S)

    def hold(self, jobs: Iterable[Claimed]) -> None:
        """Renew these jobs' leases from now on."""
        with self._lock:
            self._held.update(((job.queue, job.id), job) for job in jobs)

    def drop(self, jobs: Iterable[Claimed]) -> None:
        """The jobs are settled."""
        with self._lock:
            for job in jobs:
                held = self._held.get((job.queue, job.id))
                if held is not None and held.token == job.token:  # else it was lost, and claimed here once more
                    del self._held[job.queue, job.id]

    @property
    def held(self) -> list[Claimed]:
        """The jobs in hand."""
        with self._lock:
            return list(self._held.values())

    async def _renew(self) -> None:
        try:
            # The wait is on a thread's event, so that `stop` ends it at once; all else in this loop can wait.
            while not self._stop.wait(self._lease_ms / 3000):
                by_queue: dict[str, list[Claimed]] = {}
                for job in self.held:
                    by_queue.setdefault(job.queue, []).append(job)
                for queue, jobs in by_queue.items():
                    if self._stop.is_set():
                        return
                    try:
                        lost = await self._store.extend(queue, jobs, self._lease_ms)
                    except HarkError as error:
                        _log.warning("leases of %d jobs on %s were not renewed: %s", len(jobs), queue, error)
                        continue
                    still_held = {job.id for job in self.held if job.queue == queue}
                    for job_id in lost:
                        if job_id in still_held:
                            _log.warning("job %s on %s is no longer ours; it may run a second time", job_id, queue)
        finally:
            await self._store.close()
