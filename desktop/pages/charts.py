"""The Charts page: five charts over the same time, of one queue or all together, from the last minute to 90 days.

The live minute comes from the snapshots; longer times are asked for while the page is shown, first whole and then
only what can have changed. What is drawn is a frozen frame: pausing the view keeps it while data go on being gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.chart_lines import CHARTS, action_mark, worker_mark
from desktop.pages.chart_points import LIVE, WINDOWS, LivePoints, Point, Series, Window
from desktop.pages.figures import age_text
from desktop.theme import Look
from desktop.widgets.chart_plot import EventMark
from desktop.widgets.text import Button, Text
from desktop.widgets.time_axis import Stretch, moment_words
from desktop.widgets.time_chart import Drawing, TimeChart
from engine.model import AuditEntry, Snapshot, WorkerInfo
from engine.queues import QUEUES

_TICK_MS = 500
_MARKS_EACH_S = 10
_BETWEEN_MS = 20
_LEAST_SPANS = 4
_HELP = "Arrow keys move the crosshair, + and − or the wheel zoom, drag to zoom in, Esc shows all; S saves PNG, C CSV."


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is drawn: all points of the window, and until when."""

    points: tuple[Point, ...] = ()
    now_ms: float = 0.0
    marks: tuple[EventMark, ...] = ()


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
        self._series: dict[tuple[str, str], Series] = {}
        self._actions: dict[str, tuple[AuditEntry, ...]] = {}
        self._workers: dict[str, WorkerInfo] = {}
        self._redis = ""
        self._now_ms = 0.0
        self._gone_for: QElapsedTimer | None = None
        self._refusal = ""
        self._reading: int | None = None
        self._newest_reading = 0
        self._read_share = 0.0
        self._since_read = QElapsedTimer()
        self._since_marks = QElapsedTimer()
        self._paused_for: QElapsedTimer | None = None
        self._frame = _Frame()
        self._zoom: Stretch | None = None
        self._crosshair: int | None = None
        self._changed = True
        self._drawings: dict[str, Drawing] = {}
        """What the charts are yet to show, by their keys."""
        self.dialog: QFileDialog | None = None
        """The file dialog that is open."""

        self.charts = {
            key: TimeChart(look, spec.title, spec.lines, spec.scale(), columns=spec.columns)
            for key, spec in CHARTS.items()
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(8)
        column.addLayout(self._build_head())
        column.addLayout(self._build_status())
        column.addLayout(self._build_grid(), 1)
        for key, chart in self.charts.items():
            chart.pointed.connect(self._point_at)
            chart.stepped.connect(self._step)
            chart.zoomed.connect(self._zoom_by)
            chart.stretch_wanted.connect(self._zoom_to)
            chart.reset_wanted.connect(self.reset_zoom)
            chart.save_wanted.connect(lambda kind, key=key: self._ask_path(key, kind))
        # A shortcut, because the window takes the key itself for its talk key; it is off while there is no zoom.
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.reset_zoom)
        self._escape.setEnabled(False)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._painter = QTimer(self)
        self._painter.setSingleShot(True)
        self._painter.timeout.connect(self._draw_next)
        self._fit_types()
        self._draw()

    # What it shows

    @property
    def queue(self) -> str:
        """The queue that is shown; "" means all together."""
        return str(self.queues.currentData())

    @property
    def job_type(self) -> str:
        """The job type that is shown; "" means all together."""
        return str(self.types.currentData() or "")

    @property
    def window_key(self) -> str:
        """The time that is shown, a key of `WINDOWS`."""
        return self._window.key

    @property
    def reading(self) -> int | None:
        """Number of the reading that the page waits for; who works on another one can stop."""
        return self._reading

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
            self._series.clear()
            self._workers.clear()
        self._now_ms = snapshot.taken_at_ms
        self._live.add(snapshot)
        self._workers.update((worker.id, worker) for worker in snapshot.workers)
        was_gone, self._gone_for = self._gone_for is not None, None
        if self.isVisible() and (self._window is LIVE or was_gone):
            self._draw(at_once=False)

    def show_points(self, number: int, queue: str, key: str, points: Sequence[Point], share: float) -> None:
        """A part of a reading; `share` (0 to 1) is how much of it has come, and 1 ends it."""
        series = self._series.setdefault((queue, key), Series(WINDOWS[key]))
        series.merge(points)
        if number != self._reading:
            return
        self._read_share = share
        if share >= 1:
            series.complete()
            self._end_reading("")
        self._changed = True
        if share >= 1 or not self._frame.points:
            self._draw_if_changed()

    def show_refused(self, message: str) -> None:
        """What was asked for cannot be read."""
        self._end_reading(message)
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
            self._reading = None
            self._draw()

    def show_window(self, key: str) -> None:
        """Show another time."""
        self._window = WINDOWS[key]
        self.windows[key].setChecked(True)
        self._look_anew()

    def select(self, queue: str) -> None:
        """Show another queue, or all ("")."""
        self.queues.setCurrentIndex(self.queues.findData(queue))

    def pause_view(self, paused: bool) -> None:
        """Let the drawing stand still, or follow again."""
        self._paused_for = QElapsedTimer() if paused else None
        if self._paused_for is not None:
            self._paused_for.start()
        self.pause.setChecked(paused)
        self.pause.setText("Follow again" if paused else "Pause view")
        self.pause.set_icon("resume" if paused else "pause")
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
        self._reading = None

    # Building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(Text(self._look, "Charts", "title"))
        row.addSpacing(12)
        group = QButtonGroup(self)
        self.windows: dict[str, Button] = {}
        for key, window in WINDOWS.items():
            button = Button(self._look, window.word, kind="segment", font="label")
            button.setCheckable(True)
            button.setFixedHeight(28)
            button.setChecked(window is self._window)
            button.setAccessibleName(f"Show the {window.told}")
            button.setToolTip(f"Show the {window.told}")
            button.clicked.connect(lambda _=False, key=key: self.show_window(key))
            group.addButton(button)
            self.windows[key] = button
            row.addWidget(button)
        row.addStretch(1)
        self.reset = Button(self._look, "Reset zoom", font="label")
        self.reset.setFixedHeight(34)
        self.reset.clicked.connect(self.reset_zoom)
        self.pause = Button(self._look, "Pause view", icon="pause", font="label")
        self.pause.setCheckable(True)
        self.pause.setFixedHeight(34)
        self.pause.setToolTip("Let the charts stand still; figures go on being gathered.")
        self.pause.clicked.connect(self.pause_view)
        self.types = QComboBox()
        self.types.setAccessibleName("Job type")
        self.types.setFixedSize(170, 34)
        self.types.currentIndexChanged.connect(self._draw)
        self.queues = QComboBox()
        self.queues.setAccessibleName("Queue")
        self.queues.setFixedSize(150, 34)
        self.queues.addItem("All queues", "")
        for name, spec in QUEUES.items():
            self.queues.addItem(spec.title, name)
        self.queues.currentIndexChanged.connect(self._look_anew)
        for widget in (self.reset, self.pause, self.types, self.queues):
            row.addWidget(widget)
            row.addSpacing(4)
        return row

    def _build_status(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.trouble = Text(self._look, "", "label", "caution")
        self.moment = Text(self._look, "", "label")
        self.happened = Text(self._look, "", "caption", "muted")
        self.happened.setMinimumWidth(1)
        row.addWidget(self.trouble)
        row.addWidget(self.moment)
        row.addWidget(self.happened, 1)
        for label in (self.trouble, self.moment, self.happened):
            label.setFixedHeight(20)
        return row

    def _build_grid(self) -> QVBoxLayout:
        rows = QVBoxLayout()
        rows.setSpacing(10)
        for keys in ((("depth", 11), ("throughput", 8), ("failures", 8)), (("processing", 1), ("waiting", 1))):
            row = QHBoxLayout()
            row.setSpacing(10)
            for key, width in keys:
                row.addWidget(self.charts[key], width)
            rows.addLayout(row, 1)
        return rows

    # Asking

    def _ask(self) -> None:
        if self._gone_for is None and (not self._since_marks.isValid() or self._due(self._since_marks, _MARKS_EACH_S)):
            self._since_marks.start()
            self.marks_wanted.emit(self.queue)
        if self._window is LIVE or self._gone_for is not None or self._reading is not None:
            return
        if self._since_read.isValid() and not self._due(self._since_read, self._window.refresh_s):
            return
        self._newest_reading += 1
        self._reading, self._read_share = self._newest_reading, 0.0
        series = self._series.get((self.queue, self._window.key))
        self.points_wanted.emit(self._reading, self.queue, self._window.key, series.since_ms if series else 0)

    def _due(self, since: QElapsedTimer, seconds: int) -> bool:
        return since.elapsed() >= seconds * 1000 - _TICK_MS // 2

    def _end_reading(self, refusal: str) -> None:
        self._reading, self._refusal = None, refusal
        self._since_read.start()

    def _look_anew(self) -> None:
        """Another queue or time is chosen: nothing of the old view holds."""
        self._reading, self._refusal = None, ""
        self._since_read.invalidate()
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
        self._fit_types()
        frame, window, stretch = self._frame, self._window, self.stretch
        points = frame.points
        inside = [point for point in points if point.end_ms >= stretch.from_ms and point.start_ms <= stretch.to_ms]
        spans = [(point.start_ms, min(point.end_ms, max(frame.now_ms, point.start_ms + 1))) for point in points]
        if self._crosshair is not None and self._crosshair >= len(points):
            self._crosshair = None
        scope = f"{self.queues.currentText()}, {window.told}"
        reading = self._reading is not None
        for key, spec in CHARTS.items():
            job_type = self.job_type if spec.typed else ""
            empty = spec.empty if points else "Reading…" if reading else "No figures yet."
            self._drawings[key] = Drawing(
                stretch,
                spans,
                spec.values(points, job_type),
                running=spec.running and window is not LIVE,
                note=spec.note(inside, self.job_type, window),
                empty=empty,
                scope=f"{scope}, {job_type}" if job_type else scope,
            )
        self._escape.setEnabled(self._zoom is not None)
        self.reset.setEnabled(self._zoom is not None)
        self.reset.setToolTip("Show the whole time (Esc)" if self._zoom else "The whole time is shown.")
        self._draw_status()
        while at_once and self._drawings:
            self._draw_next()
        if self._drawings:
            self._painter.start(0)

    def _draw_next(self) -> None:
        if not self._drawings:
            return
        key = next(iter(self._drawings))
        self.charts[key].show_drawing(
            self._drawings.pop(key),
            self._frame.marks,
            self._crosshair,
            stale=self._gone_for is not None,
            can_reset=self._zoom is not None,
        )
        if self._drawings:
            self._painter.start(_BETWEEN_MS)

    def _newest_frame(self) -> _Frame:
        if self._window is LIVE:
            points = self._live.points(self.queue)
        else:
            series = self._series.get((self.queue, self._window.key))
            points = series.points if series is not None else ()
        now_ms = max(self._now_ms, points[-1].start_ms + 1 if points else 0)
        entries = self._actions.get(self.queue, ())
        started = [worker for worker in self._workers.values() if self.queue in ("", *worker.queues)]
        marks = [*(action_mark(entry, now_ms) for entry in entries), *(worker_mark(one, now_ms) for one in started)]
        return _Frame(points, now_ms, tuple(sorted(marks, key=lambda mark: mark.at_ms)))

    def _all(self) -> Stretch:
        """The whole window, up to the frame's newest."""
        now_ms = self._frame.now_ms or 60_000.0
        return Stretch(now_ms - self._window.length_ms, now_ms)

    def _draw_status(self) -> None:
        words = self._trouble_words()
        self.trouble.setText(words)
        self.trouble.setToolTip(self._refusal)
        self.trouble.setVisible(bool(words))
        index, points = self._crosshair, self._frame.points
        if index is None or index >= len(points):
            zoomed = moment_words(self.stretch.from_ms, self.stretch.to_ms, self._frame.now_ms) if self._zoom else ""
            self.moment.setText(f"{self.queues.currentText()}, {zoomed or self._window.told}")
            self.happened.setText(_HELP)
            return
        point = points[index]
        end_ms = min(point.end_ms, self._frame.now_ms)
        self.moment.setText(moment_words(point.start_ms, point.end_ms, self._frame.now_ms))
        least_ms = self.stretch.length_ms / 200
        near = [
            mark.text
            for mark in self._frame.marks
            if point.start_ms - least_ms <= mark.at_ms <= max(end_ms, point.start_ms) + least_ms
        ]
        more = f" (and {len(near) - 2} more)" if len(near) > 2 else ""
        self.happened.setText("; ".join(near[:2]) + more)

    def _trouble_words(self) -> str:
        if self._gone_for is not None:
            known = bool(self._frame.points)
            return f"Figures of {age_text(self._gone_for.elapsed())} ago" if known else "No figures: Redis is gone"
        if self._paused_for is not None:
            return f"View paused {age_text(self._paused_for.elapsed())} ago; figures go on being gathered"
        if self._refusal:
            return "Cannot be read now"
        series = self._series.get((self.queue, self._window.key))
        if self._reading is not None and (series is None or not series.since_ms):
            return f"Reading the {self._window.told}: {self._read_share * 100:.0f} %"
        return ""

    def _fit_types(self) -> None:
        """Offer the job types that are in the points; the live minute does not tell them apart."""
        found = sorted({name for point in self._frame.points for name in point.by_type if name})
        if self.job_type and self.job_type not in found and self._window is not LIVE and self._reading is not None:
            found.append(self.job_type)
        offered = [str(self.types.itemData(index)) for index in range(1, self.types.count())]
        if not self.types.count() or offered != found:
            chosen = self.job_type
            self.types.blockSignals(True)
            self.types.clear()
            self.types.addItem("All job types", "")
            for name in found:
                self.types.addItem(name, name)
            self.types.setCurrentIndex(max(0, self.types.findData(chosen)))
            self.types.blockSignals(False)
        self.types.setEnabled(bool(found))
        refusal = "The live minute does not tell job types apart." if self._window is LIVE else "No job ended yet."
        self.types.setToolTip("" if found else refusal)

    # Crosshair and zoom

    def _point_at(self, at_ms: float | None) -> None:
        index = None
        if at_ms is not None and self._frame.points:
            points = self._frame.points
            middle = [(point.start_ms + min(point.end_ms, self._frame.now_ms)) / 2 for point in points]
            index = min(range(len(points)), key=lambda place: abs(middle[place] - at_ms))
        self._move_crosshair(index)

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
            for key, chart in self.charts.items():
                if key not in self._drawings:
                    chart.show_crosshair(index)
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

    # Saving

    def _ask_path(self, key: str, kind: str) -> None:
        """Save the chart as it is when the place is chosen; the dialog is opened, never run in a loop of its own."""
        chart = self.charts[key]
        content = chart.png_bytes() if kind == "png" else chart.csv_text().encode()
        name = f"hark {self.queue or 'all queues'} {chart.title.lower()} {self._window.key}.{kind}".replace(" ", "-")
        dialog = QFileDialog(self, f"Save {chart.title.lower()}", name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Images (*.png)" if kind == "png" else "Tables (*.csv)")
        dialog.setDefaultSuffix(kind)
        dialog.selectFile(name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.save_wanted.emit(path, content))
        dialog.finished.connect(self._forget_dialog)
        self.dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None
