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

_SHORT_WORD = 12
"""Frames (of 10 ms) below which a word's fit is worth less: "the" and "a" fit anything badly."""


def features(command: Mapping[str, Any], free: Mapping[str, Any] | None = None) -> list[float]:
    """What speaks for and against a command, from the recogniser's answers; more with `free`, the general model's."""
    words = command["words"]
    frames = max(sum(length for _, length, _ in words), 1)
    fit = sum(length * fit for _, length, fit in words) / frames
    worst = min((fit for _, length, fit in words if length >= _SHORT_WORD), default=fit)
    told = [fit, worst]
    if free is None:
        return told
    free_frames = max(sum(length for _, length, _ in free["words"]), 1)
    free_fit = sum(length * fit for _, length, fit in free["words"]) / free_frames
    return [*told, free_fit - fit, phone_distance(command["phones"], free["phones"])]


def likelihood(told: Sequence[float]) -> float:
    """How likely the command was meant, from 0 to 1."""
    bias, *weights = _WITH_FREE if len(told) == len(_WITH_FREE) - 1 else _ALONE
    total = bias + sum(weight * value for weight, value in zip(weights, told, strict=True))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


_ALONE = (15.869, 1.380, 0.730)
_WITH_FREE = (13.939, 0.572, 0.597, -1.167, -6.618)
