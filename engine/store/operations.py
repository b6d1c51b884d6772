"""The operator's transitions: each a script, in batches where it may touch many jobs, each leaving an audit row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from engine.model import CleanPreview, JobState
from engine.store import keys
from engine.store.base import StoreBase, failed_retention
from engine.store.records import dumps

BATCH = 1000
"""The most jobs one script call touches, so that no other client waits long for Redis."""


class Operations(StoreBase):
    """The part of `Store` that `Admin` uses. `actor` says who asks, `reason` why; both go into the audit trail."""

    async def set_paused(self, queue: str, paused: bool, *, actor: str, reason: str = "") -> bool:
        """Pause or resume; False where it already was so."""
        return bool(await self._operate("set_paused", queue, {"paused": paused, "actor": actor, "reason": reason}))

    async def set_concurrency(self, queue: str, concurrency: int, *, actor: str, reason: str = "") -> None:
        """Jobs that each worker process runs at once from now on; 0 goes back to the workers' own setting."""
        arguments = {"concurrency": concurrency, "actor": actor, "reason": reason}
        await self._operate("set_concurrency", queue, arguments)

    async def cancel(self, queue: str, job_id: str, message: str, *, actor: str, reason: str = "") -> str:
        """End a job that has not ended, `message` becoming its error; returns its state before, "" where there is none.

        A running job ends when its worker hears of it, within about a second.
        """
        arguments = {"id": job_id, "message": message, "actor": actor, "reason": reason}
        return str(await self._operate("cancel", queue, arguments | failed_retention(self._specs[queue])))

    async def promote(self, queue: str, job_id: str, *, actor: str, reason: str = "") -> int:
        """A delayed job to waiting at once; returns how many there were (0 or 1)."""
        return int(await self._operate("promote", queue, {"id": job_id, "actor": actor, "reason": reason}))

    async def retry(
        self,
        queue: str,
        job_ids: Sequence[str] | None = None,
        *,
        state: JobState = JobState.FAILED,
        actor: str,
        reason: str = "",
        action_id: str | None = None,
    ) -> int:
        """Finished jobs back to waiting: the named ones, or all that had finished when the call began.

        Calls with one `action_id` are one action in the audit trail.
        """
        action_id = action_id or uuid4().hex
        asked = {"state": state, "limit": BATCH, "actor": actor, "reason": reason, "action_id": action_id}
        retried = 0
        if job_ids is not None:
            for start in range(0, len(job_ids), BATCH):
                part = list(job_ids[start : start + BATCH])
                retried += int((await self._operate("retry", queue, {**asked, "ids": part, "before": 0}))[0])
            return retried
        before, more = 0, 1
        while more:
            count, cut_off, more = await self._operate("retry", queue, {**asked, "before": before})
            retried, before = retried + int(count), int(cut_off)
        return retried

    async def clean(
        self,
        queue: str,
        state: JobState,
        grace_ms: int = 0,
        limit: int = 0,
        *,
        job_ids: Sequence[str] | None = None,
        actor: str = "",
        reason: str = "",
        purge: bool = False,
        dry_run: bool = False,
        action_id: str | None = None,
    ) -> tuple[CleanPreview, list[str], str]:
        """Take away (or with `dry_run` only count) jobs of `state` older than `grace_ms`, oldest first.

        `limit` 0 means all; with `job_ids` only of those. They go to the quarantine, or with
        `purge` for good. Runs in batches; between two of them other clients are served. Returns what was
        taken, the ids of up to five of them, and the id under which the quarantine has them. Calls with one
        `action_id` are one action, and one batch in the quarantine.
        """
        asked: dict[str, Any] = {
            "state": state,
            "grace_ms": grace_ms,
            "dry_run": dry_run,
            "purge": purge,
            "actor": actor,
            "reason": reason,
            "action_id": action_id or uuid4().hex,
        }
        run = self._run if dry_run else self._operate
        left = limit or 2**53
        total, before, at_end, looked = 0, 0, 0, 0
        after, passed = "-inf", "0"
        samples: list[str] = []
        oldest: int | None = None
        newest: int | None = None
        while left > 0 and not at_end:
            arguments = asked | {"before": before, "limit": min(left, BATCH), "after": after, "passed": int(passed)}
            if job_ids is not None:
                arguments["ids"] = list(job_ids[looked : looked + BATCH])
            count, at_end, first, last, cut_off, some, after, passed = await run("clean", queue, arguments)
            total, left, before = total + int(count), left - int(count), int(cut_off)
            if job_ids is not None:
                looked += BATCH
                at_end = looked >= len(job_ids)
            samples += some[: 5 - len(samples)]
            if int(count):
                oldest = int(first) if oldest is None else min(oldest, int(first))
                newest = int(last) if newest is None else max(newest, int(last))
        return CleanPreview(queue, state, total, oldest, newest), samples, asked["action_id"]

    async def restore(self, queue: str, batch: str, *, actor: str, reason: str = "") -> tuple[int, int]:
        """Bring a cleaned batch back; returns how many came, and how many could not (a new job has the id)."""
        asked = {"batch": batch, "limit": BATCH, "actor": actor, "reason": reason, "action_id": uuid4().hex}
        restored, skipped, more = 0, 0, 1
        while more:
            came, stayed, more = await self._operate("restore", queue, asked | {"offset": skipped})
            restored, skipped = restored + int(came), skipped + int(stayed)
        return restored, skipped

    async def remove(self, queue: str, job_id: str, *, actor: str, reason: str = "") -> tuple[str, str]:
        """Take one job away into the quarantine.

        Returns its state before, "active" where that forbade it, "" where there is none; and the batch's id.
        """
        batch = uuid4().hex
        arguments = {"id": job_id, "actor": actor, "reason": reason, "action_id": batch}
        return str(await self._operate("remove", queue, arguments)), batch

    async def note_action(
        self, queue: str, action: str, arguments: Mapping[str, Any], *, actor: str, reason: str = ""
    ) -> None:
        """An audit row of what concerns a queue and has changed no job."""
        await self._run("note_action", queue, {**arguments, "action": action, "actor": actor, "reason": reason})

    async def write_note(self, action: str, arguments: Mapping[str, Any], *, actor: str, reason: str) -> None:
        """An audit row of what concerns the connection and no queue: it is that of the queue ""."""
        row = {"actor": actor, "action": action, "reason": reason, "args": dumps(arguments)}
        fields = [text for pair in row.items() for text in pair]
        await self._call("always", [keys.audit("")], ["XADD", "MAXLEN", "~", "10000", "*", *fields])

    async def _operate(self, script: str, queue: str, arguments: Mapping[str, Any]) -> Any:
        """Call a script; what viewers see next is what it has changed."""
        reply = await self._run(script, queue, arguments)
        await self.outdate_snapshot()
        return reply
