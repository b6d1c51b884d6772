"""How counts and moments are said."""

from __future__ import annotations

from datetime import datetime


def count(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def time_of_day(moment: datetime) -> str:
    """The time of `moment` as it is said, such as "5:07 PM"."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"
