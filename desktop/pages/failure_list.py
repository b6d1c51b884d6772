"""The list of the Failures page: a row for each group, the largest or the newest first."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from desktop.pages.failure_row import FailureRow, GroupKey, header
from desktop.theme import Look
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import rule
from engine.model import FailureGroup

LARGEST, NEWEST = "largest", "newest"


class FailureList(QFrame):
    """Give it groups by `show_groups`; groups without a failed job are history and end the list."""

    chosen = Signal(object)
    """The GroupKey of a row that was pressed, or that the arrow keys came to."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.rows: dict[GroupKey, FailureRow] = {}
        self.setObjectName("card")
        self._area = ScrollList("Groups of failures")
        self._area.rows.setSpacing(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 10, 8, 8)
        column.setSpacing(4)
        column.addWidget(header(look))
        column.addWidget(rule())
        column.addWidget(self._area, 1)

    @property
    def order(self) -> list[GroupKey]:
        """The groups from top to bottom."""
        return [row.key for place in range(self._area.rows.count()) if (row := self._row_at(place)) is not None]

    def show_groups(
        self,
        groups: Mapping[GroupKey, FailureGroup],
        now_ms: int,
        *,
        order: str,
        selected: GroupKey | None,
        faded: bool,
    ) -> None:
        """Show these groups as they were at `now_ms`; rows that stay keep their place on the screen and the focus."""
        for key in [key for key in self.rows if key not in groups]:
            row = self.rows.pop(key)
            self._area.rows.removeWidget(row)
            row.deleteLater()
        wanted = sorted(groups, key=lambda key: _rank(groups[key], order), reverse=True)
        for place, key in enumerate(wanted):
            row = self.rows.get(key) or self._add(key, selected)
            row.show_group(groups[key], now_ms, faded)
            if self._row_at(place) is not row:
                self._area.rows.removeWidget(row)
                self._area.rows.insertWidget(place, row)

    def select(self, key: GroupKey | None) -> None:
        """Mark the row of one group, and no other."""
        for row in self.rows.values():
            row.set_selected(row.key == key)

    def _add(self, key: GroupKey, selected: GroupKey | None) -> FailureRow:
        row = self.rows[key] = FailureRow(self._look, key)
        row.chosen.connect(self.chosen)
        row.moved.connect(self._move)
        row.set_selected(key == selected)
        return row

    def _move(self, key: GroupKey, step: int) -> None:
        row = self._area.step_from(self.rows[key], step)
        if isinstance(row, FailureRow):
            self.chosen.emit(row.key)

    def _row_at(self, place: int) -> FailureRow | None:
        item = self._area.rows.itemAt(place)
        widget = item.widget() if item is not None else None
        return widget if isinstance(widget, FailureRow) else None


def _rank(group: FailureGroup, order: str) -> tuple[bool, int, int]:
    sizes = (group.failed_now, group.last_at_ms)
    return (group.failed_now > 0, *(sizes if order == LARGEST else sizes[::-1]))
