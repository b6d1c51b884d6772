"""From periods and snapshots to the points that the Charts page draws: pure data, told once and kept small.

A point holds numbers only: the histograms that its percentiles were read from are gone, so that all windows of all
queues can be kept. What nobody knows (no sampler, nothing ran) is None and becomes a gap, never a zero.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.figures import summed
from engine.model import Figures, JobState, Period, QueueState, Snapshot

DIM_SAMPLES = 20
"""A failure rate of fewer ended jobs says little."""
LIVE_S = 60
_RATE_S = 5
_SECOND_MS, _MINUTE_MS, _HOUR_MS = 1_000, 60_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Window:
    """One of the times that can be looked at: `periods` spans of `span_ms`, read again each `refresh_s`."""

    key: str
    word: str
    told: str
    span_ms: int
    periods: int
    refresh_s: int

    @property
    def length_ms(self) -> int:
        """From its first span's start to the running one's end."""
        return self.span_ms * self.periods


LIVE = Window("live", "Live", "last minute", _SECOND_MS, LIVE_S, 1)
WINDOWS: Mapping[str, Window] = {
    window.key: window
    for window in (
        LIVE,
        Window("1h", "1 h", "last hour", _MINUTE_MS, 60, 2),
        Window("24h", "24 h", "last 24 hours", 5 * _MINUTE_MS, 288, 10),
        Window("7d", "7 d", "last 7 days", _HOUR_MS, 168, 30),
        Window("90d", "90 d", "last 90 days", 24 * _HOUR_MS, 90, 60),
    )
}


@dataclass(frozen=True, slots=True)
class Measures:
    """What ended and how long it took; times in ms, None where nothing was recorded."""

    completed: float = 0
    failed: float = 0
    per_minute: float = 1.0
    """By what the counts are multiplied to be told per minute."""
    timed: int = 0
    """How many jobs the processing times are of."""
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    waited_p50_ms: float | None = None
    waited_p95_ms: float | None = None
    judged: tuple[float, float] | None = None
    """Failed and ended jobs that the failure rate is of, where it is not these."""

    @property
    def ended(self) -> float:
        """Completed and finally failed."""
        return self.completed + self.failed

    @property
    def failure_percent(self) -> float | None:
        """Final failures among those that ended; None where none did."""
        failed, ended = self.failed_of
        return 100 * failed / ended if ended else None

    @property
    def failed_of(self) -> tuple[float, float]:
        """How many failed for good, of how many that ended."""
        return self.judged or (self.failed, self.ended)


@dataclass(frozen=True, slots=True)
class Point:
    """One span of one queue, or of all together. `by_type` has the same of each job type."""

    start_ms: int
    end_ms: int
    total: Measures
    by_type: Mapping[str, Measures] = field(default_factory=dict)
    depths: Mapping[JobState, int] | None = None
    oldest_ms: float | None = None


def point_of(period: Period, now_ms: int) -> Point:
    """The point of a period; a running one's pace is by the time that has passed, at least a minute."""
    passed_ms = min(max(now_ms - period.start_ms, _MINUTE_MS), period.span_ms)
    per_minute = _MINUTE_MS / passed_ms
    return Point(
        period.start_ms,
        period.start_ms + period.span_ms,
        _measures(period.total, per_minute),
        {name: _measures(figures, per_minute) for name, figures in period.by_type.items()},
        period.depths,
        period.oldest_waiting_ms,
    )


def _measures(figures: Figures, per_minute: float) -> Measures:
    processing, waiting = figures.processing, figures.waiting
    return Measures(
        figures.completed,
        figures.failed,
        per_minute,
        processing.total,
        processing.mean_ms,
        processing.percentile_ms(50),
        processing.percentile_ms(95),
        processing.percentile_ms(99),
        waiting.percentile_ms(50),
        waiting.percentile_ms(95),
    )


