"""The Failures page: like failures as one group, the cause of each beside it, and what can be done with all of them.

The list is read anew while the page is shown; the traceback stays the one that was opened, so that nobody
reads a text that changes. Where Redis is gone the last groups stay, grey, with their age.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.failure_dialogs import CleanGroupDialog, GradualRetryDialog, jobs
from desktop.pages.failure_panel import FailurePanel
from desktop.pages.failure_row import FailureRow, GroupKey, header
from desktop.pages.freshness import Freshness
from desktop.theme import Look
from desktop.widgets.text import Button, Text, rule, set_property
from engine.model import CleanPreview, FailureGroup, Job, RetryProgress

_READ_MS = 2_000
_ORDERS = {"largest": "Largest first", "newest": "Newest first"}


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
        self._order = "largest"
        self._wanted_queue = ""
        self._selected: GroupKey | None = None
        self._retrying = False
        self._dialog: QDialog | None = None
        self.rows: dict[GroupKey, FailureRow] = {}

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_progress())
        self.empty = self._build_empty()
        column.addWidget(self.empty, 1)
        self._body = QWidget()
        body = QHBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(12)
        body.addWidget(self._build_list(), 3)
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
        return (self._groups or {}).get(self._selected) if self._selected else None

    @property
    def dialog(self) -> QDialog | None:
        """The dialog that is open."""
        return self._dialog

    @property
    def empty_text(self) -> str:
        """What it says where there are no groups."""
        return f"{self._empty_title.text()}. {self._empty_words.text()}"

    @property
    def retried(self) -> int:
        """How many jobs the gradual retry has sent."""
        return self._bar.value()

    @property
    def order(self) -> list[GroupKey]:
        """The groups from top to bottom."""
        return [row.key for place in range(self._list.count()) if (row := self._row_at(place)) is not None]

    def show_groups(self, groups: Sequence[FailureGroup], now_ms: int) -> None:
        """Show the groups as they are at `now_ms`; those without a failed job are history and end the list."""
        self._groups = {(group.queue, group.signature): group for group in groups}
        self._now_ms = now_ms
        self.age.renew()
        self._draw()
        if self._wanted_queue:
            self._open_wanted()
        if self._selected not in self._groups:
            self.select(next(iter(self.order), None))

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """The groups cannot be read: keep what is known, grey, and say how old it is."""
        self.age.note_gone(reason)
        self._draw()

    def choose(self, queue: str) -> None:
        """Show the details of the first group of `queue`, as soon as there are groups."""
        self._wanted_queue = queue
        if self._groups is not None:
            self._open_wanted()

    def show_sample(self, job: Job) -> None:
        """The record of the job that `sample_wanted` asked for."""
        self.panel.show_job(job, self._now_ms)

    def show_sample_failed(self, message: str) -> None:
        """The record could not be had."""
        self.panel.show_no_job(message)

    def show_preview(self, preview: CleanPreview, now_ms: int) -> None:
        """The count that the clean dialog asked for."""
        if isinstance(self._dialog, CleanGroupDialog):
            self._dialog.show_preview(preview, now_ms)

    def show_preview_failed(self, message: str) -> None:
        """The count could not be had."""
        if isinstance(self._dialog, CleanGroupDialog):
            self._dialog.show_failure(message)

    def show_progress(self, progress: RetryProgress) -> None:
        """How far the gradual retry is."""
        if not self._retrying:
            self._retrying = True
            self.stop.setEnabled(True)
            self.stop.setText("Stop")
            self._draw_panel()
        self._bar.setRange(0, max(1, progress.total))
        self._bar.setValue(progress.retried)
        self._progress_words.setText(progress_words(progress))
        self._progress_bar.show()

    def end_progress(self) -> None:
        """The gradual retry has ended, however it did."""
        self._retrying = False
        self._progress_bar.hide()
        self._draw_panel()

    def select(self, key: GroupKey | None) -> None:
        """Show the details of one group; its sample is asked for."""
        self._selected = key
        for row in self.rows.values():
            row.set_selected(row.key == key)
        self._draw_panel()
        group = self.selected
        if group is not None:
            self.panel.expect_job(group.sample)
            self.sample_wanted.emit(group.sample)

    def set_order(self, order: str) -> None:
        """Sort by "largest" or "newest" first."""
        self._order = order
        self.orders[order].setChecked(True)
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.groups_wanted.emit()
        self._clock.start()

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
        return row

    def _build_progress(self) -> QFrame:
        self._progress_bar = _notice("info")
        self._progress_words = Text(self._look, "", "strong")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(220, 8)
        self._bar.setAccessibleName("Progress of the gradual retry")
        self.stop = Button(self._look, "Stop", font="label")
        self.stop.setAccessibleName("Stop the gradual retry")
        self.stop.setToolTip("Leave the rest as it is. What runs already goes on.")
        self.stop.clicked.connect(self._ask_stop)
        _row_in(self._progress_bar, self._progress_words, self._bar, self.stop)
        return self._progress_bar

    def _build_empty(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setSpacing(6)
        column.addStretch(2)
        self._empty_title = Text(self._look, "", "heading")
        self._empty_words = Text(self._look, "", tone="muted")
        for label in (self._empty_title, self._empty_words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(3)
        return card

    def _build_list(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(8, 10, 8, 8)
        column.setSpacing(4)
        column.addWidget(header(self._look))
        column.addWidget(rule())
        inner = QWidget()
        inner.setAccessibleName("Groups of failures")
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(2)
        self._list.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inner)
        column.addWidget(self._area, 1)
        return card

    def _connect_panel(self) -> None:
        self.panel.retry.clicked.connect(lambda: self._with_selected(self.retry_wanted.emit))
        self.panel.gradually.clicked.connect(lambda: self._with_selected(self._ask_gradually))
        self.panel.clean.clicked.connect(lambda: self._with_selected(self._ask_clean))
        for key, button in (("R", self.panel.retry), ("G", self.panel.gradually), ("C", self.panel.clean)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)

    # Drawing

    def _draw(self) -> None:
        groups = self._groups
        self.empty.setVisible(not groups)
        self._body.setVisible(bool(groups))
        if not groups:
            self._draw_empty(known=groups is not None)
        self._draw_rows(groups or {})
        self._draw_summary(groups or {})
        self._draw_panel()

    def _draw_empty(self, known: bool) -> None:
        if self.age.gone:
            title, words = "The failures cannot be read", self.age.gone
        elif known:
            title, words = "No failures", "Nothing has failed for good. If something does, its cause is shown here."
        else:
            title, words = "Reading", "The groups of failures appear here."
        self._empty_title.setText(title)
        self._empty_words.setText(words)

    def _draw_rows(self, groups: dict[GroupKey, FailureGroup]) -> None:
        for key in [key for key in self.rows if key not in groups]:
            row = self.rows.pop(key)
            self._list.removeWidget(row)
            row.deleteLater()
        wanted = sorted(groups, key=lambda key: self._rank(groups[key]), reverse=True)
        for place, key in enumerate(wanted):
            fresh = key not in self.rows
            if fresh:
                self.rows[key] = FailureRow(self._look, key)
                self.rows[key].chosen.connect(self.select)
                self.rows[key].moved.connect(self._move)
                self.rows[key].set_selected(key == self._selected)
            self.rows[key].show_group(groups[key], self._now_ms, bool(self.age.gone))
            if fresh or self._row_at(place) is not self.rows[key]:
                self._list.removeWidget(self.rows[key])
                self._list.insertWidget(place, self.rows[key])

    def _rank(self, group: FailureGroup) -> tuple[bool, int, int]:
        sizes = (group.failed_now, group.last_at_ms)
        return (group.failed_now > 0, *(sizes if self._order == "largest" else sizes[::-1]))

    def _draw_summary(self, groups: dict[GroupKey, FailureGroup]) -> None:
        failed = sum(group.failed_now for group in groups.values())
        words = f"{jobs(failed)} failed now, in {len(groups)} group{'' if len(groups) == 1 else 's'}" if groups else ""
        self.summary.setText(words)
        self.summary.set_tone("stale" if self.age.gone else "muted")

    def _draw_panel(self) -> None:
        group = self.selected
        if group is not None:
            over = "" if group.failed_now else "None of these jobs is failed any more."
            refusal = REDIS_GONE if self.age.gone else self._actions.refusal or over
            self.panel.show_group(group, self._now_ms, refusal, retrying=self._retrying)

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
        self._dialog = dialog
        dialog.open()

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _open_wanted(self) -> None:
        key = next((key for key in self.order if key[0] == self._wanted_queue), None)
        self._wanted_queue = ""
        if key is not None:
            self.select(key)
            self._area.ensureWidgetVisible(self.rows[key])

    def _ask_stop(self) -> None:
        self.stop.setEnabled(False)
        self.stop.setText("Stopping…")
        self.stop_wanted.emit()

    def _move(self, key: GroupKey, step: int) -> None:
        order = self.order
        place = order.index(key) + step
        if 0 <= place < len(order):
            row = self.rows[order[place]]
            row.setFocus()
            self._area.ensureWidgetVisible(row)
            self.select(row.key)

    def _row_at(self, place: int) -> FailureRow | None:
        item = self._list.itemAt(place)
        widget = item.widget() if item is not None else None
        return widget if isinstance(widget, FailureRow) else None


def progress_words(progress: RetryProgress) -> str:
    """How far a gradual retry is, in words."""
    words = f"Retried {progress.retried:,} of {jobs(progress.total)}"
    if progress.canary_failed:
        return f"{words}; {jobs(progress.canary_failed)} of the canaries failed again, the rest stays."
    if progress.stopped:
        return f"{words}, then stopped."
    if progress.canary_completed is not None:
        return f"{words}; the canaries completed."
    return f"{words}."


def _notice(kind: str) -> QFrame:
    bar = QFrame()
    bar.setObjectName("notice")
    set_property(bar, "kind", kind)
    bar.hide()
    return bar


def _row_in(bar: QFrame, words: Text, *rest: QWidget) -> None:
    row = QHBoxLayout(bar)
    row.setContentsMargins(14, 8, 10, 8)
    row.setSpacing(12)
    words.setWordWrap(True)
    row.addWidget(words, 1)
    for widget in rest:
        row.addWidget(widget)
