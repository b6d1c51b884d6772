"""What a command's free words have to be, else "what's on television" asks for a day, and "it's on Friday" plans one.

A template's `must` names one of these for each of its free places that not any words may fill.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from engine.spoken_times import read_time, split_time

_TODAYS = (datetime(2030, 1, 7, 9, tzinfo=UTC), datetime(2030, 1, 10, 9, tzinfo=UTC))
"""A Monday and a Thursday: whether words are a time is not to hang on today, when "this monday" is unclear on one."""


_LONGEST_TIME = 100
"""Characters; reading a longer text as a time would only take long."""


def _is_time(words: str, *before: str) -> bool:
    return len(words) <= _LONGEST_TIME and any(
        read_time(f"{word} {words}".strip(), now) for now in _TODAYS for word in ("", *before)
    )


def _has_time(words: str) -> bool:
    return any(split_time(words, now)[1] for now in _TODAYS)


def _is_length(words: str) -> bool:
    """Of a timer: "for five minutes to call Anna", "at six"; but "for ten" may be minutes or o'clock."""
    length = re.sub(r"^(?:for|of) ", "", words, flags=re.IGNORECASE)
    if length.endswith(" from"):
        return False  # "five minutes from now", less its "now"
    return _has_time(f"in {length}") or (bool(_FIRST.match(length)) and _has_time(length))


_EVENT = re.compile(
    r"\b(?:meeting|appointment|event|call|lunch|dinner|breakfast|brunch|supper|coffee|drinks|interview|haircut|dentist|doctor"
    r"|review|stand-?up|party|class|lesson|training|session|workshop|conference|catch-?up|one on one|date|trip|concert"
    r"|rehearsal|massage|visit|presentation|demo|webinar|seminar|lecture|exam|yoga|gym|birthday|wedding|check-?up"
    r"|chat|sync|retro|o'clock)s?\b",
    re.IGNORECASE,
)
_TELLS = re.compile(r"\b(?:is|was|were|will|would|had|has)\b", re.IGNORECASE)
_NO_EVENT = re.compile(r"(?:to|my|our|it|that|this|it's)\b", re.IGNORECASE)
QUESTION_WORD = "(?:what|when|where|who|which|how|why|if|whether|is|are|what's|when's|where's|who's|how's)"
_NO_NAME = re.compile(
    r"(?:is|was|are|were|has|have|had|will|would|can|could|may|might|must|should|does|did|do|be|been|isn't|wasn't|order"
    r"|carrier|me|us|him|it|to|a|an|some|down)\b",
    re.IGNORECASE,
)
_NO_THING = re.compile(
    r"(?:it|this|that|these|those|nothing|everything|anything|any|every|no|so|he|she|we|they|you|i)\b|\w+ing$",
    re.IGNORECASE,
)
_LONGEST_THING = 6
_NO_NAME_OF_ONE = re.compile(
    r"(?:it|this|that|these|those|them|as|to|off|all|everything|anything|nothing|all (?:of )?(?:my |the )?tasks"
    r"|(?:the )?(?:first|second|third|last|next|other|same) one)(?: as)?",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:jobs?|queues?|tasks?|reminders?|timers?|alarms?)$", re.IGNORECASE)
_LIST = re.compile(r"\b(?:my|the|our) (?:(?:to.do|task|shopping|grocery) )?(?:list|tasks)\b", re.IGNORECASE)
_FIRST = re.compile(
    r"(?:in|at|on|by|for|after|before|tomorrow|tonight|today|next|this|half|noon|later)\b", re.IGNORECASE
)


def _is_plan(words: str) -> bool:
    return _has_time(words) and not _TELLS.search(words) and not _LIST.search(words)


MUST_BE: dict[str, Callable[[str], bool]] = {
    "time": _is_time,
    "new_time": lambda words: _is_time(words, "at", "in"),
    "amount": lambda words: _is_time(f"in {words}"),
    "with_time": _has_time,
    "length": _is_length,
    "time_first": lambda words: bool(_FIRST.match(words)) and _has_time(words),
    "event": lambda words: bool(_EVENT.search(words)) and not _NO_NAME.match(words),
    "no_task": lambda words: not _LIST.search(words),
    "plan": _is_plan,
    "plan_first": lambda words: bool(_FIRST.match(words)) and _is_plan(words),
    "event_with_time": lambda words: bool(_EVENT.search(words)) and not _NO_EVENT.match(words) and _is_plan(words),
    "event_or_time": lambda words: bool(_EVENT.search(words)) or _has_time(words),
    "errand": lambda words: not re.match(rf"{QUESTION_WORD}\b", words, re.IGNORECASE),
    "message": lambda words: not (_FIRST.match(words) and _has_time(words)),
    "name": lambda words: not _NO_NAME.match(words),
    "named": lambda words: not _NO_NAME_OF_ONE.fullmatch(words),
    "one_event": lambda words: not _NO_NAME_OF_ONE.fullmatch(words) and not _OTHERS.search(words),
    "thing": lambda words: (
        not _NO_THING.match(words) and not _NO_NAME_OF_ONE.fullmatch(words) and len(words.split()) <= _LONGEST_THING
    ),
}
"""What free words may have to be, by the word for it in a template's `must`."""