class Series:
    """The points of one queue (or all) in one window, brought up to date part by part."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._points: dict[int, Point] = {}
        self.since_ms = 0
        """From where on it has to be read again: all before is known; 0 where nothing is."""

    @property
    def points(self) -> tuple[Point, ...]:
        """Oldest first; the last is the running one."""
        return tuple(self._points[start] for start in sorted(self._points))

    def merge(self, points: Iterable[Point]) -> None:
        """Take in new and changed points; what the window has left behind goes."""
        self._points.update((point.start_ms, point) for point in points)
        oldest = max(self._points, default=0) - (self._window.periods - 1) * self._window.span_ms
        for start in [start for start in self._points if start < oldest]:
            del self._points[start]

    def complete(self) -> None:
        """All parts have come: what is known has no hole."""
        self.since_ms = max(self._points, default=0)


@dataclass(frozen=True, slots=True)
class _Second:
    """What is kept of one queue in one snapshot: a QueueState without its hour of minutes."""

    depths: Mapping[JobState, int]
    oldest_ms: int | None
    completed_total: int
    failed_total: int
    recent: Figures

    @classmethod
    def of(cls, state: QueueState) -> _Second:
        depths = {each: getattr(state, each.value) for each in JobState}
        return cls(depths, state.oldest_waiting_ms, state.completed_total, state.failed_total, state.recent)


class LivePoints:
    """The last minute by seconds, from the snapshots that come anyway: it asks Redis for nothing."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, Mapping[str, _Second]]] = deque(maxlen=2 * LIVE_S + _RATE_S)
        self._told: dict[tuple[str, int], Point] = {}

    def add(self, snapshot: Snapshot) -> None:
        """Append the newest snapshot; time running backwards (another Redis) starts anew."""
        if self._seconds and snapshot.taken_at_ms < self._seconds[-1][0]:
            self._seconds.clear()
            self._told.clear()
        if self._seconds and snapshot.taken_at_ms == self._seconds[-1][0]:
            return
        self._seconds.append((snapshot.taken_at_ms, {state.name: _Second.of(state) for state in snapshot.queues}))

    def points(self, queue: str) -> tuple[Point, ...]:
        """The last 60 s of a queue ("": of all), oldest first.

        Counts per minute are those of the 5 s before, the failure rate's those of the minute before; times are
        those of the last 5 minutes, as the snapshots have them.
        """
        samples = list(self._seconds)
        if not samples:
            return ()
        newest_ms = samples[-1][0]
        shown = [index for index, (at_ms, _) in enumerate(samples) if newest_ms - at_ms <= LIVE_S * _SECOND_MS]
        told = {(queue, samples[index][0]): index for index in shown}
        # A second's figures do not change any more: its percentiles are read once.
        self._told = {key: point for key, point in self._told.items() if key in told}
        for key, index in told.items():
            if key not in self._told:
                self._told[key] = self._point(samples, index, queue)
        return tuple(self._told[key] for key in told)

    def _point(self, samples: Sequence[tuple[int, Mapping[str, _Second]]], index: int, queue: str) -> Point:
        at_ms, now = samples[index]
        chosen = [second for name, second in now.items() if queue in ("", name)]
        recent = summed(second.recent for second in chosen)
        completed, failed, passed_ms = _ended(samples, index, queue, _RATE_S * _SECOND_MS)
        all_completed, all_failed, _ = _ended(samples, index, queue, LIVE_S * _SECOND_MS)
        ages = [second.oldest_ms for second in chosen if second.oldest_ms is not None]
        measured = _measures(recent, _MINUTE_MS / passed_ms if passed_ms else 0.0)
        judged = (all_failed, all_completed + all_failed)
        return Point(
            at_ms,
            at_ms,
            replace(measured, completed=completed, failed=failed, judged=judged),
            {},
            {state: sum(second.depths[state] for second in chosen) for state in JobState},
            max(ages, default=0),
        )


def _ended(
    samples: Sequence[tuple[int, Mapping[str, _Second]]], index: int, queue: str, within_ms: int
) -> tuple[int, int, int]:
    """Jobs completed and failed since the oldest sample within `within_ms` of this one, and how long that was."""
    at_ms, now = samples[index]
    first = index
    while first and at_ms - samples[first - 1][0] <= within_ms + _SECOND_MS // 2:
        first -= 1
    since_ms, before = samples[first]
    completed = failed = 0
    for name, second in now.items():
        if queue in ("", name) and name in before:
            completed += max(0, second.completed_total - before[name].completed_total)
            failed += max(0, second.failed_total - before[name].failed_total)
    return completed, failed, at_ms - since_ms
