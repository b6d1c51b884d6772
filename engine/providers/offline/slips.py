"""Misspelt commands: which words of the grammar a typist may have meant.

Only words that the grammar does not have are taken for others, so what is spelled right is never questioned.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

_WORD = re.compile(r"(?<![<{\w:])[a-z][a-z']{2,}(?![\w:]*[>}])")
"""A template's own words of three letters or more, not the names of rules and lists."""
_ALIKE = 0.75
"""Less alike (0 to 1) is another word: "que" is "queue" (0.75), "foo" is not "for" (0.67)."""
_CHOICES = 3
_MOST_WORDS = 12
"""In a longer text some words are always like those of a command."""
_MOST_READINGS = 12


class Slips:
    """The words of `templates`, and what is like them."""

    def __init__(self, templates: Iterable[str]) -> None:
        self._words = {word for template in templates for word in _WORD.findall(template.lower())}
        self._of_letters: dict[str, list[str]] = {}
        for word in sorted(self._words):
            self._of_letters.setdefault(_letters(word), []).append(word)

    def readings(self, text: str) -> Iterator[list[str]]:
        """The words of `text` with the grammar's for those it lacks, the likeliest first; none where it has all."""
        words = text.split()
        choices = [self._meant(word) for word in words] if len(words) <= _MOST_WORDS else []
        for reading in itertools.islice(itertools.product(*choices), _MOST_READINGS):
            if list(reading) != words:
                yield list(reading)

    def _meant(self, word: str) -> list[str]:
        plain = word.lower()
        if plain in self._words or len(plain) < 3:
            return [word]
        swapped = self._of_letters.get(_letters(plain), [])
        alike = get_close_matches(plain, self._words, _CHOICES, _ALIKE)
        return list(dict.fromkeys([*swapped, *alike])) or [word]


def _letters(word: str) -> str:
    return "".join(sorted(word))
