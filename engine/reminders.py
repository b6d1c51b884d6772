"""Reminders: delayed jobs that tell a user something at a moment, found again until then."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from engine.errors import BadInputError, NotFoundError
from engine.job_types import Remind
from engine.model import Job, JobState, Notice, Reminder
from engine.queues import NOTIFICATION
from engine.store import Store

_FARTHEST = timedelta(days=5 * 366)
_PAGE = 200
_MOST_LOOKED_AT = 10_000


def delay_until(when: datetime, now: datetime) -> int:
    """Milliseconds until a reminder's moment. Raises BadInputError for one that has passed or is too far away."""
    if when.tzinfo is None:
        raise BadInputError(f"The time {when.isoformat()} has no time zone.", "Give one, such as 17:00+01:00.")
    wait = when - now
    if wait < timedelta(0):
        raise BadInputError("That moment has passed.", "Name one to come.")
    if wait > _FARTHEST:
        raise BadInputError("That moment is more than five years away.", "Name a nearer one.")
    return round(wait / timedelta(milliseconds=1))


async def open_reminders(store: Store, user_id: str) -> tuple[Reminder, ...]:
    """The user's reminders that have not fired, the next first."""
    found = []
    for state in (JobState.WAITING, JobState.DELAYED):
        after: str | None = None
        looked_at = 0
        while looked_at < _MOST_LOOKED_AT:
            placed = await store.jobs_from(NOTIFICATION, state, after, _PAGE)
            looked_at += len(placed)
            found += [
                _reminder(job)
                for job in await store.records(NOTIFICATION, [job_id for job_id, _ in placed])
                if job.name == Remind.job_name and job.arguments.get("user_id", "local") == user_id
            ]
            if len(placed) < _PAGE:
                break
            after = placed[-1][1]
    return tuple(sorted(found, key=lambda reminder: reminder.due_at_ms))


async def drop_reminder(store: Store, user_id: str, reminder_id: str) -> None:
    """Cancel a reminder. Raises NotFoundError where it has fired or never was."""
    job = await store.find(reminder_id, (NOTIFICATION,))
    if job.name == Remind.job_name and job.arguments.get("user_id", "local") == user_id and job.finished_at_ms is None:
        state, _ = await store.remove(NOTIFICATION, reminder_id, actor=f"voice ({user_id})", reason="cancelled")
        if state not in ("", JobState.ACTIVE):
            return
    raise NotFoundError("That reminder is none any more.", "It may have been told already.")


def _reminder(job: Job) -> Reminder:
    return Reminder(job.id, str(job.arguments.get("text", "")), int(job.arguments.get("due_at_ms") or 0))


def read_notice(text: str) -> Notice:
    """A notice as `handlers/notifications.py` leaves it; of what somebody has spoilt, the text as it is."""
    try:
        told = json.loads(text)
        return Notice(str(told["id"]), str(told["title"]), str(told["text"]), int(told["at_ms"]))
    except (ValueError, KeyError, TypeError):
        return Notice("", "Notification", text, 0)
