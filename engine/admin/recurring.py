"""What an operator does to recurring jobs; the part of `Admin` for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

from engine.admin.changing import Changing
from engine.concurrency import together
from engine.errors import BadInputError, NotFoundError, RetryableError, did_you_mean
from engine.job_types import JobType
from engine.model import Schedule
from engine.queues import QUEUES
from engine.schedules import local_timezone, next_slot_ms
from engine.store.scheduling import StoredSchedule

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TRIES = 20


class Recurring(Changing):
    """Schedules have ids of their own, whatever their queue.

    Methods that name one raise NotFoundError where there is none.
    """

    async def schedules(self) -> tuple[Schedule, ...]:
        """All recurring jobs, by queue and id."""
        return tuple(stored.schedule for _, stored in await self._stored())

    async def schedule(self, schedule_id: str) -> Schedule:
        """One recurring job."""
        return (await self._find(schedule_id))[1].schedule

    async def add_schedule(
        self,
        schedule_id: str,
        payload: JobType,
        *,
        cron: str | None = None,
        timezone: str | None = None,
        every_ms: int | None = None,
        actor: str,
        reason: str = "",
    ) -> Schedule:
        """Add `payload` again and again: by `cron` in `timezone` (this machine's where None), or each `every_ms`.

        The first slot is the next one by the cron, or comes after one interval. Raises BadInputError for an
        id that is taken or not made of letters, digits, `.`, `_` and `-`, and for an impossible time.
        """
        store = self._changing
        if not _ID.fullmatch(schedule_id):
            raise BadInputError(
                f"A schedule cannot be called {schedule_id[:100]!r}.",
                "Use up to 100 letters, digits, dots, dashes and underscores, such as morning-mail.",
            )
        schedule = Schedule(
            schedule_id,
            payload.queue,
            payload.job_name,
            _arguments(payload),
            cron,
            await self._timezone(timezone),
            every_ms,
        )
        taken = {stored.schedule.id for _, stored in await self._stored()}
        now_ms, _ = await self._store.schedules(payload.queue)
        schedule = replace(schedule, next_at_ms=next_slot_ms(schedule, now_ms))
        written = schedule_id not in taken and await store.write_schedule(
            payload.queue, schedule_id, schedule, None, action="add-schedule", actor=actor, reason=reason
        )
        if not written:
            raise BadInputError(f"There is a schedule {schedule_id!r} already.", "Remove it, or choose another id.")
        return schedule

    async def update_schedule(
        self,
        schedule_id: str,
        *,
        payload: JobType | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        every_ms: int | None = None,
        actor: str,
        reason: str = "",
    ) -> Schedule:
        """Change what is given and leave the rest; a new time is counted from now. Raises BadInputError."""

        def change(schedule: Schedule, now_ms: int) -> Schedule:
            if payload is not None:
                if payload.queue != schedule.queue:
                    raise BadInputError(
                        f"{payload.job_name} runs on {payload.queue}, schedule {schedule_id} adds to {schedule.queue}.",
                        "Remove the schedule and add another.",
                    )
                schedule = replace(schedule, job_name=payload.job_name, arguments=_arguments(payload))
            if cron is None and timezone is None and every_ms is None:
                return schedule
            if cron is not None or every_ms is not None:
                schedule = replace(schedule, cron=cron, every_ms=every_ms)
            schedule = replace(schedule, timezone=schedule.timezone if timezone is None else timezone)
            schedule = replace(schedule, next_at_ms=None)
            # Counted also where it is switched off: a wrong time is told now.
            next_at_ms = next_slot_ms(schedule, now_ms)
            return replace(schedule, next_at_ms=next_at_ms) if schedule.enabled else schedule

        timezone = None if timezone is None else await self._timezone(timezone)
        return await self._change(schedule_id, change, action="update-schedule", actor=actor, reason=reason)

    async def set_schedule_enabled(self, schedule_id: str, enabled: bool, *, actor: str, reason: str = "") -> Schedule:
        """Switch a schedule on or off. Slots that passed while it was off are not made up for."""

        def change(schedule: Schedule, now_ms: int) -> Schedule:
            if schedule.enabled == enabled:
                return schedule
            schedule = replace(schedule, enabled=enabled, next_at_ms=None)
            return replace(schedule, next_at_ms=next_slot_ms(schedule, now_ms)) if enabled else schedule

        action = "enable-schedule" if enabled else "disable-schedule"
        return await self._change(schedule_id, change, action=action, actor=actor, reason=reason)

    async def run_schedule_now(self, schedule_id: str, *, actor: str, reason: str = "") -> str:
        """Add a schedule's job at once, also of one that is off; its slots stay. Returns the job's id."""
        store = self._changing
        for _ in range(_TRIES):
            now_ms, stored = await self._find(schedule_id)
            if not stored.schedule.job_name:
                raise BadInputError(f"The record of schedule {schedule_id} is spoilt.", "Remove it and add it again.")
            job_id = await store.fire_now(stored, now_ms, actor=actor, reason=reason)
            if job_id is not None:
                return job_id
        raise _busy(schedule_id)

    async def remove_schedule(self, schedule_id: str, *, actor: str, reason: str = "") -> None:
        """Take a schedule away; jobs that it added stay. One of Hark's own does not come back either."""
        await self._change(schedule_id, lambda *_: None, action="remove-schedule", actor=actor, reason=reason)

    # --- inside ---

    async def _stored(self) -> list[tuple[int, StoredSchedule]]:
        """All schedules, each with Redis's time in ms at which it was read."""
        listed = await together(*(self._store.schedules(queue) for queue in QUEUES))
        return [(now_ms, stored) for now_ms, found in listed for stored in found]

    async def _find(self, schedule_id: str) -> tuple[int, StoredSchedule]:
        found = await self._stored()
        for now_ms, stored in found:
            if stored.schedule.id == schedule_id:
                return now_ms, stored
        known = [stored.schedule.id for _, stored in found]
        guess = did_you_mean(schedule_id, known)
        raise NotFoundError(
            f"There is no schedule {schedule_id!r}.", f"{guess}There are: {', '.join(known) or 'none'}."
        )

    async def _change(
        self,
        schedule_id: str,
        change: Callable[[Schedule, int], Schedule | None],
        *,
        action: str,
        actor: str,
        reason: str,
    ) -> Schedule:
        """Apply `change` to the schedule as it is in Redis, again if that changes meanwhile."""
        store = self._changing
        for _ in range(_TRIES):
            now_ms, stored = await self._find(schedule_id)
            queue, changed = stored.schedule.queue, change(stored.schedule, now_ms)
            if changed == stored.schedule or await store.write_schedule(
                queue, schedule_id, changed, stored, action=action, actor=actor, reason=reason
            ):
                return changed or stored.schedule
        raise _busy(schedule_id)

    @staticmethod
    async def _timezone(name: str | None) -> str:
        return await asyncio.to_thread(local_timezone) if name is None else name


def _arguments(payload: JobType) -> dict[str, object]:
    return payload.model_dump(mode="json", exclude_defaults=True)


def _busy(schedule_id: str) -> RetryableError:
    return RetryableError(f"Schedule {schedule_id} changes faster than it can be changed.", "Try again.")
