"""Looking at queues and jobs: plain reads, nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis.exceptions import ResponseError

from engine.errors import BadInputError, HarkError, NotFoundError
from engine.model import AuditEntry, FailureGroup, Figures, Job, JobState, LogLine, QuarantineBatch
from engine.queues import QUEUES
from engine.store import keys
from engine.store.base import StoreBase
from engine.store.records import figures_by_type, job_from_hash, log_line

_FINISHED = (JobState.COMPLETED, JobState.FAILED)
_TREND_HOURS = 24
_DECODED_AT_ONCE = 40
"""Jobs whose records are read and decoded in one go: 2 ms of a free core, and no frame late on a busy one."""


class Reads(StoreBase):
    """The part of `Store` that `Monitor` uses."""

    async def sample(self, queue: str, minutes: int) -> list[Any]:
        """The console's numbers; see `lua/sample.lua`."""
        reply: list[Any] = await self._run("sample", queue, {"minutes": minutes})
        return reply

    async def shared_snapshot(self, turn: str, turn_ms: int) -> str | None:
        """What another viewer has left, or `turn` where nobody had: then it is the caller's turn for `turn_ms`.

        None where Redis takes nothing, being a replica or having a full disk.
        """
        # One command looks and takes the turn; a shared text that is there is not changed by it.
        asked = ["SET", turn, "NX", "GET", "PX", str(turn_ms)]
        try:
            found = await self._call("always", [keys.SNAPSHOT], asked)
        except HarkError as error:
            if not isinstance(error.__cause__, ResponseError):
                raise
            if "WRONGTYPE" in str(error.__cause__):
                await self.outdate_snapshot()
            return None
        return turn if found is None else str(found)

    async def share_snapshot(self, instead_of: str, text: str, keep_ms: int) -> None:
        """Leave a text for other viewers in place of what `shared_snapshot` told; nothing where that has changed."""
        try:
            await self._call("replace", [keys.SNAPSHOT], [instead_of, text, str(keep_ms)])
        except HarkError as error:
            if not isinstance(error.__cause__, ResponseError):
                raise

    async def totals(self, queue: str) -> dict[str, Figures]:
        """What was counted since the queue exists, by job type. It never goes down."""
        try:
            return figures_by_type(await self._folded(queue, tell=True))
        except HarkError as error:
            if not isinstance(error.__cause__, ResponseError):
                raise
            # Nothing can be written (a full disk, a replica): as far as it was last folded.
            (found,) = await self._hashes([keys.totals(queue)])
            return figures_by_type(found)

    async def fold(self, queue: str) -> None:
        """Bring the totals up to date; at the latest before the minutes go, after two days."""
        await self._folded(queue, tell=False)

    async def _folded(self, queue: str, *, tell: bool) -> dict[str, str]:
        more, flat = 1, []
        while more:
            more, flat = await self._run("fold", queue, {"tell": tell})
        return dict(zip(flat[::2], flat[1::2], strict=True))

    async def find(self, job_id: str, queues: Sequence[str] = tuple(QUEUES)) -> Job:
        """A job's record, wherever it is. Raises NotFoundError."""
        for queue, record in zip(queues, await self._hashes(keys.job(queue, job_id) for queue in queues), strict=True):
            if record:
                return job_from_hash(queue, job_id, record)
        raise NotFoundError(
            f"There is no job {job_id!r}.", "It may have been cleaned: finished jobs are kept for a time."
        )

    async def jobs(self, queue: str, state: JobState, start: int, count: int) -> tuple[Job, ...]:
        """Jobs of one state by place: the next to run first, of the finished the newest first."""
        name, newest_first = keys.state(queue, state), state in _FINISHED
        ids: Any = await self._guarded(lambda: self._redis.zrange(name, start, start + count - 1, desc=newest_first))
        return await self.records(queue, ids)

    async def jobs_from(
        self, queue: str, state: JobState, after: str | None, count: int, *, oldest_first: bool = False
    ) -> tuple[tuple[str, str], ...]:
        """Ids of one state, each with its position; from behind the position `after` on (None: the beginning).

        In the order of `jobs`, or with `oldest_first` in that of their scores. Unlike places, positions stay
        where they are while other jobs come and go. Raises BadInputError for a position that is none.
        """
        name, newest_first = keys.state(queue, state), state in _FINISHED and not oldest_first
        edge, passed = _place(after) if after is not None else ("", 0)
        if passed:  # those passed may have gone since: behind them stand others, with scores of their own
            passed = min(passed, int(await self._guarded(lambda: self._redis.zcount(name, edge, edge))))
        low, high = ("-inf", "+inf")
        first, last = (edge or high, low) if newest_first else (edge or low, high)
        found: Any = await self._guarded(
            lambda: self._redis.zrange(
                name, first, last, desc=newest_first, byscore=True, offset=passed, num=count, withscores=True
            )
        )
        placed = []
        for job_id, at in found:
            # Many jobs may end in one millisecond: how many of them are passed is part of the position.
            score = f"{float(at):.0f}"
            edge, passed = (edge, passed + 1) if score == edge else (score, 1)
            placed.append((job_id, f"{edge}.{passed}"))
        return tuple(placed)

    async def depth(self, queue: str, state: JobState) -> int:
        """How many jobs are in one state."""
        return int(await self._guarded(lambda: self._redis.zcard(keys.state(queue, state))))

    async def workless(self, queue: str, now_ms: int) -> int:
        """How many active jobs have lost their worker: their lease had run out at `now_ms` by Redis's clock."""
        return int(await self._guarded(lambda: self._redis.zcount(keys.state(queue, JobState.ACTIVE), "-inf", now_ms)))

    async def records(self, queue: str, job_ids: Sequence[str]) -> tuple[Job, ...]:
        """Those of the named jobs that exist, in this order.

        A few at a time: between them the caller's loop, which may be the window's, does other things.
        """
        found: list[Job] = []
        for start in range(0, len(job_ids), _DECODED_AT_ONCE):
            some = job_ids[start : start + _DECODED_AT_ONCE]
            hashes = await self._hashes(keys.job(queue, job_id) for job_id in some)
            read = zip(some, hashes, strict=True)
            found += [job_from_hash(queue, job_id, record) for job_id, record in read if record]
        return tuple(found)

    async def log(self, queue: str, job_id: str, start: int = 0) -> tuple[LogLine, ...]:
        """The lines of a job's log, from the `start`-th on."""
        lines = await self._guarded(lambda: self._redis.lrange(keys.log(queue, job_id), start, -1))
        return tuple(log_line(line) for line in lines)

    async def figures(self, queue: str, span: str, numbers: Sequence[int]) -> list[dict[str, str]]:
        """What was counted in minutes ("1m") or hours ("1h"), by number since 1970; see `records.figures_by_type`."""
        return await self._hashes(keys.figures(queue, span, number) for number in numbers)

    async def audit(self, queue: str, count: int, before: str = "+") -> tuple[AuditEntry, ...]:
        """Operators' actions on a queue, newest first, older than the entry `before`.

        An action that took several script calls is one entry, its counts added up.
        """
        until = "+" if before == "+" else f"({before}"
        rows = await self._guarded(lambda: self._redis.xrevrange(keys.audit(queue), max=until, count=count))
        entries: dict[str, AuditEntry] = {}
        for position, row in rows:
            entry = AuditEntry(
                id=position,
                queue=queue,
                at_ms=int(position.partition("-")[0]),
                actor=row.get("actor", ""),
                action=row.get("action", ""),
                reason=row.get("reason", ""),
                touched=int(row.get("touched", 0)),
                before=json.loads(row.get("before") or "{}"),
                after=json.loads(row.get("after") or "{}"),
                arguments=json.loads(row.get("args") or "{}"),
            )
            one_action = row.get("action_id") or position
            later = entries.get(one_action)
            if later is not None:
                entry = replace(entry, touched=entry.touched + later.touched, after=later.after)
            entries[one_action] = entry
        return tuple(entries.values())

    async def groups(self, queue: str, count: int) -> tuple[FailureGroup, ...]:
        """Groups of like failures, the last seen first."""
        signatures: Any = await self._guarded(lambda: self._redis.zrange(keys.groups(queue), 0, count - 1, desc=True))
        if not signatures:
            return ()
        now_s, _ = await self._guarded(self._redis.time)
        hours = range(now_s // 3600 - _TREND_HOURS + 1, now_s // 3600 + 1)
        trends = await self._hashes(keys.figures(queue, "1h", hour) for hour in hours)
        records = await self._hashes(keys.group(queue, signature) for signature in signatures)
        sizes = await self._sizes(keys.group_ids(queue, signature) for signature in signatures)
        found = zip(signatures, records, sizes, strict=True)
        return tuple(_group(queue, signature, record, size, trends) for signature, record, size in found if record)

    async def group_members(self, queue: str, signature: str) -> list[str]:
        """Ids of the failed jobs in a group, oldest first."""
        ids: list[str] = await self._guarded(lambda: self._redis.zrange(keys.group_ids(queue, signature), 0, -1))
        return ids

    async def quarantined(self, queue: str) -> tuple[QuarantineBatch, ...]:
        """Cleaned batches that can still be restored, newest first."""
        kept: Any = await self._guarded(
            lambda: self._redis.zrange(keys.quarantine(queue), 0, -1, desc=True, withscores=True)
        )
        records = await self._hashes(keys.gone(queue, batch) for batch, _ in kept)
        sizes = await self._sizes(keys.gone(queue, batch, ":ids") for batch, _ in kept)
        found = []
        for (batch, until_ms), record, left in zip(kept, records, sizes, strict=True):
            if record:
                counts = {state: int(record[state]) for state in JobState if state in record}
                found.append(
                    QuarantineBatch(
                        id=batch,
                        queue=queue,
                        at_ms=int(record["at"]),
                        until_ms=int(until_ms),
                        actor=record.get("actor", ""),
                        reason=record.get("reason", ""),
                        counts=counts,
                        left=left,
                    )
                )
        return tuple(found)

    async def quarantined_jobs(self, queue: str, batch: str, start: int, count: int) -> tuple[Job, ...]:
        """Jobs of a cleaned batch, oldest first."""
        name = keys.gone(queue, batch, ":ids")
        ids: Any = await self._guarded(lambda: self._redis.zrange(name, start, start + count - 1))
        hashes = await self._hashes(keys.gone(queue, batch, f":job:{job_id}") for job_id in ids)
        return tuple(job_from_hash(queue, job_id, record) for job_id, record in zip(ids, hashes, strict=True) if record)

    async def _sizes(self, names: Iterable[str]) -> list[int]:
        """How many members several sorted sets have, in one round trip."""
        wanted = list(names)
        if not wanted:
            return []

        async def read() -> list[int]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in wanted:
                    pipe.zcard(name)
                return [int(size) for size in await pipe.execute()]

        found: list[int] = await self._guarded(read)
        return found

    async def server_info(self) -> dict[str, dict[str, Any]]:
        """What INFO tells, by the server's address: of the one server, or of each primary of a Cluster."""
        told: dict[str, Any] = await self._guarded(
            lambda: self._redis.info(target_nodes="primaries") if self._spread else self._redis.info()
        )
        return told if self._spread else {self.address: told}


def _place(position: str) -> tuple[str, int]:
    """The score of a position, and how many jobs of that score are passed."""
    score, _, passed = position.partition(".")
    if not (
        score.isascii()
        and score.isdigit()
        and len(score) < 17
        and passed.isascii()
        and passed.isdigit()
        and len(passed) < 10
    ):
        raise BadInputError(f"{position!r} is no position in a list of jobs.", "Give one that a search has told.")
    return score, int(passed)


def _group(
    queue: str, signature: str, record: Mapping[str, str], size: int, hours: Sequence[Mapping[str, str]]
) -> FailureGroup:
    wanted = f"group:{signature}@"
    return FailureGroup(
        signature=signature,
        queue=queue,
        title=record.get("title", ""),
        kind=record.get("kind", ""),
        job_name=record.get("name", ""),
        count=int(record.get("count", 0)),
        failed_now=size,
        first_at_ms=int(record.get("first", 0)),
        last_at_ms=int(record.get("last", 0)),
        sample=record.get("sample", ""),
        trend=tuple(sum(int(n) for field, n in hour.items() if field.startswith(wanted)) for hour in hours),
    )
