"""What the Charts page asks of the engine, and the files that it saves."""

from __future__ import annotations

import time
from contextlib import aclosing
from pathlib import Path

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.pages.chart_points import WINDOWS, Point, point_of
from desktop.pages.charts import ChartsPage
from desktop.window import Window
from engine import Engine
from engine.model import AuditEntry
from engine.queues import QUEUES

_POINTS, _MARKS = "charts.points", "charts.marks"
_MOST_MARKS = 200


def connect(page: ChartsPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's signals to the bridge, and the bridge's answers to the page."""
    _Wiring(page, bridge, window)


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: ChartsPage, bridge: Bridge, window: Window) -> None:
        super().__init__(page)
        self._page, self._bridge, self._window = page, bridge, window
        page.points_wanted.connect(self._read_points)
        page.marks_wanted.connect(self._read_marks)
        page.save_wanted.connect(self._save)
        bridge.sampled.connect(page.show_snapshot)
        bridge.gone.connect(lambda *_: page.show_gone())
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)

    def _read_points(self, number: int, queue: str, key: str, since_ms: int) -> None:
        asked, page = WINDOWS[key], self._page

        async def read(engine: Engine) -> None:
            queues = (queue,) if queue else tuple(QUEUES)
            parts = engine.monitor.histories(queues, periods=asked.periods, span_ms=asked.span_ms, since_ms=since_ms)
            held: list[Point] = []
            read = 0
            async with aclosing(parts):
                async for part in parts:
                    now_ms = int(time.time() * 1000)
                    held += [point_of(period, now_ms) for period in part]
                    read += len(part)
                    if page.reading != number:
                        return  # another is wanted, or nobody looks
                    if len(held) >= asked.periods / 20:
                        page.show_points(number, queue, key, held, min(read / asked.periods, 0.99))
                        held = []
            page.show_points(number, queue, key, held, 1.0)

        self._bridge.request(_POINTS, read)

    def _read_marks(self, queue: str) -> None:
        async def read(engine: Engine) -> tuple[str, tuple[AuditEntry, ...]]:
            return queue, await engine.admin.audit(queue or None, _MOST_MARKS)

        self._bridge.request(_MARKS, read)

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _MARKS:
            self._page.show_actions(*answer)  # type: ignore[misc]

    def _on_refused(self, topic: str, message: str) -> None:
        if topic == _POINTS:
            self._page.show_refused(message)

    def _save(self, path: str, content: bytes) -> None:
        file = Path(path)
        unfinished = file.with_name(file.name + ".part")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(file)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            self._window.notices.show_notice(
                "error", f"{path} cannot be written: {error.strerror}.", "Choose another place."
            )
        else:
            self._window.notices.show_notice("success", f"Saved {path}.")
