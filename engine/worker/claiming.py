"""Which job next: claims from many queues at once, never more of one than it has free slots.

Hides the waiting. A queue is asked when it may have work (its marker was set, a slot came free, a
delayed job falls due); otherwise one blocking call sleeps on the markers of all queues that have room,
or, on a Cluster, one call for each of them. In a rush a queue's slots are filled by halves: while Redis
gives the jobs for one half, those of the other run here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence

from engine.errors import HarkError
from engine.log import get_logger
from engine.queues import QueueSpec
from engine.store import Claimed, Store
from engine.store.records import Taken

_log = get_logger("claiming")

_LOOK_AGAIN_S = 5.0
"""Without any sign, all queues are asked anyway this often. (A marker that is lost with a worker that died, the
next `tick` puts there again.)"""
_LOOK_BESIDE_S = 0.05
"""While some queues have so many jobs that nobody waits for markers, the others are asked this often."""
_LONGEST_BACKOFF_S = 2.0
_MOST_TURNS = 50
_HANDS = (0, 1)
"""So many claims of one queue may be under way at once; Redis remembers the last one of each hand."""


class Claiming:
    """Claims jobs of `specs` for one worker. `claim()` gives the next; `free()` gives its slot back.

    `take` stands in for the store's, for what is to go to Redis with each claim.
    """

    def __init__(
        self,
        store: Store,
        specs: Sequence[QueueSpec],
        worker: str,
        lease_ms: int,
        take: Callable[..., Awaitable[Taken]] | None = None,
    ) -> None:
        self._store = store
        self._worker = worker
        self._lease_ms = lease_ms
        self._take_from = take or store.take
        self._own_limits = {spec.name: spec.concurrency for spec in specs}
        self._limits = dict(self._own_limits)
        self._in_flight: Counter[str] = Counter()
        self._asking = set(self._limits)
        self._due_s: dict[str, float] = {}
        self._ready: deque[Claimed] = deque()
        self._nudge = asyncio.Event()
        """Something has happened: a slot came free, a claim has its answer, a marker was set."""
        self._claims: dict[tuple[str, int], asyncio.Task[None]] = {}
        """The claims under way, by queue and hand."""
        self._asked_for: Counter[str] = Counter()
        """The slots that claims under way may fill."""
        self._unanswered: dict[tuple[str, int], str] = {}
        self._waits: dict[tuple[str, ...], asyncio.Task[str | None]] = {}
        self._backoff_s: dict[str, float] = {}
        self._refused: dict[str, HarkError] = {}
        """Queues that could not be asked, until that is told."""
        self._tokens = itertools.count(1)
        self._emptied: set[str] = set()
        """Queues that had fewer jobs than there was room for when last asked, or were paused."""
        self._rushing: set[str] = set()
        """Queues that had more jobs than there was room for when last asked."""
        self._rested_s = 0.0
        """When the markers were last looked at."""
        self._closing = False

    @property
    def active(self) -> int:
        """Jobs in hand."""
        return self._in_flight.total()

    async def claim(self) -> Claimed:
        """Wait for the next job. A cancelled call drops nothing: what it claimed comes next, or to `close`."""
        while not self._ready:
            try:
                await self._fill()
            except HarkError as error:  # it cannot be waited for markers
                for queue in self._limits:
                    self._put_off(queue, error)
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
        if self._claims:
            # Redis may have given jobs to a claim that is cut off.
            await asyncio.wait(self._claims.values())
            for claim in self._claims.values():
                if not claim.cancelled() and claim.exception() is not None:
                    _log.error("a claim has failed", exc_info=claim.exception())
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
        if self._closing:
            return 0
        return self._limits[queue] - self._in_flight[queue] - self._asked_for[queue]

    async def _fill(self) -> None:
        """Ask the queues that may have work and have room, then wait until something happens."""
        self._nudge.clear()
        self._hear()
        for group in [group for group, wait in self._waits.items() if wait.done()]:
            await self._look_where_told(group)
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
            for queue in asking:
                self._ask(queue)
        if self._claims:
            await self._nudge.wait()
        else:
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

    def _ask(self, queue: str) -> None:
        """Send a claim of a queue for its free slots, or in a rush one for each half of them."""
        limit = self._limits[queue]
        for hand in _HANDS:
            room = self._room(queue)
            if room <= 0:
                break
            if (queue, hand) not in self._claims:
                count = min(room, -(-limit // 2)) if queue in self._rushing else room
                self._asked_for[queue] += count
                self._claims[queue, hand] = asyncio.create_task(self._take(queue, hand, count), name="claim")
                self._asking.discard(queue)

    async def _take(self, queue: str, hand: int, count: int) -> None:
        # Until it has an answer, a claim is asked for again under its token: the jobs may be ours already.
        token = self._unanswered.setdefault((queue, hand), f"{self._worker}:{next(self._tokens)}")
        try:
            taken = await self._take_from(
                queue, count, lease_ms=self._lease_ms, token=token, worker=self._worker, hand=hand
            )
        except HarkError as error:
            self._put_off(queue, error)
            return
        finally:
            self._asked_for[queue] -= count
            self._nudge.set()
        del self._unanswered[queue, hand]
        self._backoff_s.pop(queue, None)
        if taken.more or len(taken.jobs) == count:
            self._emptied.discard(queue)
        else:
            self._emptied.add(queue)
        self._in_flight[queue] += len(taken.jobs)
        self._ready.extend(taken.jobs)
        self.limit(queue, taken.concurrency)
        self._rushing.discard(queue)
        if taken.more:
            self._rushing.add(queue)
            self._asking.add(queue)
        if taken.due_in_ms is not None:
            self._due_s[queue] = asyncio.get_running_loop().time() + taken.due_in_ms / 1000
        else:
            self._due_s.pop(queue, None)

    def _hear(self) -> None:
        """Put away the claims that have their answer; tell of those that had none once all are in."""
        for key in [key for key, claim in self._claims.items() if claim.done()]:
            self._claims.pop(key).result()
        if self._refused and not self._claims:
            refused, self._refused = self._refused, {}
            error = next(iter(refused.values()))
            if len(refused) == len(self._limits):
                _log.warning("no jobs can be claimed: %s", error)
            else:
                _log.warning("no jobs of %s can be claimed: %s", ", ".join(sorted(refused)), error)

    def _put_off(self, queue: str, error: HarkError) -> None:
        """Ask a queue again only after a while."""
        self._refused[queue] = error
        self._backoff_s[queue] = min(self._backoff_s.get(queue, 0.025) * 2, _LONGEST_BACKOFF_S)
        self._due_s[queue] = asyncio.get_running_loop().time() + self._backoff_s[queue]

    async def _sleep(self, open_queues: frozenset[str], timeout_s: float) -> None:
        """Until a marker, a nudge or the time-out; a wait on other queues than these is ended first."""
        groups = self._store.wait_groups(open_queues)
        if self._waits:
            await self._end_waits([group for group in self._waits if group not in groups])
        for group in groups:
            if group not in self._waits:
                wait = asyncio.create_task(
                    self._store.wait_for_work(group, self._worker, _LOOK_AGAIN_S), name="wait for work"
                )
                wait.add_done_callback(lambda _: self._nudge.set())
                self._waits[group] = wait
        # A busy worker comes here after each claim; `asyncio.timeout` would cost it more than the wait.
        timer = asyncio.get_running_loop().call_later(max(timeout_s, 0.001), self._nudge.set)
        try:
            await self._nudge.wait()
        finally:
            timer.cancel()
        if self._waits:
            self._rested_s = asyncio.get_running_loop().time()

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
