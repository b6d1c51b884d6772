"""The Queues page: totals, eight rows, and the charts of the chosen queue or of all.

It shows what Redis says and nothing else: after a click the figures change with the next
snapshot. Where Redis is gone the last figures stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import CLEAN, PAUSE, REDIS_GONE, RETRY, Actions
from desktop.pages.freshness import Freshness
from desktop.pages.queue_charts import QueueCharts
from desktop.pages.queue_columns import header
from desktop.pages.queue_row import QueueRow
from desktop.pages.queue_totals import QueueTotals
from desktop.theme import Look
from desktop.widgets.clean_dialog import CleanDialog
from desktop.widgets.job_confirm import JobConfirm
from desktop.widgets.scroll_list import step_in
from desktop.widgets.text import Button, Text, card, rule
from desktop.widgets.two_lines import ElidedText
from engine.model import CleanPreview, JobState, Snapshot
from engine.queues import QUEUES

_CHARTS_FROM_PX = 620
"""Below this height, in a small window under notices, the rows have all the room."""


class QueuesPage(QWidget):
    """All queues; give it snapshots by `show_snapshot`, and `show_gone` where there are none."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._snapshot: Snapshot | None = None
        self._paused_by: dict[str, str] = {}
        self._selected: str | None = None
        self._dialog: CleanDialog | None = None
        self.retry_dialog: JobConfirm | None = None

        self.rows = {name: QueueRow(look, actions, name) for name in QUEUES}
        self.totals = QueueTotals(look)
        self.charts = QueueCharts(look)
        self.charts.all_wanted.connect(lambda: self.select(None))
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(10)
        column.addLayout(self._build_head())
        column.addWidget(self.totals)
        column.addWidget(self._build_table())
        column.addWidget(self.charts, 1)
        self._add_shortcuts()
        actions.clean_dialog_requested.connect(self.open_clean_dialog)
        actions.retry_dialog_requested.connect(self.open_retry_dialog)
        actions.refusal_changed.connect(self._draw)

    # What it shows

    @property
    def selected(self) -> str | None:
        """The queue whose charts are shown; None means all."""
        return self._selected

    @property
    def clean_dialog(self) -> CleanDialog | None:
        """The open clean dialog."""
        return self._dialog

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show fresh figures."""
        self._snapshot = snapshot
        self.charts.add(snapshot)
        for queue in snapshot.queues:
            self.rows[queue.name].add_sample(queue, snapshot.taken_at_ms)
        self.age.renew()
        self._draw()
        if self._dialog is not None:
            self._dialog.refresh()

    def show_gone(self) -> None:
        """Redis does not answer: keep what is known, grey, and say how old it is."""
        was_gone = self.age.gone
        self.age.note_gone()
        if not was_gone:
            self._draw()

    def show_paused_by(self, actors: Mapping[str, str]) -> None:
        """Who paused the queues that are paused, as far as it is known."""
        self._paused_by = dict(actors)
        self._draw()

    def show_preview(self, preview: CleanPreview) -> None:
        """The count that the clean dialog asked for."""
        if self._dialog is not None and self._snapshot is not None:
            self._dialog.show_preview(preview, self._snapshot.taken_at_ms)

    def show_preview_failed(self, message: str) -> None:
        """The count could not be had."""
        if self._dialog is not None:
            self._dialog.show_failure(message)

    def select(self, queue: str | None) -> None:
        """Show the charts of `queue`, or of all queues; choosing the chosen one shows all again."""
        self._selected = None if queue == self._selected else queue
        for name, row in self.rows.items():
            row.set_selected(name == self._selected)
        self._draw()

    # Asking

    def open_clean_dialog(self, queue: str) -> None:
        """Ask which jobs of `queue` to remove."""
        dialog = CleanDialog(self._look, queue, QUEUES[queue].title, self)
        dialog.preview_wanted.connect(
            lambda state, grace_ms, limit: self._actions.preview_requested.emit(queue, state, grace_ms, limit)
        )
        dialog.confirmed.connect(
            lambda state, grace_ms, count: self._actions.clean_requested.emit(queue, state, grace_ms, count)
        )
        self._dialog = dialog
        self._open(dialog)

    def open_retry_dialog(self, queue: str, count: int) -> None:
        """Ask whether so many failed jobs of `queue` shall run again, all at once."""
        title = QUEUES[queue].title
        words = (
            "All of them join the waiting jobs at once. Where their cause may still be there, try a few of them first: "
            "the Failures page retries them gradually."
        )
        dialog = JobConfirm(self._look, f"Retry failed jobs of {title}", words, "Retry", queue, self, destroys=False)
        dialog.show_count(count)
        dialog.confirmed.connect(lambda: self._actions.retry_requested.emit(queue))
        self.retry_dialog = dialog
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._forget_dialogs)
        dialog.open()

    def _forget_dialogs(self) -> None:
        self._dialog = self.retry_dialog = None

    # Building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Text(self._look, "Queues", "title"))
        row.addSpacing(10)
        self.age = Freshness(self._look)
        self.health = ElidedText(self._look, "", "strong")
        for note in (self.age, self.health):
            note.setContentsMargins(0, 0, 0, 4)
            row.addWidget(note, 1, Qt.AlignmentFlag.AlignBottom)
        self.pause_all = Button(self._look, "Pause all", icon="pause", font="label")
        self.resume_all = Button(self._look, "Resume all", icon="resume", font="label")
        self.pause_all.clicked.connect(lambda: self._switch_all(pause=True))
        self.resume_all.clicked.connect(lambda: self._switch_all(pause=False))
        for button in (self.pause_all, self.resume_all):
            button.setAccessibleName(f"{button.text()} queues")
            button.setEnabled(False)
            button.setToolTip("There are no figures yet.")
            row.addWidget(button)
        self._show_head()
        return row

    def _build_table(self) -> QFrame:
        frame = card()
        column = QVBoxLayout(frame)
        column.setContentsMargins(6, 6, 6, 4)
        column.setSpacing(0)
        column.addWidget(header(self._look))
        column.addSpacing(2)
        column.addWidget(rule())
        column.addSpacing(2)
        for row in self.rows.values():
            row.chosen.connect(self.select)
            row.moved.connect(partial(step_in, column, row))
            column.addWidget(row)
        return frame

    def _add_shortcuts(self) -> None:
        runs: tuple[tuple[str, Callable[[QueueRow], object]], ...] = (
            (PAUSE.shortcut, lambda row: row.switch.click()),
            (CLEAN.shortcut, lambda row: row.clean.click()),
            (RETRY.shortcut, lambda row: row.retry.click()),
            ("W", lambda row: row.open_jobs(JobState.WAITING)),
            ("A", lambda row: row.open_jobs(JobState.ACTIVE)),
            ("D", lambda row: row.open_jobs(JobState.DELAYED)),
            ("F", lambda row: row.open_jobs(JobState.FAILED)),
        )
        for key, run in runs:
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda run=run: self._on_meant_row(run))

    # Drawing

    def _draw(self) -> None:
        snapshot, stale = self._snapshot, bool(self.age.gone)
        self._show_head()
        if snapshot is None or not self.isVisible():
            return
        for queue in snapshot.queues:
            self.rows[queue.name].show_queue(
                queue,
                snapshot.taken_at_ms,
                stale,
                paused_by=self._paused_by.get(queue.name, ""),
                no_worker_told=not snapshot.workers,
            )
        self.totals.show_snapshot(snapshot, stale)
        self.charts.draw(snapshot, self._selected, stale)
        self._fit_all_buttons(snapshot, stale)

    def _show_head(self) -> None:
        """Words beside the title: how old the figures are, or what is wrong with all queues together."""
        self.age.setVisible(bool(self.age.gone))
        self.health.setVisible(not self.age.gone)
        words, tone = _health(self._snapshot)
        self.health.show_text(words, words)
        self.health.set_tone(tone)

    def _fit_all_buttons(self, snapshot: Snapshot, stale: bool) -> None:
        paused = sum(queue.paused for queue in snapshot.queues)
        for button, refusal, tooltip in (
            (
                self.pause_all,
                "Every queue is paused already." if paused == len(snapshot.queues) else "",
                "Pause every queue",
            ),
            (self.resume_all, "" if paused else "No queue is paused.", f"Resume the {paused} paused"),
        ):
            reason = REDIS_GONE if stale else self._actions.refusal or refusal
            button.setEnabled(not reason)
            button.setToolTip(reason or tooltip)

    # Reacting

    def _switch_all(self, *, pause: bool) -> None:
        if self._snapshot is None:
            return
        signal = self._actions.pause_requested if pause else self._actions.resume_requested
        for queue in self._snapshot.queues:
            if queue.paused != pause:
                signal.emit(queue.name)

    def _on_meant_row(self, run: Callable[[QueueRow], object]) -> None:
        """A key is for the row in focus, else for the selected one."""
        focused = next((row for row in self.rows.values() if row.hasFocus()), None)
        row = focused or self.rows.get(self._selected or "")
        if row is not None:
            run(row)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.charts.setVisible(event.size().height() >= _CHARTS_FROM_PX)


def _health(snapshot: Snapshot | None) -> tuple[str, str]:
    """What is to be said of all queues together, and in which tone; nothing where all is well."""
    if snapshot is None:
        return "", "muted"
    if not snapshot.workers:
        return "Nothing runs: no worker serves any queue. Start one on the Workers page or by “hark worker”.", "danger"
    idle = not any(queue.waiting or queue.active or queue.delayed or queue.failed for queue in snapshot.queues)
    if idle and not any(queue.completed_total or queue.failed_total for queue in snapshot.queues):
        return "Nothing has run yet. Each command given on the Assistant page runs here.", "muted"
    return "", "muted"
