"""`Store`: the scripts as methods, and the few plain reads beside them."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.client import NEVER_DECODE

from engine.errors import RedisGoneError
from engine.log import get_logger
from engine.model import JobState
from engine.queues import QUEUES, QueueSpec
from engine.settings import Settings
from engine.store import keys
from engine.store.alerting import Alerting
from engine.store.answers import Answers
from engine.store.base import failed_retention
from engine.store.calendar import CalendarMemory
from engine.store.connect import LONGEST_BLOCK_S, FoundClusterError, Link, connect, explained, without_password
from engine.store.conversations import Conversations
from engine.store.mail import MailMemory
from engine.store.notices import Notices
from engine.store.operations import BATCH, Operations
from engine.store.pacing import Pacing
from engine.store.reads import Reads
from engine.store.records import Claimed, FinishedJob, NewJob, QueueEvent, Taken, claimed_options, dumps, json_or
from engine.store.scheduling import Scheduling
from engine.store.scripts import register_scripts
from engine.store.server import PrivateRedis

_log = get_logger("store")

LOG_LINES = 1000
"""A job's log keeps its last so many lines."""
LONGEST_LINE = 4000
GROUP_KEPT_MS = 30 * 86_400_000
"""A group of failures not seen for so long is forgotten."""
MOST_GROUPS = 1000


