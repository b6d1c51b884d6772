"""What is in a calendar object (iCalendar, RFC 5545): reading it, making one, changing one.

Hides recurrence, exceptions and the three kinds of time: one of a zone, one of UTC, and one of whatever zone the user
is in ("floating", as all-day events are). Parsing takes some milliseconds an object: call it in a thread.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import BadInputError, NotFoundError

# To the library a property may be any of 30 types; which it is here, the standard says.
Calendar = Any
Component = Any

_DAY = timedelta(days=1)
_JOB = "X-HARK-JOB"
"""Property that names the job which changed an event last: a second run of it changes nothing."""
_PRODUCT = "-//Hark//Calendar//EN"
_MOST_A_DAY = 48
"""A series with more occurrences a day is not expanded: it is broken, or meant to be harmful."""
_FINE = ("SECONDLY", "MINUTELY")

Moment = datetime | date


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


@dataclass(frozen=True, slots=True)
class Draft:
    """A new event. `start` and `end` are both aware times, or both dates (`end` being the day after the last)."""

    title: str
    start: Moment
    end: Moment
    location: str = ""
    description: str = ""
    attendees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an event; None leaves a thing as it is. Without `end` it stays as long as it was."""

    title: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    location: str | None = None
    description: str | None = None


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


# --- reading ---


def uid_and_span(text: str, zone: ZoneInfo) -> tuple[str, datetime, datetime | None]:
    """An object's UID, and between which moments its occurrences are; None where the series has no end.

    Raises UnreadableEventError where there is no event in it.
    """
    components = _events(_parsed(text))
    starts, ends = zip(*(_times(component, zone) for component in components), strict=True)
    endless = False
    for component in components:
        for rule in _as_list(component.get("RRULE")):
            until = rule.get("UNTIL")
            endless |= not until
            for moment in until or ():
                ends += (_aware(moment, zone) + _DAY + (ends[0] - starts[0]),)
        endless |= "RDATE" in component
    return str(components[0].get("UID", "")), min(starts), None if endless else max(ends)


def occurrences(
    text: str, start: datetime, end: datetime, zone: ZoneInfo, own: str | None = None
) -> list[CalendarEvent]:
    """What of an object happens between `start` and `end`, cancelled ones left out, in no order.

    `own` is the user's address, by which an invitation that was declined is known. Raises UnreadableEventError.
    """
    calendar = _parsed(text)
    events = [
        _event(component, zone, own)
        for component in _expanded(calendar, start - _DAY, end + _DAY)
        if str(component.get("STATUS", "")).upper() != "CANCELLED"
    ]
    return [event for event in events if event.start < end and (event.end > start or event.start >= start)]


def _expanded(calendar: Calendar, start: datetime, end: datetime) -> list[Component]:
    components = _events(calendar)
    if not any(name in component for component in components for name in ("RRULE", "RDATE")):
        return components
    if any(not _is_sane(rule) for component in components for rule in _as_list(component.get("RRULE"))):
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


def _event(component: Component, zone: ZoneInfo, own: str | None) -> CalendarEvent:
    start, end = _times(component, zone)
    first = component["DTSTART"].dt
    original = component.get("RECURRENCE-ID")
    attendees = _as_list(component.get("ATTENDEE"))
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


def _times(component: Component, zone: ZoneInfo) -> tuple[datetime, datetime]:
    try:
        first = component["DTSTART"].dt
        last = component["DTEND"].dt if "DTEND" in component else first + _length(component)
        start, end = _aware(first, zone), _aware(last, zone)
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableEventError("An event has no time that can be read.") from error
    return start, max(start, end)


def _length(component: Component) -> timedelta:
    """How long an event without an end is (RFC 5545 3.6.1)."""
    if "DURATION" in component:
        duration: timedelta = component["DURATION"].dt
        return duration
    return timedelta(0) if isinstance(component["DTSTART"].dt, datetime) else _DAY


def _aware(moment: Moment, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), zone)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


# --- writing ---


def new_object(draft: Draft, uid: str, job: str, made_at: datetime, organizer: str | None) -> str:
    """The text of a new object; the same for the same arguments."""
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", made_at.astimezone(UTC))
    event.add("dtstart", draft.start)
    event.add("dtend", draft.end)
    event.add("summary", draft.title)
    for name, text in (("location", draft.location), ("description", draft.description)):
        if text:
            event.add(name, text)
    if draft.attendees:
        event.add("organizer", f"mailto:{organizer}")
        for address in draft.attendees:
            event.add("attendee", f"mailto:{address}", parameters={"PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"})
    event.add(_JOB, job)
    calendar.add_component(event)
    _add_zones(calendar)
    return _text(calendar)


