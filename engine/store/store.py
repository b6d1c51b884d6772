"""`Store`: the scripts as methods, and the few plain reads beside them."""

from __future__ import annotations

import asyncio
import functools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.client import NEVER_DECODE

from engine.errors import NotFoundError, RedisGoneError
from engine.log import get_logger
from engine.model import CleanPreview, Job, JobState
from engine.queues import QUEUES, QueueSpec
from engine.settings import Settings
from engine.store import keys
from engine.store.connect import LONGEST_BLOCK_S, connect, explained, without_password
from engine.store.records import Claimed, FinishedJob, NewJob, QueueEvent, Taken, dumps, job_from_hash
from engine.store.scripts import register_scripts
from engine.store.server import PrivateRedis

_log = get_logger("store")

BATCH = 1000
"""The most jobs one script call touches, so that no other client waits long for Redis."""

CONVERSATION_TURNS = 20
_CONVERSATION_TTL_S = 30 * 86_400


class Store:
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
        self._redis = connect(url)
        self._scripts = register_scripts(self._redis)
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
        await self._redis.aclose()

    async def ping(self) -> None:
        """Return when Redis answers; raise otherwise."""
        await self._guarded(self._redis.ping)

    # --- the worker's transitions ---

    async def add(self, queue: str, jobs: Sequence[NewJob]) -> list[bool]:
        """Add jobs; False marks one whose id exists, which is left as it is."""
        replies: list[bool] = []
        for start in range(0, len(jobs), BATCH):
            batch = [job.as_argument() for job in jobs[start : start + BATCH]]
            replies += [bool(code) for code in await self._run("add", queue, {"jobs": batch})]
        return replies

    async def take(self, queue: str, count: int, *, lease_ms: int, token: str, worker: str) -> Taken:
        """Claim up to `count` jobs in order of priority; promote due delayed ones first."""
        arguments = {"count": min(count, BATCH), "lease_ms": lease_ms, "token": token, "worker": worker}
        more, next_due, concurrency, rows = await self._run("take", queue, arguments)
        taken = Taken(bool(more), _positive(next_due), _positive(concurrency))
        for job_id, name, data, options, made, created, _queued, trace, parent in rows:
            timeout_ms = _timeout_ms(options, self._specs[queue])
            taken.jobs.append(
                Claimed(job_id, queue, name, data, token, int(made) + 1, timeout_ms, int(created), trace, parent)
            )
        return taken

    async def extend(self, queue: str, jobs: Sequence[Claimed], lease_ms: int) -> list[str]:
        """Renew leases; returns the ids of those that are lost."""
        lost: list[str] = await self._run("extend", queue, {"jobs": _held(jobs), "lease_ms": lease_ms})
        return lost

    async def finish(self, queue: str, finished: Sequence[FinishedJob]) -> list[bool]:
        """Complete jobs; False marks one that is not ours any more."""
        spec = self._specs[queue]
        jobs = [
            {
                "id": one.job.id,
                "token": one.job.token,
                "result": one.result,
                "processing_ms": one.processing_ms,
                "outbox": list(one.outbox),
            }
            for one in finished
        ]
        arguments = {"jobs": jobs, "keep_ms": spec.keep_completed_ms, "keep_count": spec.keep_completed_count}
        return [bool(code) for code in await self._run("finish", queue, arguments)]

    async def fail(
        self,
        job: Claimed,
        error: str,
        traceback: str = "",
        *,
        permanent: bool = False,
        retry_after_ms: int | None = None,
    ) -> int | None:
        """End an attempt. Returns the delay (ms) before the next one, or None when it failed for good or was lost."""
        arguments = {
            "id": job.id,
            "token": job.token,
            "error": error,
            "traceback": traceback,
            "permanent": permanent,
            "jitter": random.random(),
            "keep_ms": self._specs[job.queue].keep_failed_ms,
        }
        if retry_after_ms is not None:
            arguments["retry_after_ms"] = retry_after_ms
        reply = await self._run("fail", job.queue, arguments)
        return int(reply[1]) if reply[0] == "retrying" else None

    async def release(self, queue: str, jobs: Sequence[Claimed]) -> int:
        """Give claimed jobs back unrun; returns how many were still ours."""
        return int(await self._run("release", queue, {"jobs": _held(jobs)}))

    async def progress(self, job: Claimed, value: Any) -> bool:
        """Store a running job's progress (any JSON value); False if it is not ours any more."""
        arguments = {"id": job.id, "token": job.token, "progress": dumps(value)}
        return bool(await self._run("progress", job.queue, arguments))

    # --- upkeep ---

    async def recover(self, queue: str, max_stalled: int) -> tuple[list[str], list[str]]:
        """Jobs with a lease run out go back to waiting, or fail; returns the ids of both."""
        arguments = {"max_stalled": max_stalled, "keep_ms": self._specs[queue].keep_failed_ms}
        recovered, failed = await self._run("recover", queue, arguments)
        return recovered, failed

    async def promote(self, queue: str, job_id: str | None = None, *, actor: str = "") -> int:
        """Move due delayed jobs to waiting, or the named one at once; returns how many."""
        return int(await self._run("promote", queue, {"actor": actor} | ({"id": job_id} if job_id else {})))

    async def retain(self, queue: str) -> int:
        """Drop finished jobs beyond their retention; returns how many."""
        spec = self._specs[queue]
        arguments = {
            "keep_completed_ms": spec.keep_completed_ms,
            "keep_completed_count": spec.keep_completed_count,
            "keep_failed_ms": spec.keep_failed_ms,
        }
        dropped = 0
        while batch := int(await self._run("retain", queue, arguments)):
            dropped += batch
        return dropped

    async def outbox(self, queue: str) -> list[str]:
        """Follow-ups not yet forwarded, oldest first, at most 1,000."""
        entries: list[str] = await self._guarded(lambda: self._redis.lrange(keys.outbox(queue), 0, BATCH - 1))
        return entries

    async def forwarded(self, queue: str, entry: str) -> None:
        """Take a forwarded follow-up out of the outbox."""
        await self._guarded(lambda: self._redis.lrem(keys.outbox(queue), 1, entry))

    # --- the operator's transitions ---

    async def set_paused(self, queue: str, paused: bool, *, actor: str) -> bool:
        """Pause or resume; False where it already was so."""
        return bool(await self._run("set_paused", queue, {"paused": paused, "actor": actor}))

    async def retry(
        self, queue: str, job_ids: Sequence[str] | None = None, *, state: JobState = JobState.FAILED, actor: str
    ) -> int:
        """Finished jobs back to waiting: the named ones, or all that had finished when the call began."""
        if job_ids is not None:
            retried = 0
            for start in range(0, len(job_ids), BATCH):
                part = list(job_ids[start : start + BATCH])
                arguments = {"state": state, "ids": part, "before": 0, "limit": BATCH, "actor": actor}
                retried += int((await self._run("retry", queue, arguments))[0])
            return retried
        retried, before = 0, 0
        while True:
            arguments = {"state": state, "before": before, "limit": BATCH, "actor": actor}
            count, cut_off = await self._run("retry", queue, arguments)
            retried, before = retried + int(count), int(cut_off)
            if int(count) < BATCH:
                return retried

    async def clean(
        self, queue: str, state: JobState, grace_ms: int, limit: int, *, actor: str = "", dry_run: bool = False
    ) -> CleanPreview:
        """Take away (or with `dry_run` only count) jobs of `state` older than `grace_ms`, oldest first.

        `limit` 0 means all. Runs in batches; between two of them other clients are served.
        """
        left = limit or 2**53
        total, offset, before = 0, 0, 0
        oldest: int | None = None
        newest: int | None = None
        while left > 0 and offset >= 0:
            arguments = {
                "state": state,
                "before": before,
                "grace_ms": grace_ms,
                "limit": min(left, BATCH),
                "offset": offset,
                "dry_run": dry_run,
                "actor": actor,
            }
            count, go_on, first, last, cut_off = await self._run("clean", queue, arguments)
            total, left, before = total + int(count), left - int(count), int(cut_off)
            offset = int(go_on)
            if int(count):
                oldest = int(first) if oldest is None else min(oldest, int(first))
                newest = int(last) if newest is None else max(newest, int(last))
        return CleanPreview(queue, state, total, oldest, newest)

    async def remove(self, queue: str, job_id: str, *, actor: str) -> str:
        """Take one job away; returns its state before, "active" where that forbade it, "" where there is none."""
        return str(await self._run("remove", queue, {"id": job_id, "actor": actor}))

    # --- reads ---

    async def sample(self, queue: str, minutes: int) -> list[Any]:
        """The console's numbers; see `lua/sample.lua`."""
        reply: list[Any] = await self._run("sample", queue, {"minutes": minutes})
        return reply

    async def find(self, job_id: str, queues: Sequence[str] = tuple(QUEUES)) -> Job:
        """A job's record, wherever it is. Raises NotFoundError."""
        for queue in queues:
            key = keys.job(queue, job_id)
            record = await self._guarded(functools.partial(self._redis.hgetall, key))
            if record:
                return job_from_hash(queue, job_id, record)
        raise NotFoundError(
            f"There is no job {job_id!r}.", "It may have been cleaned: finished jobs are kept for a time."
        )

    async def jobs(self, queue: str, state: JobState, start: int, count: int) -> tuple[Job, ...]:
        """Jobs of one state: the next to run first, of the finished the newest first."""
        finished = state in (JobState.COMPLETED, JobState.FAILED)

        async def read() -> list[tuple[str, dict[str, str]]]:
            ids: Any = await self._redis.zrange(keys.state(queue, state), start, start + count - 1, desc=finished)
            async with self._redis.pipeline(transaction=False) as pipe:
                for job_id in ids:
                    pipe.hgetall(keys.job(queue, job_id))
                return list(zip(ids, await pipe.execute(), strict=True))

        return tuple(job_from_hash(queue, job_id, record) for job_id, record in await self._guarded(read) if record)

    async def events(self, after: Mapping[str, str], block_ms: int) -> list[QueueEvent]:
        """Events behind the position known per queue; waits up to `block_ms` for the first."""
        streams: Any = {keys.events(queue): position for queue, position in after.items()}
        names = {keys.events(queue): queue for queue in after}
        block_ms = min(block_ms, int(LONGEST_BLOCK_S * 1000))
        reply: Any = await self._guarded(lambda: self._redis.xread(streams, count=BATCH, block=block_ms))
        found = []
        for stream, entries in reply.items() if isinstance(reply, dict) else reply or []:
            # RESP3 nests the entries of a stream once more than RESP2.
            for position, fields in entries[0] if isinstance(reply, dict) else entries:
                found.append(
                    QueueEvent(names[stream], position, fields["event"], fields["id"], fields.get("trace", ""))
                )
        return found

    async def last_event(self, queue: str) -> str:
        """The event stream's last position, "0-0" where it is empty."""
        entries = await self._guarded(lambda: self._redis.xrevrange(keys.events(queue), count=1))
        return str(entries[0][0]) if entries else "0-0"

    async def wait_for_work(self, queues: Sequence[str], worker: str, timeout_s: float) -> str | None:
        """Block until one of `queues` may have work or the worker is woken; the queue's name, or None."""
        names = {keys.marker(queue): queue for queue in queues}
        timeout_s = max(0.01, min(timeout_s, LONGEST_BLOCK_S))
        reply = await self._guarded(lambda: self._redis.bzpopmin([*names, keys.wake(worker)], timeout_s))
        return names.get(reply[0]) if reply else None

    async def wake(self, worker: str) -> None:
        """End the worker's own `wait_for_work` at once."""
        await self._guarded(lambda: self._redis.zadd(keys.wake(worker), {"0": 0}))

    # --- bytes, conversations, workers ---

    async def put_blob(self, queue: str, blob_id: str, data: bytes, ttl_s: int) -> None:
        """Keep bytes beside a queue for `ttl_s` seconds."""
        await self._guarded(lambda: self._redis.set(keys.blob(queue, blob_id), data, ex=ttl_s))

    async def get_blob(self, queue: str, blob_id: str) -> bytes | None:
        """The bytes, or None where their time is over."""
        key = keys.blob(queue, blob_id)
        reply: bytes | None = await self._guarded(
            lambda: self._redis.execute_command("GET", key, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
        )
        return reply

    async def remember(self, queue: str, conversation_id: str, turn: str) -> None:
        """Append a turn (JSON text) to a conversation, kept for its last 20 turns and 30 days."""
        key = keys.conversation(queue, conversation_id)

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.lrem(key, 0, turn)  # a job that ran twice tells its turn once
                pipe.rpush(key, turn)
                pipe.ltrim(key, -CONVERSATION_TURNS, -1)
                pipe.expire(key, _CONVERSATION_TTL_S)
                await pipe.execute()

        await self._guarded(write)

    async def recall(self, queue: str, conversation_id: str) -> list[str]:
        """A conversation's turns, oldest first."""
        turns: list[str] = await self._guarded(
            lambda: self._redis.lrange(keys.conversation(queue, conversation_id), 0, -1)
        )
        return turns

    async def tell_alive(self, worker: str, record: str) -> None:
        """A worker's sign of life (JSON text with `seen_at_ms`)."""
        await self._guarded(lambda: self._redis.hset(keys.WORKERS, worker, record))

    async def forget_worker(self, worker: str) -> None:
        """A worker has stopped, or was not heard of for long."""
        await self._guarded(lambda: self._redis.hdel(keys.WORKERS, worker))

    async def workers(self) -> dict[str, str]:
        """Signs of life by worker id, stale ones too."""
        found: dict[str, str] = await self._guarded(lambda: self._redis.hgetall(keys.WORKERS))
        return found

    # --- inside ---

    async def _run(self, script: str, queue: str, arguments: Mapping[str, Any]) -> Any:
        return await self._guarded(lambda: self._scripts[script](keys=self._keys[queue], args=[dumps(arguments)]))

    # redis-py's types tell decoded and raw replies apart nowhere: what a reply is, each caller says.
    async def _guarded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            with explained(self._url):
                return await call()
        except RedisGoneError:
            # redis-py turns a cancellation that comes while it connects into an error of the connection.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
            if self._revive is None:
                raise
        await self._bring_back()
        with explained(self._url):
            return await call()

    async def _bring_back(self) -> None:
        """Start Hark's own Redis again, once however many calls found it gone."""
        assert self._revive is not None
        async with self._reviving:
            url = await asyncio.to_thread(self._revive)
            if url != self._url:
                _log.info("Hark's own Redis has a new address")
                await self._redis.aclose()
                self._url, self._redis = url, connect(url)
                self._scripts = register_scripts(self._redis)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store on the Redis that the settings name, else on Hark's own, started where it does not run."""
    specs = settings.queue_specs
    url = settings.external_redis_url
    if url is not None:
        store = Store(url, specs)
        try:
            await store.ping()
            yield store
        finally:
            await store.close()
        return
    private = PrivateRedis(settings.data_dir)
    store = Store(await asyncio.to_thread(private.ensure), specs, private.ensure)
    try:
        yield store
    finally:
        await store.close()
        await asyncio.to_thread(private.release)


def _held(jobs: Sequence[Claimed]) -> list[dict[str, str]]:
    return [{"id": job.id, "token": job.token} for job in jobs]


def _positive(value: Any) -> int | None:
    number = int(float(value))
    return number if number >= 0 else None


def _timeout_ms(options: str, spec: QueueSpec) -> int:
    try:
        return int(json.loads(options)["timeout_ms"])
    except (ValueError, KeyError, TypeError):
        return spec.timeout_ms
