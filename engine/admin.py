"""What an operator does to queues: each action in one place, by name, with who did it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import BadInputError, NotFoundError
from engine.model import CleanPreview, JobState
from engine.queues import require_queue
from engine.store import Store

_CLEANABLE = (JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.DELAYED)


class Admin:
    """The operator's actions. `actor` says who asks; it goes into the audit trail.

    All raise NotFoundError for an unknown queue and RedisGoneError where Redis does not answer.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def pause(self, queue: str, *, actor: str) -> bool:
        """Start nothing more on the queue; what is active finishes. False where it was paused already."""
        return await self._store.set_paused(require_queue(queue), True, actor=actor)

    async def resume(self, queue: str, *, actor: str) -> bool:
        """Let the queue run again. False where it was not paused."""
        return await self._store.set_paused(require_queue(queue), False, actor=actor)

    async def retry(self, queue: str, job_ids: Sequence[str] | None = None, *, actor: str) -> int:
        """Failed jobs back to waiting, all or the named ones, with all their attempts; returns how many."""
        return await self._store.retry(require_queue(queue), job_ids, actor=actor)

    async def preview_clean(self, queue: str, state: JobState, grace_ms: int, limit: int) -> CleanPreview:
        """Count what `clean` would take away now, changing nothing."""
        self._check_clean(queue, state, grace_ms, limit)
        return await self._store.clean(queue, state, grace_ms, limit, dry_run=True)

    async def clean(self, queue: str, state: JobState, grace_ms: int, limit: int, *, actor: str) -> int:
        """Take away jobs of `state` older than `grace_ms`, oldest first, at most `limit` (0: all)."""
        self._check_clean(queue, state, grace_ms, limit)
        return (await self._store.clean(queue, state, grace_ms, limit, actor=actor)).count

    async def promote(self, queue: str, job_id: str, *, actor: str) -> None:
        """Run a delayed job now. Raises NotFoundError where no delayed job has this id."""
        if not await self._store.promote(require_queue(queue), job_id, actor=actor):
            raise NotFoundError(f"The {queue} queue has no delayed job {job_id!r}.")

    async def remove(self, queue: str, job_id: str, *, actor: str) -> None:
        """Take one job away. Raises BadInputError while it runs, NotFoundError where there is none."""
        state = await self._store.remove(require_queue(queue), job_id, actor=actor)
        if state == JobState.ACTIVE:
            raise BadInputError(f"Job {job_id} is running.", "Wait for its end, then remove it.")
        if not state:
            raise NotFoundError(f"The {queue} queue has no job {job_id!r}.")

    @staticmethod
    def _check_clean(queue: str, state: JobState, grace_ms: int, limit: int) -> None:
        require_queue(queue)
        if state not in _CLEANABLE:
            raise BadInputError(f"Jobs that are {state} cannot be cleaned.", f"Clean {', '.join(_CLEANABLE)}.")
        if grace_ms < 0 or limit < 0:
            raise BadInputError("Grace and limit cannot be negative.", "0 means no grace, and no limit.")
