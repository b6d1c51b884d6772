"""Reading the user's calendar for a command: what is next, which event is meant, and how one is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from engine.agenda import Agenda, CalendarMirror
from engine.errors import NotFoundError
from engine.handlers.context import JobContext
from engine.handlers.tools.changing import WAIT_S
from engine.handlers.tools.wording import count
from engine.job_types import SyncCalendar
from engine.providers.calendar import CalendarAccount, calendar_account
from engine.providers.calendar.events import CalendarEvent
from engine.spoken_times import SpokenTime, say_time, split_time

EVENTS_READ = 6
FRESH = timedelta(minutes=20)
"""What was seen longer ago is said to be old: the regular sync has not worked since."""
_FAR = (timedelta(days=8), timedelta(days=60), timedelta(days=400))
"""How far ahead the next meeting is looked for, in steps: most often the first is enough."""
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a all an appointment at calendar call event events every for from in is meeting meetings my next of on our "
        "series the to upcoming whole with",
    )
)
"""What says nothing about which event is meant."""


class Diary:
    """Reading the calendars for one command."""

    def __init__(self, user_id: str, context: JobContext) -> None:
        self._user_id = user_id
        self._context = context

    @property
    def account(self) -> CalendarAccount | None:
        """What is set up, None where nothing is. Raises SettingsError for what cannot be used."""
        return calendar_account(self._context.services.settings)

    def required(self) -> CalendarAccount:
        """What is set up. Raises NotFoundError where nothing is."""
        account = self.account
        if account is None:
            raise NotFoundError("No calendar is set up.", "You can set one up in the settings.")
        return account

    async def events(self, start: datetime, end: datetime, now: datetime) -> Agenda:
        """By the mirror, at once. Only where nothing was ever seen, a sync is waited for.

        Raises HarkError where that fails.
        """
        mirror = CalendarMirror(self._context.services.store, self.required())
        agenda = await mirror.events(start, end)
        if agenda.synced_at_ms is not None and _since(agenda, now) <= FRESH:
            return agenda
        payload = SyncCalendar(user_id=self._user_id)
        handle = await self._context.services.client.add(payload, self._context.child_options("calendar"))
        if agenda.synced_at_ms is None:
            try:
                await handle.result(WAIT_S)
            except TimeoutError:
                return agenda
            agenda = await mirror.events(start, end)
        return agenda

    async def next_meeting(self, now: datetime) -> tuple[CalendarEvent | None, CalendarEvent | None, Agenda]:
        """The meeting that is on, the one that comes next, and what they were found in; no all-day event is either."""
        current = coming = None
        agenda = Agenda((), None)
        for far in _FAR:
            agenda = await self.events(now, now + far, now)
            meetings = [event for event in agenda.events if not (event.all_day or event.declined or event.free)]
            current = next((event for event in meetings if event.start <= now < event.end), None)
            coming = next((event for event in meetings if event.start > now), None)
            if coming is not None:
                break
        return current, coming, agenda

    async def meant(self, words: str, now: datetime) -> CalendarEvent:
        """The one event that is meant by what was said. Raises NotFoundError, which asks, where there is not one."""
        named, when = split_time(words, now)
        wanted = _words(named) - _FILLERS
        if not wanted and when is None:
            current, coming, _ = await self.next_meeting(now)
            event = coming or current
            if event is None:
                raise NotFoundError("You have no meeting coming up.")
            return event
        start, end = (now, now + _FAR[1]) if when is None else whole_days(when)
        found = [
            event
            for event in (await self.events(start, end, now)).events
            if wanted <= _words(f"{event.title} {event.location} {' '.join(event.attendees)}")
            and (when is None or when.all_day or event.start == when.start)
        ]
        # Of a series, the next occurrence stands for the others.
        first = list({event.uid: event for event in reversed(found)}.values())[::-1]
        if len(first) == 1:
            return first[0]
        if not first:
            raise NotFoundError(f"I find no event like “{words}” in your calendar.")
        choices = [spoken(event, now) for event in first[:EVENTS_READ]]
        raise NotFoundError(f"Which one: {', '.join(choices[:-1])} or {choices[-1]}?")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def whole_days(when: SpokenTime) -> tuple[datetime, datetime]:
    """The days that a time is in: of a moment, its day."""
    first = when.start.date()
    last = first if when.end is None else max(first, (when.end - timedelta(microseconds=1)).date())
    zone = when.start.tzinfo
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def named(event: CalendarEvent) -> str:
    """An event by its title alone."""
    return f"“{event.title}”"


def spoken(event: CalendarEvent, now: datetime) -> str:
    """An event with its time, its place and the people, where there are few."""
    where = f", {event.location}" if event.location else ""
    others = f", with {joined(event.attendees)}" if 0 < len(event.attendees) <= 3 else ""
    return f"{named(event)} {say_time(event.start, now, event.all_day)}{where}{others}"


def joined(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def told_age(agenda: Agenda, now: datetime) -> list[str]:
    """What is to be said of an agenda's age; nothing while it is fresh."""
    if agenda.synced_at_ms is None:
        return ["The calendar has not answered yet, so this may not be all."]
    age = _since(agenda, now)
    if age <= FRESH:
        return []
    minutes = int(age.total_seconds() // 60)
    told = count(minutes, "minute") if minutes < 120 else count(minutes // 60, "hour")
    return [f"I saw the calendar {told if minutes < 2880 else count(minutes // 1440, 'day')} ago."]


def _since(agenda: Agenda, now: datetime) -> timedelta:
    return timedelta(milliseconds=now.timestamp() * 1000 - (agenda.synced_at_ms or 0))
