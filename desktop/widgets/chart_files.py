"""A chart over time as a file: its figures as CSV, and its picture as PNG."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.theme import Look
from desktop.widgets.chart_data import Drawing, Line
from desktop.widgets.time_axis import iso_text

_SCALE = 2
_CAPTION_HEIGHT = 30


def csv_text(drawing: Drawing, lines: Sequence[Line]) -> str:
    """The spans of the stretch with all lines' values: times as local ISO 8601, percentiles and ages in ms."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["from", "to", *(line.word for line in lines)])
    for index, (start, end) in enumerate(drawing.spans):
        if drawing.within(index):
            values = (drawing.value(line.key, index) for line in lines)
            out.writerow(
                [iso_text(start), iso_text(end), *("" if value is None else f"{value:.6g}" for value in values)]
            )
    return text.getvalue()


def png_bytes(chart: QWidget, look: Look, drawing: Drawing) -> bytes:
    """The chart as it is seen, under a line that says what it is of; twice as sharp as a plain screen."""
    size = QSize(chart.width(), chart.height() + _CAPTION_HEIGHT)
    pixmap = QPixmap(size * _SCALE)
    pixmap.setDevicePixelRatio(_SCALE)
    pixmap.fill(look.colour("surface"))
    until = iso_text(drawing.stretch.to_ms)[:16].replace("T", " ")
    painter = QPainter(pixmap)
    painter.setFont(look.font("caption"))
    painter.setPen(look.colour("muted"))
    place = QRectF(17, 0, chart.width() - 31, _CAPTION_HEIGHT)
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{drawing.scope}, until {until}")
    painter.end()
    chart.render(pixmap, QPoint(0, _CAPTION_HEIGHT))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    return bytes(buffer.data().data())
