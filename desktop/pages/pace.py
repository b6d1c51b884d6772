"""What a queue completed in the last 5 minutes, bar by bar, for the sparkline of its row.

Samples give bars of 10 s. What was before the first sample, or while Redis was gone, is known by minutes only:
their bars get the minute's mean, so that the window tells of the last 5 minutes from its first sample on.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import MinuteCounts, QueueState

BAR_MS = 10_000
BARS = 30
_BARS_IN_MINUTE = 60_000 // BAR_MS


class Pace:
    """The completions of one queue, in bars that stand still: each begins at a whole 10 s of Redis's clock."""

    def __init__(self) -> None:
        self._totals: dict[int, int] = {}
        """By the number of a bar that was sampled: jobs completed since the queue exists, at its last sample."""

    def add(self, queue: QueueState, now_ms: int) -> None:
        """Take a sample; a time or a total running backwards (another Redis) starts anew."""
        bar, total = now_ms // BAR_MS, queue.completed_total
        if self._totals:
            newest = max(self._totals)
            if bar < newest or total < self._totals[newest]:
                self._totals.clear()
        self._totals[bar] = total
        self._totals = {known: count for known, count in self._totals.items() if known >= bar - BARS}

    def bars(self, minutes: Sequence[MinuteCounts]) -> tuple[float, ...]:
        """Jobs completed in each of the last 30 bars, oldest first, the last one running; `minutes` of the queue."""
        if not self._totals:
            return ()
        means = {minute.minute: minute.completed / _BARS_IN_MINUTE for minute in minutes}
        newest, totals = max(self._totals), self._totals
        return tuple(
            float(totals[bar] - totals[bar - 1])
            if bar in totals and bar - 1 in totals
            else means.get(bar // _BARS_IN_MINUTE, 0.0)
            for bar in range(newest - BARS + 1, newest + 1)
        )
