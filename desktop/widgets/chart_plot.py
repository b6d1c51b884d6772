"""The drawing area of a chart over time: lines with gaps, markers, marks of events, a crosshair, and the mouse.

The mouse becomes signals in time. The scene is drawn into a picture when it changes, and the crosshair over that:
moving it costs hardly anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip

from desktop.theme import Look
from desktop.widgets.axes_view import AxesView
from desktop.widgets.chart_arrays import Floats, gaps_before, heights, marked, places, with_gaps
from desktop.widgets.chart_data import EventMark, Line, line_pen
from desktop.widgets.time_axis import Stretch, Tick

_SMOOTH_POINTS = 100
"""Smooth edges of longer lines cost five times their drawing."""
_LEFT_PX = 52
_DRAG_PX = 8
_NEAR_PX = 5
_WHEEL_NOTCH = 120
_ROOM = 0.045
"""Of the vertical range: for half a label below, and the marks' heads above."""
_WHEEL_FACTOR = 0.8
_SYMBOLS = {"action": "t", "worker": "s"}


class TimePlot(AxesView):
    """Draws what `TimeChart` hands it; times are Unix ms, heights already placed by the chart's scale."""

    pointed = Signal(object)
    """The time under the mouse, None when it has left."""
    zoomed = Signal(float, float)
    """By what factor, around which time."""
    stretch_wanted = Signal(object)
    """The Stretch that was dragged over."""
    reset_wanted = Signal()

    def __init__(self, look: Look, lines: Sequence[Line]) -> None:
        super().__init__(look, _LEFT_PX)
        self._lines = tuple(lines)
        self._origin_ms = 0.0
        self._stretch = Stretch(0, 1)
        self._bounds = (0.0, 1.0)
        self._pressed_at: QPointF | None = None
        self._band: Stretch | None = None
        self._cross_ms: float | None = None
        self._dots: dict[str, float] = {}
        self._picture: QPixmap | None = None
        self._marks: tuple[EventMark, ...] = ()
        self._empty = ""
        self.viewport().setMouseTracking(True)
        self._days = pg.PlotCurveItem(connect="pairs")
        self._stems = pg.PlotCurveItem(connect="pairs")
        self._heads = {kind: pg.ScatterPlotItem(symbol=symbol, size=9) for kind, symbol in _SYMBOLS.items()}
        self._curves = {line.key: pg.PlotCurveItem(connect="finite") for line in self._lines}
        self._running = {line.key: pg.PlotCurveItem(connect="finite") for line in self._lines}
        self._markers = {line.key: pg.ScatterPlotItem(symbol=line.marker or "o", size=6) for line in self._lines}
        for item in (self._days, self._stems, *self._heads.values()):
            self.add(item)
        for line in reversed(self._lines):
            for item in (self._curves[line.key], self._running[line.key], self._markers[line.key]):
                self.add(item)

    # What it shows

    def show_axes(
        self,
        stretch: Stretch,
        ticks: Sequence[Tick],
        days: Sequence[float],
        bounds: tuple[float, float],
        heights: Sequence[tuple[float, str]],
    ) -> None:
        """Set both ranges, the marks of both axes, and where days begin."""
        self._origin_ms, self._bounds = stretch.from_ms, bounds
        # A little room at the right, so that what is newest is not cut.
        self._stretch = Stretch(stretch.from_ms, stretch.to_ms + stretch.length_ms * 0.015)
        low, high = bounds
        room = (high - low) * _ROOM
        self.set_ranges((0, self._x(self._stretch.to_ms)), self._heights())
        self.set_marks([(self._x(tick.at_ms), tick.text) for tick in ticks], heights)
        x = np.repeat([self._x(day) for day in days], 2)
        self._days.setData(x, np.tile((low - room, high + 2 * room), len(days)))
        self._redraw()

    def show_lines(
        self, spans: Sequence[tuple[float, float]], lines: Mapping[str, Sequence[float | None]], running: bool
    ) -> None:
        """Draw each line's heights at the same `spans` (from and to in Unix ms); None is a gap, as is a missing span.

        `running`: the stretch to the last point is of an unfinished span, and dashed.
        """
        at_ms = places(spans)
        gaps = gaps_before(at_ms)
        x = (with_gaps(at_ms, gaps, at_ms[gaps] - 1) - self._origin_ms) / 1000
        for place, line in enumerate(self._lines):
            y = with_gaps(heights(lines.get(line.key), len(spans)), gaps, np.nan)
            self._show_line(place, x, y, running)
        self._redraw()

    def _show_line(self, place: int, x: Floats, y: Floats, running: bool) -> None:
        key = self._lines[place].key
        full = len(x) - 1 if running and len(x) > 1 else len(x)
        smooth = len(x) <= _SMOOTH_POINTS
        self._curves[key].setData(x[:full], y[:full], antialias=smooth)
        if full < len(x):
            self._running[key].setData(x[full - 1 :], y[full - 1 :], antialias=smooth)
        else:
            self._running[key].clear()
        chosen = marked(y, place, len(self._lines), every=bool(self._lines[place].marker))
        self._markers[key].setData(x[chosen], y[chosen])

    def show_marks(self, marks: Sequence[EventMark]) -> None:
        """Draw a stem at each event of the stretch."""
        self._marks = tuple(mark for mark in marks if self._stretch.from_ms <= mark.at_ms <= self._stretch.to_ms)
        low, high = self._bounds
        room = (high - low) * _ROOM
        self._stems.setData(
            np.repeat([self._x(mark.at_ms) for mark in self._marks], 2), np.tile((low, high + room), len(self._marks))
        )
        for kind, head in self._heads.items():
            x = [self._x(mark.at_ms) for mark in self._marks if mark.kind == kind]
            head.setData(x, [high + room] * len(x))
        self._redraw()

    def show_crosshair(self, at_ms: float | None, heights: Mapping[str, float]) -> None:
        """Draw the crosshair with a dot on each line, or take it away."""
        self._cross_ms, self._dots = at_ms, dict(heights)
        self.viewport().update()

    def show_empty(self, words: str) -> None:
        """Say in the middle why there is nothing to see; "" where there is."""
        if words != self._empty:
            self._empty = words
            self.viewport().update()

    def draw_style(self, stale: bool) -> None:
        """Take the theme's colours, or grey for lines that are not fresh."""
        look = self._look
        self.dress(stale, crowded=True)
        for line in self._lines:
            pen = line_pen(look, line, stale)
            self._curves[line.key].setPen(pen)
            dashed = QPen(pen)
            dashed.setStyle(Qt.PenStyle.DashLine)
            self._running[line.key].setPen(dashed)
            self._markers[line.key].setPen(None)
            self._markers[line.key].setBrush(pen.color())
        self._days.setPen(QPen(look.colour("border"), 0))
        stem = QPen(look.colour("stale" if stale else "muted"), 1)
        stem.setStyle(Qt.PenStyle.DashDotLine)
        stem.setCosmetic(True)
        self._stems.setPen(stem)
        for head in self._heads.values():
            head.setPen(None)
            head.setBrush(look.colour("stale" if stale else "ink"))
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        density = max(1.0, painter.deviceTransform().m11())
        if self._picture is None or self._picture.devicePixelRatio() != density:
            self._picture = self._drawn(density)
        painter.drawPixmap(0, 0, self._picture)
        area = self.area
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._empty:
            painter.setFont(self._look.font("body"))
            painter.setPen(self._look.colour("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)
        if self._band is not None:
            shade = self._look.colour("accent")
            shade.setAlpha(48)
            left, right = self.place_of(self._band.from_ms).x(), self.place_of(self._band.to_ms).x()
            painter.fillRect(QRectF(left, area.top(), right - left, area.height()), shade)
        if self._cross_ms is not None and self._stretch.from_ms <= self._cross_ms <= self._stretch.to_ms:
            self._paint_crosshair(painter, area)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture = None

    def _drawn(self, density: float) -> QPixmap:
        picture = QPixmap(self.viewport().size() * density)
        picture.setDevicePixelRatio(density)
        picture.fill(self._look.colour("surface"))
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.render(painter, QRectF(self.viewport().rect()), self.viewport().rect())
        painter.end()
        return picture

    def _paint_crosshair(self, painter: QPainter, area: QRectF) -> None:
        x = self.place_of(self._cross_ms or 0).x()
        painter.setPen(QPen(self._look.colour("ink"), 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(QPen(self._look.colour("surface"), 1.5))
        low, high = self._heights()
        for line in self._lines:
            if line.key in self._dots:
                share = (self._dots[line.key] - low) / (high - low)
                painter.setBrush(self._look.colour(line.role))
                painter.drawEllipse(QPointF(x, area.bottom() - share * area.height()), 4.5, 4.5)

    def _redraw(self) -> None:
        self._picture = None
        self.viewport().update()

    def _heights(self) -> tuple[float, float]:
        """The vertical range, with room for the marks."""
        low, high = self._bounds
        room = (high - low) * _ROOM
        return low - room, high + 2 * room

    # The mouse. pyqtgraph's own handling is left out: each of its moves searches the scene for hovered items.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is not None and self._dragged(event.position()):
            self._band = Stretch(*sorted((self._time_at(self._pressed_at), self._time_at(event.position()))))
            self.viewport().update()
        self.pointed.emit(self._time_at(event.position()))
        self._tell_marks(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = event.position()
        event.ignore()  # so that the card takes the focus

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed_at, self._pressed_at = self._pressed_at, None
        self._band = None
        self.viewport().update()
        if pressed_at is not None and self._dragged(event.position(), pressed_at):
            self.stretch_wanted.emit(Stretch(*sorted((self._time_at(pressed_at), self._time_at(event.position())))))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset_wanted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if turned := event.angleDelta().y():
            self.zoomed.emit(_WHEEL_FACTOR ** (turned / _WHEEL_NOTCH), self._time_at(event.position()))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(None)

    def place_of(self, at_ms: float) -> QPointF:
        """Where a time lies on the widget, at half height."""
        area = self.area
        share = (at_ms - self._stretch.from_ms) / self._stretch.length_ms
        return QPointF(area.left() + share * area.width(), area.center().y())

    def marks_near(self, place: QPointF) -> list[EventMark]:
        """The events whose stems are within some pixels of a place."""
        return [mark for mark in self._marks if abs(self.place_of(mark.at_ms).x() - place.x()) <= _NEAR_PX]

    def _tell_marks(self, event: QMouseEvent) -> None:
        near = self.marks_near(event.position())
        if near:
            QToolTip.showText(event.globalPosition().toPoint(), "\n".join(mark.text for mark in near[:8]), self)
        else:
            QToolTip.hideText()

    def _dragged(self, to: QPointF, since: QPointF | None = None) -> bool:
        since = since or self._pressed_at
        return since is not None and abs(to.x() - since.x()) >= _DRAG_PX

    def _time_at(self, place: QPointF) -> float:
        area = self.area
        share = min(max((place.x() - area.left()) / max(area.width(), 1.0), 0.0), 1.0)
        return self._stretch.from_ms + share * self._stretch.length_ms

    def _x(self, at_ms: float) -> float:
        return (at_ms - self._origin_ms) / 1000
