"""The columns of the table of queues, in which its header and its eight rows are set alike."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop.theme import Look
from desktop.widgets.text import Text

TITLE_WIDTH, _NAME_WIDTH, _LOAD_WIDTH, TREND_WIDTH = 96, 200, 72, 62
BUTTON = QSize(30, 28)
_BUTTONS_WIDTH = 3 * BUTTON.width() + 2 * 4
NUMBERS = (
    ("waiting", "Waiting", 58, "Jobs that could start when there is room"),
    ("delayed", "Delayed", 58, "Jobs with a time before which they do not start, retries included"),
    ("failed", "Failed", 58, "Jobs that failed with no attempt left, kept for 24 hours"),
    ("oldest", "Oldest", 54, "How long the oldest waiting job has waited"),
    ("rate", "Per min", 54, "Jobs that ended in the last 60 seconds"),
    ("failures", "Failures", 56, "Final failures among the jobs that ended in the last hour"),
    ("p95", "p95", 60, "95 of 100 jobs that completed in the last 5 minutes ran no longer than this"),
)
"""Key, word, width in pixels and meaning of the columns that are figures."""


def header(look: Look) -> QWidget:
    """The line above the rows, in the same columns."""
    line = QWidget()
    line.setFixedHeight(22)
    row = columns(line, border=2)
    name = QWidget()
    pair = QHBoxLayout(name)
    pair.setContentsMargins(0, 0, 6, 0)
    pair.setSpacing(6)
    queue, state = Text(look, "Queue", "caption", "muted"), Text(look, "State", "caption", "muted")
    queue.setFixedWidth(TITLE_WIDTH)
    pair.addWidget(queue)
    pair.addWidget(state, 1)
    cells: dict[str, QWidget] = {"name": name, "load": Text(look, "Active", "caption", "muted")}
    for key, word, _, meaning in NUMBERS:
        label = Text(look, word, "caption", "muted")
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setToolTip(meaning)
        cells[key] = label
    cells["trend"] = Text(look, "Last 5 min", "caption", "muted")
    cells["buttons"] = QWidget()
    fill(row, cells)
    return line


def columns(widget: QWidget, border: int) -> QHBoxLayout:
    """The columns' layout; `border` makes up for the frame that a row has and the header has not."""
    row = QHBoxLayout(widget)
    row.setContentsMargins(10 + border, 0, 8 + border, 0)
    row.setSpacing(0)
    return row


def fill(row: QHBoxLayout, cells: dict[str, QWidget]) -> None:
    """Put cells into columns whose widths depend on the row's alone, never on what a cell says."""
    widths = {"name": _NAME_WIDTH, "load": _LOAD_WIDTH}
    widths |= {key: width for key, _, width, _ in NUMBERS}
    widths |= {"trend": TREND_WIDTH, "buttons": _BUTTONS_WIDTH}
    for key, width in widths.items():
        cell = cells[key]
        if key in ("trend", "buttons"):
            row.addSpacing(14)
        if key == "buttons":
            cell.setFixedWidth(width)
            row.addWidget(cell)
        else:
            cell.setMinimumWidth(width)
            cell.setSizePolicy(QSizePolicy.Policy.Ignored, cell.sizePolicy().verticalPolicy())
            row.addWidget(cell, width)
