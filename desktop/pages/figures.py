"""From snapshots to the numbers and words that the Queues page shows: pure functions and one ring.

Rates count jobs that ended for good (completed, or failed with no attempt left); retried
attempts are not failures. All are per minute, whatever the interval between two samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from desktop.widgets.job_words import span_text
from engine.model import MinuteCounts, QueueState, Snapshot

HISTORY_S = 60
FEW_SAMPLES = 20
"""A rate of fewer jobs than this is dimmed: one failure more or less would turn it over."""
RATE_WINDOW_S = 5


def per_minute(queue: QueueState, now_ms: int) -> float:
    """Jobs that ended within the last 60 s: the running minute, and the rest of the one before by its share."""
    if not queue.minutes:
        return 0.0
    running = queue.minutes[-1]
    ended = float(running.completed + running.failed)
    if len(queue.minutes) > 1:
        passed = min(max((now_ms - running.minute * 60_000) / 60_000, 0.0), 1.0)
        ended += (queue.minutes[-2].completed + queue.minutes[-2].failed) * (1 - passed)
    return ended


def minute_by_minute(queues: Iterable[QueueState]) -> tuple[MinuteCounts, ...]:
    """The queues' minutes added up, oldest first."""
    sums: dict[int, list[int]] = {}
    for queue in queues:
        for counts in queue.minutes:
            into = sums.setdefault(counts.minute, [0, 0])
            into[0] += counts.completed
            into[1] += counts.failed
    return tuple(MinuteCounts(minute, done, failed) for minute, (done, failed) in sorted(sums.items()))


def state_of(queue: QueueState) -> str:
    """ "paused", "no worker" or "running"; a paused queue is paused whoever serves it."""
    if queue.paused:
        return "paused"
    return "running" if queue.workers else "no worker"


def state_words(queue: QueueState, now_ms: int, paused_by: str = "") -> str:
    """What an operator should know of its state, "" where it simply runs; `paused_by` is who paused it, if known."""
    if not queue.paused:
        return "" if queue.workers else "No worker serves this queue"
    words = "Paused" if queue.workers else "No worker; paused"
    if queue.paused_since_ms is not None:
        words += f" {age_text(now_ms - queue.paused_since_ms)} ago"
    return f"{words} by {paused_by}" if paused_by else words


def drain_words(queue: QueueState) -> str:
    """When its waiting jobs will be done at the pace of the last minutes."""
    if not queue.waiting:
        return "None waits."
    if queue.paused:
        return "They wait until it is resumed."
    if not queue.workers:
        return "They wait for a worker."
    if queue.drained_in_ms is None:
        return "They are not getting fewer."
    return f"At the pace of the last minutes they are done in {age_text(queue.drained_in_ms)}."


def age_text(age_ms: int | None) -> str:
    """An age in its largest unit: "-", "3 s", "12 min", "5 h", "2 d"."""
    if age_ms is None:
        return "–"
    seconds = max(age_ms, 0) // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def count_text(count: float) -> str:
    """A count that stays narrow: 999, 12,345, 1.2 M."""
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f} M"
    return f"{count:,.0f}" if count >= 10 or count == int(count) else f"{count:.1f}"


def narrow_text(count: float) -> str:
    """A count for a narrow column: 999, 12,345, 123 k, 1.2 M; the exact one belongs into the tooltip."""
    if count >= 999_500:
        return f"{count / 1_000_000:.1f} M"
    return f"{count / 1_000:.0f} k" if count >= 100_000 else count_text(count)


def time_text(time_ms: float | None) -> str:
    """A time of a histogram: "–", "29 ms", "0.9 s", "12 min"; two figures, for it is right to a tenth only."""
    if time_ms is None:
        return "–"
    return span_text(int(float(f"{time_ms:.2g}")))


def percent_text(percent: float | None) -> str:
    """A share: "–", "0 %", "0.4 %", "37 %"."""
    if percent is None:
        return "–"
    return f"{percent:.1f} %" if 0 < percent < 10 else f"{percent:.0f} %"


class _Sums(NamedTuple):
    """What the live charts need to know of a queue, or of all, at one time."""

    waiting: int
    active: int
    delayed: int
    completed: int
    failed: int


class History:
    """The last 60 s of snapshots, for the live charts."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, dict[str | None, _Sums]]] = deque(maxlen=HISTORY_S + RATE_WINDOW_S + 1)

    def add(self, snapshot: Snapshot) -> None:
        """Append the newest snapshot; time running backwards (another Redis) starts anew."""
        if self._samples and snapshot.taken_at_ms < self._samples[-1][0]:
            self._samples.clear()
        sums: dict[str | None, _Sums] = {
            state.name: _Sums(state.waiting, state.active, state.delayed, state.completed_total, state.failed_total)
            for state in snapshot.queues
        }
        sums[None] = _Sums(*(sum(column) for column in zip(*sums.values(), strict=True)))
        self._samples.append((snapshot.taken_at_ms, sums))

    def depths(self, queue: str | None) -> tuple[list[float], dict[str, list[float]]]:
        """Seconds before the newest sample (negative, rising to 0), and waiting, active and delayed jobs then."""
        shown = list(self._samples)[-HISTORY_S - 1 :]
        sums = [known[queue] for _, known in shown]
        lines: dict[str, list[float]] = {
            key: [getattr(one, key) for one in sums] for key in ("waiting", "active", "delayed")
        }
        return [self._seconds(at_ms) for at_ms, _ in shown], lines

    def rates(self, queue: str | None) -> tuple[list[float], dict[str, list[float]]]:
        """As `depths`, but jobs completed and failed per minute over the 5 s before each sample."""
        samples = list(self._samples)
        x: list[float] = []
        lines: dict[str, list[float]] = {"completed": [], "failed": []}
        for index in range(1, len(samples)):
            (at_ms, sums), (before_ms, before) = samples[index], samples[max(0, index - RATE_WINDOW_S)]
            passed_ms = at_ms - before_ms
            if passed_ms <= 0:
                continue
            x.append(self._seconds(at_ms))
            for key, line in lines.items():
                line.append(max(getattr(sums[queue], key) - getattr(before[queue], key), 0) * 60_000 / passed_ms)
        return x, lines

    def _seconds(self, at_ms: int) -> float:
        return (at_ms - self._samples[-1][0]) / 1000
