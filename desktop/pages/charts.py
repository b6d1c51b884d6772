"""The Charts page: five charts over the same time, of one queue or all together, from the last minute to 90 days.

The live minute comes from the snapshots; longer times are asked for while the page is shown, first whole and then
only what can have changed. What is drawn is a frozen frame: pausing the view keeps it while data go on being gathered.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.chart_controls import ChartControls, ChartStatus
from desktop.pages.chart_frame import Frame
from desktop.pages.chart_grid import ChartGrid, View
from desktop.pages.chart_lines import CHARTS
from desktop.pages.chart_points import LIVE, WINDOWS, Point, Window
from desktop.pages.chart_readings import Readings, due
from desktop.pages.chart_source import FrameSource
from desktop.pages.chart_zoom import Zoom
from desktop.theme import Look
from desktop.widgets.chart_data import Drawing
from desktop.widgets.time_axis import Stretch, moment_words
from engine.model import AuditEntry, Snapshot

_TICK_MS = 500
_MARKS_EACH_S = 10
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
        self._window: Window = WINDOWS["1h"]
        self._readings = Readings(self)
        self._readings.wanted.connect(self.points_wanted)
        self._source = FrameSource(self._readings)
        self._gone_for: QElapsedTimer | None = None
        self._since_marks = QElapsedTimer()
        self._paused_for: QElapsedTimer | None = None
        self._frame = Frame()
        self._zoom = Zoom()
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
        return self._zoom.stretch(self._all())

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take in the present: for the live minute and the workers' starts."""
        self._source.add(snapshot)
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
        self._source.marks.note_actions(queue, entries)
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
        self._zoom.show_all()
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self._ask()
        self._draw(at_once=False)

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
        self._zoom.show_all()
        self._crosshair = None
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
        self._changed, window = False, self._window
        if not self.paused:
            self._frame = self._source.frame(self.queue, window)
        frame = self._frame
        if self._crosshair is not None and self._crosshair >= len(frame.points):
            self._crosshair = None
        types = sorted({name for point in frame.points for name in point.by_type if name})
        self.controls.fit_types(types, window, keep=window is not LIVE and self.reading is not None)
        self.controls.show_zoomed(bool(self._zoom))
        self._escape.setEnabled(bool(self._zoom))
        self._draw_status()
        view = View(self._drawing, frame.marks, stale=self._gone_for is not None, zoomed=bool(self._zoom))
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

    def _all(self) -> Stretch:
        """The whole window, up to the frame's newest."""
        now_ms = self._frame.now_ms or 60_000.0
        return Stretch(now_ms - self._window.length_ms, now_ms)

    def _draw_status(self) -> None:
        if self._gone_for is not None:
            self.status.show_gone(self._gone_for.elapsed(), known=bool(self._frame.points))
        elif self._paused_for is not None:
            self.status.show_paused(self._paused_for.elapsed())
        else:
            self.status.show_trouble(*self._readings.trouble(self.queue, self._window))
        index, frame, stretch = self._crosshair, self._frame, self.stretch
        if index is None or index >= len(frame.points):
            zoomed = moment_words(stretch.from_ms, stretch.to_ms, frame.now_ms) if self._zoom else ""
            self.status.show_moment(f"{self.queues.currentText()}, {zoomed or self._window.told}", _HELP)
            return
        point = frame.points[index]
        moment = moment_words(point.start_ms, min(point.end_ms, frame.now_ms), frame.now_ms)
        self.status.show_moment(moment, frame.happened(index, stretch))

    # Crosshair and zoom

    def _step(self, by: int) -> None:
        index = self._frame.stepped(self._crosshair, by)
        if index is None:
            return
        if self._zoom.follow(self._frame.points[index].start_ms, self._all()):
            self._draw()
        self._move_crosshair(index)

    def _move_crosshair(self, index: int | None) -> None:
        if index != self._crosshair:
            self._crosshair = index
            self.grid.show_crosshair(index)
            self._draw_status()

    def _zoom_by(self, factor: float, around_ms: float) -> None:
        self._zoom.show_by(factor, around_ms, self._all(), self._window.span_ms)
        self._draw()

    def _zoom_to(self, stretch: Stretch) -> None:
        self._zoom.show_stretch(stretch, self._all(), self._window.span_ms)
        self._draw()
