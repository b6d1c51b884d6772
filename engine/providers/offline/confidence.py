"""How sure it is that a sentence heard with the commands' grammar was meant: what tells it from any other sentence.

A closed grammar hears commands well, and hears one in everything. So it counts how well the sounds fit the words, and,
where that leaves doubt, how much better those fit that the general model of English heard, and how unlike they are. The
weights were fitted by `tests/bench/voice_tuning.py` to synthetic voices that the tests do not use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.providers.offline.phones import phone_distance

_Word = Sequence[Any]
"""A word, its length in frames of 10 ms, its fit."""
_WORST = 4
"""A command's worst stretch is this part of it: a sentence that was bent to a command fits in places."""


def features(command: Mapping[str, Any], guessed: Sequence[str], free: Mapping[str, Any] | None = None) -> list[float]:
    """What speaks for and against a command, from the recogniser's answers; more with `free`, the general model's.

    `guessed` are the names and free words in it. They fit badly where they are others than the grammar's, and that says
    nothing against the command; but such words are many, and some of them fit anything.
    """
    words = [(word.partition("(")[0], length, fit) for word, length, fit in command["words"]]
    fit = _mean(words)
    open_ended = float(bool(guessed))
    if free is None:
        return [fit, _worst(words), open_ended]
    own = _without(words, guessed) or words
    return [_worst(own), _mean(free["words"]) - fit, phone_distance(command["phones"], free["phones"]), open_ended]


def _mean(words: Sequence[_Word]) -> float:
    return float(sum(length * fit for _, length, fit in words) / max(sum(length for _, length, _ in words), 1))


def _worst(words: Sequence[_Word]) -> float:
    """The mean fit of the worst stretch."""
    fits = sorted((fit, length) for _, length, fit in words)
    each = [fit for fit, length in fits for _ in range(length)]
    worst = each[: max(len(each) // _WORST, 1)]
    return float(sum(worst) / max(len(worst), 1))


def _without(words: Sequence[_Word], guessed: Sequence[str]) -> list[_Word]:
    """The words that stand in none of the `guessed` texts."""
    said = [word for word, _, _ in words]
    left = set(range(len(said)))
    for text in guessed:
        parts = text.lower().split()
        for start in range(len(said) - len(parts) + 1):
            if said[start : start + len(parts)] == parts:
                left -= set(range(start, start + len(parts)))
    return [words[place] for place in sorted(left)]


def likelihood(told: Sequence[float]) -> float:
    """How likely the command was meant, from 0 to 1."""
    bias, *weights = _WITH_FREE if len(told) == len(_WITH_FREE) - 1 else _ALONE
    total = bias + sum(weight * value for weight, value in zip(weights, told, strict=True))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


_ALONE = (17.926, 1.478, 0.854, -2.095)
_WITH_FREE = (10.380, 0.510, -1.861, -5.383, -2.003)
