"""Where the frames of the Charts page come from: the live minute, what was read of longer times, what happened."""

from __future__ import annotations

from desktop.pages.chart_frame import Frame, Marks
from desktop.pages.chart_points import LIVE, LivePoints, Window
from desktop.pages.chart_readings import Readings
from engine.model import Snapshot

_TIME_LEAP_MS = 60_000
"""A Redis whose clock is so far behind is another one."""


class FrameSource:
    """Gathers always, so that a frame of any queue and time can be had at once."""

    def __init__(self, readings: Readings) -> None:
        self.marks = Marks()
        self._readings = readings
        self._live = LivePoints()
        self._redis = ""
        self._now_ms = 0.0

    def add(self, snapshot: Snapshot) -> None:
        """Take in the present; of another Redis nothing that was known holds."""
        if snapshot.redis != self._redis or snapshot.taken_at_ms < self._now_ms - _TIME_LEAP_MS:
            self._redis = snapshot.redis
            self._readings.forget()
            self.marks.forget_workers()
        self._now_ms = snapshot.taken_at_ms
        self._live.add(snapshot)
        self.marks.note_workers(snapshot.workers)

    def frame(self, queue: str, window: Window) -> Frame:
        """The newest frame of a queue ("": of all together)."""
        points = self._live.points(queue) if window is LIVE else self._readings.points(queue, window)
        now_ms = max(self._now_ms, points[-1].start_ms + 1 if points else 0)
        return Frame(points, now_ms, self.marks.of(queue, now_ms))
