"""A column of rows that scrolls up and down; rows come and go in `rows`."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLayout, QScrollArea, QVBoxLayout, QWidget


class ScrollList(QScrollArea):
    """Rows from the top on, as wide as the list; the list itself takes no focus, its rows do."""

    widened = Signal(int)
    """Its width has become this, in pixels: what stands in columns above it follows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` is what a screen reader calls the list."""
        super().__init__(parent)
        self.rows = QVBoxLayout()
        self.rows.setContentsMargins(0, 2, 0, 0)
        self.rows.setSpacing(0)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.rows)
        column.addStretch(1)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(name)
        self.setWidget(inner)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.widened.emit(self.width())

    def step_from(self, row: QWidget, step: int) -> QWidget | None:
        """Give the focus to the row that is so many below `row`, and return it; None where there is none."""
        found = step_in(self.rows, row, step)
        if found is not None:
            self.ensureWidgetVisible(found)
        return found

    def clear_rows(self) -> None:
        """Take all rows away."""
        while (item := self.rows.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.hide()
                row.deleteLater()


def step_in(rows: QLayout, row: QWidget, step: int) -> QWidget | None:
    """As `ScrollList.step_from`, for rows that do not scroll: the first and the last are the ends."""
    item = rows.itemAt(rows.indexOf(row) + step)
    found = item.widget() if item is not None else None
    if found is not None:
        found.setFocus(Qt.FocusReason.OtherFocusReason)
    return found
