"""The table of the jobs in one state, or of those found; `JobTableModel` loads what it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from desktop.theme import Look
from desktop.widgets.job_table_model import JobTableModel
from engine.model import Job

_MOST_SELECTED = 2_000
_LOOK_MS = 60
_ROW_HEIGHT = 32
_NARROWEST, _WIDEST = 40, 800


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
        self.jobs.modelAboutToBeReset.connect(self._expect_reset)
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
        if (title, words) != (self._title, self._words):
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

    def _expect_reset(self) -> None:
        self._fitting = True  # until the new columns are fitted the header still moves the old ones

    def _on_reset(self) -> None:
        self._fit_columns()
        self.scrollToTop()
        self.picked_changed.emit()
        self._look_soon()

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        self._fitting = True
        for place, column in enumerate(self.jobs.columns):
            if column.width:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
                header.resizeSection(place, self._widths.get(column.title, column.width))
            else:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        self._fitting = False

    def _note_width(self, place: int, _before: int, width: int) -> None:
        column = self.jobs.columns[place]
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
