"""Vertical scales of charts: where a value lies, where its marks are, and what it is in words.

A scale's range steps through round values and shrinks late, so that lines stay calm and pyqtgraph's costly automatic
ranges are not needed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable

_STEPS = (1, 2, 5)
_SMALLEST_TOP = 5.0


def round_top(largest: float, current: float) -> float:
    """The top of a vertical axis for values up to `largest`, given the `current` top: 5, 10, 20, 50, ...

    It grows at once, and shrinks only where the values fill less than a third.
    """
    if largest <= current and largest > current / 3:
        return current
    top, scale = _SMALLEST_TOP, 10.0
    while top < largest:
        for step in _STEPS:
            top = step * scale
            if top >= largest:
                break
        scale *= 10
    return top


class Scale(ABC):
    """One chart's vertical axis; `fit` it to the values before it is asked where they lie."""

    @abstractmethod
    def fit(self, values: Iterable[float]) -> None:
        """Make room for these values."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The places of the lower and the upper end."""

    @abstractmethod
    def ticks(self) -> list[tuple[float, str]]:
        """Places with their words."""

    def place(self, value: float) -> float:
        """Where a value lies."""
        return value

    @abstractmethod
    def words(self, value: float) -> str:
        """A value as it is told."""


class CountScale(Scale):
    """Counts and rates from 0, a tenth told where it matters."""

    def __init__(self, unit: str = "", most: float = math.inf) -> None:
        self._unit, self._most, self._top = unit, most, round_top(0, 0)

    def fit(self, values: Iterable[float]) -> None:
        self._top = min(self._most, round_top(max(values, default=0.0), self._top))

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, self._top

    def ticks(self) -> list[tuple[float, str]]:
        middle = [self._top / 2] if self._top % 2 == 0 else []  # half a job is none
        return [(value, f"{value:,g}{self._unit}") for value in (0.0, *middle, self._top)]

    def words(self, value: float) -> str:
        if value >= 1_000_000:
            return f"{value / 1_000_000:.1f} M{self._unit}"
        return f"{value:,.0f}{self._unit}" if value >= 10 or value == int(value) else f"{value:.1f}{self._unit}"


class TimeScale(Scale):
    """Lengths of time in ms by their logarithm: 20 ms and 5 minutes can be read off the same chart."""

    _MARKS = (
        (1, "1 ms"),
        (10, "10 ms"),
        (100, "100 ms"),
        (1_000, "1 s"),
        (10_000, "10 s"),
        (60_000, "1 min"),
        (600_000, "10 min"),
        (3_600_000, "1 h"),
        (36_000_000, "10 h"),
        (86_400_000, "1 d"),
        (864_000_000, "10 d"),
        (8_640_000_000, "100 d"),
    )

    def __init__(self) -> None:
        self._low, self._high = 1, 4
        self._fitted = False

    def fit(self, values: Iterable[float]) -> None:
        """The steps of `_MARKS` around the values, at least three; it grows at once and shrinks late."""
        found = [max(value, 1.0) for value in values]
        if not found:
            return
        marks = [mark for mark, _ in self._MARKS]
        low = max((index for index, mark in enumerate(marks) if mark <= min(found)), default=0)
        high = min((index for index, mark in enumerate(marks) if mark >= max(found)), default=len(marks) - 1)
        high = min(max(high, low + 2), len(marks) - 1)
        low = min(low, high - 2)
        if not self._fitted or low < self._low or low > self._low + 1:
            self._low = low
        if not self._fitted or high > self._high or high < self._high - 1:
            self._high = high
        self._fitted = True

    @property
    def bounds(self) -> tuple[float, float]:
        return math.log10(self._MARKS[self._low][0]), math.log10(self._MARKS[self._high][0])

    def ticks(self) -> list[tuple[float, str]]:
        return [(math.log10(mark), text) for mark, text in self._MARKS[self._low : self._high + 1]]

    def place(self, value: float) -> float:
        return math.log10(max(value, 1.0))

    def words(self, value: float) -> str:
        for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")):
            if value >= size:
                return f"{value / size:.3g} {unit}"
        return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"
