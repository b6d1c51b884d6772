"""A chart's legend: each line's stroke, word and value; pressing an entry hides or shows its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from desktop.theme import Look
from desktop.widgets.chart_data import Line, line_pen

_STROKE = 22
_MARKER = 6
_GAP = 6
_HEIGHT = 20
# As pyqtgraph has them, for the plots draw the same; it is not imported for so little.
_SHAPES = {
    "s": ((-3, -3), (3, -3), (3, 3), (-3, 3)),
    "t1": ((0, -3), (3, 3), (-3, 3)),
    "d": ((0, -3), (2.4, 0), (0, 3), (-2.4, 0)),
    "+": (
        *((-3, -0.6), (-3, 0.6), (-0.6, 0.6), (-0.6, 3), (0.6, 3), (0.6, 0.6)),
        *((3, 0.6), (3, -0.6), (0.6, -0.6), (0.6, -3), (-0.6, -3), (-0.6, -0.6)),
    ),
}


class Legend(QWidget):
    """The entries of `lines` in rows of `columns`; `toggled` comes when one is hidden or shown."""

    toggled = Signal()

    def __init__(self, look: Look, lines: Sequence[Line], columns: int) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(7)
        grid.setVerticalSpacing(0)
        self.entries: dict[str, LegendEntry] = {}
        for index, line in enumerate(lines):
            entry = LegendEntry(look, line)
            entry.toggled.connect(self.toggled)
            self.entries[line.key] = entry
            grid.addWidget(entry, index // columns, index % columns)
        grid.setColumnStretch(columns, 1)

    def shows(self, key: str) -> bool:
        """Whether the line is to be drawn."""
        return self.entries[key].isChecked()

    def show_values(self, values: Mapping[str, str], stale: bool) -> None:
        """Tell each line's value."""
        for key, entry in self.entries.items():
            entry.show_value(values.get(key, "–"), stale)


class LegendEntry(QAbstractButton):
    """One line's stroke, word and value."""

    def __init__(self, look: Look, line: Line) -> None:
        super().__init__()
        self._look, self._line = look, line
        self._value, self._stale, self._width = "–", False, 0
        self.setCheckable(True)
        self.setChecked(line.shown)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._tell)
        look.changed.connect(self.update)
        self._tell()

    @property
    def value(self) -> str:
        """The value that it tells."""
        return self._value

    def show_value(self, value: str, stale: bool) -> None:
        """Tell the line's value; `stale` greys it."""
        if (value, stale) != (self._value, self._stale):
            self._value, self._stale = value, stale
            self._tell()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._look.font("caption"))
        width = _STROKE + _GAP + metrics.horizontalAdvance(f"{self._line.word} {self._value}") + 4
        # It never shrinks: the others stand still while its value changes.
        self._width = max(self._width, width)
        return QSize(self._width, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        grey = self._stale or not self.isChecked()
        pen = line_pen(self._look, self._line, grey)
        middle = self.height() / 2
        painter.setPen(pen)
        painter.drawLine(QPointF(1, middle), QPointF(_STROKE - 1, middle))
        if self._line.marker:
            painter.save()
            painter.translate(_STROKE / 2, middle)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(pen.color())
            if self._line.marker == "o":
                painter.drawEllipse(QPointF(0, 0), _MARKER / 2, _MARKER / 2)
            else:
                painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in _SHAPES[self._line.marker]]))
            painter.restore()
        font = self._look.font("caption")
        font.setStrikeOut(not self.isChecked())
        painter.setFont(font)
        left = _STROKE + _GAP
        painter.setPen(self._look.colour("stale" if grey else "muted"))
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, self.width() - left, self.height()), flags, self._line.word)
        if self.isChecked():
            left += painter.fontMetrics().horizontalAdvance(f"{self._line.word} ")
            painter.setPen(self._look.colour("stale" if grey else "ink"))
            painter.drawText(QRectF(left, 0, self.width() - left, self.height()), flags, self._value)
        if self.hasFocus():
            painter.setPen(QPen(self._look.colour("accent"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75), 4, 4)
        painter.end()

    def _tell(self) -> None:
        shown = self.isChecked()
        self.setAccessibleName(f"{self._line.word} {self._value}" if shown else f"{self._line.word}, hidden")
        self.setToolTip("Hide this line (Enter)" if shown else "Show this line (Enter)")
        self.updateGeometry()
        self.update()