class Store(
    Operations, Reads, Scheduling, Alerting, MailMemory, Conversations, Notices, CalendarMemory, Pacing, Answers
):
    """Transitions and reads of all queues on one Redis. One per event loop; close it at the end.

    Every method raises RedisGoneError when Redis does not answer after 3 retries, and PermanentError
    when it refuses the password. `revive`, where given, is called before the next try after a lost
    connection (it starts Hark's own Redis again) and returns the URL to use.
    """

    def __init__(
        self, url: str, specs: Mapping[str, QueueSpec] = QUEUES, revive: Callable[[], str] | None = None
    ) -> None:
        self._url = url
        self._specs = specs
        self._revive = revive
        self._reviving = asyncio.Lock()
        self._use(connect(url))
        self._keys = {queue: keys.script_keys(queue) for queue in QUEUES}

    @property
    def address(self) -> str:
        """Where Redis is, without any password."""
        return without_password(self._url)

    def twin(self) -> Store:
        """Another store on the same Redis, for use in another event loop; close it there."""
        return Store(self._url, self._specs, self._revive)

    async def close(self) -> None:
        """Close the connections."""
        await self._link.end()

    async def ping(self) -> None:
        """Return when Redis answers; raise otherwise."""
        await self._guarded(lambda: self._redis.ping())

    async def reach(self) -> None:
        """Return when Redis answers, and know from then on whether it is a Cluster; raise otherwise."""
        # Two keys that may lie on two nodes: a Cluster's node refuses them together.
        apart = [keys.marker(queue) for queue in list(QUEUES)[:2]]
        await self._guarded(lambda: self._redis.exists(*apart))

    # --- the worker's transitions ---

    async def add(self, queue: str, jobs: Sequence[NewJob]) -> list[bool]:
        """Add jobs; False marks one whose id exists, which is left as it is."""
        replies: list[bool] = []
        for start in range(0, len(jobs), BATCH):
            batch = [job.as_argument() for job in jobs[start : start + BATCH]]
            replies += map(bool, await self._run("add", queue, {"jobs": batch}))
        return replies

    async def take(
        self,
        queue: str,
        count: int,
        *,
        lease_ms: int,
        token: str,
        worker: str,
        hand: int = 0,
        finished: Sequence[FinishedJob] = (),
    ) -> Taken:
        """Claim up to `count` jobs in order of priority; promote due delayed ones first.

        The same `token` again gives the same jobs again, as long as the worker's `hand` has claimed no others. The jobs
        `finished`, at most 1,000, are completed before that, as `finish` does it.
        """
        arguments = {"count": min(count, BATCH), "lease_ms": lease_ms, "token": token, "worker": worker, "hand": hand}
        if finished:
            arguments |= self._ends(queue, finished)
        more, next_due, concurrency, rows, written = await self._run("take", queue, arguments)
        taken = Taken(bool(more), _positive(next_due), _positive(concurrency), written=list(map(bool, written)))
        timeout_ms = self._specs[queue].timeout_ms
        for job_id, name, data, options, made, created, trace, parent in rows:
            limit_ms, *keep = claimed_options(options, timeout_ms)
            attempt, created_ms = _number(made) + 1, _number(created)
            taken.jobs.append(
                Claimed(job_id, queue, name, data, token, attempt, limit_ms, created_ms, trace, parent, *keep)
            )
        return taken

    async def extend(self, queue: str, jobs: Sequence[Claimed], lease_ms: int) -> list[str]:
        """Renew leases; returns the ids of those that are lost."""
        lost: list[str] = await self._run("extend", queue, {"jobs": _held(jobs), "lease_ms": lease_ms})
        return lost

    async def finish(self, queue: str, finished: Sequence[FinishedJob]) -> list[bool]:
        """Complete jobs; False marks one that is not ours any more."""
        replies: list[bool] = []
        for start in range(0, len(finished), BATCH):
            replies += map(bool, await self._run("finish", queue, self._ends(queue, finished[start : start + BATCH])))
        return replies

    def _ends(self, queue: str, finished: Sequence[FinishedJob]) -> dict[str, Any]:
        """Jobs that are done as the scripts read them, and what the queue keeps of such."""
        spec = self._specs[queue]
        jobs: list[dict[str, Any]] = []
        for one in finished:
            ended: dict[str, Any] = {
                "id": one.job.id,
                "token": one.job.token,
                "result": one.result,
                "processing_ms": one.processing_ms,
            }
            if one.outbox:
                ended["outbox"] = one.outbox
            if one.job.keep_ms is not None:
                ended["keep_ms"] = one.job.keep_ms
            if one.job.keep_count is not None:
                ended["keep_count"] = one.job.keep_count
            jobs.append(ended)
        return {"ended": jobs, "keep_ms": spec.keep_completed_ms, "keep_count": spec.keep_completed_count}

    async def fail(
        self,
        job: Claimed,
        error: str,
        traceback: str = "",
        *,
        permanent: bool = False,
        retry_after_ms: int | None = None,
        group: Mapping[str, str] | None = None,
    ) -> tuple[str, int]:
        """End an attempt. Returns "retrying" and the delay (ms) before the next one, "failed" or "lost" (and 0).

        `group` = {"signature", "title", "kind"} puts a job that failed for good among its like.
        """
        arguments = {
            "id": job.id,
            "token": job.token,
            "error": error,
            "traceback": traceback,
            "permanent": permanent,
            "jitter": random.random(),
            **failed_retention(self._specs[job.queue]),
        }
        if group is not None:
            arguments["group"] = group
        if retry_after_ms is not None:
            arguments["retry_after_ms"] = retry_after_ms
        reply = await self._run("fail", job.queue, arguments)
        return reply[0], int(reply[1]) if reply[0] == "retrying" else 0

    async def release(self, queue: str, jobs: Sequence[Claimed]) -> int:
        """Give claimed jobs back unrun; returns how many were still ours."""
        return int(await self._run("release", queue, {"jobs": _held(jobs)}))

    async def progress(self, job: Claimed, value: Any) -> bool:
        """Store a running job's progress (any JSON value); False if it is not ours any more."""
        arguments = {"id": job.id, "token": job.token, "progress": dumps(value)}
        return bool(await self._run("progress", job.queue, arguments))

    async def write_log(self, job: Claimed, line: str) -> bool:
        """Add a line to a running job's log, its last 1,000 kept; False if it is not ours any more."""
        arguments = {"id": job.id, "token": job.token, "line": line[:LONGEST_LINE], "keep_lines": LOG_LINES}
        return bool(await self._run("progress", job.queue, arguments))

    # --- upkeep ---

    async def recover(
        self, queue: str, max_stalled: int, *, gap_ms: int | None = None, lease_ms: int = 0
    ) -> tuple[list[str], list[str]]:
        """Jobs with a lease run out go back to waiting, or fail; returns the ids of both.

        Where nobody has called this for `gap_ms`, their leases are first prolonged by half of `lease_ms`.
        """
        arguments = {"max_stalled": max_stalled, **failed_retention(self._specs[queue])}
        if gap_ms is not None:
            arguments |= {"gap_ms": gap_ms, "lease_ms": lease_ms}
        recovered, failed = await self._run("recover", queue, arguments)
        return recovered, failed

    async def tick(self, queue: str) -> tuple[int, int | None, list[str]]:
        """Promote due jobs, note the depths, set a lost marker again.

        Returns how many were due, the concurrency that an operator has set, and the running jobs to cancel.
        """
        promoted, concurrency, cancels = await self._run("tick", queue, {})
        return int(promoted), _positive(concurrency), list(cancels)

    async def retain(self, queue: str) -> int:
        """Drop finished jobs beyond their retention; returns how many."""
        spec = self._specs[queue]
        arguments = {
            "keep_completed_ms": spec.keep_completed_ms,
            "keep_completed_count": spec.keep_completed_count,
            "keep_failed_ms": spec.keep_failed_ms,
            "keep_group_ms": GROUP_KEPT_MS,
            "keep_groups": MOST_GROUPS,
        }
        if spec.keep_failed_count is not None:
            arguments["keep_failed_count"] = spec.keep_failed_count
        dropped = 0
        while batch := int(await self._run("retain", queue, arguments)):
            dropped += batch
        return dropped

    async def outbox(self, queue: str) -> list[str]:
        """Follow-ups not yet forwarded, oldest first, at most 1,000."""
        entries: list[str] = await self._guarded(lambda: self._redis.lrange(keys.outbox(queue), 0, BATCH - 1))
        return entries

    async def is_in_outbox(self, queue: str, entry: str) -> bool:
        """Whether a follow-up is still to be forwarded."""
        return await self._guarded(lambda: self._redis.lpos(keys.outbox(queue), entry)) is not None

    async def forwarded(self, queue: str, entry: str) -> None:
        """Take a forwarded follow-up out of the outbox."""
        await self._guarded(lambda: self._redis.lrem(keys.outbox(queue), 1, entry))

    # --- following ---

    async def events(self, after: Mapping[str, str], block_ms: int) -> list[QueueEvent]:
        """Events behind the position known per queue; waits up to `block_ms` for the first."""
        streams: Any = {keys.events(queue): position for queue, position in after.items()}
        names = {keys.events(queue): queue for queue in after}
        block_ms = max(1, min(block_ms, int(LONGEST_BLOCK_S * 1000)))  # 0 would be for ever
        reply: Any = await self._guarded(lambda: self._redis.xread(streams, count=BATCH, block=block_ms))
        found = []
        for stream, entries in reply.items() if isinstance(reply, dict) else reply or []:
            # RESP3 nests the entries of a stream once more than RESP2.
            for position, fields in entries[0] if isinstance(reply, dict) else entries:
                for job in json.loads(fields["jobs"]):
                    job_id, trace = (job, job) if isinstance(job, str) else (job[0], job[-1])
                    found.append(QueueEvent(names[stream], position, fields["event"], job_id, trace))
        return found

    async def outcome(self, queue: str, job_id: str) -> tuple[JobState | None, Any]:
        """What a job has come to: its state, and its result or error; None for the state where nobody knows any more.

        One that has not ended is awaited from now on: its end can then be had for five minutes, whatever its retention.
        """
        state, told = [*await self._run("outcome", queue, {"id": job_id}), "", ""][:2]
        if not state:
            return None, None
        known = JobState(state) if state in set(JobState) else JobState.FAILED
        return known, json_or(told, None) if known is JobState.COMPLETED else told

    async def last_event(self, queue: str) -> str:
        """The event stream's last position, "0-0" where it is empty."""
        entries = await self._guarded(lambda: self._redis.xrevrange(keys.events(queue), count=1))
        return str(entries[0][0]) if entries else "0-0"

    def wait_groups(self, queues: Iterable[str]) -> list[tuple[str, ...]]:
        """`queues` sorted into those that one `wait_for_work` serves: all together, or on a Cluster each alone."""
        names = sorted(queues)
        if self._spread:
            return [(name,) for name in names]
        return [tuple(names)] if names else []

    async def wait_for_work(self, queues: Sequence[str], worker: str, timeout_s: float) -> str | None:
        """Block until one of `queues`, a group of `wait_groups`, may have work or the worker is woken.

        Returns the queue's name, or None.
        """
        names = {keys.marker(queue): queue for queue in queues}
        # Redis looks at the keys in this order: that of a queue that is never still must not always be the first.
        markers = random.sample(list(names), len(names))
        timeout_s = max(0.01, min(timeout_s, LONGEST_BLOCK_S))

        async def wait() -> Any:
            if self._spread and len(queues) > 1:
                return None  # seen only now to be a Cluster: the groups are others
            return await self._redis.bzpopmin([*markers, keys.wake(queues[0], worker)], timeout_s)

        reply = await self._guarded(wait)
        return names.get(reply[0]) if reply else None

    async def pass_on(self, queue: str) -> None:
        """Tell another worker that `queue` may have work: the caller was told, and has no room for it."""
        await self._call("always", [keys.marker(queue)], ["ZADD", "0", "0"])

    async def wake(self, queues: Sequence[str], worker: str) -> None:
        """End the worker's own `wait_for_work` on the group `queues` at once."""
        key = keys.wake(queues[0], worker)
        await self._call("always", [key], ["ZADD", "0", "0"])
        # The wait may have just ended by itself.
        await self._guarded(lambda: self._redis.pexpire(key, int(LONGEST_BLOCK_S * 1000)))

    # --- bytes, workers ---

    async def put_blob(self, queue: str, blob_id: str, data: bytes, ttl_s: int) -> None:
        """Keep bytes beside a queue for `ttl_s` seconds."""
        await self._guarded(lambda: self._redis.set(keys.blob(queue, blob_id), data, ex=ttl_s))

    async def expire_blob(self, queue: str, blob_id: str, ttl_s: int) -> None:
        """Keep bytes beside a queue for `ttl_s` seconds from now, not as long as was said before."""
        await self._guarded(lambda: self._redis.expire(keys.blob(queue, blob_id), ttl_s))

    async def get_blob(self, queue: str, blob_id: str) -> bytes | None:
        """The bytes, or None where their time is over."""
        key = keys.blob(queue, blob_id)
        reply: bytes | None = await self._guarded(
            lambda: self._redis.execute_command("GET", key, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        )
        return reply

    async def tell_alive(self, worker: str, record: str) -> None:
        """A worker's sign of life (JSON text with `seen_at_ms`)."""
        await self._call("always", [keys.WORKERS], ["HSET", worker, record])

    async def forget_worker(self, worker: str) -> None:
        """A worker has stopped, or was not heard of for long."""
        await self._guarded(lambda: self._redis.hdel(keys.WORKERS, worker))

    async def workers(self) -> dict[str, str]:
        """Signs of life by worker id, stale ones too."""
        found: dict[str, str] = await self._guarded(lambda: self._redis.hgetall(keys.WORKERS))
        return found

    # --- inside ---

    async def _run(self, script: str, queue: str, arguments: Mapping[str, Any]) -> Any:
        return await self._call(script, self._keys[queue], [dumps(arguments)])

    async def _call(self, script: str, keys: list[str], args: list[str]) -> Any:
        # Looked up at each try: between two of them there may be another Redis.
        return await self._guarded(
            lambda: (
                self._lane.run(self._scripts[script], keys, args)
                if self._lane is not None
                else self._scripts[script](keys=keys, args=args)
            )
        )

    # redis-py's types tell decoded and raw replies apart nowhere: what a reply is, each caller says.
    async def _guarded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        used, cancels = self._redis, _cancels()
        if cancels:
            await asyncio.sleep(0)  # one that was asked for just now comes here, and not where redis-py may swallow it
        try:
            with explained(self._url):
                reply = await call()
        except FoundClusterError as error:
            await self._change_over(error.url)
        except RedisGoneError:
            _heed_cancellation(cancels)
            if self._redis is used:  # else another call has changed over meanwhile, which ended this one
                if self._revive is None:
                    raise
                await self._bring_back()
        else:
            _heed_cancellation(cancels)
            return reply
        with explained(self._url):
            reply = await call()
        _heed_cancellation(cancels)
        return reply

    async def _bring_back(self) -> None:
        """Start Hark's own Redis again, once however many calls found it gone."""
        assert self._revive is not None
        async with self._reviving:
            url = await asyncio.to_thread(self._revive)
            if url != self._url:
                _log.info("Hark's own Redis has a new address")
                await self._change_over(url)

    async def _change_over(self, url: str) -> None:
        """Use another address from now on."""
        if url != self._url:
            old, self._url = self._link, url
            self._use(connect(url))
            await old.end()

    def _use(self, link: Link) -> None:
        self._link = link
        self._redis, self._spread, self._lane = link.redis, link.spread, link.lane
        self._scripts = register_scripts(self._redis)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store on the Redis that the settings name, else on Hark's own, started where it does not run."""
    specs = settings.queue_specs
    url = settings.external_redis_url
    if url is not None:
        store = Store(url, specs)
        try:
            await store.reach()
            yield store
        finally:
            await store.close()
        return
    private = PrivateRedis(settings.data_dir)
    store = Store(await _joined(private), specs, private.ensure)
    try:
        yield store
    finally:
        await store.close()
        await asyncio.to_thread(private.release)


async def _joined(private: PrivateRedis) -> str:
    """Join Hark's own Redis, and return its address. Where this task is cancelled meanwhile, leave it again.

    The thread that joins goes on then; nobody else would stop the server.
    """
    joining = asyncio.ensure_future(asyncio.to_thread(private.ensure))
    try:
        return await asyncio.shield(joining)
    except asyncio.CancelledError:
        await asyncio.wait({joining})
        if joining.exception() is None:
            await asyncio.to_thread(private.release)
        raise


def _held(jobs: Sequence[Claimed]) -> list[dict[str, str]]:
    return [{"id": job.id, "token": job.token} for job in jobs]


def _positive(value: Any) -> int | None:
    """A number that a script tells; None for a negative one, or where somebody has spoilt it."""
    try:
        number = float(value)
    except ValueError:
        return None
    return int(number) if 0 <= number < 2**53 else None


def _cancels() -> int:
    """How often this task was asked to end; one that ends in good order goes on making calls."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def _heed_cancellation(cancels: int) -> None:
    """Raise a cancellation of this task that was lost on the way since it had had `cancels` of them.

    redis-py turns one that comes while it connects into an error of the connection, and Python 3.11's `wait_for`, with
    which it sends, may swallow one.
    """
    if _cancels() > cancels:
        raise asyncio.CancelledError from None


def _number(text: Any) -> int:
    """A count from a record; 0 where somebody has spoilt it."""
    try:
        return int(text)
    except ValueError:
        return 0
