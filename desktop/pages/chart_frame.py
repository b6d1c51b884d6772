"""One frozen moment of the Charts page: the points that are drawn, until when, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
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

    def happened(self, index: int, stretch: Stretch) -> str:
        """What happened at a point, in words."""
        point = self.points[index]
        start_ms, end_ms = point.start_ms, max(min(point.end_ms, self.now_ms), point.start_ms)
        least_ms = stretch.length_ms * _NEAR_SHARE
        near = [mark.text for mark in self.marks if start_ms - least_ms <= mark.at_ms <= end_ms + least_ms]
        more = f" (and {len(near) - _TOLD} more)" if len(near) > _TOLD else ""
        return "; ".join(near[:_TOLD]) + more


class Marks:
    """The marks of actions and starts, put into words once: there may be hundreds, and each is drawn twice a second."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, str, str], EventMark] = {}
        self._hour = 0

    def of(self, entries: Iterable[AuditEntry], workers: Iterable[WorkerInfo], now_ms: float) -> tuple[EventMark, ...]:
        """In the order of their times."""
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
