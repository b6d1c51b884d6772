"""The Failures page: like failures as one group, the cause of each beside it, and what can be done with all of them.

The list is read anew while the page is shown; the traceback stays the one that was opened, so that nobody
reads a text that changes. Where Redis is gone the last groups stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QButtonGroup, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.failure_dialogs import CleanGroupDialog, GradualRetryDialog, jobs
from desktop.pages.failure_list import LARGEST, NEWEST, FailureList
from desktop.pages.failure_panel import FailurePanel
from desktop.pages.failure_row import GroupKey
from desktop.pages.freshness import Freshness
from desktop.pages.retry_bar import RetryBar
from desktop.theme import Look
from desktop.widgets.empty_card import EmptyCard
from desktop.widgets.queue_box import ALL_QUEUES, QueueBox
from desktop.widgets.text import Button, Text
from engine.model import CleanPreview, FailureGroup, Job, RetryProgress
from engine.queues import QUEUES

_READ_MS = 2_000
_BESIDE_FROM_PX = 900
"""In a narrower page the chosen group is below the list, not beside it; both are at least so high then."""
_LIST_PX, _PANEL_PX = 220, 340
_ORDERS = {LARGEST: "Largest first", NEWEST: "Newest first"}


class FailuresPage(QWidget):
    """Give it groups by `show_groups`, and `show_gone` where there are none to be had."""

    groups_wanted = Signal()
    """The list is to be read; comes each 2 s while the page is shown."""
    sample_wanted = Signal(str)
    """The id of a job whose record is to be read for `show_sample`."""
    retry_wanted = Signal(object)
    """The FailureGroup whose failed jobs are all to run again."""
    gradual_retry_wanted = Signal(object, int, float)
    """FailureGroup, canaries, jobs a second."""
    stop_wanted = Signal()
    """The gradual retry is to end."""
    preview_wanted = Signal(object)
    """The FailureGroup whose clean is to be counted for `show_preview`."""
    clean_wanted = Signal(object, int, str)
    """FailureGroup, how many at most (as many as were shown), reason."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._groups: dict[GroupKey, FailureGroup] | None = None
        self._now_ms = 0
        self._order = LARGEST
        self._selected: GroupKey | None = None
        self.dialog: QDialog | None = None
        """The dialog that is open."""

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        self.retrying = RetryBar(look)
        self.retrying.stop_wanted.connect(self.stop_wanted)
        column.addWidget(self.retrying)
        self.empty = EmptyCard(look)
        column.addWidget(self.empty, 1)
        self._body = QWidget()
        self._panes = body = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        self.list = FailureList(look)
        self.list.chosen.connect(self.select)
        body.addWidget(self.list, 3)
        self.panel = FailurePanel(look)
        body.addWidget(self.panel, 2)
        column.addWidget(self._body, 1)
        self._connect_panel()

        self._clock = QTimer(self)
        self._clock.setInterval(_READ_MS)
        self._clock.timeout.connect(self.groups_wanted)
        actions.refusal_changed.connect(self._draw_panel)
        self._draw()

    # What it shows

    @property
    def selected(self) -> FailureGroup | None:
        """The group whose details are shown."""
        return self._shown().get(self._selected) if self._selected else None

    def show_groups(self, groups: Sequence[FailureGroup], now_ms: int) -> None:
        """Show the groups as they are at `now_ms`; those without a failed job are history and end the list."""
        self._groups = {(group.queue, group.signature): group for group in groups}
        self._now_ms = now_ms
        self.age.renew()
        self._draw()

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """The groups cannot be read: keep what is known, grey, and say how old it is."""
        self.age.note_gone(reason)
        self._draw()

    def choose(self, queue: str) -> None:
        """Show the groups of one queue, the first of them in detail, as soon as there are groups; "" for all."""
        self._selected = None
        self.queues.choose(queue)
        self._draw()

    def show_sample(self, job: Job) -> None:
        """The record of the job that `sample_wanted` asked for."""
        self.panel.show_job(job, self._now_ms)

    def show_sample_failed(self, message: str) -> None:
        """The record could not be had."""
        self.panel.show_no_job(message)

    def show_preview(self, preview: CleanPreview, now_ms: int) -> None:
        """The count that the clean dialog asked for."""
        if isinstance(self.dialog, CleanGroupDialog):
            self.dialog.show_preview(preview, now_ms)

    def show_preview_failed(self, message: str) -> None:
        """The count could not be had."""
        if isinstance(self.dialog, CleanGroupDialog):
            self.dialog.show_failure(message)

    def show_progress(self, progress: RetryProgress) -> None:
        """How far the gradual retry is."""
        began = not self.retrying.running
        self.retrying.show_progress(progress)
        if began:
            self._draw_panel()

    def end_progress(self) -> None:
        """The gradual retry has ended, however it did."""
        self.retrying.end()
        self._draw_panel()

    def select(self, key: GroupKey | None) -> None:
        """Show the details of one group; its sample is asked for."""
        self._selected = key
        self.list.select(key)
        self._draw_panel()
        group = self.selected
        if group is not None:
            self.panel.expect_job(group.sample)
            self.sample_wanted.emit(group.sample)

    def set_order(self, order: str) -> None:
        """Sort by `LARGEST` or `NEWEST` first."""
        self._order = order
        self.orders[order].setChecked(True)
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.groups_wanted.emit()
        self._clock.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < _BESIDE_FROM_PX
        self._panes.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        for pane, least in ((self.list, _LIST_PX), (self.panel, _PANEL_PX)):
            pane.setMinimumHeight(least if narrow else 0)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    # Building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(Text(self._look, "Failures", "title"))
        row.addSpacing(14)
        self.summary = Text(self._look, "", tone="muted")
        self.summary.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self.summary, 0, Qt.AlignmentFlag.AlignBottom)
        row.addSpacing(12)
        self.age = Freshness(self._look)
        self.age.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignBottom)
        group = QButtonGroup(self)
        self.orders: dict[str, Button] = {}
        for order, word in _ORDERS.items():
            button = Button(self._look, word, kind="segment", font="label")
            button.setCheckable(True)
            button.setFixedHeight(28)
            button.setChecked(order == self._order)
            button.setAccessibleName(f"Sort the groups: {word.lower()}")
            button.clicked.connect(lambda _=False, order=order: self.set_order(order))
            group.addButton(button)
            self.orders[order] = button
            row.addWidget(button)
        self.queues = QueueBox()
        self.queues.currentIndexChanged.connect(self._draw)
        row.addSpacing(8)
        row.addWidget(self.queues)
        return row

    def _connect_panel(self) -> None:
        self.panel.retry.clicked.connect(lambda: self._with_selected(self.retry_wanted.emit))
        self.panel.gradually.clicked.connect(lambda: self._with_selected(self._ask_gradually))
        self.panel.clean.clicked.connect(lambda: self._with_selected(self._ask_clean))
        for key, button in (("R", self.panel.retry), ("G", self.panel.gradually), ("C", self.panel.clean)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)

    # Drawing

    def _shown(self) -> dict[GroupKey, FailureGroup]:
        """The groups of the chosen queue."""
        groups, queue = self._groups or {}, self.queues.queue
        return {key: group for key, group in groups.items() if queue in (ALL_QUEUES, group.queue)}

    def _draw(self) -> None:
        shown = self._shown()
        self.empty.setVisible(not shown)
        self._body.setVisible(bool(shown))
        if not shown:
            self._draw_empty()
        self.list.show_groups(
            shown, self._now_ms, order=self._order, selected=self._selected, faded=bool(self.age.gone)
        )
        self._draw_summary(shown)
        if self._selected in shown:
            self._draw_panel()
        else:
            self.select(next(iter(self.list.order), None))

    def _draw_empty(self) -> None:
        if self.age.gone:
            self.empty.say("The failures cannot be read", self.age.gone)
        elif self._groups is None:
            self.empty.say("Reading", "The groups of failures appear here.")
        elif self._groups:
            words = f"Other queues have {_groups(len(self._groups))}: choose all queues to see them."
            self.empty.say(f"No failures of {QUEUES[self.queues.queue].title}", words)
        else:
            self.empty.say("No failures", "Nothing has failed for good. If something does, its cause is shown here.")

    def _draw_summary(self, shown: dict[GroupKey, FailureGroup]) -> None:
        failed = sum(group.failed_now for group in shown.values())
        self.summary.setText(f"{jobs(failed)} failed now, in {_groups(len(shown))}" if shown else "")
        self.summary.set_tone("stale" if self.age.gone else "muted")

    def _draw_panel(self) -> None:
        group = self.selected
        if group is not None:
            over = "" if group.failed_now else "None of these jobs is failed any more."
            refusal = REDIS_GONE if self.age.gone else self._actions.refusal or over
            self.panel.show_group(group, self._now_ms, refusal, retrying=self.retrying.running)

    # Acting

    def _with_selected(self, act: Callable[[FailureGroup], object]) -> None:
        if self.selected is not None:
            act(self.selected)

    def _ask_gradually(self, group: FailureGroup) -> None:
        dialog = GradualRetryDialog(self._look, group, self)
        dialog.confirmed.connect(lambda canary, rate: self.gradual_retry_wanted.emit(group, canary, rate))
        self._open(dialog)

    def _ask_clean(self, group: FailureGroup) -> None:
        dialog = CleanGroupDialog(self._look, group, self)
        dialog.confirmed.connect(lambda count, reason: self.clean_wanted.emit(group, count, reason))
        self._open(dialog)
        self.preview_wanted.emit(group)

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._forget_dialog)
        self.dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None


def _groups(count: int) -> str:
    return f"{count:,} group" if count == 1 else f"{count:,} groups"