def changed_object(text: str, change: Change, occurrence: str, job: str, now: datetime, zone: ZoneInfo) -> str | None:
    """The object's text after `change` to it, or to one occurrence of its series; None where it is so already.

    Raises NotFoundError where there is no such occurrence, BadInputError for a time that a whole series cannot get.
    """
    calendar = _parsed(text)
    master: Component = _master(calendar)
    target = master
    if occurrence:
        target = _exception(calendar, occurrence, zone) or _new_exception(calendar, master, occurrence, zone)
    elif master is None:
        raise BadInputError("Only some occurrences of this series are in the calendar.", "Name the one to change.")
    if str(target.get(_JOB, "")) == job:
        return None
    before = target.to_ical()
    if change.start is not None or change.end is not None:
        if target is master and "RRULE" in target:
            raise BadInputError(
                "A whole series cannot be moved.", "Name the occurrence to move, or move it in your calendar program."
            )
        _move(target, change, zone)
    for name, value in (
        ("SUMMARY", change.title),
        ("LOCATION", change.location),
        ("DESCRIPTION", change.description),
    ):
        if value is not None:
            _set(target, name, value)
    if target.to_ical() == before and target in calendar.subcomponents:
        return None
    _touch(target, job, now)
    if target not in calendar.subcomponents:
        calendar.add_component(target)
    _add_zones(calendar)
    return _text(calendar)


def without_occurrence(text: str, occurrence: str, job: str, now: datetime, zone: ZoneInfo) -> str | None:
    """The object's text without one occurrence of its series; "" where nothing is left of it, None if it was not there.

    Raises NotFoundError where the series never had it.
    """
    calendar = _parsed(text)
    master = _master(calendar)
    exception = _exception(calendar, occurrence, zone)
    if master is not None and any(_same(one, occurrence, zone) for one in _excluded(master)):
        return None
    if exception is None:
        if master is None:
            return None
        _new_exception(calendar, master, occurrence, zone)  # raises where there is no such occurrence
    else:
        calendar.subcomponents.remove(exception)
    if master is None:
        return _text(calendar) if _events(calendar, some=False) else ""
    original = _like(_moment_of(occurrence), master, zone)
    master.add("EXDATE", original.dt, parameters=dict(original.params))
    _touch(master, job, now)
    return _text(calendar)


def _move(target: Component, change: Change, zone: ZoneInfo) -> None:
    old = target["DTSTART"].dt
    old_end = target["DTEND"].dt if "DTEND" in target else old + _length(target)
    start = old if change.start is None else _placed(change.start, target, zone)
    end = None if change.end is None else _placed(change.end, target, zone)
    if end is None:
        same_kind = isinstance(start, datetime) == isinstance(old, datetime)
        usual = timedelta(hours=1) if isinstance(start, datetime) else _DAY
        end = start + (old_end - old if same_kind else usual)
    backward = change.end is not None and _aware(end, zone) <= _aware(start, zone)
    if backward or isinstance(end, datetime) != isinstance(start, datetime):
        raise BadInputError("The event would end before it begins.", "Give a later end.")
    zone_id = _zone_id(target)
    for name, moment in (("DTSTART", start), ("DTEND", end)):
        _set(target, name, moment, zone_id if isinstance(moment, datetime) else None)
    target.pop("DURATION", None)


def _placed(moment: Moment, target: Component, zone: ZoneInfo) -> Moment:
    """`moment` in the kind of time that the event has: of its zone, of UTC, or floating. A date stays one."""
    old = target["DTSTART"].dt
    if not isinstance(moment, datetime):
        return moment
    if not isinstance(old, datetime):
        return moment.astimezone(zone)
    return moment.astimezone(zone).replace(tzinfo=None) if old.tzinfo is None else moment.astimezone(old.tzinfo)


def _zone_id(component: Component) -> str | None:
    zone_id = component["DTSTART"].params.get("TZID")
    return str(zone_id) if zone_id else None


def _set(component: Component, name: str, value: Any, zone_id: str | None = None) -> None:
    component.pop(name, None)
    if value != "":
        component.add(name, value, parameters={"TZID": zone_id} if zone_id else {})


