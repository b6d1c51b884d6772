"""The list of the Jobs page: the table, what can be done to the jobs in it, and for which of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.job_list_foot import JobListFoot, Listed
from desktop.theme import Look
from desktop.widgets.job_actions import ACTIONS, REMOVE, RETRY, JobAction, JobScope
from desktop.widgets.job_confirm import JobConfirm
from desktop.widgets.job_table import JobTable
from desktop.widgets.job_words import ages_text, ended_or_added_ms, json_text
from desktop.widgets.queue_box import ALL_QUEUES
from desktop.widgets.text import Button
from desktop.widgets.work_bar import WorkBar
from engine.model import CleanPreview, JobState
from engine.queues import QUEUES


class JobList(QFrame):
    """Tell it what is listed by `show_listed`; what it wants is meant for tuples of JobScopes, one a queue."""

    act_wanted = Signal(str, object)
    """Key of a JobAction, and the JobScopes."""
    count_wanted = Signal(object)
    """JobScopes without ids, for `show_count`."""
    export_wanted = Signal(object, str)
    """JobScopes, and the path of the file."""
    stop_wanted = Signal()
    """The work that `show_work` tells of shall end."""
    picked_changed = Signal()

    def __init__(self, look: Look, actions: Actions) -> None:
        super().__init__()
        self._look, self._actions = look, actions
        self._listed = Listed(next(iter(QUEUES)), JobState.WAITING)
        self.confirm_dialog: JobConfirm | None = None
        self.setObjectName("card")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        self.table = JobTable(look)
        column.addLayout(self._build_actions())
        column.addWidget(self.table, 1)
        self.work = WorkBar(look)
        self.work.stop_wanted.connect(self.stop_wanted)
        column.addWidget(self.work)
        self.foot = JobListFoot(look)
        self.all = self.foot.all
        self.all.toggled.connect(self._on_all)
        column.addWidget(self.foot)
        self.table.picked_changed.connect(self._on_picked)
        self.table.all_wanted.connect(self._mean_all)
        self.table.copy_wanted.connect(self.copy_ids)
        self.table.remove_wanted.connect(lambda: self.do(REMOVE))
        retry_key = QShortcut(QKeySequence("R"), self.table)
        retry_key.setContext(Qt.ShortcutContext.WidgetShortcut)
        retry_key.activated.connect(lambda: self.do(RETRY))

    # What it shows

    @property
    def held(self) -> bool:
        """Places shift as jobs come and go: while some are selected the list stands still, so that these stay meant."""
        return self.table.selectionModel().hasSelection()

    @property
    def note(self) -> str:
        """What is said beside "All"."""
        return self.foot.note

    def show_listed(self, listed: Listed) -> None:
        """This is what the table lists from now on; the words and buttons follow."""
        self._listed = listed
        self._draw()

    def say(self, words: str) -> None:
        """Say something beside "All" for a moment."""
        self.foot.say(words)

    def show_count(self, preview: CleanPreview) -> None:
        """How many jobs "all that match" are."""
        if self.confirm_dialog is not None:
            ages = ages_text(preview.oldest_at_ms, preview.newest_at_ms, self.table.jobs.now_ms)
            self.confirm_dialog.show_count(preview.count, preview.samples, ages)

    def show_count_failed(self, words: str) -> None:
        """They cannot be counted."""
        if self.confirm_dialog is not None:
            self.confirm_dialog.show_failed(words)

    def show_work(self, what: str, done: int, total: int) -> None:
        """Tell how far an action on many jobs is: "Removing: 3,400 of 12,000" (a total of 0: not known yet)."""
        self.work.show_progress(what, done, total)
        self._draw()

    def end_work(self) -> None:
        """It is over."""
        self.work.end()
        self._draw()

    def clear(self) -> None:
        """Select nothing."""
        self.all.setChecked(False)
        self.table.clearSelection()

    # What the person does

    def scopes(self) -> tuple[JobScope, ...]:
        """What an action would be for now, a scope for each queue that has jobs among it."""
        listed = self._listed
        if self.all.isChecked():
            queues = tuple(QUEUES) if listed.queue == ALL_QUEUES else (listed.queue,)
            return tuple(JobScope(queue, listed.state, None, listed.query) for queue in queues)
        ids: dict[str, list[str]] = {}
        for job in self.table.picked().jobs:
            ids.setdefault(job.queue, []).append(job.id)
        return tuple(JobScope(queue, listed.state, tuple(some)) for queue, some in ids.items())

    def do(self, action: JobAction) -> None:
        """Ask for an action; one that destroys asks the person first."""
        if self._refusal(action):
            return
        scopes = self.scopes()
        if not action.asks:
            self.act_wanted.emit(action.key, scopes)
            return
        name = QUEUES[scopes[0].queue].title if len(scopes) == 1 else self._listed.name
        words = {
            "cancel": f"They end as failed on {name}, with you as the reason. Running ones end within about a second.",
            "remove": f"They leave {name} for the quarantine, which keeps them for 24 hours: undo brings them back.",
        }[action.key]
        verb = action.text.rstrip("…")
        typed = scopes[0].queue if len(scopes) == 1 else "all-queues"
        dialog = JobConfirm(self._look, f"{verb} jobs of {name}", words, verb, typed, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.confirmed.connect(lambda: self.act_wanted.emit(action.key, scopes))
        dialog.finished.connect(self._forget_dialog)
        self.confirm_dialog = dialog
        if self.all.isChecked():
            self.count_wanted.emit(scopes)
        else:
            jobs = self.table.picked().jobs
            times = sorted(map(ended_or_added_ms, jobs))
            dialog.show_count(len(jobs), jobs, ages_text(times[0], times[-1], self.table.jobs.now_ms))
        dialog.open()

    def copy_ids(self) -> None:
        """Put the selected jobs' ids on the clipboard, a line each."""
        jobs = self.table.picked().jobs
        if jobs:
            QGuiApplication.clipboard().setText("\n".join(job.id for job in jobs))
            self.say(f"Copied {_counted(len(jobs), 'id')}.")

    def copy_json(self) -> None:
        """Put the selected jobs on the clipboard: one as an object, several as a list."""
        jobs = [asdict(job) for job in self.table.picked().jobs]
        if jobs:
            QGuiApplication.clipboard().setText(json_text(jobs[0] if len(jobs) == 1 else jobs))
            self.say(f"Copied {_counted(len(jobs), 'job')} as JSON.")

    def ask_export(self) -> None:
        """Ask for a file, and for the jobs to be written to it."""
        name = f"{self._listed.queue or 'all'}-{self._listed.state}.jsonl"
        path, _ = QFileDialog.getSaveFileName(self, "Export jobs", name, "JSON lines (*.jsonl)")
        if path:
            self.export_wanted.emit(self.scopes(), path)

    # Building

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

    # Inside

    def _mean_all(self) -> None:
        if self.all.isEnabled():
            self.all.setChecked(True)
        else:
            self.say(self.all.toolTip())

    def _on_picked(self) -> None:
        if self.held:
            self.all.setChecked(False)
        self._draw()
        self.picked_changed.emit()

    def _on_all(self, checked: bool) -> None:
        if checked:
            self.table.clearSelection()
        self._draw()

    def _forget_dialog(self) -> None:
        self.confirm_dialog = None

    def _refusal(self, action: JobAction | None) -> str:
        """Why an action (None: a mere look, such as an export) cannot be done to what is selected."""
        if self._listed.gone:
            return REDIS_GONE
        if not self.work.isHidden():
            return "An action is at work: stop it, or wait for its end."
        if action is not None and self._actions.refusal:
            return self._actions.refusal
        if action is not None and action.refusal(self._listed.state):
            return action.refusal(self._listed.state)
        if self.all.isChecked():
            return "" if self.table.jobs.rowCount() else "There are no such jobs."
        picked = self.table.picked()
        if not picked.count:
            return "Select jobs first."
        if not picked.complete:
            return "Not all selected jobs are loaded: scroll over them, or choose all."
        return ""

    def _draw(self) -> None:
        listed, picked = self._listed, self.table.picked()
        self.foot.show_listed(listed, picked.count, empty=not self.table.jobs.rowCount())
        for action in ACTIONS:
            self._enable(action.key, self._refusal(action), action.tip)
        self._enable("export", self._refusal(None), "Write them to a file, a line of JSON each.")
        only_picked = "" if picked.jobs else "Select jobs first."
        if self.all.isChecked():
            only_picked = "Only selected jobs can be copied: export all of them."
        self._enable("copy", only_picked, "Copy the ids. (Ctrl+C)")
        self._enable("json", only_picked, "Copy them as JSON.")

    def _enable(self, key: str, refusal: str, tip: str) -> None:
        self.buttons[key].setEnabled(not refusal)
        self.buttons[key].setToolTip(refusal or tip)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
