"""The rows of the table of jobs, of which only those that are looked at are loaded, however many there are.

The model knows how many jobs there are, asks for pages of 200 by their place (`page_wanted`), keeps the last few, and
shows placeholders until they come. Or it holds what a search has found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from desktop.theme import Look
from desktop.widgets.job_columns import ERROR, Column, columns_of
from engine.model import Job, JobState

PAGE = 200
KEPT_PAGES = 25
MOST_FOUND = 10_000
"""No more found jobs than these are kept and shown: a search that finds a million only counts the rest."""
_Index = QModelIndex | QPersistentModelIndex
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_TOLD = frozenset(
    (
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.ToolTipRole,
        Qt.ItemDataRole.ForegroundRole,
        Qt.ItemDataRole.AccessibleTextRole,
        Qt.ItemDataRole.TextAlignmentRole,
    )
)
"""What `data` is asked for that it has an answer to; a table asks for as much again."""


class JobTableModel(QAbstractTableModel):
    """Rows are places in a state, or the jobs found. At most KEPT_PAGES pages are kept, those seen last."""

    page_wanted = Signal(int)
    """The number of a page, from 0: its jobs are awaited by `take_page` or `miss_page`."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._state, self._depth, self._now_ms, self._faded = JobState.WAITING, 0, 0, False
        self._pages: OrderedDict[int, tuple[Job, ...]] = OrderedDict()
        self._old: set[int] = set()
        self._asked: set[int] = set()
        self._found: list[Job] | None = None
        self._looked = (0, -1)
        self.columns = columns_of(self._state, with_queue=False)

    @property
    def state(self) -> JobState:
        """The state whose columns are shown."""
        return self._state

    @property
    def loaded(self) -> int:
        """How many jobs are kept now."""
        return len(self._found) if self._found is not None else sum(map(len, self._pages.values()))

    def open(self, state: JobState, depth: int, *, with_queue: bool = False) -> None:
        """Begin anew with `depth` jobs of a state; `with_queue` where they will be of several queues."""
        self.beginResetModel()
        self._state, self._depth, self._found = state, depth, None
        self.columns = columns_of(state, with_queue=with_queue)
        self._forget()
        self.endResetModel()

    def open_found(self) -> None:
        """Begin anew with a list of found jobs, empty at first; `add_found` fills it."""
        self.beginResetModel()
        self._found = []
        self._forget()
        self.endResetModel()

    def add_found(self, jobs: Sequence[Job]) -> None:
        """Append what a search has found, as long as there are no more than `MOST_FOUND` of them."""
        jobs = jobs[: MOST_FOUND - len(self._found)] if self._found is not None else ()
        if self._found is not None and jobs:
            self.beginInsertRows(QModelIndex(), len(self._found), len(self._found) + len(jobs) - 1)
            self._found += jobs
            self.endInsertRows()

    def set_depth(self, depth: int) -> None:
        """The state has `depth` jobs now."""
        if self._found is not None or depth == self._depth:
            return
        if depth > self._depth:
            self.beginInsertRows(QModelIndex(), self._depth, depth - 1)
            self._depth = depth
            self.endInsertRows()
        else:
            self.beginRemoveRows(QModelIndex(), depth, self._depth - 1)
            self._depth = depth
            self.endRemoveRows()
        # The page that the end was in, or is in, has another length now.
        self._old.update(self._pages)

    @property
    def now_ms(self) -> int:
        """The time as it was told last."""
        return self._now_ms

    def set_now(self, now_ms: int) -> None:
        """The time that ages count back from."""
        before_ms, self._now_ms = self._now_ms, now_ms
        # Drawing a cell costs more than reading it: only columns in which something that is seen is told otherwise.
        rows = range(self._looked[0], min(self._looked[1], self.rowCount() - 1) + 1)
        jobs = [job for row in rows if (job := self.job(row)) is not None]
        for place, column in enumerate(self.columns):
            if any(column.text(job, before_ms) != column.text(job, now_ms) for job in jobs):
                self.dataChanged.emit(self.index(rows[0], place), self.index(rows[-1], place))

    def set_faded(self, faded: bool) -> None:
        """Grey the jobs: they are not fresh."""
        if faded != self._faded:
            self._faded = faded
            self._redraw()

    def expire(self) -> None:
        """Read each page again when it is next looked at; what is shown stays until then."""
        self._old.update(self._pages)

    def want(self, first_row: int, last_row: int) -> None:
        """These rows are looked at: ask for the pages that are missing or old."""
        self._looked = (max(0, first_row), last_row)
        if self._found is not None or not self._depth:
            return
        for page in range(max(0, first_row) // PAGE, min(last_row, self._depth - 1) // PAGE + 1):
            if page in self._pages:
                self._pages.move_to_end(page)
            if page not in self._asked and (page not in self._pages or page in self._old):
                self._asked.add(page)
                self.page_wanted.emit(page)

    def take_page(self, page: int, jobs: tuple[Job, ...]) -> None:
        """A page that was asked for has come."""
        self._asked.discard(page)
        if self._found is not None:
            return
        self._old.discard(page)
        before = self._pages.get(page)
        self._pages[page] = jobs
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            self._old.discard(self._pages.popitem(last=False)[0])
        last = min(self._depth, (page + 1) * PAGE) - 1
        if last >= page * PAGE and jobs != before:
            self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, self.columnCount() - 1))

    def miss_page(self, page: int) -> None:
        """A page that was asked for could not be had; it is asked for again when it is next looked at."""
        self._asked.discard(page)

    def job(self, row: int) -> Job | None:
        """The job in a row; None while it is not here."""
        if self._found is not None:
            return self._found[row] if 0 <= row < len(self._found) else None
        page = self._pages.get(row // PAGE, ())
        return page[row % PAGE] if row % PAGE < len(page) else None

    def rowCount(self, parent: _Index | None = None) -> int:
        """All jobs of the state, loaded or not; or those found."""
        if parent is not None and parent.isValid():
            return 0
        return self._depth if self._found is None else len(self._found)

    def columnCount(self, parent: _Index | None = None) -> int:
        """The same for every state."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' titles, which depend on the state."""
        if orientation is not Qt.Orientation.Horizontal or section >= self.columnCount():
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A job's words; "…" while its page is on the way."""
        if role not in _TOLD:
            return None
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        job = self.job(index.row())
        if role == Qt.ItemDataRole.ForegroundRole:
            if self._faded or job is None:
                return self._look.colour("stale")
            return self._look.colour("failed" if column is ERROR and job.state is JobState.FAILED else "ink")
        if job is None:
            words = "gone meanwhile" if index.row() // PAGE in self._pages else "loading…"
            return words if index.column() == 0 or role == Qt.ItemDataRole.ToolTipRole else ""
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip(job, self._now_ms)
        text = column.text(job, self._now_ms)
        return f"{column.title}: {text}" if role == Qt.ItemDataRole.AccessibleTextRole else text

    def _redraw(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def _forget(self) -> None:
        self._pages.clear()
        self._old.clear()
        self._asked.clear()


def _alignment(column: Column) -> Qt.AlignmentFlag:
    return _RIGHT if column.number else _LEFT
