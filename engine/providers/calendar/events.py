"""What is in a calendar object, as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.providers.calendar.objects import DAY, Component, as_list, aware, events_of, expanded, parsed, times_of


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event, or one occurrence of a series, as a person sees it; times are in the user's zone.

    An all-day event goes from midnight to midnight. `occurrence` names one of a series to whoever changes it, and is ""
    for what happens once. `declined` and `free` events take none of the user's time.
    """

    uid: str
    title: str
    start: datetime
    end: datetime
    all_day: bool = False
    location: str = ""
    attendees: tuple[str, ...] = ()
    occurrence: str = ""
    calendar: str = ""
    declined: bool = False
    free: bool = False


def uid_and_span(text: str, zone: ZoneInfo) -> tuple[str, datetime, datetime | None]:
    """An object's UID, and between which moments its occurrences are; None where the series has no end.

    Raises UnreadableEventError where there is no event in it.
    """
    components = events_of(parsed(text))
    starts, ends = zip(*(times_of(component, zone) for component in components), strict=True)
    endless = False
    for component in components:
        for rule in as_list(component.get("RRULE")):
            until = rule.get("UNTIL")
            endless |= not until
            for moment in until or ():
                ends += (aware(moment, zone) + DAY + (ends[0] - starts[0]),)
        endless |= "RDATE" in component
    return str(components[0].get("UID", "")), min(starts), None if endless else max(ends)


def occurrences(
    text: str, start: datetime, end: datetime, zone: ZoneInfo, own: str | None = None
) -> list[CalendarEvent]:
    """What of an object happens between `start` and `end`, cancelled ones left out, in no order.

    `own` is the user's address, by which an invitation that was declined is known. Raises UnreadableEventError.
    """
    calendar = parsed(text)
    events = [
        _event(component, zone, own)
        for component in expanded(calendar, start - DAY, end + DAY)
        if str(component.get("STATUS", "")).upper() != "CANCELLED"
    ]
    return [event for event in events if event.start < end and (event.end > start or event.start >= start)]


def _event(component: Component, zone: ZoneInfo, own: str | None) -> CalendarEvent:
    start, end = times_of(component, zone)
    first = component["DTSTART"].dt
    original = component.get("RECURRENCE-ID")
    attendees = as_list(component.get("ATTENDEE"))
    return CalendarEvent(
        uid=str(component.get("UID", "")),
        title=_plain(component.get("SUMMARY")) or "an event without a title",
        start=start,
        end=end,
        all_day=not isinstance(first, datetime),
        location=_plain(component.get("LOCATION")),
        attendees=tuple(_plain(who.params.get("CN")) or _address(who) for who in attendees),
        occurrence=original.dt.isoformat() if original is not None else "",
        declined=any(
            own is not None
            and _address(who).casefold() == own.casefold()
            and str(who.params.get("PARTSTAT", "")).upper() == "DECLINED"
            for who in attendees
        ),
        free=str(component.get("TRANSP", "")).upper() == "TRANSPARENT",
    )


def _plain(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else ""


def _address(who: Any) -> str:
    text = str(who)
    return text[7:] if text.lower().startswith("mailto:") else text
