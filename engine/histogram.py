"""Mergeable histograms of times, recorded by the workers' scripts and summed by whoever looks.

Buckets are quarter octaves: bucket 0 is under 1 ms, bucket b holds 2^((b-1)/4) ms up to 2^(b/4) ms. A time is
told as its bucket's middle, so a percentile is right to 9.1 % at any length of time, and histograms of minutes,
queues and job types add up (percentiles never do). `store/lua/_prelude.lua` counts into the same buckets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping


class Histogram:
    """Counts of times by bucket, and their sum in ms. Treat it as a value: `+` makes a new one."""

    __slots__ = ("counts", "sum_ms")

    def __init__(self, counts: Mapping[int, int] | None = None, sum_ms: int = 0) -> None:
        self.counts: dict[int, int] = dict(counts or {})
        self.sum_ms = sum_ms

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """All of `parts` as one."""
        counts: Counter[int] = Counter()
        sum_ms = 0
        for part in parts:
            counts.update(part.counts)
            sum_ms += part.sum_ms
        return cls(counts, sum_ms)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram.merged((self, other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and (self.counts, self.sum_ms) == (other.counts, other.sum_ms)

    def __hash__(self) -> int:
        return hash((frozenset(self.counts.items()), self.sum_ms))

    def __repr__(self) -> str:
        return f"Histogram({self.counts!r}, {self.sum_ms})"

    @property
    def total(self) -> int:
        """How many times were recorded."""
        return sum(self.counts.values())

    @property
    def mean_ms(self) -> float | None:
        """The arithmetic mean; None where nothing was recorded."""
        total = self.total
        return self.sum_ms / total if total else None

    def percentile_ms(self, percent: float) -> float | None:
        """The time that `percent` (0 to 100) of the recorded ones did not exceed, to 9.1 % (under 1 ms: to 0.5 ms).

        None where nothing was recorded.
        """
        total = self.total
        if not total:
            return None
        rank = total * min(max(percent, 0.0), 100.0) / 100
        reached, bucket = 0, 0
        for bucket in sorted(self.counts):
            reached += self.counts[bucket]
            if reached and reached >= rank:
                break
        low, high = bounds_ms(bucket)
        return math.sqrt(low * high) if low else high / 2


def bounds_ms(bucket: int) -> tuple[float, float]:
    """Where a bucket begins (inclusive) and ends (exclusive), in ms."""
    return (0.0, 1.0) if bucket <= 0 else (2.0 ** ((bucket - 1) / 4), 2.0 ** (bucket / 4))
