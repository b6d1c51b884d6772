"""`Admin`: the operator's actions on queues, on what was removed, on single jobs, and their audit trail."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.admin.recurring import Recurring
from engine.admin.retrying import FINISHED, Retrying
from engine.admin.silencing import Silencing
from engine.errors import BadInputError, NotFoundError
from engine.job_filter import JobFilter
from engine.model import AuditEntry, CleanPreview, Job, JobState, QuarantineBatch, Removed
from engine.queues import QUEUES, require_queue
from engine.store import Store
from engine.write_lock import WriteLock, check_minutes

_PAGE = 500
MOST_CONCURRENCY = 1000


class Admin(Retrying, Recurring, Silencing):
    """The operator's actions. `actor` says who asks and `reason` why; both go into the audit trail.

    All raise NotFoundError for an unknown queue and RedisGoneError where Redis does not answer; those that change
    anything raise WriteLockedError while the `write_lock` (of a connection marked as production) is shut.
    """

    def __init__(self, store: Store, write_lock: WriteLock | None = None) -> None:
        self._store = store
        self.write_lock = write_lock or WriteLock()

    # --- the write lock ---

    async def unlock(self, minutes: float, *, actor: str, reason: str) -> None:
        """Allow changes by this session for a time; kept in the audit trail before it begins.

        Does nothing where the connection is not production. Raises BadInputError without a reason or for a time
        that cannot be.
        """
        await self._open(self.write_lock, minutes, actor, reason)

    async def unlocked(self, minutes: float, *, actor: str, reason: str) -> Admin:
        """These actions for one command or one request, unlocked as `unlock` does it; other users' stay locked."""
        own = WriteLock(self.write_lock.production, self.write_lock.name)
        await self._open(own, minutes, actor, reason)
        return Admin(self._store, own)

    async def lock(self, *, actor: str, reason: str = "") -> None:
        """End an unlocking early."""
        if self.write_lock.left_s:
            self.write_lock.shut()
            await self._store.write_note("lock", {}, actor=actor, reason=reason)

    async def _open(self, lock: WriteLock, minutes: float, actor: str, reason: str) -> None:
        if not lock.production:
            return
        if not reason.strip():
            raise BadInputError("There is no reason for unlocking.", "Say why: the audit trail keeps it.")
        check_minutes(minutes)
        until_ms = int((time.time() + minutes * 60) * 1000)
        await self._store.write_note(
            "unlock", {"minutes": minutes, "until_ms": until_ms}, actor=actor, reason=reason.strip()
        )
        lock.open(minutes)

    # --- queues ---

    async def pause(self, queue: str, *, actor: str, reason: str = "") -> bool:
        """Start nothing more on the queue; what is active finishes. False where it was paused already."""
        return await self._changing.set_paused(require_queue(queue), True, actor=actor, reason=reason)

    async def resume(self, queue: str, *, actor: str, reason: str = "") -> bool:
        """Let the queue run again. False where it was not paused."""
        return await self._changing.set_paused(require_queue(queue), False, actor=actor, reason=reason)

    async def set_concurrency(self, queue: str, concurrency: int, *, actor: str, reason: str = "") -> None:
        """How many of the queue's jobs each worker process runs at once, from now on; 0 undoes it.

        Workers follow within a second; jobs that run beyond a lower number finish. Raises BadInputError.
        """
        store = self._changing
        if not 0 <= concurrency <= MOST_CONCURRENCY:
            raise BadInputError(f"A concurrency is from 1 to {MOST_CONCURRENCY}, or 0 for the workers' own setting.")
        await store.set_concurrency(require_queue(queue), concurrency, actor=actor, reason=reason)

    async def preview_clean(
        self, queue: str, state: JobState, grace_ms: int = 0, limit: int = 0, *, where: JobFilter | None = None
    ) -> CleanPreview:
        """Count what `clean` would take away now, how old it is, and show up to five; nothing changes."""
        self._check_clean(queue, grace_ms, limit)
        ids = None if where is None else await self.matching(queue, state, where, 0 if grace_ms else limit)
        found, samples, _ = await self._store.clean(queue, state, grace_ms, limit, job_ids=ids, dry_run=True)
        return replace(found, samples=await self._store.records(queue, samples))

    async def clean(
        self,
        queue: str,
        state: JobState,
        grace_ms: int = 0,
        limit: int = 0,
        *,
        where: JobFilter | None = None,
        job_ids: Sequence[str] | None = None,
        purge: bool = False,
        batch: str | None = None,
        actor: str,
        reason: str = "",
    ) -> Removed:
        """Take away jobs of `state` older than `grace_ms`, oldest first, at most `limit` (0: all).

        With `where` only those that match, with `job_ids` only those. Several calls that name one new `batch` are
        one action, and come back together. They stay in the quarantine for a day
        (`restore` brings them back) unless `purge` frees their memory at once. Of active jobs only those go
        whose worker has died.
        """
        store = self._changing
        self._check_clean(queue, grace_ms, limit)
        if where is not None:
            job_ids = await self.matching(queue, state, where, 0 if grace_ms else limit)
        found, _, batch = await store.clean(
            queue, state, grace_ms, limit, job_ids=job_ids, purge=purge, actor=actor, reason=reason, action_id=batch
        )
        return Removed(found.count, None if purge or not found.count else batch)

    async def drain(self, queue: str, *, delayed: bool = False, actor: str, reason: str = "") -> list[Removed]:
        """Take away all waiting jobs, and with `delayed` the delayed ones too, into the quarantine."""
        states = (JobState.WAITING, JobState.DELAYED) if delayed else (JobState.WAITING,)
        return [await self.clean(queue, state, actor=actor, reason=reason or "drain") for state in states]

    # --- the quarantine ---

    async def quarantined(self, queue: str) -> tuple[QuarantineBatch, ...]:
        """What was cleaned or removed within a day, newest first."""
        return await self._store.quarantined(require_queue(queue))

    async def quarantined_jobs(self, queue: str, batch: str) -> AsyncIterator[Job]:
        """The jobs of one batch, oldest first, read in pages. Raises as `restore` does."""
        await self._require_batch(queue, batch)
        start = 0
        while page := await self._store.quarantined_jobs(queue, batch, start, _PAGE):
            for job in page:
                yield job
            start += _PAGE

    async def restore(self, queue: str, batch: str, *, actor: str, reason: str = "") -> tuple[int, int]:
        """Bring a batch's jobs back to where they were: how many came, and how many could not.

        A job cannot come back while a new one has its id: it stays in the quarantine. Ended ones are subject to
        the queue's retention again. Raises NotFoundError for an unknown batch or one whose day is over.
        """
        store = self._changing
        await self._require_batch(queue, batch)
        return await store.restore(queue, batch, actor=actor, reason=reason)

    # --- jobs ---

    async def cancel(self, queue: str, job_id: str, *, actor: str, reason: str = "") -> JobState:
        """End a job that has not ended: it fails, with who cancelled it as its error. Returns its state before.

        A running job ends within about a second, unless it is a plain function in a thread, which runs on
        unheard. Raises BadInputError where it has ended already, NotFoundError where there is none.
        """
        message = f"Cancelled by {actor}." + (f" {reason}" if reason else "")
        state = await self._changing.cancel(require_queue(queue), job_id, message, actor=actor, reason=reason)
        if not state:
            raise _no_job(queue, "", job_id)
        if state in FINISHED:
            raise BadInputError(f"Job {job_id} has {state} already.", "Only a job that has not ended can be cancelled.")
        return JobState(state)

    async def promote(self, queue: str, job_id: str, *, actor: str, reason: str = "") -> None:
        """Run a delayed job now. Raises NotFoundError where no delayed job has this id."""
        if not await self._changing.promote(require_queue(queue), job_id, actor=actor, reason=reason):
            raise _no_job(queue, "delayed ", job_id)

    async def remove(self, queue: str, job_id: str, *, actor: str, reason: str = "") -> Removed:
        """Take one job away. Raises BadInputError while it runs, NotFoundError where there is none."""
        state, batch = await self._changing.remove(require_queue(queue), job_id, actor=actor, reason=reason)
        if state == JobState.ACTIVE:
            raise BadInputError(f"Job {job_id} is running.", "Cancel it or wait for its end, then remove it.")
        if not state:
            raise _no_job(queue, "", job_id)
        return Removed(1, batch)

    # --- the audit trail ---

    async def note(
        self, queue: str, action: str, arguments: Mapping[str, Any], *, actor: str, reason: str = ""
    ) -> None:
        """Enter what an operator did that changed no job by itself, such as an export; allowed while locked."""
        await self._store.note_action(require_queue(queue), action, arguments, actor=actor, reason=reason)

    async def audit(self, queue: str | None = None, count: int = 100, *, by: str = "") -> tuple[AuditEntry, ...]:
        """Who did what: the last actions on one queue, or on all and on the connection, newest first.

        With `by` only those of people whose name has this in it, capitals or not, however far back they are.
        """
        names = (*QUEUES, "") if queue is None else (require_queue(queue),)
        entries = [entry for name in names for entry in await self._audit(name, count, by.casefold())]
        return tuple(sorted(entries, key=lambda entry: entry.at_ms, reverse=True)[:count])

    # --- inside ---

    async def _audit(self, queue: str, count: int, by: str) -> Sequence[AuditEntry]:
        if not by:
            return await self._store.audit(queue, count)
        found: list[AuditEntry] = []
        before = "+"
        while len(found) < count and (entries := await self._store.audit(queue, _PAGE, before)):
            found += [entry for entry in entries if by in entry.actor.casefold()]
            before = min((entry.id for entry in entries), key=lambda id_: tuple(map(int, id_.split("-"))))
        return found

    async def _require_batch(self, queue: str, batch: str) -> None:
        if all(batch != kept.id for kept in await self.quarantined(queue)):
            raise NotFoundError(f"The quarantine of {queue} has no {batch!r}.", "Cleaned jobs stay there for 24 hours.")

    @staticmethod
    def _check_clean(queue: str, grace_ms: int, limit: int) -> None:
        require_queue(queue)
        if grace_ms < 0 or limit < 0:
            raise BadInputError("Grace and limit cannot be negative.", "0 means no grace, and no limit.")


def _no_job(queue: str, kind: str, job_id: str) -> NotFoundError:
    remedy = "It may have been started." if kind else "It may have been cleaned: finished jobs are kept for a time."
    return NotFoundError(f"The {queue} queue has no {kind}job {job_id!r}.", remedy)
