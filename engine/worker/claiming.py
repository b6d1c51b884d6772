"""Which job next: claims from many queues at once, never more of one than it has free slots.

Hides the waiting. A queue is asked when it may have work (its marker was set, a slot came free, a
delayed job falls due); otherwise one blocking call sleeps on the markers of all queues that have room,
or, on a Cluster, one call for each of them. In a rush a queue's slots are filled by halves: while Redis
gives the jobs for one half, those of the other run here. Nothing here waits for one queue's answer alone:
its node of a Cluster may be away, and the others go on.
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
"""While some queues have so many jobs that nobody waits for markers, the others are asked this often. So soon, too,
their markers are waited for while a claim has no answer."""
_LONGEST_BACKOFF_S = 2.0
_TOGETHER_S = 0.5
"""So long after the first, queues that cannot be asked either are told with it."""
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
        """The slots that claims without an answer may fill."""
        self._unanswered: dict[tuple[str, int], tuple[str, int]] = {}
        """Token and number of slots of each claim until it has an answer: it is asked for again under its token, since
        the jobs may be ours already."""
        self._waits: dict[tuple[str, ...], asyncio.Task[None]] = {}
        self._wakes: dict[tuple[str, ...], asyncio.Task[None]] = {}
        """What ends those of the waits that are not wanted any more."""
        self._backoff_s: dict[str, float] = {}
        self._refused: dict[str, HarkError] = {}
        """Queues that could not be asked, until that is told."""
        self._refused_s = 0.0
        """When the first of them was refused."""
        self._tokens = itertools.count(1)
        self._told: set[str] = set()
        """Queues whose markers this worker has taken, until they are asked."""
        self._late = False
        """Whether the claims under way have had no answer for a while."""
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
            await self._fill()
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
        """Claim no more, give back what was claimed and never handed out, and end the waits. Cancel to give up."""
        self._closing = True
        try:
            if self._claims:
                # Redis may have given jobs to a claim that is cut off.
                await asyncio.wait(self._claims.values())
            await self._give_back()
            for group in self._waits:
                self._end_wait(group)
            if self._waits:
                await asyncio.wait(self._waits.values())
            await self._pass_on()
        finally:
            under_way = [*self._claims.values(), *self._waits.values(), *self._wakes.values()]
            for task in under_way:
                task.cancel()
            for outcome in await asyncio.gather(*under_way, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _log.error("a claim has failed", exc_info=outcome)
            for tasks in (self._claims, self._waits, self._wakes):
                tasks.clear()

    async def _give_back(self) -> None:
        unrun = list(self._ready)
        self._ready.clear()
        for job in unrun:
            self._in_flight[job.queue] -= 1
        for queue in {job.queue for job in unrun}:
            jobs = [job for job in unrun if job.queue == queue]
            try:
                await self._store.release(queue, jobs)
            except HarkError as error:
                _log.warning("%d claimed jobs of %s wait for the end of their leases: %s", len(jobs), queue, error)

    async def _pass_on(self) -> None:
        told, self._told = self._told, set()
        for queue in told:
            try:
                await self._store.pass_on(queue)
            except HarkError as error:
                _log.info("that %s may have work is told by the next tick: %s", queue, error)

    def _room(self, queue: str) -> int:
        if self._closing:
            return 0
        return self._limits[queue] - self._in_flight[queue] - self._asked_for[queue]

    async def _fill(self) -> None:
        """Ask the queues that may have work and have room, then wait until something happens."""
        self._nudge.clear()
        self._hear()
        loop = asyncio.get_running_loop()
        open_queues = frozenset(queue for queue in self._limits if self._room(queue) > 0)
        for queue, due_s in list(self._due_s.items()):
            if due_s <= loop.time():
                del self._due_s[queue]
                self._asking.add(queue)
        owed = {queue for queue, _ in self._unanswered.keys() - self._claims.keys()}
        asking = self._asking & (open_queues | owed)
        if asking:
            if loop.time() - self._rested_s > _LOOK_BESIDE_S:
                self._rested_s = loop.time()
                asking |= open_queues.difference(self._backoff_s)
            await self._let_slots_free()
            for queue in asking:
                self._ask(queue)
        if self._claims and not self._late:
            self._late = not await self._nudged(_LOOK_BESIDE_S)
        else:
            under_way = {queue for queue, _ in self._claims}
            wake_s = min(self._due_s.values(), default=loop.time() + _LOOK_AGAIN_S)
            await self._sleep(open_queues.difference(self._backoff_s, under_way), wake_s - loop.time())

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
        for hand in _HANDS:
            if (queue, hand) in self._claims:
                continue
            if (queue, hand) not in self._unanswered:
                count = self._room(queue)
                if count <= 0:
                    continue
                if queue in self._rushing:
                    count = min(count, -(-self._limits[queue] // 2))
                self._asked_for[queue] += count
                self._unanswered[queue, hand] = f"{self._worker}:{next(self._tokens)}", count
            self._claims[queue, hand] = asyncio.create_task(self._take(queue, hand), name="claim")
            self._asking.discard(queue)
            self._told.discard(queue)

    async def _take(self, queue: str, hand: int) -> None:
        token, count = self._unanswered[queue, hand]
        try:
            taken = await self._take_from(
                queue, count, lease_ms=self._lease_ms, token=token, worker=self._worker, hand=hand
            )
        except HarkError as error:
            self._put_off(queue, error)
            return
        finally:
            self._nudge.set()
        del self._unanswered[queue, hand]
        self._asked_for[queue] -= count
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
        """Put away the claims and waits that are over; tell of the queues that could not be asked, together."""
        for key in [key for key, claim in self._claims.items() if claim.done()]:
            self._claims.pop(key).result()
            self._late = False
        for group in [group for group, wait in self._waits.items() if wait.done()]:
            wait = self._waits.pop(group)
            self._wakes.pop(group, None)
            if not wait.cancelled():  # with all tasks of its loop
                wait.result()
        if self._refused and (not self._claims or asyncio.get_running_loop().time() - self._refused_s > _TOGETHER_S):
            refused, self._refused = self._refused, {}
            error = next(iter(refused.values()))
            if len(refused) == len(self._limits):
                _log.warning("no jobs can be claimed: %s", error)
            else:
                _log.warning("no jobs of %s can be claimed: %s", ", ".join(sorted(refused)), error)

    def _put_off(self, queue: str, error: HarkError) -> None:
        """Ask a queue again only after a while."""
        now_s = asyncio.get_running_loop().time()
        if not self._refused:
            self._refused_s = now_s
        self._refused[queue] = error
        self._backoff_s[queue] = min(self._backoff_s.get(queue, 0.025) * 2, _LONGEST_BACKOFF_S)
        self._due_s[queue] = now_s + self._backoff_s[queue]

    async def _nudged(self, timeout_s: float) -> bool:
        """Whether something happens before the time-out."""
        # A busy worker comes here after each claim; `asyncio.timeout` would cost it more than the wait.
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(timeout_s, 0.001), self._nudge.set)
        try:
            await self._nudge.wait()
        finally:
            timer.cancel()
        return loop.time() < timer.when()

    async def _sleep(self, open_queues: frozenset[str], timeout_s: float) -> None:
        """Until a marker, a nudge or the time-out; a wait on other queues than these is ended."""
        groups = self._store.wait_groups(open_queues)
        for group in self._waits:
            if group not in groups:
                self._end_wait(group)
        waited_for = {queue for group in self._waits for queue in group}
        for group in groups:
            if waited_for.isdisjoint(group):  # else once the old wait has ended
                wait = asyncio.create_task(self._wait(group), name="wait for work")
                wait.add_done_callback(lambda _: self._nudge.set())
                self._waits[group] = wait
        await self._nudged(timeout_s)
        if self._waits:
            self._rested_s = asyncio.get_running_loop().time()

    async def _wait(self, group: tuple[str, ...]) -> None:
        """Until one of these queues may have work; then it is asked."""
        try:
            queue = await self._store.wait_for_work(group, self._worker, _LOOK_AGAIN_S)
            if queue and self._room(queue) <= 0:
                # It has filled up meanwhile, or this worker ends: others may have room.
                await self._store.pass_on(queue)
                return
        except HarkError as error:
            for queue in group:
                self._put_off(queue, error)
            return
        if queue:
            self._asking.add(queue)
            self._told.add(queue)
        elif group not in self._wakes:
            self._asking.update(group)  # nothing said where: the time-out is the moment to look everywhere

    def _end_wait(self, group: tuple[str, ...]) -> None:
        """Wake a wait, once; cutting it off could lose a marker."""
        if group not in self._wakes and not self._waits[group].done():
            self._wakes[group] = asyncio.create_task(self._wake(group), name="wake")

    async def _wake(self, group: tuple[str, ...]) -> None:
        try:
            await self._store.wake(group, self._worker)
        except HarkError as error:
            _log.debug("the wait for %s ends by itself: %s", ", ".join(group), error)
