"""One frozen moment of the Charts page: the points that are drawn, until when, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop.pages.chart_lines import action_mark, worker_mark
from desktop.pages.chart_points import Point
from desktop.widgets.chart_data import EventMark
from desktop.widgets.time_axis import Stretch
from engine.model import AuditEntry, WorkerInfo

_TOLD = 2
_NEAR_SHARE = 1 / 200
"""What happened so near to a point, by the length of the stretch, is told with it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn: all points of the window, and until when."""

    points: tuple[Point, ...] = ()
    now_ms: float = 0.0
    marks: tuple[EventMark, ...] = ()

    def spans(self) -> list[tuple[float, float]]:
        """From and to of each point; the running one ends now."""
        return [(point.start_ms, min(point.end_ms, max(self.now_ms, point.start_ms + 1))) for point in self.points]

    def inside(self, stretch: Stretch) -> list[Point]:
        """The points that are in the stretch, if only with a part."""
        return [point for point in self.points if point.end_ms >= stretch.from_ms and point.start_ms <= stretch.to_ms]

    def nearest(self, at_ms: float | None) -> int | None:
        """The index of the point that is nearest to a time."""
        if at_ms is None or not self.points:
            return None
        middles = [(point.start_ms + min(point.end_ms, self.now_ms)) / 2 for point in self.points]
        return min(range(len(middles)), key=lambda place: abs(middles[place] - at_ms))

    def stepped(self, index: int | None, by: int) -> int | None:
        """The index `by` points farther, from the newest where there is none; None where there are no points."""
        last = len(self.points) - 1
        here = index if index is not None else last + (1 if by < 0 else 0)
        return min(max(here + by, 0), last) if self.points else None

    def happened(self, index: int, stretch: Stretch) -> str:
        """What happened at a point, in words."""
        point = self.points[index]
        start_ms, end_ms = point.start_ms, max(min(point.end_ms, self.now_ms), point.start_ms)
        least_ms = stretch.length_ms * _NEAR_SHARE
        near = [mark.text for mark in self.marks if start_ms - least_ms <= mark.at_ms <= end_ms + least_ms]
        more = f" (and {len(near) - _TOLD} more)" if len(near) > _TOLD else ""
        return "; ".join(near[:_TOLD]) + more


class Marks:
    """What happened to the queues: operators' actions and workers' starts.

    They are put into words once: there may be hundreds, and each is drawn twice a second.
    """

    def __init__(self) -> None:
        self._actions: dict[str, tuple[AuditEntry, ...]] = {}
        self._workers: dict[str, WorkerInfo] = {}
        self._told: dict[tuple[int, str, str], EventMark] = {}
        self._hour = 0

    def note_actions(self, queue: str, entries: Sequence[AuditEntry]) -> None:
        """The operators' actions on a queue ("": on all), instead of those known so far."""
        self._actions[queue] = tuple(entries)

    def note_workers(self, workers: Iterable[WorkerInfo]) -> None:
        """These workers run, besides those known so far."""
        self._workers.update((worker.id, worker) for worker in workers)

    def forget_workers(self) -> None:
        """It is another Redis now."""
        self._workers.clear()

    def of(self, queue: str, now_ms: float) -> tuple[EventMark, ...]:
        """Those of a queue ("": of all), in the order of their times."""
        entries = self._actions.get(queue, ())
        workers = [worker for worker in self._workers.values() if queue in ("", *worker.queues)]
        hour = int(now_ms) // 3_600_000
        if hour != self._hour:  # "Today" has become another one, at midnight in whatever zone
            self._hour, self._told = hour, {}
        found = []
        for entry in entries:
            key = (entry.at_ms, entry.id, entry.queue)
            found.append(self._told.get(key) or self._told.setdefault(key, action_mark(entry, now_ms)))
        for worker in workers:
            key = (worker.started_at_ms, worker.id, "")
            found.append(self._told.get(key) or self._told.setdefault(key, worker_mark(worker, now_ms)))
        return tuple(sorted(found, key=lambda mark: mark.at_ms))
