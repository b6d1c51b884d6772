"""Phrases of time within a sentence, and how a moment is said."""

from __future__ import annotations

import re
from datetime import date, datetime

from engine.spoken_times.phrases import Reader, SpokenTime
from engine.spoken_times.words import MONTHS, WEEKDAYS, plain_words

_LONGEST_PHRASE = 14
"""Words of the longest phrase that is looked for in a sentence."""
_UNSURE_ALONE = re.compile(
    r"(?:(?:for|by) )?(?:[\d ]+|(?:the )?\d+(?:st|nd|rd|th)|\d+ (?:to|before|after|until) \d+|\d{4} hours)"
)
"""What is a time only where a time is asked for: "five", "the third"."""
_SPOILS_BEFORE = frozenset(
    {"before", "after", "until", "till", "since", "every", "each", "not", "except", "than", "past", "last", "of"}
)
_JOINS = frozenset({"to", "and", "or", "through", "until"})


def read_time(words: str, now: datetime) -> SpokenTime | None:
    """The time that `words` as a whole name, or None where they are no time, or one that leaves doubt."""
    return Reader(now).read(plain_words(words))


def split_time(words: str, now: datetime) -> tuple[str, SpokenTime | None]:
    """Take the longest phrase of time off the end or the beginning of a sentence: what is left, and the time.

    "call anna tomorrow at five" gives "call anna" and that moment; "tomorrow call anna at five" the same. Where there
    is none, or one that leaves doubt ("every monday", "on monday or tuesday"), all of `words` is left, the time None.
    """
    reader = Reader(now)
    parts = words.split()
    tail = _tail(reader, parts)
    head = _head(reader, parts[: len(parts) - tail])
    if tail and head:
        both = reader.read(plain_words(" ".join(parts[:head] + parts[-tail:])))
        if both is None and parts[head : head + 1] == ["to"]:
            tail, both = 0, reader.read(plain_words(" ".join(parts[:head])))
        found = both
    else:
        found = reader.read(plain_words(" ".join(parts[:head] or parts[len(parts) - tail :])))
    left = parts[head : len(parts) - tail]
    if found is None or _spoilt(reader, parts, head, tail):
        return words, None
    if head and left[:1] == ["to"]:
        left = left[1:]
    return " ".join(left).strip(" ,;:"), found


def say_time(moment: datetime, now: datetime, all_day: bool = False) -> str:
    """How a moment is said from `now`, to the minute: "tomorrow at 5 PM", "on Friday, December 4" (a whole day)."""
    there = moment.astimezone(now.tzinfo)
    day = _say_day(there.date(), now.date())
    return day if all_day else f"{day} at {say_clock(there)}"


def say_clock(moment: datetime) -> str:
    """The time of day as it is said: "5 PM", "5:07 PM", "noon"."""
    if (moment.hour, moment.minute) == (12, 0):
        return "noon"
    minutes = f":{moment.minute:02d}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'AM' if moment.hour < 12 else 'PM'}"


def _say_day(day: date, today: date) -> str:
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((day - today).days)
    if near:
        return near
    year = f", {day.year}" if day < today or (day - today).days > 180 else ""
    return f"on {WEEKDAYS[day.weekday()].title()}, {MONTHS[day.month - 1].title()} {day.day}{year}"


# --- sentences ---


def _tail(reader: Reader, parts: list[str]) -> int:
    """How many of the last words are the longest phrase of time there."""
    for length in range(min(len(parts), _LONGEST_PHRASE), 0, -1):
        if _is_sure(reader, parts[-length:]):
            return length
    return 0


def _head(reader: Reader, parts: list[str]) -> int:
    for length in range(min(len(parts), _LONGEST_PHRASE), 0, -1):
        if _is_sure(reader, parts[:length]):
            return length
    return 0


def _is_sure(reader: Reader, parts: list[str]) -> bool:
    """Whether words within a sentence are a time, and no part of what it is about."""
    plain = plain_words(" ".join(parts))
    return _UNSURE_ALONE.fullmatch(plain) is None and reader.read(plain) is not None


def _spoilt(reader: Reader, parts: list[str], head: int, tail: int) -> bool:
    """Whether the words next to the phrases make them mean another thing."""
    left = [part.lower().strip(".,;:!?") for part in parts[head : len(parts) - tail]]
    if not left:
        return False
    if tail and (left[-1] in _SPOILS_BEFORE or (left[-1] in _JOINS and _tail(reader, left[:-1]))):
        return True
    return bool(head and left[0] in _JOINS and _head(reader, left[1:]))
