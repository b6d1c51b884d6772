"""How counts, names and moments are said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.queues import AI_PROCESSING, QUEUES, require_queue


def count(number: int, noun: str) -> str:
    """`number` and `noun`, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def time_of_day(moment: datetime) -> str:
    """The time of `moment` as it is said, such as "5:07 PM"."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def listed(names: Sequence[str]) -> str:
    """`names` as they are said one after the other: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def cut_between_words(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters where it is longer, between two words if there are two, and a "…"."""
    beginning = text[:limit]
    return text if len(text) <= limit else f"{beginning.rpartition(' ')[0] or beginning}…"


def spoken_queue(queue: str) -> str:
    """What a queue is called within a sentence. Raises NotFoundError for one that there is not."""
    title = QUEUES[require_queue(queue)].title
    return title if queue == AI_PROCESSING else title.lower()
