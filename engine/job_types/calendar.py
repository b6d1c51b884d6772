"""Jobs of the calendars."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from engine import queues
from engine.job_types.base import JobType


class SyncCalendar(JobType):
    """Bring the calendars up to date. Result: `{"calendars", "changed", "gone", "unreadable"}`, all counts.

    `{"skipped": why}` where no account is set up.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "sync-calendar"

    user_id: str = "local"


class CreateEvent(JobType):
    """Put an event into a calendar. Result: `{"uid", "title", "start", "end", "created"}`.

    `start` and `end` are dates (`2026-12-01`, `end` being the day after the last) or times (`2026-12-01T15:00`, with an
    offset or in the user's zone); without `end` the event has the usual length. `attendees` are addresses: the calendar
    server invites them. `calendar` is a name, the first calendar where None.

    Running twice makes one event: its UID comes from the job, and the server takes a new one only where there is none.
    `created` is false where an earlier run has done it.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "create-event"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=1000)
    start: str = Field(max_length=40)
    end: Annotated[str | None, Field(max_length=40)] = None
    location: Annotated[str, Field(max_length=1000)] = ""
    description: Annotated[str, Field(max_length=20_000)] = ""
    attendees: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    calendar: Annotated[str | None, Field(max_length=200)] = None


class UpdateEvent(JobType):
    """Change an event, or one `occurrence` of a series. Result: `{"uid", "changed"}`.

    What is None stays as it is; an event that moves keeps its length. Times are those of `CreateEvent`, `occurrence`
    that of the event as the calendar tells it. A series as a whole can be renamed, not moved.

    Running twice changes it once: the event notes the job that has changed it last. What somebody else changes
    meanwhile stays: the event is read again, and the change made to what it is now.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "update-event"

    user_id: str = "local"
    uid: str = Field(min_length=1, max_length=500)
    occurrence: Annotated[str, Field(max_length=40)] = ""
    title: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    start: Annotated[str | None, Field(max_length=40)] = None
    end: Annotated[str | None, Field(max_length=40)] = None
    location: Annotated[str | None, Field(max_length=1000)] = None
    description: Annotated[str | None, Field(max_length=20_000)] = None


class CancelEvent(JobType):
    """Take an event out of its calendar, or one `occurrence` of a series. Result: `{"uid", "cancelled"}`.

    `cancelled` is false where it was not there any more. The server tells those who were invited.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "cancel-event"

    user_id: str = "local"
    uid: str = Field(min_length=1, max_length=500)
    occurrence: Annotated[str, Field(max_length=40)] = ""
