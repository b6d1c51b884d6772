"""Recurring jobs: records of a hash per queue, changed only by whoever has seen them as they are.

A record is one JSON text. Each change hands the text that was read to a script, which refuses where
Redis has another by now: so of many schedulers one fires a slot, and no change undoes another.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import NamedTuple
from uuid import uuid4

from pydantic import TypeAdapter

from engine.model import JobOptions, Schedule
from engine.store.base import StoreBase
from engine.store.new_job import new_job
from engine.store.records import NewJob, dumps

_SCHEDULE = TypeAdapter(Schedule)


class StoredSchedule(NamedTuple):
    """A schedule, and its record's text: what proves that one has seen it as it is."""

    schedule: Schedule
    text: str


class Scheduling(StoreBase):
    """The part of `Store` that the scheduler and `Admin` use for recurring jobs."""

    async def schedules(self, queue: str) -> tuple[int, list[StoredSchedule]]:
        """Redis's time now in ms, and the queue's schedules by id.

        An unreadable record comes as a schedule without a job's name, switched off.
        """
        now, flat = await self._run("schedules", queue, {})
        pairs = sorted(zip(flat[::2], flat[1::2], strict=True))
        return int(now), [StoredSchedule(_from_record(queue, name, text), text) for name, text in pairs]

    async def fire(self, seen: StoredSchedule, next_at_ms: int, now_ms: int) -> bool:
        """Add the job of a due slot and set the next slot.

        False where another did so, Redis's clock says that it is not due, or its last job still waits:
        then the slot passes without a job.
        """
        schedule = seen.schedule
        job = self._job(schedule, f"{schedule.id}:{schedule.next_at_ms}")
        passed = replace(schedule, next_at_ms=next_at_ms)
        arguments = {
            "id": schedule.id,
            "seen": seen.text,
            "slot": schedule.next_at_ms,
            "passed": _to_record(passed),
            "record": _to_record(replace(passed, last_at_ms=now_ms, last_job=job.id)),
            "job": job.as_argument(),
        }
        if schedule.last_job is not None:
            arguments["last"] = schedule.last_job
        return int(await self._run("fire", schedule.queue, arguments)) == 1

    async def fire_now(self, seen: StoredSchedule, now_ms: int, *, actor: str, reason: str = "") -> str | None:
        """Add the schedule's job whatever the time; its slots stay. The job's id, None where it has changed."""
        schedule = seen.schedule
        job = self._job(schedule, f"{schedule.id}:now:{uuid4().hex[:12]}")
        arguments = {
            "id": schedule.id,
            "seen": seen.text,
            "record": _to_record(replace(schedule, last_at_ms=now_ms, last_job=job.id)),
            "job": job.as_argument(),
            "actor": actor,
            "reason": reason,
        }
        return job.id if await self._run("fire", schedule.queue, arguments) else None

    async def write_schedule(
        self,
        queue: str,
        schedule_id: str,
        schedule: Schedule | None,
        seen: StoredSchedule | None,
        *,
        action: str,
        actor: str,
        reason: str = "",
    ) -> bool:
        """Put `schedule` in the place of the one `seen`; None removes it, nothing seen means that it is new.

        `action` names it in the audit trail. False where another was quicker.
        """
        arguments = {
            "id": schedule_id,
            "seen": "" if seen is None else seen.text,
            "record": "" if schedule is None else _to_record(schedule),
            "action": action,
            "actor": actor,
            "reason": reason,
        }
        return bool(await self._run("write_schedule", queue, arguments))

    async def seed_schedule(self, schedule: Schedule) -> bool:
        """Put one of Hark's own schedules, once in the life of this Redis. False where that was done before."""
        arguments = {"id": schedule.id, "seen": "", "record": _to_record(schedule), "once": True}
        return bool(await self._run("write_schedule", schedule.queue, arguments))

    def _job(self, schedule: Schedule, job_id: str) -> NewJob:
        options = JobOptions(job_id=job_id)
        return new_job(schedule.job_name, dumps(schedule.arguments), self._specs[schedule.queue], options)


def _to_record(schedule: Schedule) -> str:
    """What is None or told by the record's place is left out."""
    fields = asdict(schedule)
    return dumps({name: fields[name] for name in fields if fields[name] is not None and name not in ("id", "queue")})


def _from_record(queue: str, schedule_id: str, text: str) -> Schedule:
    try:
        schedule = _SCHEDULE.validate_python({**json.loads(text), "id": schedule_id, "queue": queue})
        _to_record(schedule).encode()
        return schedule
    except (ValueError, TypeError):  # no JSON, no object, wrong in a field, or not to be written again
        return Schedule(schedule_id, queue, "", {}, enabled=False)
