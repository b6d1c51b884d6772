"""A table of the jobs in one state that loads only what is looked at, however many there are.

The model knows how many jobs there are, asks for pages of 200 by their place (`page_wanted`), keeps the last few, and
shows placeholders until they come. Or it holds what a search has found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from desktop.theme import Look
from desktop.widgets.job_words import exact_text, first_line, json_text, short_id, span_text, took_ms, when_text
from engine.model import Job, JobState

PAGE = 200
KEPT_PAGES = 25
_MOST_SELECTED = 2_000
_LOOK_MS = 60
_ROW_HEIGHT = 32
_NARROWEST, _WIDEST = 40, 800
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and width in pixels (0: the rest), and text and tooltip of a job at a time in ms."""

    title: str
    width: int
    text: Callable[[Job, int], str]
    tip: Callable[[Job, int], str]
    number: bool = False


_ID = Column("Id", 122, lambda job, _: short_id(job.id), lambda job, _: job.id)
_NAME = Column("Name", 148, lambda job, _: job.name, lambda job, _: job.name)
_ADDED = Column(
    "Added", 92, lambda job, now: when_text(job.created_at_ms, now), lambda job, _: exact_text(job.created_at_ms)
)
_DUE = Column("Due", 92, lambda job, now: when_text(job.due_at_ms, now), lambda job, _: exact_text(job.due_at_ms))
_STARTED = Column(
    "Started", 92, lambda job, now: when_text(job.started_at_ms, now), lambda job, _: exact_text(job.started_at_ms)
)
_ENDED = Column(
    "Ended", 92, lambda job, now: when_text(job.finished_at_ms, now), lambda job, _: exact_text(job.finished_at_ms)
)
_TOOK = Column(
    "Took",
    70,
    lambda job, now: span_text(took_ms(job, now)),
    lambda job, _: f"Started {exact_text(job.started_at_ms)}\nEnded {exact_text(job.finished_at_ms)}",
    number=True,
)
_PRIORITY = Column("Priority", 70, lambda job, _: str(job.priority), lambda job, _: "1 is served first", number=True)
_WORKER = Column("Worker", 120, lambda job, _: job.worker or "–", lambda job, _: job.worker or "No worker yet")
_ATTEMPTS = Column(
    "Attempts",
    74,
    lambda job, _: f"{job.attempts_made} of {job.attempts}",
    lambda job, _: f"{job.attempts_made} of at most {job.attempts} attempts made",
    number=True,
)
_ERROR = Column("Error", 0, lambda job, _: first_line(job.error), lambda job, _: job.error or "No error")
_RESULT = Column(
    "Result",
    0,
    lambda job, _: json_text(job.result, indent=None)[:300],
    lambda job, _: json_text(job.result)[:2_000],
)
COLUMNS: dict[JobState, tuple[Column, ...]] = {
    JobState.WAITING: (_ID, _NAME, _ADDED, _PRIORITY, _ATTEMPTS, _ERROR),
    JobState.DELAYED: (_ID, _NAME, _ADDED, _DUE, _ATTEMPTS, _ERROR),
    JobState.ACTIVE: (_ID, _NAME, _STARTED, _WORKER, _ATTEMPTS, _ERROR),
    JobState.COMPLETED: (_ID, _NAME, _ENDED, _TOOK, _ATTEMPTS, _RESULT),
    JobState.FAILED: (_ID, _NAME, _ENDED, _TOOK, _ATTEMPTS, _ERROR),
}


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

    @property
    def state(self) -> JobState:
        """The state whose columns are shown."""
        return self._state

    @property
    def loaded(self) -> int:
        """How many jobs are kept now."""
        return len(self._found) if self._found is not None else sum(map(len, self._pages.values()))

    def open(self, state: JobState, depth: int) -> None:
        """Begin anew with `depth` jobs of a state."""
        self.beginResetModel()
        self._state, self._depth, self._found = state, depth, None
        self._forget()
        self.endResetModel()

    def open_found(self) -> None:
        """Begin anew with a list of found jobs, empty at first; `add_found` fills it."""
        self.beginResetModel()
        self._found = []
        self._forget()
        self.endResetModel()

    def add_found(self, jobs: Sequence[Job]) -> None:
        """Append what a search has found."""
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

    def set_now(self, now_ms: int) -> None:
        """The time that ages count back from."""
        self._now_ms = now_ms
        self._redraw()

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
        self._pages[page] = jobs
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            self._old.discard(self._pages.popitem(last=False)[0])
        last = min(self._depth, (page + 1) * PAGE) - 1
        if last >= page * PAGE:
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
        return 0 if parent is not None and parent.isValid() else len(COLUMNS[self._state])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' titles, which depend on the state."""
        if orientation is not Qt.Orientation.Horizontal or section >= self.columnCount():
            return None
        column = COLUMNS[self._state][section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A job's words; "…" while its page is on the way."""
        column = COLUMNS[self._state][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.ForegroundRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        job = self.job(index.row())
        if role == Qt.ItemDataRole.ForegroundRole:
            if self._faded or job is None:
                return self._look.colour("stale")
            return self._look.colour("failed" if column is _ERROR and job.state is JobState.FAILED else "ink")
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


@dataclass(frozen=True, slots=True)
class Picked:
    """The selected rows: how many, and the jobs of those that are loaded."""

    count: int
    jobs: tuple[Job, ...]

    @property
    def complete(self) -> bool:
        """Whether every one is known."""
        return len(self.jobs) == self.count


class JobTable(QTableView):
    """The table itself. It tells the model what is looked at, at most every 60 ms."""

    picked_changed = Signal()
    opened = Signal(object)
    """The Job that was double-clicked, or Enter was pressed on."""
    all_wanted = Signal()
    """Ctrl+A: more than what is loaded is meant."""
    copy_wanted = Signal()
    remove_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._title, self._words = "", ""
        self._widths: dict[str, int] = {}
        self._fitting = False
        self.jobs = JobTableModel(look)
        self.setModel(self.jobs)
        self.setAccessibleName("Jobs")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        rows = self.verticalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(_ROW_HEIGHT)
        rows.setMinimumSectionSize(_ROW_HEIGHT)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setFixedHeight(30)
        self.horizontalHeader().sectionResized.connect(self._note_width)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.setInterval(_LOOK_MS)
        self._look_timer.timeout.connect(self.look)
        self.verticalScrollBar().valueChanged.connect(self._look_soon)
        self.selectionModel().selectionChanged.connect(lambda *_: self.picked_changed.emit())
        self.jobs.modelReset.connect(self._on_reset)
        self.jobs.rowsInserted.connect(self._look_soon)
        self.doubleClicked.connect(lambda index: self._open(index.row()))
        look.changed.connect(self._dress)
        self._dress()
        self._fit_columns()

    def look(self) -> None:
        """Ask for what is in view and is not here."""
        if self.isVisible() and self.jobs.rowCount():
            first = self.rowAt(0)
            last = self.rowAt(self.viewport().height() - 1)
            self.jobs.want(first, last if last >= 0 else self.jobs.rowCount() - 1)

    def say(self, title: str, words: str) -> None:
        """What to say where there are no rows."""
        self._title, self._words = title, words
        self.viewport().update()

    @property
    def empty_words(self) -> str:
        """What is said where there are no rows."""
        return f"{self._title} {self._words}".strip()

    @property
    def widths(self) -> dict[str, int]:
        """The columns that the person has made wider or narrower, by title, in pixels."""
        return dict(self._widths)

    def set_widths(self, widths: Mapping[str, int]) -> None:
        """Make the columns as wide as they were made once."""
        self._widths = {title: max(_NARROWEST, min(int(width), _WIDEST)) for title, width in dict(widths).items()}
        self._fit_columns()

    def picked(self) -> Picked:
        """What is selected; of very many rows only the number."""
        spans = [(span.top(), span.bottom()) for span in self.selectionModel().selection().toList()]
        count = sum(bottom - top + 1 for top, bottom in spans)
        if count > _MOST_SELECTED:
            return Picked(count, ())
        found = [self.jobs.job(row) for top, bottom in sorted(spans) for row in range(top, bottom + 1)]
        return Picked(count, tuple(job for job in found if job is not None))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex().row())
        elif control and event.key() == Qt.Key.Key_A:
            self.all_wanted.emit()
        elif control and event.key() == Qt.Key.Key_C:
            self.copy_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.remove_wanted.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.jobs.rowCount() or not self._title:
            return
        painter = QPainter(self.viewport())
        area = self.viewport().rect().adjusted(24, 0, -24, 0)
        painter.setFont(self._look.font("heading"))
        painter.setPen(self._look.colour("ink"))
        top = area.adjusted(0, area.height() // 2 - 34, 0, 0)
        painter.drawText(top, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, self._title)
        painter.setFont(self._look.font("body"))
        painter.setPen(self._look.colour("muted"))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(top.adjusted(0, 28, 0, 0), flags, self._words)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._look_soon()

    def _look_soon(self) -> None:
        # Not put off by each further event: a long scroll loads on its way.
        if not self._look_timer.isActive():
            self._look_timer.start()

    def _open(self, row: int) -> None:
        job = self.jobs.job(row)
        if job is not None:
            self.opened.emit(job)

    def _on_reset(self) -> None:
        self._fit_columns()
        self.scrollToTop()
        self.picked_changed.emit()
        self._look_soon()

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        self._fitting = True
        for place, column in enumerate(COLUMNS[self.jobs.state]):
            if column.width:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
                header.resizeSection(place, self._widths.get(column.title, column.width))
            else:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        self._fitting = False

    def _note_width(self, place: int, _before: int, width: int) -> None:
        column = COLUMNS[self.jobs.state][place]
        if column.width and not self._fitting:
            self._widths[column.title] = width

    def _dress(self) -> None:
        hexes = {role: self._look.hex(role) for role in ("surface", "line", "muted", "selected", "ink", "accent")}
        self.setStyleSheet(_SHEET % hexes)
        self.horizontalHeader().setFont(self._look.font("caption"))


_SHEET = """
QTableView { background: transparent; border: 1px solid transparent; outline: none; color: %(ink)s;
    selection-background-color: %(selected)s; selection-color: %(ink)s; }
QTableView:focus { border: 1px solid %(accent)s; border-radius: 6px; }
QTableView::item { padding: 0 8px; border-bottom: 1px solid %(line)s; }
QTableView::item:selected { background: %(selected)s; }
QTableView::item:focus { border-bottom: 2px solid %(accent)s; }
QHeaderView { background: transparent; }
QHeaderView::section { background: transparent; color: %(muted)s; border: none;
    border-bottom: 1px solid %(line)s; padding: 0 11px; }
"""


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
