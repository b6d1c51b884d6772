"""A schedule's times in plain words: its cron or interval, and how far off a slot is.

Crons of the usual forms become a phrase; of a rarer one its parts are told as they are written.
"""

from __future__ import annotations

import re
from datetime import timedelta

from engine.errors import BadInputError
from engine.model import Schedule
from engine.schedules import in_zone

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_UNITS = (
    (86_400_000, "day", "d"),
    (3_600_000, "hour", "h"),
    (60_000, "minute", "min"),
    (1_000, "second", "s"),
    (1, "millisecond", "ms"),
)
_MOST_TIMES = 4


def when_words(schedule: Schedule) -> str:
    """When it runs: "every 30 minutes", "at 09:00 on weekdays"."""
    if schedule.cron is not None:
        return cron_words(schedule.cron)
    return "at no time" if schedule.every_ms is None else f"every {duration_words(schedule.every_ms)}"


def duration_words(length_ms: int) -> str:
    """A length of time in its units: "30 minutes", "hour", "1 h 30 min"."""
    parts, left = [], length_ms
    for size_ms, word, short in _UNITS:
        number, left = divmod(left, size_ms)
        if number:
            parts.append((number, word, short))
    if len(parts) == 1:
        number, word, _ = parts[0]
        return word if number == 1 else f"{number} {word}s"
    return " ".join(f"{number} {short}" for number, _, short in parts)


def cron_words(cron: str) -> str:
    """A cron of five fields as a phrase; as it is written where a part of it has no usual words."""
    fields = cron.split()
    if len(fields) != 5:
        return cron
    minute, hour, day, month, weekday = fields
    time, days, months = _time(minute, hour), _days(day, weekday), _months(month)
    return cron if time is None or days is None or months is None else f"{time}{days}{months}"


def slot_text(at_ms: int, timezone: str, now_ms: int) -> str:
    """A slot by the clock of its zone: "14:30" today, "Tue 14:30" within a week, else with its date."""
    try:
        at, now = in_zone(at_ms, timezone), in_zone(now_ms, timezone)
    except BadInputError:
        return f"{at_ms} ms"
    clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
    if at.date() == now.date():
        return clock
    near = abs(at.date() - now.date()) < timedelta(days=7)
    return f"{at:%a} {clock}" if near else f"{at.day} {at:%b %Y} {clock}"


def exact_text(at_ms: int, timezone: str) -> str:
    """A moment with date, seconds and zone, for tooltips."""
    try:
        return f"{in_zone(at_ms, timezone):%A %Y-%m-%d %H:%M:%S} {timezone}"
    except BadInputError:
        return f"{at_ms} ms"


def _time(minute: str, hour: str) -> str | None:
    minutes, hours = _numbers(minute, 59), _numbers(hour, 23)
    if minutes is not None and hours is not None and len(minutes) * len(hours) <= _MOST_TIMES:
        times = [f"{at_hour:02}:{at_minute:02}" for at_hour in hours for at_minute in minutes]
        return f"at {_listed(times)}"
    few = minutes is not None and len(minutes) <= _MOST_TIMES
    past = "" if minutes == [0] else f" at {_listed([f':{number:02}' for number in minutes or [0]])}"
    hours_apart = _step(hour, 24)
    if hours_apart and hours_apart > 1:
        return f"every {hours_apart} hours{past}" if few else None
    within = "" if hour == "*" or hours_apart else _within(hour)
    apart = 1 if minute == "*" else _step(minute, 60)
    if within is None or not (apart or few):
        return None
    if apart:
        return f"every minute{within}" if apart == 1 else f"every {apart} minutes{within}"
    return f"every hour{past}{within}"


def _step(field: str, whole: int) -> int | None:
    """The number of `*/15`; None for any other form, and for a step that does not fit: its last one is cut short."""
    found = re.fullmatch(r"(?:\*|0)/(\d{1,2})", field)
    step = int(found[1]) if found else 0
    return step if step and whole % step == 0 else None


def _within(hour: str) -> str | None:
    """ " from 09:00 to 17:59" of an hour or a range of hours; None for any other form."""
    found = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", hour)
    if found is None:
        return None
    return f" from {int(found[1]):02}:00 to {int(found[2] or found[1]):02}:59"


def _days(day: str, weekday: str) -> str | None:
    if day == "*" and weekday in ("*", "?"):
        return ""
    nth = re.fullmatch(r"([0-7A-Z]{1,3})#([1-5])", weekday.upper())
    if day == "*" and nth:
        named = _weekdays(nth[1])
        return None if named is None else f" on the {_ordinal(int(nth[2]))} {_DAYS[named[0]]} of the month"
    if day == "*":
        names = _weekdays(weekday)
        if names is None:
            return None
        if names == [1, 2, 3, 4, 5]:
            return " on weekdays"
        return " at weekends" if names == [0, 6] else f" on {_listed([_DAYS[number] for number in names])}"
    if weekday not in ("*", "?"):
        return None
    if day == "L":
        return " on the last day of the month"
    dates = _numbers(day, 31)
    return None if dates is None else f" on the {_listed([_ordinal(number) for number in dates])}"


def _months(month: str) -> str | None:
    if month == "*":
        return ""
    named = _named(month, [name[:3].upper() for name in _MONTHS], 1)
    numbers = _numbers(named, 12)
    if numbers is None or not all(numbers):
        return None
    return f" in {_listed([_MONTHS[number - 1] for number in numbers])}"


def _weekdays(field: str) -> list[int] | None:
    numbers = _numbers(_named(field, [name[:3].upper() for name in _DAYS], 0), 7)
    return None if numbers is None else sorted({number % 7 for number in numbers})


def _named(field: str, names: list[str], first: int) -> str:
    return re.sub("|".join(names), lambda found: str(names.index(found[0]) + first), field.upper())


def _numbers(field: str, most: int) -> list[int] | None:
    """The numbers of a field such as `1,3-5`, in order; None for any other form."""
    found: set[int] = set()
    for part in field.split(","):
        span = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part)
        if span is None:
            return None
        first, last = int(span[1]), int(span[2] or span[1])
        if first > last or last > most:
            return None
        found.update(range(first, last + 1))
    return sorted(found)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
