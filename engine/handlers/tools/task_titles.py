"""Which task is meant, where somebody names it more or less as it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from engine.providers.tasks_local import Task

_SMALL_WORDS = frozenset(
    ("a", "an", "the", "my", "our", "some", "to", "for", "of", "on", "in", "at", "please", "task", "item", "entry")
)
_ALIKE = 0.6
"""Less alike (0 to 1) is another task: "by milk" is "Buy milk" (0.8), "call bob" is not "Call mum" (0.42)."""
_AS_GOOD = 0.08
"""Tasks so little less alike than the best are meant as well."""


def meant(words: str, tasks: Sequence[Task]) -> list[Task]:
    """The tasks that `words` may name, best first: none, one, or several that they name equally well."""
    said = _plain(words)
    if not said:
        return []
    if same := [task for task in tasks if _plain(task.title) == said]:
        return same
    within = [task for task in tasks if set(said) <= set(_plain(task.title))]
    if within:
        return within
    rated = sorted(((_likeness(said, _plain(task.title)), task) for task in tasks), key=lambda one: -one[0])
    return [task for alike, task in rated if alike >= max(_ALIKE, rated[0][0] - _AS_GOOD)]


def _plain(title: str) -> list[str]:
    words = re.findall(r"[^\W_]+", title.casefold().replace("'", "").replace("’", ""))
    return [word for word in words if word not in _SMALL_WORDS] or words


def _likeness(said: Sequence[str], title: Sequence[str]) -> float:
    """From 0 to 1, by letters: words are often misheard, and titles are longer than what is said of them."""
    whole = SequenceMatcher(None, " ".join(said), " ".join(title), autojunk=False).ratio()
    each = [max((SequenceMatcher(None, word, other).ratio() for other in title), default=0.0) for word in said]
    return max(min(each), whole - 0.2)
