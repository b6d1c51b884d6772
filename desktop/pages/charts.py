"""The Charts page: five charts over the same time, of one queue or all together, from the last minute to 90 days.

The live minute comes from the snapshots; longer times are asked for while the page is shown, first whole and then
only what can have changed. What is drawn is a frozen frame: pausing the view keeps it while data go on being gathered.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.chart_controls import ChartControls, ChartStatus
from desktop.pages.chart_frame import Frame, Marks
from desktop.pages.chart_grid import ChartGrid, View
from desktop.pages.chart_lines import CHARTS
from desktop.pages.chart_points import LIVE, WINDOWS, LivePoints, Point, Window
from desktop.pages.chart_readings import Readings, due
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.chart_data import Drawing
from desktop.widgets.time_axis import Stretch, moment_words
from engine.model import AuditEntry, Snapshot, WorkerInfo

_TICK_MS = 500
_MARKS_EACH_S = 10
_LEAST_SPANS = 4
_HELP = "Arrow keys move the crosshair, + and − or the wheel zoom, drag to zoom in, Esc shows all; S saves PNG, C CSV."


class ChartsPage(QWidget):
    """Give it snapshots always, points and actions as it asks for them, and `show_gone` where there are none."""

    points_wanted = Signal(int, str, str, object)
    """Number of the reading, queue ("": all), key of a window, and from which time on (Unix ms) it is to be read."""
    marks_wanted = Signal(str)
    """The operators' actions on a queue ("": on all) are to be read."""
    save_wanted = Signal(str, bytes)
    """A path, and what is to be written there."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._window: Window = WINDOWS["1h"]
        self._live = LivePoints()
        self._readings = Readings(self)
        self._readings.wanted.connect(self.points_wanted)
        self._marks = Marks()
        self._actions: dict[str, tuple[AuditEntry, ...]] = {}
        self._workers: dict[str, WorkerInfo] = {}
        self._redis = ""
        self._now_ms = 0.0
        self._gone_for: QElapsedTimer | None = None
        self._since_marks = QElapsedTimer()
        self._paused_for: QElapsedTimer | None = None
        self._frame = Frame()
        self._zoom: Stretch | None = None
        self._crosshair: int | None = None
        self._changed = True

        self.controls = controls = ChartControls(look, self._window)
        self.status = ChartStatus(look)
        self.queues, self.types = controls.queues, controls.types
        self.pause, self.reset = controls.pause, controls.reset
        self.trouble, self.moment, self.happened = self.status.trouble, self.status.moment, self.status.happened
        self.grid = ChartGrid(look)
        self.charts = self.grid.charts
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(8)
        column.addWidget(controls)
        column.addWidget(self.status)
        column.addWidget(self.grid, 1)
        controls.window_wanted.connect(self.show_window)
        controls.queue_changed.connect(self._look_anew)
        controls.type_changed.connect(self._draw)
        controls.pause_wanted.connect(self.pause_view)
        controls.reset_wanted.connect(self.reset_zoom)
        self.grid.pointed.connect(lambda at_ms: self._move_crosshair(self._frame.nearest(at_ms)))
        self.grid.stepped.connect(self._step)
        self.grid.zoomed.connect(self._zoom_by)
        self.grid.stretch_wanted.connect(self._zoom_to)
        self.grid.reset_wanted.connect(self.reset_zoom)
        self.grid.save_wanted.connect(self.save_wanted)
        # A shortcut, because the window takes the key itself for its talk key; it is off while there is no zoom.
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.reset_zoom)
        self._escape.setEnabled(False)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._draw()

    # What it shows

    @property
    def dialog(self) -> QFileDialog | None:
        """The file dialog that is open."""
        return self.grid.dialog

    @property
    def queue(self) -> str:
        """The queue that is shown; "" means all together."""
        return self.controls.queue

    @property
    def job_type(self) -> str:
        """The job type that is shown; "" means all together."""
        return self.controls.job_type

    @property
    def window_key(self) -> str:
        """The time that is shown, a key of `WINDOWS`."""
        return self._window.key

    @property
    def reading(self) -> int | None:
        """Number of the reading that the page waits for; who works on another one can stop."""
        return self._readings.number

    @property
    def paused(self) -> bool:
        """Whether the drawing stands still."""
        return self._paused_for is not None

    @property
    def stretch(self) -> Stretch:
        """The time that is drawn."""
        return self._zoom or self._all()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take in the present: for the live minute and the workers' starts."""
        if snapshot.redis != self._redis or snapshot.taken_at_ms < self._now_ms - 60_000:
            self._redis = snapshot.redis
            self._readings.forget()
            self._workers.clear()
        self._now_ms = snapshot.taken_at_ms
        self._live.add(snapshot)
        self._workers.update((worker.id, worker) for worker in snapshot.workers)
        was_gone, self._gone_for = self._gone_for is not None, None
        if self.isVisible() and (self._window is LIVE or was_gone):
            self._draw(at_once=False)

    def show_points(self, number: int, queue: str, key: str, points: Sequence[Point], share: float) -> None:
        """A part of a reading; `share` (0 to 1) is how much of it has come, and 1 ends it."""
        if self._readings.take(number, queue, key, points, share):
            self._changed = True
            if share >= 1 or not self._frame.points:
                self._draw_if_changed()

    def show_refused(self, message: str) -> None:
        """What was asked for cannot be read."""
        self._readings.end(message)
        self._draw()

    def show_actions(self, queue: str, entries: Sequence[AuditEntry]) -> None:
        """The operators' actions on a queue ("": on all)."""
        self._actions[queue] = tuple(entries)
        self._changed = True

    def show_gone(self) -> None:
        """Redis does not answer: keep what is known, grey, and say how old it is."""
        if self._gone_for is None:
            self._gone_for = QElapsedTimer()
            self._gone_for.start()
            self._readings.stop()
            self._draw()

    def show_window(self, key: str) -> None:
        """Show another time."""
        self._window = WINDOWS[key]
        self.controls.windows[key].setChecked(True)
        self._look_anew()

    def select(self, queue: str) -> None:
        """Show another queue, or all ("")."""
        self.queues.setCurrentIndex(self.queues.findData(queue))

    def pause_view(self, paused: bool) -> None:
        """Let the drawing stand still, or follow again."""
        self._paused_for = QElapsedTimer() if paused else None
        if self._paused_for is not None:
            self._paused_for.start()
        self.controls.show_paused(paused)
        self._draw()

    def reset_zoom(self) -> None:
        """Show the whole time again."""
        self._zoom = None
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self._ask()
        self._draw()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
        self._readings.stop()

    # Asking

    def _ask(self) -> None:
        if self._gone_for is not None:
            return
        if not self._since_marks.isValid() or due(self._since_marks, _MARKS_EACH_S):
            self._since_marks.start()
            self.marks_wanted.emit(self.queue)
        self._readings.ask(self.queue, self._window)

    def _look_anew(self) -> None:
        """Another queue or time is chosen: nothing of the old view holds."""
        self._readings.begin_anew()
        self._since_marks.invalidate()
        self._zoom, self._crosshair = None, None
        self.pause_view(False)
        if self.isVisible():
            self._ask()

    def _tick(self) -> None:
        self._ask()
        self._draw_if_changed()
        self._draw_status()

    # Drawing

    def _draw_if_changed(self) -> None:
        if self._changed and self.isVisible():
            self._draw(at_once=False)

    def _draw(self, *_: object, at_once: bool = True) -> None:
        """Draw all charts; not `at_once`, they come one after the other, so that nobody feels it."""
        self._changed = False
        if not self.paused:
            self._frame = self._newest_frame()
        frame, window = self._frame, self._window
        if self._crosshair is not None and self._crosshair >= len(frame.points):
            self._crosshair = None
        types = sorted({name for point in frame.points for name in point.by_type if name})
        self.controls.fit_types(types, window, keep=window is not LIVE and self.reading is not None)
        self.controls.show_zoomed(self._zoom is not None)
        self._escape.setEnabled(self._zoom is not None)
        self._draw_status()
        view = View(self._drawing, frame.marks, stale=self._gone_for is not None, zoomed=self._zoom is not None)
        self.grid.file_name = f"hark {self.queue or 'all queues'} {{chart}} {window.key}"
        self.grid.show_view(view, self._crosshair, at_once=at_once)

    def _drawing(self, key: str) -> Drawing:
        spec, frame, window, stretch = CHARTS[key], self._frame, self._window, self.stretch
        points = frame.points
        job_type = self.job_type if spec.typed else ""
        scope = f"{self.queues.currentText()}, {window.told}"
        return Drawing(
            stretch,
            frame.spans(),
            spec.values(points, job_type),
            running=spec.running and window is not LIVE,
            note=spec.note(frame.inside(stretch), self.job_type, window),
            empty=spec.empty if points else "Reading…" if self.reading is not None else "No figures yet.",
            scope=f"{scope}, {job_type}" if job_type else scope,
        )

    def _newest_frame(self) -> Frame:
        queue, window = self.queue, self._window
        points = self._live.points(queue) if window is LIVE else self._readings.points(queue, window)
        now_ms = max(self._now_ms, points[-1].start_ms + 1 if points else 0)
        started = [worker for worker in self._workers.values() if queue in ("", *worker.queues)]
        return Frame(points, now_ms, self._marks.of(self._actions.get(queue, ()), started, now_ms))

    def _all(self) -> Stretch:
        """The whole window, up to the frame's newest."""
        now_ms = self._frame.now_ms or 60_000.0
        return Stretch(now_ms - self._window.length_ms, now_ms)

    def _draw_status(self) -> None:
        self.status.show_trouble(self._trouble_words(), self._readings.refusal)
        index, frame, stretch = self._crosshair, self._frame, self.stretch
        if index is None or index >= len(frame.points):
            zoomed = moment_words(stretch.from_ms, stretch.to_ms, frame.now_ms) if self._zoom else ""
            self.status.show_moment(f"{self.queues.currentText()}, {zoomed or self._window.told}", _HELP)
            return
        point = frame.points[index]
        moment = moment_words(point.start_ms, min(point.end_ms, frame.now_ms), frame.now_ms)
        self.status.show_moment(moment, frame.happened(index, stretch))

    def _trouble_words(self) -> str:
        if self._gone_for is not None:
            known = bool(self._frame.points)
            return f"Figures of {age_text(self._gone_for.elapsed())} ago" if known else "No figures: Redis is gone"
        if self._paused_for is not None:
            return f"View paused {age_text(self._paused_for.elapsed())} ago; figures go on being gathered"
        if self._readings.refusal:
            return "Cannot be read now"
        if self.reading is not None and not self._readings.knows(self.queue, self._window):
            return f"Reading the {self._window.told}: {self._readings.share * 100:.0f} %"
        return ""

    # Crosshair and zoom

    def _step(self, by: int) -> None:
        last = len(self._frame.points) - 1
        if last < 0:
            return
        here = self._crosshair if self._crosshair is not None else last + (1 if by < 0 else 0)
        index = min(max(here + by, 0), last)
        if self._zoom is not None:
            # The view goes along with the crosshair.
            point, zoom = self._frame.points[index], self._zoom
            if point.start_ms < zoom.from_ms or point.start_ms > zoom.to_ms:
                start = point.start_ms - zoom.length_ms / 2
                self._zoom = Stretch(start, start + zoom.length_ms).moved_into(self._all())
                self._draw()
        self._move_crosshair(index)

    def _move_crosshair(self, index: int | None) -> None:
        if index != self._crosshair:
            self._crosshair = index
            self.grid.show_crosshair(index)
            self._draw_status()

    def _zoom_by(self, factor: float, around_ms: float) -> None:
        self._zoom_to(self.stretch.zoomed(factor, around_ms, self._all(), _LEAST_SPANS * self._window.span_ms))

    def _zoom_to(self, stretch: Stretch) -> None:
        least_ms = _LEAST_SPANS * self._window.span_ms
        if stretch.length_ms < least_ms:
            middle = (stretch.from_ms + stretch.to_ms) / 2
            stretch = Stretch(middle - least_ms / 2, middle + least_ms / 2)
        stretch = stretch.moved_into(self._all())
        self._zoom = None if stretch.length_ms >= self._all().length_ms else stretch
        self._draw()
