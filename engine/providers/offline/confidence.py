"""How sure it is that a sentence heard with the commands' grammar was meant: what tells it from any other sentence.

A closed grammar hears commands well, and hears one in everything. So it counts how well the sounds fit the words, and
how likely the model of any English, which hears by itself, finds them beside the words that it would have written. The
weights were fitted by `tests/bench/voice_tuning.py` to synthetic voices that the tests do not use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_Word = Sequence[Any]
"""A word, its length in frames of 10 ms, its fit."""
_WORST = 4
"""A command's worst stretch is this part of it: a sentence that was bent to a command fits in places."""


def behind(heard: Mapping[str, Any]) -> float:
    """How much less likely, in nats, the words are that Moonshine was asked about than those that it heard itself."""
    return float(heard["likely"] - heard["meant"]["likely"])


def clarity(heard: Mapping[str, Any]) -> float:
    """How likely, in nats for each word, what Moonshine heard itself is; 0 where that is nothing."""
    return float(heard["likely"] / max(len(heard["text"].split()), 1))


def features(command: Mapping[str, Any], guessed: Sequence[str], heard: Mapping[str, Any]) -> list[float]:
    """What speaks for and against a command.

    `command` is the recogniser's answer, `guessed` are the names and free words in it, `heard` is Moonshine's answer
    about its text. Guessed words fit badly where they are others than the grammar's, and that says nothing against
    the command; but such words are many, and some of them fit anything.
    """
    words = [(word.partition("(")[0], length, fit) for word, length, fit in command["words"]]
    own = _without(words, guessed) or words
    short_of = behind(heard)
    return [short_of / len(words), short_of, _worst(own), _mean(words), clarity(heard), float(bool(guessed))]


def _mean(words: Sequence[_Word]) -> float:
    return float(sum(length * fit for _, length, fit in words) / sum(length for _, length, _ in words))


def _worst(words: Sequence[_Word]) -> float:
    """The mean fit of the worst stretch."""
    fits = sorted((fit, length) for _, length, fit in words)
    each = [fit for fit, length in fits for _ in range(length)]
    worst = each[: max(len(each) // _WORST, 1)]
    return float(sum(worst) / len(worst))


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
    bias, *weights = _WEIGHTS
    total = bias + sum(weight * value for weight, value in zip(weights, told, strict=True))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


_WEIGHTS = (11.681, -0.367, -0.045, 0.426, 0.759, 0.093, -0.873)
