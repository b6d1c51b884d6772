"""Which job next: claims from many queues at once, never more of one than it has free slots.

Hides the waiting. A queue is asked when it may have work (its marker was set, a slot came free, a
delayed job falls due); otherwise one blocking call sleeps on the markers of all queues that have room,
or, on a Cluster, one call for each of them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence

from engine.errors import HarkError
from engine.log import get_logger
from engine.queues import QueueSpec
from engine.store import Claimed, Store

_log = get_logger("claiming")

_LOOK_AGAIN_S = 5.0
"""Without any sign, all queues are asked anyway this often. (A marker that is lost with a worker that died, the
next `tick` puts there again.)"""
_LOOK_BESIDE_S = 0.05
"""While some queues have so many jobs that nobody waits for markers, the others are asked this often."""
_LONGEST_BACKOFF_S = 2.0
_MOST_TURNS = 50


class Claiming:
    """Claims jobs of `specs` for one worker. `claim()` gives the next; `free()` gives its slot back.

    `sending` is called right before each claim is sent, with the queue's limit: what it starts comes behind that.
    """

    def __init__(
        self,
        store: Store,
        specs: Sequence[QueueSpec],
        worker: str,
        lease_ms: int,
        sending: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._worker = worker
        self._lease_ms = lease_ms
        self._sending = sending
        self._own_limits = {spec.name: spec.concurrency for spec in specs}
        self._limits = dict(self._own_limits)
        self._in_flight: Counter[str] = Counter()
        self._asking = set(self._limits)
        self._due_s: dict[str, float] = {}
        self._ready: deque[Claimed] = deque()
        self._nudge = asyncio.Event()
        self._waits: dict[tuple[str, ...], asyncio.Task[str | None]] = {}
        self._backoff_s: dict[str, float] = {}
        self._tokens = itertools.count(1)
        self._unanswered: dict[str, str] = {}
        self._emptied: set[str] = set()
        """Queues that had fewer jobs than there was room for when last asked, or were paused."""
        self._rested_s = 0.0
        """When the markers were last looked at."""
        self._closing = False

    @property
    def active(self) -> int:
        """Jobs in hand."""
        return self._in_flight.total()

    async def claim(self) -> Claimed:
        """Wait for the next job. A cancelled call drops nothing: what it claimed comes next, or to `close`."""
        backoff_s = 0.05
        while not self._ready:
            try:
                await self._fill()
                backoff_s = 0.05
            except HarkError as error:
                _log.warning("no jobs can be claimed: %s", error)
                await asyncio.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
                self._asking = set(self._limits)
        return self._ready.popleft()

    async def claim_all(self) -> list[Claimed]:
        """Wait for the next job, and take those that were claimed with it."""
        jobs = [await self.claim(), *self._ready]
        self._ready.clear()
        return jobs

    def free(self, queue: str) -> None:
        """A job of `queue` has ended here."""
        self._in_flight[queue] -= 1
        if queue in self._emptied:
            return  # its marker tells of new ones
        self._asking.add(queue)
        self._nudge.set()

    def limit(self, queue: str, concurrency: int | None) -> None:
        """Run so many jobs of `queue` at once from now on; None is the worker's own setting."""
        wanted = self._own_limits[queue] if concurrency is None else concurrency
        if wanted != self._limits[queue]:
            self._limits[queue] = wanted
            self._emptied.discard(queue)  # with no room its marker was not waited for
            self._asking.add(queue)
            self._nudge.set()

    async def close(self) -> None:
        """Give back what was claimed and never handed out, and end the wait."""
        self._closing = True
        unrun = list(self._ready)
        self._ready.clear()
        for job in unrun:
            self._in_flight[job.queue] -= 1
        try:
            for queue in {job.queue for job in unrun}:
                await self._store.release(queue, [job for job in unrun if job.queue == queue])
            await self._end_waits(list(self._waits))
        except HarkError as error:
            _log.warning("%d claimed jobs wait for the end of their leases: %s", len(unrun), error)
        for wait in self._waits.values():
            wait.cancel()
        await asyncio.gather(*self._waits.values(), return_exceptions=True)

    def _room(self, queue: str) -> int:
        return 0 if self._closing else self._limits[queue] - self._in_flight[queue]

    async def _fill(self) -> None:
        loop = asyncio.get_running_loop()
        open_queues = frozenset(queue for queue in self._limits if self._room(queue) > 0)
        for queue, due_s in list(self._due_s.items()):
            if due_s <= loop.time():
                del self._due_s[queue]
                self._asking.add(queue)
        asking = self._asking & open_queues
        if asking:
            if loop.time() - self._rested_s > _LOOK_BESIDE_S:
                self._rested_s = loop.time()
                asking |= open_queues.difference(self._backoff_s)
            await self._let_slots_free()
            await self._unbroken(asyncio.ensure_future(self._take_from(asking)))
            return
        self._nudge.clear()
        wake_s = min(self._due_s.values(), default=loop.time() + _LOOK_AGAIN_S)
        await self._sleep(open_queues.difference(self._backoff_s), wake_s - loop.time())

    async def _let_slots_free(self) -> None:
        """Let jobs that end this very moment give their slots back first, so that one call claims for all."""
        for _ in range(_MOST_TURNS):
            before = self.active
            if not before:
                return
            await asyncio.sleep(0)
            if self.active == before:
                return

    async def _take_from(self, queues: Collection[str]) -> None:
        """Ask each; where only some cannot be asked (nodes of a Cluster), put those off."""
        if len(queues) == len(self._limits) == 1:
            await self._take(*queues)  # there is no other to put it off for
            return
        outcomes = await asyncio.gather(*(self._take(queue) for queue in queues), return_exceptions=True)
        failures = {
            queue: outcome
            for queue, outcome in zip(queues, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        }
        for error in failures.values():
            if len(failures) == len(self._limits) or not isinstance(error, HarkError):
                raise error
        if failures:
            names = ", ".join(sorted(failures))
            _log.warning("no jobs of %s can be claimed: %s", names, next(iter(failures.values())))
        for queue in queues:
            if queue in failures:
                self._put_off(queue)
            else:
                self._backoff_s.pop(queue, None)

    def _put_off(self, queue: str) -> None:
        self._backoff_s[queue] = min(self._backoff_s.get(queue, 0.025) * 2, _LONGEST_BACKOFF_S)
        self._due_s[queue] = asyncio.get_running_loop().time() + self._backoff_s[queue]

    async def _take(self, queue: str) -> None:
        self._asking.discard(queue)
        # Until it has an answer, a claim is asked for again under its token: the jobs may be ours already.
        token = self._unanswered.setdefault(queue, f"{self._worker}:{next(self._tokens)}")
        room = self._room(queue)
        self._sending(self._limits[queue])
        taken = await self._store.take(queue, room, lease_ms=self._lease_ms, token=token, worker=self._worker)
        del self._unanswered[queue]
        if taken.more or len(taken.jobs) == room:
            self._emptied.discard(queue)
        else:
            self._emptied.add(queue)
        self._in_flight[queue] += len(taken.jobs)
        self._ready.extend(taken.jobs)
        self.limit(queue, taken.concurrency)
        if taken.more:
            self._asking.add(queue)
        if taken.due_in_ms is not None:
            self._due_s[queue] = asyncio.get_running_loop().time() + taken.due_in_ms / 1000
        else:
            self._due_s.pop(queue, None)

    async def _sleep(self, open_queues: frozenset[str], timeout_s: float) -> None:
        """Until a marker, a nudge or the time-out; a wait on other queues than these is ended first."""
        groups = self._store.wait_groups(open_queues)
        if self._waits:
            await self._end_waits([group for group in self._waits if group not in groups])
        for group in groups:
            if group not in self._waits:
                self._waits[group] = asyncio.create_task(
                    self._store.wait_for_work(group, self._worker, _LOOK_AGAIN_S), name="wait for work"
                )
        if not self._waits:
            # A busy worker comes here after each claim; `asyncio.timeout` would cost it more than the wait.
            timer = asyncio.get_running_loop().call_later(max(timeout_s, 0.001), self._nudge.set)
            try:
                await self._nudge.wait()
            finally:
                timer.cancel()
            return
        nudged = asyncio.create_task(self._nudge.wait())
        try:
            await asyncio.wait(
                {*self._waits.values(), nudged}, timeout=max(timeout_s, 0.001), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            nudged.cancel()
        self._rested_s = asyncio.get_running_loop().time()
        for group in [group for group, wait in self._waits.items() if wait.done()]:
            await self._look_where_told(group)

    async def _end_waits(self, groups: Sequence[tuple[str, ...]]) -> None:
        """Wake the waits and see what they bring; cutting them off could lose a marker."""
        running = [group for group in groups if not self._waits[group].done()]
        await asyncio.gather(*(self._store.wake(group, self._worker) for group in running))
        if running:
            await asyncio.wait({self._waits[group] for group in running})
        for group in groups:
            await self._look_where_told(group)

    async def _look_where_told(self, group: tuple[str, ...]) -> None:
        wait = self._waits.pop(group)
        queue = None if wait.cancelled() else wait.result()  # cancelled: with all tasks of its loop
        if queue and self._room(queue) <= 0:
            await self._store.pass_on(queue)  # it has filled up meanwhile, or this worker ends: others may have room
        # Nothing said where: the time-out is the moment to look everywhere.
        self._asking |= {queue} if queue else set(group)

    @staticmethod
    async def _unbroken(claims: asyncio.Future[None]) -> None:
        """Await claims to their end although the caller is cancelled: a claimed job must not be dropped."""
        try:
            await asyncio.shield(claims)
        except asyncio.CancelledError:
            await asyncio.wait({claims})
            if not claims.cancelled():
                claims.exception()  # seen: the caller is gone, close() gives back what was claimed
            raise
