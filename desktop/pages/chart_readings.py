"""The Charts page's points of all queues and times: what is known, what is being read, and what is to be asked next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QObject, Signal

from desktop.pages.chart_points import LIVE, WINDOWS, Point, Series, Window

_EARLY_MS = 250
"""Half a tick of the page's clock: what is due by the next tick but one is asked for now."""


class Readings(QObject):
    """Asks by `wanted` and takes the answers; one reading at a time, and only what can have changed."""

    wanted = Signal(int, str, str, object)
    """Number of the reading, queue ("": all), key of a window, and from which time on (Unix ms) it is to be read."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._series: dict[tuple[str, str], Series] = {}
        self._newest = 0
        self._since = QElapsedTimer()
        self.number: int | None = None
        """Of the reading that is waited for."""
        self.share = 0.0
        """How much of it has come, 0 to 1."""
        self.refusal = ""
        """Why the last one failed."""

    def points(self, queue: str, window: Window) -> tuple[Point, ...]:
        """What is known, oldest first."""
        series = self._series.get((queue, window.key))
        return series.points if series is not None else ()

    def knows(self, queue: str, window: Window) -> bool:
        """Whether it has been read to its end once."""
        series = self._series.get((queue, window.key))
        return series is not None and bool(series.since_ms)

    def trouble(self, queue: str, window: Window) -> tuple[str, str]:
        """Why not all is known yet, in words and in detail; "" where it is."""
        if self.refusal:
            return "Cannot be read now", self.refusal
        if self.number is not None and not self.knows(queue, window):
            return f"Reading the {window.told}: {self.share * 100:.0f} %", ""
        return "", ""

    def ask(self, queue: str, window: Window) -> None:
        """Ask, where it is time to, and no answer is waited for."""
        if window is LIVE or self.number is not None:
            return
        if self._since.isValid() and not due(self._since, window.refresh_s):
            return
        self._newest += 1
        self.number, self.share = self._newest, 0.0
        series = self._series.get((queue, window.key))
        self.wanted.emit(self.number, queue, window.key, series.since_ms if series else 0)

    def take(self, number: int, queue: str, key: str, points: Sequence[Point], share: float) -> bool:
        """Keep a part of an answer, and tell whether it belongs to what is waited for."""
        series = self._series.setdefault((queue, key), Series(WINDOWS[key]))
        series.merge(points)
        if number != self.number:
            return False
        self.share = share
        if share >= 1:
            series.complete()
            self.end("")
        return True

    def end(self, refusal: str) -> None:
        """It is over, by a refusal or without one."""
        self.number, self.refusal = None, refusal
        self._since.start()

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self.number = None

    def begin_anew(self) -> None:
        """Something else is looked at: ask for it at once."""
        self.number, self.refusal = None, ""
        self._since.invalidate()

    def forget(self) -> None:
        """It was another Redis."""
        self._series.clear()


def due(since: QElapsedTimer, seconds: int) -> bool:
    """Whether so many seconds have passed, or nearly."""
    return since.elapsed() >= seconds * 1000 - _EARLY_MS
