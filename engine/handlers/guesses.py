"""Which words of a transcript are shown as guesses: names and free words, and no more than those."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.handlers.tools.mail import SAYING
from engine.handlers.tools.reminders import LINK
from engine.spoken_times import split_time


def without_known_words(parts: Iterable[str], text: str, now: datetime) -> tuple[str, ...]:
    """The guessed parts of `text` without what stands in them of the commands' own words, which are heard well.

    These are times ("in ten minutes", told from `now` on), the word that leads on to a task ("to buy milk"), and
    what parts a recipient from the message ("anna saying I am late"). Where all of `text` is a guess, it stays so.
    """
    return tuple(free for part in parts for free in ((part,) if part == text else _free(part, now)))


def _free(part: str, now: datetime) -> list[str]:
    said = SAYING.search(part)
    pieces = (part[: said.start()], part[said.end() :]) if said else (part,)
    found = []
    for piece in pieces:
        left, _ = split_time(piece, now)
        left = LINK.sub("", left)
        found.append(left if left and left in part else piece)
    return [piece for piece in found if piece]
