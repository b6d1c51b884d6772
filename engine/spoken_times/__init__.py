"""Moments as people say and type them, in English: "tomorrow at half past five", "in an hour and a half".

Nothing is guessed in silence: a phrase is read whole or not at all (None), and whoever acts on a time says it back by
`say_time`, which `read_time` reads back. The conventions where English leaves a choice:

- An hour without AM or PM means the next such hour between 7:00 and 22:59: "at five" is 17:00.
- "friday" is the first one after today, "next friday" that of the next week; weeks begin on Monday.
- A time without a day is the next such time; a date without a year the next such date, today included.
- A moment that the clocks skip in spring is one hour later; of two in autumn the first is meant.

Moments are in the zone of `now`; where its clocks change, that must be a zone (`ZoneInfo`), not an offset.
"""

from engine.spoken_times.phrases import SpokenTime
from engine.spoken_times.sentences import read_time, say_clock, say_time, split_time
from engine.spoken_times.words import WEEKDAYS

__all__ = ["WEEKDAYS", "SpokenTime", "read_time", "say_clock", "say_time", "split_time"]
