"""The Jobs page: the jobs of one queue and state, or those found on all queues, and one job beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.job_detail import JobDetail
from desktop.pages.job_list import JobList
from desktop.pages.job_list_foot import Listed
from desktop.pages.jobs_head import JobsHead
from desktop.pages.list_and_job import ListAndJob
from desktop.theme import Look
from desktop.widgets.job_search import JobSearch
from desktop.widgets.job_words import STATE_WORDS
from desktop.widgets.queue_box import ALL_QUEUES
from engine.model import Job, JobState, LogLine, Searched, Snapshot
from engine.queues import QUEUES

REFRESH_MS = 2_000


class JobsPage(QWidget):
    """Shows what the signals below, and those of its `list`, have asked for; knows counts by `show_snapshot`."""

    page_wanted = Signal(str, object, int)
    """Queue, JobState and number of a page of `job_table_model.PAGE` jobs, for `show_page` or `miss_page`."""
    search_wanted = Signal(int, str, object, str, object)
    """Number of the search, queue or `ALL_QUEUES`, JobState, query, and the position to go on from, or None."""
    job_wanted = Signal(str, str)
    """Queue and id of the job whose record and log are to be shown."""
    trace_wanted = Signal(str)
    rerun_wanted = Signal(str, object)
    """Name and arguments of a job to add."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._snapshot: Snapshot | None = None
        self._detail_of: tuple[str, str] | None = None
        self.head = JobsHead(look)
        self.search = JobSearch(look)
        self.list = JobList(look, actions)
        self.table = self.list.table
        self.detail = JobDetail(look)
        self.detail.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 16)
        column.setSpacing(10)
        column.addWidget(self.head)
        column.addWidget(self.search)
        self._body = ListAndJob(self.list, self.detail)
        column.addWidget(self._body, 1)
        self._connect_parts()
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self._open()

    # What comes in

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take over the counts; the list grows and shrinks with them unless jobs are selected."""
        first = self._snapshot is None
        self._snapshot = snapshot
        self.head.show_snapshot(snapshot)
        self.table.jobs.set_faded(False)
        self.table.jobs.set_now(snapshot.taken_at_ms)
        if not self.list.held or first:
            self.table.jobs.set_depth(self._listable)
        self._draw()

    def show_gone(self) -> None:
        """Redis does not answer: the jobs stay, greyed, with their age."""
        self.head.age.note_gone()
        if self.search.running:
            self.search.stop()
        self.table.jobs.set_faded(True)
        self._draw()

    def show_page(self, queue: str, state: JobState, page: int, jobs: tuple[Job, ...]) -> None:
        """A page that was asked for; one of another queue or state is dropped."""
        if (queue, state) == (self.queue, self.state):
            self.table.jobs.take_page(page, jobs)

    def miss_page(self, page: int, words: str) -> None:
        """A page could not be had."""
        self.table.jobs.miss_page(page)
        self.list.say(words)

    def show_searched(self, number: int, searched: Searched) -> None:
        """One step of a search; an overtaken one's is dropped."""
        if self.search.show_step(number, searched):
            self.table.jobs.add_found(searched.found)

    def show_job(self, job: Job, log: tuple[LogLine, ...]) -> None:
        """The record and log of the job that was asked for."""
        if self._detail_of == (job.queue, job.id):
            changed = job != self.detail.job
            self.detail.show_job(job, self._now_ms)
            self.detail.show_log(log)
            # Looking a trace up costs more than a record: only when it may have changed.
            if changed or self.detail.trace_lives:
                self.trace_wanted.emit(job.trace or job.id)

    def show_job_missing(self, words: str) -> None:
        """The job is gone, or cannot be read."""
        self.detail.show_missing(words)

    def show_trace(self, jobs: tuple[Job, ...]) -> None:
        """The jobs of the shown job's trace."""
        if self.detail.job is not None:
            self.detail.show_trace(jobs, self._now_ms)

    def show_trace_missing(self, words: str) -> None:
        """The trace cannot be read."""
        self.detail.timeline.say(words)

    def show_rerun(self) -> None:
        """The new job is added."""
        if self.detail.rerun_dialog is not None:
            self.detail.rerun_dialog.accept()
        self.show_changed()

    def show_rerun_failed(self, words: str) -> None:
        """The new job was refused."""
        if self.detail.rerun_dialog is not None:
            self.detail.rerun_dialog.refuse(words)

    def show_changed(self) -> None:
        """Jobs have changed by an action: look anew, with nothing selected."""
        self.list.clear()
        if self.search.query:
            self._search()
        else:
            self._refresh()

    # What the person does

    @property
    def queue(self) -> str:
        """The chosen queue; `ALL_QUEUES` for all."""
        return self.head.queue

    @property
    def state(self) -> JobState:
        """The chosen state."""
        return self.head.state

    def choose(self, queue: str, state: JobState, query: str = "") -> None:
        """Show a queue's jobs of one state, or those among them (of `ALL_QUEUES`, too) that match."""
        self.head.choose(queue, state)
        self.search.typed.blockSignals(True)
        self.search.typed.setText(query)
        self.search.typed.blockSignals(False)
        self._open()

    def memory(self) -> dict[str, Any]:
        """The chosen queue and state, the columns and the room of the job beside the table."""
        return {
            "queue": self.queue,
            "state": self.state.value,
            "columns": self.table.widths,
            "sizes": self._body.shares,
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take them up again. Raises KeyError, TypeError or ValueError for what cannot be made out."""
        self.table.set_widths(memory["columns"])
        self._body.share([int(size) for size in memory["sizes"]])
        if memory["queue"] in (ALL_QUEUES, *QUEUES):
            self.choose(memory["queue"], JobState(memory["state"]))

    def open_job(self, queue: str, job_id: str) -> None:
        """Show one job beside the table."""
        self._detail_of = (queue, job_id)
        self._body.open_job()
        self.job_wanted.emit(queue, job_id)

    # Building

    def _connect_parts(self) -> None:
        self.head.changed.connect(self._open)
        self.search.begun.connect(self._on_search)
        self.search.step_wanted.connect(
            lambda number, query, after: self.search_wanted.emit(number, self.queue, self.state, query, after)
        )
        self.search.changed.connect(self._draw)
        self.table.jobs.page_wanted.connect(lambda page: self.page_wanted.emit(self.queue, self.state, page))
        self.table.opened.connect(lambda job: self.open_job(job.queue, job.id))
        self.list.picked_changed.connect(self._on_picked)
        self.detail.closed.connect(self._close_detail)
        self.detail.wanted.connect(self.open_job)
        self.detail.rerun_wanted.connect(self.rerun_wanted)
        self._actions.refusal_changed.connect(self._draw)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.typed.setFocus)

    # Inside

    @property
    def _now_ms(self) -> int:
        return self._snapshot.taken_at_ms if self._snapshot is not None else 0

    @property
    def _listable(self) -> int:
        """How many jobs can be listed by their place: those of one queue."""
        return self.head.count(self.state) if self.queue != ALL_QUEUES else 0

    def _open(self) -> None:
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)
        self._search()

    def _search(self) -> None:
        self.search.begin(self.search.typed.text(), self.head.count(self.state))

    def _on_search(self, query: str) -> None:
        self.list.all.setChecked(False)
        self.table.jobs.open(self.state, 0 if query else self._listable, with_queue=self.queue == ALL_QUEUES)
        if query:
            self.table.jobs.open_found()

    def _refresh(self) -> None:
        if self.head.age.gone or not self.isVisible():
            return
        if not self.list.held and not self.search.query:
            self.table.jobs.expire()
            self.table.jobs.set_depth(self._listable)
            self.table.look()
        if self._detail_of is not None:
            self.job_wanted.emit(*self._detail_of)

    def _on_picked(self) -> None:
        jobs = self.table.picked().jobs
        if len(jobs) == 1 and self._detail_of is not None and not self.detail.isHidden():
            self.open_job(jobs[0].queue, jobs[0].id)

    def _close_detail(self) -> None:
        self._detail_of = None
        self._body.close_job()
        self.table.setFocus()

    def _draw(self) -> None:
        query, known = self.search.query, self.search.at_end
        unlooked = "All that match are known once the search has looked at all: let it go on." if query else ""
        if not query and self.queue == ALL_QUEUES:
            unlooked = "Search first, or choose a queue."
        listed = Listed(
            self.queue, self.state, self._listable, query, "" if query and known else unlooked, bool(self.head.age.gone)
        )
        self.list.show_listed(listed)
        self.detail.forbid_rerun(self._actions.refusal)
        self._draw_empty()

    def _draw_empty(self) -> None:
        state = STATE_WORDS[self.state].lower()
        if self._snapshot is None:
            self.table.say("Not connected yet", "The jobs appear when Redis answers.")
        elif self.search.running:
            self.table.say("Searching…", "")
        elif self.search.query:
            more = "Press Go on to look further." if not self.search.at_end else "All of them were looked at."
            self.table.say("Nothing found", more)
        elif self.queue == ALL_QUEUES:
            self.table.say("What do you look for?", f"Search the {state} jobs of all queues, or choose a queue.")
        else:
            self.table.say(f"No {state} jobs", f"{QUEUES[self.queue].title} has no jobs in this state now.")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)
