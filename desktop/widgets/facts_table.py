"""A table of short texts that is read, not edited: one row chosen at a time, each cell whole in its tooltip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from desktop.theme import Look

_LEAST_REST = 160
"""Pixels that a column needs that takes what the others leave."""
_ROW_HEIGHT = 38


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and the column's width in pixels; the ones without a width share what is left."""

    word: str
    width: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, what its tooltip adds (the text itself where it is empty), and its colour role."""

    text: str
    tooltip: str = ""
    role: str = "ink"


class FactsTable(QTableWidget):
    """Rows have keys, so that the chosen row stays chosen when new rows come."""

    def __init__(self, look: Look, name: str, columns: Sequence[Column]) -> None:
        super().__init__(0, len(columns))
        self._look, self._columns = look, tuple(columns)
        self._keys: list[str] = []
        self._rows: list[Sequence[Cell]] = []
        self._stale = False
        self.setAccessibleName(name)
        self.setFont(look.font("body"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        for place, column in enumerate(self._columns):
            item = QTableWidgetItem(column.word)
            item.setTextAlignment(_side(column))
            self.setHorizontalHeaderItem(place, item)
            if column.width:
                head.setSectionResizeMode(place, QHeaderView.ResizeMode.Fixed)
                self.setColumnWidth(place, column.width)
            else:
                head.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        # Where there is less room the page scrolls, rather than that a word is left of each cell.
        self.setMinimumWidth(sum(column.width or _LEAST_REST for column in self._columns))
        look.changed.connect(self._draw_style)
        self._draw_style()

    @property
    def chosen(self) -> str | None:
        """The key of the chosen row."""
        row = self.currentRow()
        return self._keys[row] if 0 <= row < len(self._keys) and self.selectedItems() else None

    def texts(self, row: int) -> list[str]:
        """What a row says, column by column."""
        return [cell.text for cell in self._rows[row]]

    def show_rows(self, rows: Sequence[tuple[str, Sequence[Cell]]], stale: bool = False) -> None:
        """Show rows by their keys, from top to bottom; `stale` greys them."""
        keys, cells = [key for key, _ in rows], [cells for _, cells in rows]
        if (keys, cells, stale) == (self._keys, self._rows, self._stale):
            return
        chosen = self.chosen
        blocked = self.blockSignals(True)
        self._keys, self._rows, self._stale = keys, cells, stale
        self.setRowCount(len(rows))
        self._draw_cells()
        if chosen in self._keys:
            self.setCurrentCell(self._keys.index(chosen), max(0, self.currentColumn()))
        else:
            self.clearSelection()
        self.blockSignals(blocked)
        self.itemSelectionChanged.emit()

    def _draw_cells(self) -> None:
        for row, cells in enumerate(self._rows):
            for place, cell in enumerate(cells):
                item = self.item(row, place)
                if item is None:
                    item = QTableWidgetItem()
                    item.setTextAlignment(_side(self._columns[place]))
                    self.setItem(row, place, item)
                item.setText(cell.text)
                item.setToolTip(cell.tooltip or cell.text)
                item.setForeground(QColor(self._look.hex("stale" if self._stale else cell.role)))

    def _draw_style(self) -> None:
        sheet = _SHEET
        for role in ("surface", "selected", "accent", "muted", "line", "ink"):
            sheet = sheet.replace(f"${role}", self._look.hex(role))
        self.setStyleSheet(sheet)
        self.horizontalHeader().setFont(self._look.font("caption"))
        self._draw_cells()


def _side(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


_SHEET = """
QTableWidget { background: transparent; border: 1px solid transparent; outline: none; color: $ink;
    selection-background-color: $selected; selection-color: $ink; }
QTableWidget:focus { border: 1px solid $accent; border-radius: 6px; }
QTableWidget::item { padding: 0 8px; border-bottom: 1px solid $line; }
QTableWidget::item:selected { background: $selected; }
QHeaderView { background: transparent; }
QHeaderView::section { background: transparent; color: $muted; border: none; border-bottom: 1px solid $line;
    padding: 5px 11px; }
"""
