"""Whole phrases of time, read from plain words: which day, which time of day, which span."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations

from engine.spoken_times.clocks import AMOUNT, Clock, days_of, months_on, read_clock, read_length, read_part
from engine.spoken_times.words import MONTHS, WEEKDAYS


@dataclass(frozen=True, slots=True)
class SpokenTime:
    """What a phrase of time means: aware datetimes in the zone of the `now` it was read with.

    `all_day`: a day, or days, named without a time of day; `start` is then its midnight. `end` (exclusive) is set where
    a span was named: "this week", "this afternoon" (12:00 to 18:00), "from 3 to 4", "at five for an hour".
    """

    start: datetime
    all_day: bool = False
    end: datetime | None = None


_PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 22), "night": (18, 24), "tonight": (18, 24)}
_WAKING = (7, 23)
_MONTH, _WEEKDAY, _AMPM = "|".join(MONTHS), "|".join(WEEKDAYS), "(?: ?(?:am|pm))?"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_DATE = (
    rf"(?:(?:{_MONTH}) (?:the )?(?:{_ORDINAL}|\d{{1,2}})|(?:{_ORDINAL}|\d{{1,2}})(?: of)? (?:{_MONTH}))"
    r"(?: (?:in )?(?:20\d\d|20 \d\d))?"
)
_DAY = (
    rf"(?:(?:on|for|by) )?(?:today|tomorrow|yesterday|(?:the )?day after tomorrow"
    rf"|(?:this coming |this |next |coming )?(?:{_WEEKDAY})(?: next week)?|next week (?:on )?(?:{_WEEKDAY})"
    rf"|(?:(?:{_WEEKDAY}) )?(?:the )?(?:{_DATE}|{_ORDINAL})|\d{{4}}-\d\d-\d\d"
    rf"|in (?:a|\d{{1,3}}|a couple of) (?:day|week|month)s?"
    rf"|(?:a|\d{{1,3}}|a couple of) (?:day|week|month)s? (?:from|after) (?:today|now|tomorrow|{_WEEKDAY}))"
)
_HOUR = rf"(?:\d{{1,2}}{_AMPM}|noon|midnight)"
_CLOCK = (
    r"(?:(?:at|by|for) )?(?:(?:half|(?:a )?quarter|\d{1,2}(?: minutes?)?) (?:past|after|to|before|until) "
    rf"{_HOUR}(?: oclock)?|\d{{1,2}}[:.]\d\d{_AMPM}|\d{{1,2}} \d\d{_AMPM}|{_HOUR}(?: oclock{_AMPM})?"
    r"|\d{4}(?: hours)?)"
)
_PART = r"(?:(?:(?:in|for) the|this|at|on the) )?(?:morning|afternoon|evening|night)|tonight"
_PHRASES = tuple(
    re.compile(" ?".join(rf"(?:(?P<{name}>{pattern})(?: |$))?" for name, pattern in order))
    for order in permutations((("day", _DAY), ("clock", _CLOCK), ("part", _PART)))
)
_SPAN = re.compile(r"(?P<before>.*?) ?\b(?:from|between) (?P<first>.+?) (?:to|until|and|through) (?P<last>.+)")
_FOR = re.compile(rf"(?P<start>.+) for (?P<length>{AMOUNT})")
_AWAY = re.compile(rf"in (?P<in>{AMOUNT})|(?P<now>{AMOUNT}) from now")
_NAMED = re.compile(r"(?:(?:on|for|over|during) )?(?P<which>this|(?:the )?next|the) (?P<what>week|weekend|month)")


class Reader:
    """Reads plain phrases seen from one `now`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._today = now.date()

    def read(self, plain: str) -> SpokenTime | None:
        """What plain words mean as a whole; None where they are no time, or a doubtful one."""
        try:
            return self._away(plain) or self._named(plain) or self._span(plain) or self._moment(plain)
        except (ValueError, OverflowError):  # a date that there is not, such as February 30
            return None

    def _away(self, plain: str) -> SpokenTime | None:
        """ "in ten minutes": from this very moment, whatever the clocks do meanwhile."""
        found = _AWAY.fullmatch(plain)
        length = found and read_length(found["in"] or found["now"])
        return SpokenTime(self._after(self._now, length)) if length else None

    def _named(self, plain: str) -> SpokenTime | None:
        found = _NAMED.fullmatch(plain)
        if found is None or (found["which"], found["what"]) in (("the", "week"), ("the", "month")):
            return None
        following = found["which"].endswith("next")
        monday = self._today - timedelta(days=self._today.weekday()) + timedelta(days=7 * following)
        if found["what"] == "month":
            first = months_on(self._today.replace(day=1), following)
            return self._days(first, months_on(first, 1))
        return self._days(monday + timedelta(days=5 * (found["what"] == "weekend")), monday + timedelta(days=7))

    def _span(self, plain: str) -> SpokenTime | None:
        """ "from 3 to 4 tomorrow", "at five for an hour", "from monday to friday"."""
        if found := _FOR.fullmatch(plain):
            start, length = self._moment(found["start"]), read_length(found["length"])
            if start is None or start.all_day or start.end is not None or not length:
                return None
            return SpokenTime(start.start, end=self._after(start.start, length))
        found = _SPAN.fullmatch(plain)
        if found is None:
            return None
        for first, last, day in self._spans(found["before"], found["first"], found["last"]):
            span = self._between(first, last, day)
            if span is not None:
                return span
        return None

    def _spans(self, before: str, first: str, last: str) -> list[tuple[str, str, str]]:
        """The ways in which a span and the day that it is on can be told apart."""
        if before:
            return [(first, last, before)]
        ways = [(first, last, "")]
        words = last.split()
        ways += [(first, " ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))]
        return ways

    def _between(self, first: str, last: str, day: str) -> SpokenTime | None:
        if not day and (since := self._day(first)) and (until := self._day(last)):
            until += timedelta(days=1 if until >= since else 8)
            return self._days(since, until) if until > since else None
        begin, end = read_clock(first), read_clock(last)
        if begin is None or end is None:
            return None
        if begin.hours[1:] and not end.hours[1:]:  # "from 11 to 1 pm": the hour that comes just before
            until_minute = end.hours[0] * 60 + end.minute - begin.minute
            begin = Clock((min(begin.hours, key=lambda hour: (until_minute - hour * 60) % 1440),), begin.minute)
        when, part = self._day_and_part(day)
        if day and when is None and not part:
            return None
        start = self._on(begin, when, part)
        if start is None:
            return None
        ends = [
            self._at(start.date() + timedelta(days=more), hour, end.minute) for more in (0, 1) for hour in end.hours
        ]
        later = [moment for moment in ends if moment > start]
        return SpokenTime(start, end=min(later)) if later else None

    def _day_and_part(self, plain: str) -> tuple[date | None, str]:
        for phrase in _PHRASES:
            found = phrase.fullmatch(plain)
            if found and not found["clock"]:
                day = self._day(found["day"].strip()) if found["day"] else None
                return day, read_part(found["part"])
        return None, ""

    def _moment(self, plain: str) -> SpokenTime | None:
        for phrase in _PHRASES if plain else ():
            if (found := phrase.fullmatch(plain)) and (
                moment := self._of(*(found[name] or "" for name in ("day", "clock", "part")))
            ):
                return moment
        return None

    def _of(self, day: str, clock: str, part: str) -> SpokenTime | None:
        when = self._day(day) if day else None
        if day and when is None:
            return None
        if clock:
            told = read_clock(clock)
            start = self._on(told, when, read_part(part), this=part.startswith(("this", "tonight"))) if told else None
            return SpokenTime(start) if start else None
        if part:
            return self._part_of(when, part)
        return self._days(when, None) if when else None

    def _on(self, clock: Clock, day: date | None, part: str, this: bool = False) -> datetime | None:
        """The moment of a time of day, on a day or, without one, the next."""
        hours = clock.hours
        if day is not None and clock.midnight:
            return None  # the night before it, or after it?
        if part:
            low, high = _PARTS[part]
            if high == 24 and (clock.midnight or hours == (0, 12)):
                first = (day or self._today) + timedelta(days=1)
                return self._at(first, 0, clock.minute)
            hours = tuple(hour for hour in hours if (1 if low == 6 else low - (low == 18)) <= hour < high)
            if not hours:
                return None
            if this and day is None:
                day = self._today
        elif len(hours) > 1:
            hours = tuple(hour for hour in hours if _WAKING[0] <= hour < _WAKING[1])
        days = [day] if day is not None else [self._today, self._today + timedelta(days=1)]
        moments = [self._at(each, hour, clock.minute) for each in days for hour in sorted(hours)]
        later = [moment for moment in moments if moment.timestamp() > self._now.timestamp()]
        if later:
            return later[0]
        return moments[0] if day is not None and len(moments) == 1 else None

    def _part_of(self, day: date | None, part: str) -> SpokenTime | None:
        name = read_part(part)
        low, high = _PARTS[name]
        if day is None:
            day = self._today
            if part.startswith(("in the", "for the", "on the", "at")):  # the next: not clear within it
                if low <= self._now.hour < high:
                    return None
                day += timedelta(days=self._now.hour >= high)
            elif not part.startswith(("this", "tonight")):
                return None
        elif part.startswith("this"):
            return None
        end = self._at(day, high, 0) if high < 24 else self._at(day + timedelta(days=1), 0, 0)
        return SpokenTime(self._at(day, low, 0), end=end)

    def _day(self, phrase: str) -> date | None:
        phrase = re.sub(r"^(?:on|for|by) ", "", phrase)
        phrase = re.sub(r"^the ", "", phrase)
        near = {"today": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2}
        if phrase in near:
            return self._today + timedelta(days=near[phrase])
        if re.fullmatch(r"\d{4}-\d\d-\d\d", phrase):
            return date.fromisoformat(phrase)
        if found := re.fullmatch(r"(?:in )?(a couple of|a|\d+) (day|week|month)s?(?: (?:from|after) (\w+))?", phrase):
            if not (phrase.startswith("in ") or found[3]):
                return None
            start = self._today if found[3] in (None, "now", "today") else self._day(found[3])
            number = {"a": 1, "a couple of": 2}.get(found[1]) or int(found[1])
            if start is None:
                return None
            if found[2] == "month":
                return months_on(start, number)
            return start + timedelta(days=number * (7 if found[2] == "week" else 1))
        if found := re.fullmatch(rf"(?:(this coming|this|next|coming) )?({_WEEKDAY})( next week)?", phrase):
            return self._weekday(WEEKDAYS.index(found[2]), "next" if found[3] else found[1] or "")
        if found := re.fullmatch(rf"next week (?:on )?({_WEEKDAY})", phrase):
            return self._weekday(WEEKDAYS.index(found[1]), "next")
        return self._date(phrase)

    def _weekday(self, weekday: int, which: str) -> date | None:
        if which == "next":
            return self._today + timedelta(days=7 - self._today.weekday() + weekday)
        ahead = (weekday - self._today.weekday()) % 7
        if ahead == 0 and which:
            return None  # "this friday", said on a Friday
        return self._today + timedelta(days=ahead or 7)

    def _date(self, phrase: str) -> date | None:
        found = re.fullmatch(rf"(?:({_WEEKDAY}) )?(?:the )?(.+?)(?: (?:in )?(20 ?\d\d))?", phrase)
        if found is None:
            return None
        weekday, told, year = found.groups()
        named, numbers = re.findall(_MONTH, told), re.findall(r"\d+", told)
        if len(named) > 1 or len(numbers) != 1 or not (named or re.fullmatch(_ORDINAL, told)):
            return None
        number = int(numbers[0])
        if named:
            month = MONTHS.index(named[0]) + 1
            years = [int(year.replace(" ", ""))] if year else [self._today.year + more for more in range(9)]
            days = days_of(((each, month) for each in years), number)
        elif year or (number == self._today.day and not weekday):
            return None  # "on the third", said on a third
        else:
            first = self._today.replace(day=1)
            days = days_of(((day.year, day.month) for day in (months_on(first, more) for more in range(3))), number)
        day = next((day for day in days if year or day >= self._today), None)
        return day if day and weekday in (None, WEEKDAYS[day.weekday()]) else None

    # --- moments ---

    def _at(self, day: date, hour: int, minute: int) -> datetime:
        local = datetime.combine(day, time(hour, minute), self._now.tzinfo)
        return local.astimezone(UTC).astimezone(self._now.tzinfo)

    def _after(self, moment: datetime, length: timedelta) -> datetime:
        return (moment.astimezone(UTC) + length).astimezone(self._now.tzinfo)

    def _days(self, first: date, end: date | None) -> SpokenTime:
        return SpokenTime(self._at(first, 0, 0), all_day=True, end=self._at(end, 0, 0) if end else None)
