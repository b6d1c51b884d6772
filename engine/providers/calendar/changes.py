"""Making a calendar object, and changing one: as a whole, or one occurrence of a series."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import BadInputError, NotFoundError
from engine.providers.calendar.objects import (
    DAY,
    Calendar,
    Component,
    Moment,
    as_list,
    aware,
    events_of,
    expanded,
    length_of,
    parsed,
    times_of,
)

_JOB = "X-HARK-JOB"
"""Property that names the job which changed an event last: a second run of it changes nothing."""
_PRODUCT = "-//Hark//Calendar//EN"


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
    calendar = parsed(text)
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
    calendar = parsed(text)
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
        return _text(calendar) if events_of(calendar, some=False) else ""
    original = _like(_moment_of(occurrence), master, zone)
    master.add("EXDATE", original.dt, parameters=dict(original.params))
    _touch(master, job, now)
    return _text(calendar)


def _move(target: Component, change: Change, zone: ZoneInfo) -> None:
    old = target["DTSTART"].dt
    old_end = target["DTEND"].dt if "DTEND" in target else old + length_of(target)
    start = old if change.start is None else _placed(change.start, target, zone)
    end = None if change.end is None else _placed(change.end, target, zone)
    if end is None:
        same_kind = isinstance(start, datetime) == isinstance(old, datetime)
        usual = timedelta(hours=1) if isinstance(start, datetime) else DAY
        end = start + (old_end - old if same_kind else usual)
    backward = change.end is not None and aware(end, zone) <= aware(start, zone)
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
    return next((component for component in events_of(calendar) if "RECURRENCE-ID" not in component), None)


def _exception(calendar: Calendar, occurrence: str, zone: ZoneInfo) -> Component | None:
    """The component that tells what is different about one occurrence."""
    for component in events_of(calendar):
        original = component.get("RECURRENCE-ID")
        if original is not None and _same(original.dt, occurrence, zone):
            return component
    return None


def _new_exception(calendar: Calendar, master: Component | None, occurrence: str, zone: ZoneInfo) -> Component:
    """A component for one occurrence that is still like the others; it is not in the calendar yet."""
    missing = NotFoundError(f"The series has no occurrence {occurrence!r}.", "Look at its events again.")
    if master is None or not ("RRULE" in master or "RDATE" in master):
        raise missing
    moment = aware(_moment_of(occurrence), zone)
    for component in expanded(calendar, moment - DAY, moment + DAY):
        if _same(component["RECURRENCE-ID"].dt, occurrence, zone):
            break
    else:
        raise missing
    made: Component = copy.deepcopy(master)
    for name in ("RRULE", "RDATE", "EXDATE", "EXRULE", _JOB):
        made.pop(name, None)
    length = times_of(master, zone)
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
    for dates in as_list(master.get("EXDATE")):
        for one in dates.dts:
            yield one.dt


def _moment_of(occurrence: str) -> Moment:
    try:
        return date.fromisoformat(occurrence) if len(occurrence) <= 10 else datetime.fromisoformat(occurrence)
    except ValueError as error:
        raise BadInputError(f"{occurrence[:100]!r} names no occurrence.", "Take it from the event.") from error


def _same(moment: Moment, occurrence: str, zone: ZoneInfo) -> bool:
    return aware(moment, zone) == aware(_moment_of(occurrence), zone)


def _like(moment: Moment, master: Component, zone: ZoneInfo) -> Any:
    """`moment` as a property in the kind of time that the series has."""
    import icalendar

    first = master["DTSTART"].dt
    if not isinstance(first, datetime):
        value: Moment = moment.date() if isinstance(moment, datetime) else moment
    else:
        there = aware(moment, zone)
        value = there.replace(tzinfo=None) if first.tzinfo is None else there.astimezone(first.tzinfo)
    made = icalendar.vDDDTypes(value)
    if zone_id := _zone_id(master):
        made.params["TZID"] = zone_id
    return made


def _add_zones(calendar: Calendar) -> None:
    """Describe the zones that the object names and does not describe yet, as strict servers ask."""
    calendar.add_missing_timezones(first_date=date(2020, 1, 1))


def _text(calendar: Calendar) -> str:
    return str(calendar.to_ical().decode("utf-8"))