def _touch(component: Component, job: str, now: datetime) -> None:
    """Note that the component is a new revision (RFC 5545 3.8.7.4), made by `job`."""
    sequence = int(component.get("SEQUENCE", 0)) + 1
    for name, value in (("SEQUENCE", sequence), ("DTSTAMP", now), ("LAST-MODIFIED", now), (_JOB, job)):
        _set(component, name, value.astimezone(UTC) if isinstance(value, datetime) else value)


# --- one occurrence of a series ---


def _master(calendar: Calendar) -> Component | None:
    return next((component for component in _events(calendar) if "RECURRENCE-ID" not in component), None)


def _exception(calendar: Calendar, occurrence: str, zone: ZoneInfo) -> Component | None:
    """The component that tells what is different about one occurrence."""
    for component in _events(calendar):
        original = component.get("RECURRENCE-ID")
        if original is not None and _same(original.dt, occurrence, zone):
            return component
    return None


def _new_exception(calendar: Calendar, master: Component | None, occurrence: str, zone: ZoneInfo) -> Component:
    """A component for one occurrence that is still like the others; it is not in the calendar yet."""
    missing = NotFoundError(f"The series has no occurrence {occurrence!r}.", "Look at its events again.")
    if master is None or not ("RRULE" in master or "RDATE" in master):
        raise missing
    moment = _aware(_moment_of(occurrence), zone)
    for component in _expanded(calendar, moment - _DAY, moment + _DAY):
        if _same(component["RECURRENCE-ID"].dt, occurrence, zone):
            break
    else:
        raise missing
    made: Component = copy.deepcopy(master)
    for name in ("RRULE", "RDATE", "EXDATE", "EXRULE", _JOB):
        made.pop(name, None)
    length = _times(master, zone)
    start = _like(_moment_of(occurrence), master, zone)
    # By the wall clock, as the series goes on: an hour more or less on the two days that have one.
    end = start.dt + (master["DTEND"].dt - master["DTSTART"].dt if "DTEND" in master else length[1] - length[0])
    zone_id = _zone_id(master)
    made.add("RECURRENCE-ID", start.dt, parameters=dict(start.params))
    _set(made, "DTSTART", start.dt, zone_id)
    _set(made, "DTEND", end, zone_id)
    made.pop("DURATION", None)
    return made


def _excluded(master: Component) -> Iterator[Moment]:
    for dates in _as_list(master.get("EXDATE")):
        for one in dates.dts:
            yield one.dt


def _moment_of(occurrence: str) -> Moment:
    try:
        return date.fromisoformat(occurrence) if len(occurrence) <= 10 else datetime.fromisoformat(occurrence)
    except ValueError as error:
        raise BadInputError(f"{occurrence[:100]!r} names no occurrence.", "Take it from the event.") from error


def _same(moment: Moment, occurrence: str, zone: ZoneInfo) -> bool:
    return _aware(moment, zone) == _aware(_moment_of(occurrence), zone)


def _like(moment: Moment, master: Component, zone: ZoneInfo) -> Any:
    """`moment` as a property in the kind of time that the series has."""
    import icalendar

    first = master["DTSTART"].dt
    if not isinstance(first, datetime):
        value: Moment = moment.date() if isinstance(moment, datetime) else moment
    else:
        aware = _aware(moment, zone)
        value = aware.replace(tzinfo=None) if first.tzinfo is None else aware.astimezone(first.tzinfo)
    made = icalendar.vDDDTypes(value)
    if zone_id := _zone_id(master):
        made.params["TZID"] = zone_id
    return made


# --- parsing ---


def _parsed(text: str) -> Calendar:
    import icalendar

    try:
        calendar = icalendar.Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableEventError("A calendar object cannot be read.") from error
    if not isinstance(calendar, icalendar.Calendar):
        raise UnreadableEventError("A calendar object cannot be read.")
    _events(calendar)
    return calendar


def _events(calendar: Calendar, some: bool = True) -> list[Component]:
    found = [component for component in calendar.subcomponents if component.name == "VEVENT"]
    if some and not found:
        raise UnreadableEventError("A calendar object holds no event.")
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _plain(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else ""


def _address(who: Any) -> str:
    text = str(who)
    return text[7:] if text.lower().startswith("mailto:") else text


def _add_zones(calendar: Calendar) -> None:
    """Describe the zones that the object names and does not describe yet, as strict servers ask."""
    calendar.add_missing_timezones(first_date=date(2020, 1, 1))


def _text(calendar: Calendar) -> str:
    return str(calendar.to_ical().decode("utf-8"))
