"""A chart over time in a card: title, legend with values, plot, and a menu to save or to see all again.

Several of these show the same times: whoever owns them hands each the same stretch and crosshair. It is read by
people who do not see it, too: its description tells the values in words, and every key works without the mouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout

from desktop.theme import Look
from desktop.widgets import chart_files
from desktop.widgets.chart_data import Drawing, EventMark, Line
from desktop.widgets.chart_legend import Legend
from desktop.widgets.chart_scale import Scale
from desktop.widgets.plot_room import PlotRoom
from desktop.widgets.text import Button, Text
from desktop.widgets.time_axis import Stretch, iso_text, midnights, ticks

if TYPE_CHECKING:
    from desktop.widgets.chart_plot import TimePlot

_TICK_PX = 66
_ZOOM = 0.5
_DAY_LINES_MS = 32 * 86_400_000


class TimeChart(QFrame):
    """Give it a Drawing by `show_drawing`; the crosshair also moves alone.

    `columns` is how many entries of the legend are in a row, `after` the chart whose plot is made before its own.
    """

    pointed = Signal(object)
    """The time under the mouse, None when it has left."""
    stepped = Signal(int)
    """The crosshair is to go by so many spans; to the first or last one by more than there are."""
    zoomed = Signal(float, float)
    """By what factor, around which time."""
    stretch_wanted = Signal(object)
    reset_wanted = Signal()
    save_wanted = Signal(str)
    """ "png" or "csv"."""

    def __init__(
        self,
        look: Look,
        title: str,
        lines: Sequence[Line],
        scale: Scale,
        *,
        columns: int = 4,
        after: TimeChart | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._look, self._title, self._lines, self._scale = look, title, tuple(lines), scale
        self._drawing = Drawing(Stretch(0, 60_000))
        self._marks: tuple[EventMark, ...] = ()
        self._crosshair: int | None = None
        self._stale = False
        self._can_reset = False

        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Text(look, title, "strong"))
        self._note = Text(look, "", "caption", "muted")
        self._note.setMinimumWidth(1)  # a long note must not move the chart's neighbours
        head.addWidget(self._note, 1)
        self.menu_button = Button(look, "", kind="quiet", icon="more")
        self.menu_button.setFixedSize(30, 26)
        self.menu_button.setIconSize(QSize(16, 16))
        self.menu_button.setToolTip("Save, or see all again")
        self.menu_button.setAccessibleName(f"Menu of the chart {title}")
        self.menu_button.clicked.connect(self._open_menu)
        head.addWidget(self.menu_button)
        self.legend = Legend(look, self._lines, columns)
        self.legend.toggled.connect(self._draw)
        self._plot: TimePlot | None = None
        self._room: PlotRoom = PlotRoom(after._room if after is not None else None)
        self._room.wanted.connect(self._make_plot)
        self.menu = self._build_menu()

        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 14, 8)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.legend)
        column.addSpacing(2)
        column.addWidget(self._room, 1)
        look.changed.connect(self._draw_style)
        self._tell()

    # What it shows

    @property
    def title(self) -> str:
        """What it is of."""
        return self._title

    @property
    def plot(self) -> TimePlot:
        """The drawing area, made where it is not there yet."""
        return self._plot or self._make_plot()

    @property
    def drawing(self) -> Drawing:
        """What it shows."""
        return self._drawing

    @property
    def note(self) -> str:
        """The words beside the title."""
        return self._note.text()

    def show_drawing(
        self,
        drawing: Drawing,
        marks: Sequence[EventMark] = (),
        crosshair: int | None = None,
        *,
        stale: bool = False,
        can_reset: bool = False,
    ) -> None:
        """Draw, with the events that lie within the stretch marked, and the crosshair at one of the spans.

        `stale` greys all, `can_reset` says that a part of the time is shown.
        """
        restyle, self._stale = stale != self._stale, stale
        self._drawing, self._can_reset = drawing, can_reset
        self._reset.setEnabled(can_reset)
        self._marks = tuple(marks)
        self._crosshair = crosshair if crosshair is not None and crosshair < len(drawing.spans) else None
        if restyle and self._plot is not None:
            self._plot.draw_style(stale)
        self._draw()

    def show_crosshair(self, index: int | None) -> None:
        """Point at one of the spans, and tell its values; None tells the newest ones."""
        self._crosshair = index
        self._draw_crosshair()
        self._draw_values()
        self._tell()

    def value_words(self, index: int) -> dict[str, str]:
        """What the shown lines are at a span, in words."""
        found = {}
        for line in self._lines:
            value = self._drawing.value(line.key, index)
            found[line.key] = "–" if value is None else self._scale.words(value)
        return found

    # Files

    def csv_text(self) -> str:
        """The spans of the stretch with all lines' values."""
        return chart_files.csv_text(self._drawing, self._lines)

    def png_bytes(self) -> bytes:
        """The chart as it is seen, but for its menu."""
        self.menu_button.hide()
        picture = chart_files.png_bytes(self, self._look, self._drawing)
        self.menu_button.show()
        return picture

    # Drawing

    def _make_plot(self) -> TimePlot:
        from desktop.widgets.chart_plot import TimePlot

        self._plot = plot = TimePlot(self._look, self._lines)
        plot.pointed.connect(self.pointed)
        plot.zoomed.connect(self.zoomed)
        plot.stretch_wanted.connect(self.stretch_wanted)
        plot.reset_wanted.connect(self.reset_wanted)
        plot.draw_style(self._stale)
        self._room.fill(plot)
        self._draw()
        return plot

    def _draw_style(self) -> None:
        if self._plot is not None:
            self._plot.draw_style(self._stale)
        self.update()

    def _draw(self) -> None:
        if self._plot is not None:
            self._draw_plot(self._plot)
        self._note.setText(self._drawing.note)
        self._draw_crosshair()
        self._draw_values()
        self._tell()

    def _draw_plot(self, plot: TimePlot) -> None:
        drawing, stretch, place = self._drawing, self._drawing.stretch, self._scale.place
        shown = {line.key: drawing.lines.get(line.key, ()) for line in self._lines if self.legend.shows(line.key)}
        inside = [index for index in range(len(drawing.spans)) if drawing.within(index)]
        known = [value for values in shown.values() for index in inside if (value := values[index]) is not None]
        self._scale.fit(known)
        days = [at for _, at in midnights(stretch)] if stretch.length_ms <= _DAY_LINES_MS else []
        most = max(2, int((self._room.width() - 66) / _TICK_PX))
        plot.show_axes(stretch, ticks(stretch, most), days, self._scale.bounds, self._scale.ticks())
        placed = {key: [None if value is None else place(value) for value in values] for key, values in shown.items()}
        plot.show_lines(drawing.spans, placed, drawing.running)
        plot.show_marks(self._marks)
        plot.show_empty("" if known else drawing.empty)

    def _draw_crosshair(self) -> None:
        if self._plot is None:
            return
        if (index := self._crosshair) is None:
            self._plot.show_crosshair(None, {})
            return
        values = {line.key: self._drawing.value(line.key, index) for line in self._lines if self.legend.shows(line.key)}
        heights = {key: self._scale.place(value) for key, value in values.items() if value is not None}
        self._plot.show_crosshair(self._drawing.middle_ms(index), heights)

    def _draw_values(self) -> None:
        spans = self._drawing.spans
        index = len(spans) - 1 if self._crosshair is None else self._crosshair
        self.legend.show_values(self.value_words(index) if spans else {}, self._stale)

    def _tell(self) -> None:
        drawing = self._drawing
        self.setAccessibleName(f"Chart {self._title}, {drawing.scope}" if drawing.scope else f"Chart {self._title}")
        values = {key: entry.value for key, entry in self.legend.entries.items() if self.legend.shows(key)}
        words = {line.key: line.word for line in self._lines}
        told = ", ".join(f"{words[key]} {'unknown' if value == '–' else value}" for key, value in values.items())
        if not drawing.spans or all(value == "–" for value in values.values()):
            told = drawing.empty or told
        when = "Now" if self._crosshair is None else iso_text(drawing.middle_ms(self._crosshair))[:19].replace("T", " ")
        described = f"{when}: {told}. {drawing.note}".strip()
        if described != self.accessibleDescription():
            self.setAccessibleDescription(described)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._look.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    # Reacting

    def keyPressEvent(self, event: QKeyEvent) -> None:
        everything = len(self._drawing.spans) + 1
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Home: -everything,
            Qt.Key.Key_End: everything,
        }
        key = Qt.Key(event.key())
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(event)
        elif key in steps:
            self.stepped.emit(steps[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoomed.emit(_ZOOM, self._centre_ms())
        elif key == Qt.Key.Key_Minus:
            self.zoomed.emit(1 / _ZOOM, self._centre_ms())
        elif key == Qt.Key.Key_S:
            self.save_wanted.emit("png")
        elif key == Qt.Key.Key_C:
            self.save_wanted.emit("csv")
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _centre_ms(self) -> float:
        """Around what the keys zoom: the crosshair, or the newest."""
        stretch = self._drawing.stretch
        if self._crosshair is not None and self._drawing.within(self._crosshair):
            return self._drawing.middle_ms(self._crosshair)
        return stretch.to_ms

    def _build_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Save as PNG…\tS", lambda: self.save_wanted.emit("png"))
        menu.addAction("Save as CSV…\tC", lambda: self.save_wanted.emit("csv"))
        menu.addSeparator()
        self._reset = menu.addAction("Reset zoom\tEsc", self.reset_wanted.emit)
        self._reset.setEnabled(False)
        return menu

    def _open_menu(self) -> None:
        self.menu.popup(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))
