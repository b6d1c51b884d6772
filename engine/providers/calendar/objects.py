"""What a calendar object (iCalendar, RFC 5545) is made of: parsed, its series counted out, its times made aware.

Hides recurrence and the three kinds of time: one of a zone, one of UTC, and one of whatever zone the user is in
("floating", as all-day events are). Parsing takes some milliseconds an object: call it in a thread.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import BadInputError

# To the library a property may be any of 30 types; which it is here, the standard says.
Calendar = Any
Component = Any
Moment = datetime | date

DAY = timedelta(days=1)
_MOST_A_DAY = 48
"""A series with more occurrences a day is not expanded: it is broken, or meant to be harmful."""
_FINE = ("SECONDLY", "MINUTELY")


class UnreadableEventError(BadInputError):
    """The text is no calendar object that can be used."""


def parse_moment(text: str, zone: ZoneInfo) -> Moment:
    """A date (`2026-12-01`) or a time (`2026-12-01T15:00`, in `zone` without an offset). Raises BadInputError."""
    try:
        if len(text) <= 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(
            f"{text[:100]!r} is no time.", "Write it like 2026-12-01T15:00, or 2026-12-01 for a whole day."
        ) from error
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def parsed(text: str) -> Calendar:
    """The object that a text holds. Raises UnreadableEventError where there is no event in it."""
    import icalendar

    try:
        calendar = icalendar.Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableEventError("A calendar object cannot be read.") from error
    if not isinstance(calendar, icalendar.Calendar):
        raise UnreadableEventError("A calendar object cannot be read.")
    events_of(calendar)
    return calendar


def events_of(calendar: Calendar, some: bool = True) -> list[Component]:
    """Its events: one, or a series with its exceptions. Raises UnreadableEventError where there must be `some`."""
    found = [component for component in calendar.subcomponents if component.name == "VEVENT"]
    if some and not found:
        raise UnreadableEventError("A calendar object holds no event.")
    return found


def expanded(calendar: Calendar, start: datetime, end: datetime) -> list[Component]:
    """The occurrences of a series between two moments; what is no series, as it is.

    Raises UnreadableEventError for a rule that cannot be counted; one that is not to be trusted has no occurrences.
    """
    components = events_of(calendar)
    if not any(name in component for component in components for name in ("RRULE", "RDATE")):
        return components
    if any(not _is_sane(rule) for component in components for rule in as_list(component.get("RRULE"))):
        return []
    import recurring_ical_events  # type: ignore[import-untyped]

    try:
        return list(recurring_ical_events.of(calendar).between(start, end))
    except Exception as error:
        raise UnreadableEventError(f"A series cannot be counted ({type(error).__name__}).") from error


def _is_sane(rule: Any) -> bool:
    if str((rule.get("FREQ") or [""])[0]).upper() in _FINE:
        return False
    a_day = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        a_day *= max(1, len(rule.get(part) or ()))
    return a_day <= _MOST_A_DAY


def times_of(component: Component, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When an event begins and ends. Raises UnreadableEventError."""
    try:
        first = component["DTSTART"].dt
        last = component["DTEND"].dt if "DTEND" in component else first + length_of(component)
        start, end = aware(first, zone), aware(last, zone)
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableEventError("An event has no time that can be read.") from error
    return start, max(start, end)


def length_of(component: Component) -> timedelta:
    """How long an event without an end is (RFC 5545 3.6.1)."""
    if "DURATION" in component:
        duration: timedelta = component["DURATION"].dt
        return duration
    return timedelta(0) if isinstance(component["DTSTART"].dt, datetime) else DAY


def aware(moment: Moment, zone: ZoneInfo) -> datetime:
    """A moment in the user's zone: a date's midnight, a floating time as the clock shows it there."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), zone)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def as_list(value: Any) -> list[Any]:
    """The values of a property that may come once, more often, or not at all."""
    return value if isinstance(value, list) else [] if value is None else [value]
