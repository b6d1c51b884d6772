"""The words of a phrase of time in one plain form, which the patterns of `phrases` are written for."""

from __future__ import annotations

import re

from engine.spoken_times.numbers import numbers_as_digits

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORT = {name[:3]: name for name in (*WEEKDAYS, *MONTHS)} | {
    "tues": "tuesday",
    "thur": "thursday",
    "thurs": "thursday",
    "sept": "september",
    "secs": "seconds",
    "sec": "seconds",
    "mins": "minutes",
    "min": "minutes",
    "hr": "hour",
    "hrs": "hours",
    "midday": "noon",
    "o'clock": "oclock",
    "around": "at",
    "about": "at",
    "@": "at",
    "til": "until",
    "till": "until",
    "thru": "through",
    **dict.fromkeys(("tomorow", "tommorow", "tommorrow", "tmrw"), "tomorrow"),
    "tonite": "tonight",
    "wednsday": "wednesday",
    "wensday": "wednesday",
}
"""Short forms, and words that are often misspelt: a reminder "tomorow at nine" would be made for today."""
_UNITS = {"h": " hours ", "m": " minutes ", "s": " seconds "}
_AMBIGUOUS = frozenset({"sun", "sat", "mar", "wed"})
"""Short forms that are words of their own: a number must follow."""


def plain_words(words: str) -> str:
    """`words` in lower case, without punctuation, with numbers in digits and short forms written out."""
    text = words.lower().replace("’", "'").replace("a.m", "am").replace("p.m", "pm").replace("o' clock", "o'clock")
    text = re.sub(r"(?<=\d)(?=(?:am|pm)\b)", " ", text)
    text = re.sub(r"(?<=\d)(h|m|s)(?:rs?|ins?|ecs?)?(?=\d|\b)", lambda unit: _UNITS[unit[1]], text)
    text = re.sub(r"[,;!?]|\.(?!\d)|(?<=[a-z])-(?=[a-z])", " ", text)
    written = text.split()
    spoken = [
        word if word in _AMBIGUOUS and not following[:1].isdigit() else _SHORT.get(word, word)
        for word, following in zip(written, [*written, ""][1:], strict=True)
    ]
    if spoken[-1:] == ["sharp"]:
        spoken.pop()
    plain = " ".join(numbers_as_digits(spoken))
    return re.sub(r"\bat at\b", "at", plain)
