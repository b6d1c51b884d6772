"""Times of day, lengths of time and the arithmetic of months, from plain words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

_UNIT = r"(?:seconds?|2nd|minutes?|hours?|days?|weeks?|months?)"
AMOUNT = (
    rf"(?:(?:a|an|\d{{1,4}}(?:\.\d)?|a couple of|\d{{1,3}} and a half) {_UNIT}"
    rf"(?: and (?:a half|(?:a |an )?\d* ?{_UNIT})| \d{{1,4}} {_UNIT})?"
    r"|half an hour|(?:a )?quarter of an hour|3 quarters of an hour|half a minute)"
)
"""A pattern of what `read_length` takes."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; `hours` are the two that it may mean where AM or PM was left open."""

    hours: tuple[int, ...]
    minute: int = 0
    midnight: bool = False


def read_clock(phrase: str) -> Clock | None:
    """The time of day that plain words name, or None."""
    phrase = re.sub(r"^(?:at|by|for) ", "", phrase.strip())
    phrase = re.sub(r" oclock\b| hours$", "", phrase)
    if found := re.fullmatch(r"(half|(?:a )?quarter|\d{1,2}(?: minutes?)?) (past|after|to|before|until) (.+)", phrase):
        of = read_clock(found[3])
        number = re.match(r"\d+", found[1])
        minutes = int(number[0]) if number else 30 if found[1] == "half" else 15
        forward = found[2] in ("past", "after")
        if of is None or of.minute or not 0 < minutes < 60 or (minutes == 30 and not forward):
            return None
        if number and " minute" not in found[1] and minutes % 5:
            return None  # "3 to 4" is rather a span
        hours = of.hours if forward else tuple((each - 1) % 24 for each in of.hours)
        return Clock(hours, minutes if forward else 60 - minutes, of.midnight and forward)
    if phrase == "noon":
        return Clock((12,))
    if phrase == "midnight":
        return Clock((0,), midnight=True)
    found = re.fullmatch(r"(\d{1,2})(?:([:. ])?(\d\d))?(?: ?(am|pm))?", phrase)
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[3] or 0), found[4]
    if hour > 23 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    if half:
        return Clock((hour % 12 + 12 * (half == "pm"),), minute)
    if 1 <= hour <= 12 and not found[1].startswith("0"):
        return Clock((hour % 12, hour % 12 + 12), minute)
    return Clock((hour,), minute)


def read_part(phrase: str | None) -> str:
    """Of "in the morning" the morning."""
    return phrase.split()[-1] if phrase else ""


def read_length(amount: str) -> timedelta | None:
    """A length of time up to hours; None for days and more, which are days of the calendar, and for nothing."""
    fixed = {"half an hour": 30, "quarter of an hour": 15, "a quarter of an hour": 15, "3 quarters of an hour": 45}
    if amount in fixed:
        return timedelta(minutes=fixed[amount])
    if amount == "half a minute":
        return timedelta(seconds=30)
    amount = re.sub(rf"({_UNIT}) (?=\d)", r"\1 and ", amount)
    found = re.fullmatch(
        rf"(a couple of|an?|[\d.]+)( and a half)? (\w+)(?: and (?:(a half)|(?:an? )?(\d*) ?({_UNIT})))?", amount
    )
    if found is None:
        return None
    unit = _unit(found[3])
    if unit is None:
        return None
    number = {"a": 1.0, "an": 1.0, "a couple of": 2.0}.get(found[1]) or float(found[1])
    length = unit * (number + 0.5 * bool(found[2] or found[4]))
    if found[6]:
        smaller = _unit(found[6])
        if smaller is None or smaller >= unit:
            return None
        length += smaller * int(found[5] or 1)
    return length or None


def _unit(word: str) -> timedelta | None:
    seconds = {"second": 1, "2nd": 1, "minute": 60, "hour": 3600}.get(word.removesuffix("s"))
    return timedelta(seconds=seconds) if seconds else None


def months_on(day: date, months: int) -> date:
    """The same day so many months on, or the last of a month that lacks it."""
    month = day.month - 1 + months
    first = date(day.year + month // 12, month % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def days_of(months: Iterable[tuple[int, int]], day: int) -> list[date]:
    """That day of each month (year and month) that has one."""
    found = []
    for year, month in months:
        with contextlib.suppress(ValueError):
            found.append(date(year, month, day))
    return found
