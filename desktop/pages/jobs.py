"""The Jobs page: the jobs of one queue and state, a search through them, and what can be done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.freshness import Freshness
from desktop.pages.job_detail import JobDetail
from desktop.theme import Look
from desktop.widgets.job_actions import ACTIONS, REMOVE, RETRY, JobAction, JobScope
from desktop.widgets.job_confirm import JobConfirm
from desktop.widgets.job_search import JobSearch
from desktop.widgets.job_table import JobTable
from desktop.widgets.job_words import STATE_WORDS, json_text
from desktop.widgets.text import Button, Text
from desktop.widgets.work_bar import WorkBar
from engine.model import CleanPreview, Job, JobState, LogLine, Searched, Snapshot
from engine.queues import QUEUES

REFRESH_MS = 2_000


class JobsPage(QWidget):
    """Shows what the signals below have asked for; knows a snapshot's counts by `show_snapshot`."""

    page_wanted = Signal(str, object, int)
    """Queue, JobState and number of a page of `job_table.PAGE` jobs, for `show_page` or `miss_page`."""
    search_wanted = Signal(int, str, object, str, object)
    """Number of the search, queue, JobState, query, and the position to go on from (None: the beginning)."""
    job_wanted = Signal(str, str)
    """Queue and id of the job whose record and log are to be shown."""
    trace_wanted = Signal(str)
    act_wanted = Signal(str, object)
    """Key of a JobAction, and the JobScope."""
    count_wanted = Signal(object)
    """A JobScope without ids, for `show_count`."""
    export_wanted = Signal(object, str)
    """A JobScope, and the path of the file."""
    stop_wanted = Signal()
    """The work that `show_work` tells of shall end."""
    rerun_wanted = Signal(str, object)
    """Name and arguments of a job to add."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._actions = actions
        self._snapshot: Snapshot | None = None
        self._detail_of: tuple[str, str] | None = None
        self.confirm_dialog: JobConfirm | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 16)
        column.setSpacing(10)
        column.addLayout(self._build_head())
        self.search = JobSearch(look)
        self.search.begun.connect(self._on_search)
        self.search.step_wanted.connect(
            lambda number, query, after: self.search_wanted.emit(number, self.queue, self.state, query, after)
        )
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.typed.setFocus)
        column.addWidget(self.search)
        column.addWidget(self._build_body(), 1)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        look.changed.connect(self._dress)
        self.search.changed.connect(self._draw_words)
        actions.refusal_changed.connect(self._draw_words)
        self._dress()
        self._open()

    # What comes in

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take over the counts; the list grows and shrinks with them unless jobs are selected."""
        first = self._snapshot is None
        self._snapshot = snapshot
        self.age.renew()
        self.table.jobs.set_faded(False)
        for state, button in self.states.items():
            count = self._depth(state)
            button.setText(f"{STATE_WORDS[state]} {count:,}")
            button.setAccessibleName(f"{STATE_WORDS[state]}: {count:,} jobs")
        self.table.jobs.set_now(snapshot.taken_at_ms)
        if not self._held or first:
            self.table.jobs.set_depth(self._depth(self.state))
        self._draw_words()

    def show_gone(self) -> None:
        """Redis does not answer: the jobs stay, greyed, with their age."""
        self.age.note_gone()
        if self.search.running:
            self.search.stop()
        self.table.jobs.set_faded(True)
        self._draw_words()

    def show_page(self, queue: str, state: JobState, page: int, jobs: tuple[Job, ...]) -> None:
        """A page that was asked for; one of another queue or state is dropped."""
        if (queue, state) == (self.queue, self.state):
            self.table.jobs.take_page(page, jobs)

    def miss_page(self, page: int, words: str) -> None:
        """A page could not be had."""
        self.table.jobs.miss_page(page)
        self._note.setText(words)

    def show_searched(self, number: int, searched: Searched) -> None:
        """One step of a search; an overtaken one's is dropped."""
        if self.search.show_step(number, searched):
            self.table.jobs.add_found(searched.found)

    def show_search_failed(self, words: str) -> None:
        """The search cannot go on."""
        self.search.show_failed(words)

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

    def show_count(self, preview: CleanPreview) -> None:
        """How many jobs "all that match" are."""
        if self.confirm_dialog is not None:
            self.confirm_dialog.show_count(preview.count, preview.samples)

    def show_count_failed(self, words: str) -> None:
        """They cannot be counted."""
        if self.confirm_dialog is not None:
            self.confirm_dialog.show_failed(words)

    def show_rerun(self) -> None:
        """The new job is added."""
        if self.detail.rerun_dialog is not None:
            self.detail.rerun_dialog.accept()
        self.show_changed()

    def show_rerun_failed(self, words: str) -> None:
        """The new job was refused."""
        if self.detail.rerun_dialog is not None:
            self.detail.rerun_dialog.refuse(words)

    def show_work(self, what: str, done: int, total: int) -> None:
        """Tell how far an action on many jobs is: "Removing: 3,400 of 12,000" (a total of 0: not known yet)."""
        self.work.show_progress(what, done, total)
        self._draw_words()

    def end_work(self) -> None:
        """It is over."""
        self.work.end()
        self._draw_words()

    def show_changed(self) -> None:
        """Jobs have changed by an action: look anew, with nothing selected."""
        self.all.setChecked(False)
        self.table.clearSelection()
        if self.search.query:
            self._search()
        else:
            self._refresh()

    # What the person does

    @property
    def queue(self) -> str:
        """The chosen queue."""
        return str(self.queue_box.currentData())

    @property
    def state(self) -> JobState:
        """The chosen state."""
        return next(state for state, button in self.states.items() if button.isChecked())

    @property
    def note(self) -> str:
        """What is said beside the actions."""
        return self._note.text()

    def choose(self, queue: str, state: JobState, query: str = "") -> None:
        """Show a queue's jobs of one state, or those among them that match."""
        self.queue_box.blockSignals(True)
        self.queue_box.setCurrentIndex(self.queue_box.findData(queue))
        self.queue_box.blockSignals(False)
        self.states[state].setChecked(True)
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
            "sizes": self._sizes if self.detail.isHidden() else self._body.sizes(),
        }

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take them up again. Raises KeyError, TypeError or ValueError for what cannot be made out."""
        self.table.set_widths(memory["columns"])
        self._sizes = [int(size) for size in memory["sizes"]]
        self._body.setSizes(self._sizes)
        if memory["queue"] in QUEUES:
            self.choose(memory["queue"], JobState(memory["state"]))

    def open_job(self, queue: str, job_id: str) -> None:
        """Show one job beside the table."""
        self._detail_of = (queue, job_id)
        self.detail.show()
        self.job_wanted.emit(queue, job_id)

    def scope(self) -> JobScope:
        """What an action would be for now."""
        if self.all.isChecked():
            return JobScope(self.queue, self.state, None, self.search.query)
        return JobScope(self.queue, self.state, tuple(job.id for job in self.table.picked().jobs))

    def do(self, action: JobAction) -> None:
        """Ask for an action; one that destroys asks the person first."""
        if self._refusal(action):
            return
        scope = self.scope()
        if not action.asks:
            self.act_wanted.emit(action.key, scope)
            return
        title = QUEUES[scope.queue].title
        words = {
            "cancel": f"They end as failed on {title}, with you as the reason. Running ones end within about a second.",
            "remove": f"They leave {title} for the quarantine, which keeps them for 24 hours: undo brings them back.",
        }[action.key]
        verb = action.text.rstrip("…")
        dialog = JobConfirm(self._look, f"{verb} jobs of {title}", words, verb, scope.queue, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(lambda: self.act_wanted.emit(action.key, scope))
        dialog.finished.connect(self._forget_dialog)
        self.confirm_dialog = dialog
        if scope.ids is None:
            self.count_wanted.emit(scope)
        else:
            dialog.show_count(len(scope.ids), self.table.picked().jobs)
        dialog.open()

    def copy_ids(self) -> None:
        """Put the selected jobs' ids on the clipboard, a line each."""
        jobs = self.table.picked().jobs
        if jobs:
            QGuiApplication.clipboard().setText("\n".join(job.id for job in jobs))
            self._note.setText(f"Copied {_jobs(len(jobs), 'id')}.")

    def copy_json(self) -> None:
        """Put the selected jobs on the clipboard: one as an object, several as a list."""
        jobs = [asdict(job) for job in self.table.picked().jobs]
        if jobs:
            QGuiApplication.clipboard().setText(json_text(jobs[0] if len(jobs) == 1 else jobs))
            self._note.setText(f"Copied {_jobs(len(jobs), 'job')} as JSON.")

    def ask_export(self) -> None:
        """Ask for a file, and for the jobs to be written to it."""
        name = f"{self.queue}-{self.state}.jsonl"
        path, _ = QFileDialog.getSaveFileName(self, "Export jobs", name, "JSON lines (*.jsonl)")
        if path:
            self.export_wanted.emit(self.scope(), path)

    # Building

    def _build_head(self) -> QHBoxLayout:
        self.queue_box = QComboBox()
        self.queue_box.setFixedSize(170, 34)
        self.queue_box.setAccessibleName("Queue")
        for name, spec in QUEUES.items():
            self.queue_box.addItem(spec.title, name)
        self.queue_box.currentIndexChanged.connect(lambda _: self._open())
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(Text(self._look, "Jobs", "title"))
        row.addSpacing(12)
        row.addWidget(self.queue_box)
        row.addSpacing(8)
        self.states: dict[JobState, Button] = {}
        group = QButtonGroup(self)
        for state, word in STATE_WORDS.items():
            button = Button(self._look, f"{word} –", kind="segment", font="label")
            button.setCheckable(True)
            button.setMinimumHeight(30)
            button.setAccessibleName(word)
            button.clicked.connect(lambda _=False: self._open())
            group.addButton(button)
            self.states[state] = button
            row.addWidget(button)
        self.states[JobState.WAITING].setChecked(True)
        self.age = Freshness(self._look)
        row.addSpacing(8)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _build_body(self) -> QSplitter:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        self.table = JobTable(self._look)
        column.addLayout(self._build_actions())
        column.addWidget(self.table, 1)
        self.work = WorkBar(self._look)
        self.work.stop_wanted.connect(self.stop_wanted)
        column.addWidget(self.work)
        column.addLayout(self._build_foot())
        self.detail = JobDetail(self._look)
        self.detail.hide()
        self.detail.closed.connect(self._close_detail)
        self.detail.wanted.connect(self.open_job)
        self.detail.rerun_wanted.connect(self.rerun_wanted)
        jobs = self.table.jobs
        jobs.page_wanted.connect(lambda page: self.page_wanted.emit(self.queue, self.state, page))
        self.table.picked_changed.connect(self._on_picked)
        self.table.opened.connect(lambda job: self.open_job(job.queue, job.id))
        self.table.all_wanted.connect(lambda: self.all.setChecked(True))
        self.table.copy_wanted.connect(self.copy_ids)
        self.table.remove_wanted.connect(lambda: self.do(REMOVE))
        retry_key = QShortcut(QKeySequence("R"), self.table)
        retry_key.setContext(Qt.ShortcutContext.WidgetShortcut)
        retry_key.activated.connect(lambda: self.do(RETRY))
        body = QSplitter(Qt.Orientation.Horizontal)
        body.setHandleWidth(12)
        body.setChildrenCollapsible(False)
        body.addWidget(card)
        body.addWidget(self.detail)
        body.setStretchFactor(0, 5)
        body.setStretchFactor(1, 3)
        self._body, self._sizes = body, [655, 390]
        body.setSizes(self._sizes)
        body.splitterMoved.connect(lambda *_: self._note_sizes())
        return body

    def _note_sizes(self) -> None:
        self._sizes = self._body.sizes()

    def _build_actions(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.buttons: dict[str, Button] = {}
        for action in ACTIONS:
            name = f"{action.text.rstrip('…')} the selected jobs"
            self._add_button(row, action.key, action.text, name, partial(self.do, action))
        row.addStretch(1)
        self._add_button(row, "copy", "Copy id", "Copy the ids of the selected jobs", self.copy_ids)
        self._add_button(row, "json", "Copy JSON", "Copy the selected jobs as JSON", self.copy_json)
        self._add_button(row, "export", "Export…", "Export the selected jobs as JSON lines", self.ask_export)
        return row

    def _add_button(self, row: QHBoxLayout, key: str, text: str, name: str, act: Callable[[], None]) -> None:
        button = Button(self._look, text, kind="row", font="label")
        button.setAccessibleName(name)
        button.clicked.connect(lambda _=False: act())
        self.buttons[key] = button
        row.addWidget(button)

    def _build_foot(self) -> QHBoxLayout:
        self.all = QCheckBox("All")
        self.all.setFont(self._look.font("label"))
        self.all.setAccessibleName("All that match are meant, not only the selected")
        self.all.toggled.connect(self._on_all)
        self._note = Text(self._look, "", "label", "muted")
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(self.all)
        row.addWidget(self._note, 1)
        return row

    # Inside

    @property
    def _now_ms(self) -> int:
        return self._snapshot.taken_at_ms if self._snapshot is not None else 0

    @property
    def _held(self) -> bool:
        """Places shift as jobs come and go: while some are selected the list stands still, so that these stay meant."""
        return self.table.selectionModel().hasSelection()

    def _depth(self, state: JobState) -> int:
        if self._snapshot is None:
            return 0
        queue = next((entry for entry in self._snapshot.queues if entry.name == self.queue), None)
        return int(getattr(queue, state.value)) if queue is not None else 0

    def _open(self) -> None:
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot)
        self._search()

    def _search(self) -> None:
        self.search.begin(self.search.typed.text(), self._depth(self.state))

    def _on_search(self, query: str) -> None:
        self.all.setChecked(False)
        self.table.jobs.open(self.state, 0 if query else self._depth(self.state))
        if query:
            self.table.jobs.open_found()

    def _refresh(self) -> None:
        if self.age.gone or not self.isVisible():
            return
        if not self._held and not self.search.query:
            self.table.jobs.expire()
            self.table.jobs.set_depth(self._depth(self.state))
            self.table.look()
        if self._detail_of is not None:
            self.job_wanted.emit(*self._detail_of)

    def _on_picked(self) -> None:
        if self.table.selectionModel().hasSelection():
            self.all.setChecked(False)
            jobs = self.table.picked().jobs
            if len(jobs) == 1 and self._detail_of is not None and not self.detail.isHidden():
                self.open_job(jobs[0].queue, jobs[0].id)
        self._draw_words()

    def _on_all(self, checked: bool) -> None:
        if checked:
            self.table.clearSelection()
        self._draw_words()

    def _close_detail(self) -> None:
        self._detail_of = None
        self.detail.hide()
        self.table.setFocus()

    def _forget_dialog(self) -> None:
        self.confirm_dialog = None

    def _refusal(self, action: JobAction | None) -> str:
        """Why an action (None: a mere look, such as an export) cannot be done to what is selected."""
        if self.age.gone:
            return REDIS_GONE
        if not self.work.isHidden():
            return "An action is at work: stop it, or wait for its end."
        if action is not None and self._actions.refusal:
            return self._actions.refusal
        if action is not None and action.refusal(self.state):
            return action.refusal(self.state)
        if self.all.isChecked():
            return "" if self.table.jobs.rowCount() else "There are no such jobs."
        picked = self.table.picked()
        if not picked.count:
            return "Select jobs first."
        if not picked.complete:
            return "Not all selected jobs are loaded: scroll over them, or choose all."
        return ""

    def _draw_words(self) -> None:
        depth = self._depth(self.state)
        self.all.setText("All that match" if self.search.query else f"All {depth:,}")
        self.all.setToolTip("Act on all of them, also those that are not loaded (Ctrl+A)")
        picked = self.table.picked()
        if self.all.isChecked():
            note = "all that match are meant" if self.search.query else f"all {depth:,} are meant"
        elif picked.count:
            note = f"{picked.count:,} selected; the list stands still meanwhile"
        else:
            note = ""
        self._note.setText(note)
        self._note.setToolTip(note)
        self.detail.forbid_rerun(self._actions.refusal)
        for action in ACTIONS:
            self._enable(action.key, self._refusal(action), action.tip)
        self._enable("export", self._refusal(None), "Write them to a file, a line of JSON each.")
        only_picked = "" if picked.jobs else "Select jobs first."
        if self.all.isChecked():
            only_picked = "Only selected jobs can be copied: export all of them."
        self._enable("copy", only_picked, "Copy the ids. (Ctrl+C)")
        self._enable("json", only_picked, "Copy them as JSON.")
        self._draw_empty()

    def _enable(self, key: str, refusal: str, tip: str) -> None:
        self.buttons[key].setEnabled(not refusal)
        self.buttons[key].setToolTip(refusal or tip)

    def _dress(self) -> None:
        line, fill, field = (self._look.hex(role) for role in ("muted", "accent", "surface"))
        self.all.setStyleSheet(
            f"QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {line}; border-radius: 3px;"
            f" background: {field}; }} QCheckBox::indicator:checked {{ background: {fill}; border-color: {fill}; }}"
            f" QCheckBox:focus {{ color: {fill}; }}"
        )

    def _draw_empty(self) -> None:
        title, state = QUEUES[self.queue].title, STATE_WORDS[self.state].lower()
        if self._snapshot is None:
            self.table.say("Not connected yet", "The jobs appear when Redis answers.")
        elif self.search.running:
            self.table.say("Searching…", "")
        elif self.search.query:
            more = "Press Go on to look further." if not self.search.at_end else "All of them were looked at."
            self.table.say("Nothing found", more)
        else:
            self.table.say(f"No {state} jobs", f"{title} has no jobs in this state now.")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)


def _jobs(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
