"""The five charts in their places: drawn one after the other, so that nobody feels it, and saved as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.pages.chart_lines import CHARTS
from desktop.theme import Look
from desktop.widgets.chart_data import Drawing, EventMark
from desktop.widgets.time_chart import TimeChart

_BETWEEN_MS = 20
_ROWS = ((("depth", 11), ("throughput", 8), ("failures", 8)), (("processing", 1), ("waiting", 1)))
"""The charts of each row, with their shares of its width."""


@dataclass(frozen=True, slots=True)
class View:
    """What all charts show; `drawing` makes each one's own part when its turn comes."""

    drawing: Callable[[str], Drawing]
    marks: tuple[EventMark, ...]
    stale: bool
    """The figures are not fresh."""
    zoomed: bool
    """Only a part of the time is shown."""


class ChartGrid(QWidget):
    """Give it a View by `show_view`; the crosshair also moves alone. Its signals are those of any of its charts."""

    pointed = Signal(object)
    stepped = Signal(int)
    zoomed = Signal(float, float)
    stretch_wanted = Signal(object)
    reset_wanted = Signal()
    save_wanted = Signal(str, bytes)
    """A path, and what is to be written there."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.charts: dict[str, TimeChart] = {}
        for key, spec in CHARTS.items():
            last = next(reversed(self.charts.values()), None)
            self.charts[key] = TimeChart(look, spec.title, spec.lines, spec.scale(), columns=spec.columns, after=last)
        self.file_name = ""
        """What the name of a saved file tells of the view: queue and time."""
        self.dialog: QFileDialog | None = None
        """The file dialog that is open."""
        self._view: View | None = None
        self._crosshair: int | None = None
        self._to_draw: list[str] = []
        self._painter = QTimer(self)
        self._painter.setSingleShot(True)
        self._painter.timeout.connect(self._draw_next)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(10)
        for keys in _ROWS:
            row = QHBoxLayout()
            row.setSpacing(10)
            for key, width in keys:
                row.addWidget(self.charts[key], width)
            rows.addLayout(row, 1)
        for key, chart in self.charts.items():
            chart.pointed.connect(self.pointed)
            chart.stepped.connect(self.stepped)
            chart.zoomed.connect(self.zoomed)
            chart.stretch_wanted.connect(self.stretch_wanted)
            chart.reset_wanted.connect(self.reset_wanted)
            chart.save_wanted.connect(lambda kind, key=key: self._ask_path(key, kind))

    def show_view(self, view: View, crosshair: int | None, *, at_once: bool) -> None:
        """Draw all charts, `at_once` or one after the other."""
        self._view, self._crosshair = view, crosshair
        self._to_draw = list(self.charts)
        if at_once:
            while self._to_draw:
                self._draw_next()
        else:
            self._painter.start(0)

    def show_crosshair(self, index: int | None) -> None:
        """Point at one of the spans in all charts."""
        self._crosshair = index
        for key, chart in self.charts.items():
            if key not in self._to_draw:  # the others get it with the drawing
                chart.show_crosshair(index)

    def _draw_next(self) -> None:
        if self._view is None or not self._to_draw:
            return
        key, view = self._to_draw.pop(0), self._view
        self.charts[key].show_drawing(
            view.drawing(key), view.marks, self._crosshair, stale=view.stale, can_reset=view.zoomed
        )
        if self._to_draw:
            self._painter.start(_BETWEEN_MS)

    # Saving

    def _ask_path(self, key: str, kind: str) -> None:
        """Save the chart as it is when the place is chosen; the dialog is opened, never run in a loop of its own."""
        chart = self.charts[key]
        content = chart.png_bytes() if kind == "png" else chart.csv_text().encode()
        name = self.file_name.format(chart=chart.title.lower()).replace(" ", "-") + f".{kind}"
        dialog = QFileDialog(self, f"Save {chart.title.lower()}", name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Images (*.png)" if kind == "png" else "Tables (*.csv)")
        dialog.setDefaultSuffix(kind)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda path: self.save_wanted.emit(path, content))
        dialog.finished.connect(self._forget_dialog)
        self.dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None
