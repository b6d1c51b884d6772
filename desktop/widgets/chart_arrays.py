"""From spans and values to the arrays that a plot draws: gaps, and which points wear a marker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_GAP_SPANS = 3
"""Points further apart than so many usual steps are not joined."""
_MARKERS = 7
_ALL_MARKERS = 24


def places(spans: Sequence[tuple[float, float]]) -> Floats:
    """Where spans (from and to) are drawn: in their middles, of shape (spans,)."""
    middles: Floats = np.array(spans, dtype=float).reshape(-1, 2).mean(axis=1)
    return middles


def heights(values: Sequence[float | None] | None, count: int) -> Floats:
    """Values of shape (count,), NaN for None and for a line that is not there."""
    if values is None:
        return np.full(count, np.nan)
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def gaps_before(at: Floats) -> list[int]:
    """The indexes of the points that are far from the last one."""
    steps = np.diff(at)
    far = np.flatnonzero(steps > _GAP_SPANS * np.median(steps)) if len(steps) else ()
    return [int(index) + 1 for index in far]


def with_gaps(values: Floats, gaps: list[int], filling: float | Floats) -> Floats:
    """With one value more before each of the indexes: the point that parts the line there."""
    return np.insert(values, gaps, filling)


def marked(y: Floats, place: int, lines: int, *, every: bool) -> list[int]:
    """Which points of the line number `place` of so many `lines` get a marker.

    Lonely ones always, for no line leads there; with `every`, also a few others, not the same for each line.
    """
    known = np.isfinite(y)
    count = len(y)
    lonely = [
        index
        for index in np.flatnonzero(known)
        if not (index and known[index - 1]) and not (index + 1 < count and known[index + 1])
    ]
    if not every:
        return [int(index) for index in lonely]
    step = 1 if known.sum() <= _ALL_MARKERS else max(1, count // _MARKERS)
    first = step * place // max(lines, 1)
    return sorted({*(int(index) for index in lonely), *(int(i) for i in range(first, count, step) if known[i])})
