"""The calendars; the part of `Client` for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from engine.agenda import Agenda, CalendarMirror
from engine.client.adding import Adding
from engine.handle import JobHandle
from engine.job_types import CancelEvent, CreateEvent, SyncCalendar, UpdateEvent
from engine.model import JobOptions
from engine.providers.calendar import calendar_account


class Calendars(Adding):
    """Changes go through jobs, whose handles come back."""

    async def create_event(
        self,
        user_id: str,
        title: str,
        start: datetime | date,
        end: datetime | date | None = None,
        *,
        location: str = "",
        description: str = "",
        attendees: Sequence[str] = (),
        calendar: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Put an event into a calendar, an all-day one where `start` is a date; see `CreateEvent`.

        The same job id and the same arguments are the same event: it is made once.
        """
        payload = CreateEvent(
            user_id=user_id,
            title=title,
            start=start.isoformat(),
            end=None if end is None else end.isoformat(),
            location=location,
            description=description,
            attendees=tuple(attendees),
            calendar=calendar,
        )
        return await self.add(payload, options)

    async def update_event(
        self,
        user_id: str,
        uid: str,
        *,
        occurrence: str = "",
        title: str | None = None,
        start: datetime | date | None = None,
        end: datetime | date | None = None,
        location: str | None = None,
        description: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Change an event, or the `occurrence` of a series that one of `events` names; see `UpdateEvent`."""
        payload = UpdateEvent(
            user_id=user_id,
            uid=uid,
            occurrence=occurrence,
            title=title,
            start=None if start is None else start.isoformat(),
            end=None if end is None else end.isoformat(),
            location=location,
            description=description,
        )
        return await self.add(payload, options)

    async def cancel_event(
        self, user_id: str, uid: str, *, occurrence: str = "", options: JobOptions | None = None
    ) -> JobHandle:
        """Take an event, or one occurrence of a series, out of its calendar."""
        return await self.add(CancelEvent(user_id=user_id, uid=uid, occurrence=occurrence), options)

    async def events(self, start: datetime, end: datetime) -> Agenda | None:
        """What happens between two (aware) moments, by what was last seen of the calendars; None without an account."""
        account = calendar_account(self._settings)
        return None if account is None else await CalendarMirror(self._store, account).events(start, end)

    async def sync_calendar(self, user_id: str = "local") -> JobHandle:
        """Bring the calendar up to date now."""
        return await self.add(SyncCalendar(user_id=user_id))
