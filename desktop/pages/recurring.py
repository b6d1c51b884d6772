"""The Recurring page: every schedule in a row, with what it did last and does next.

A row shows what Redis says: a switch that was clicked turns with the next reading. Where Redis is gone
the rows stay, grey, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.freshness import Freshness
from desktop.pages.recurring_words import when_words
from desktop.pages.schedule_row import COLUMNS, ScheduleRow, buttons_width
from desktop.theme import Look
from desktop.widgets.dialog import Dialog
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Button, Text, card, rule
from engine.model import Job, Schedule
from engine.queues import QUEUES

if TYPE_CHECKING:
    from desktop.pages.schedule_dialog import ScheduleDialog

READ_EVERY_MS = 2_000
_EMPTY = "There are no recurring jobs. A worker installs Hark's own when it starts; Add… makes one of yours."


class RecurringPage(QWidget):
    """All schedules; give it what was read by `show_schedules`, and `show_gone` where nothing can be."""

    reading_wanted = Signal()
    switched = Signal(str, bool)
    run_wanted = Signal(str)
    add_wanted = Signal(object)
    """A Draft."""
    update_wanted = Signal(object, object)
    """A Draft, and the Schedule that it changes."""
    remove_wanted = Signal(str)

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._schedules: tuple[Schedule, ...] | None = None
        self._jobs: Mapping[str, Job] = {}
        self._now_ms = 0
        self.rows: dict[str, ScheduleRow] = {}
        self.dialog: ScheduleDialog | None = None
        self.question: Dialog | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_card(), 1)
        self._timer = QTimer(self)
        self._timer.setInterval(READ_EVERY_MS)
        self._timer.timeout.connect(self.reading_wanted)
        actions.refusal_changed.connect(self._draw)
        for key, run in (("Ctrl+N", self.open_add), ("F5", self.reading_wanted.emit)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(run)
        self._draw()

    # What it shows

    def show_schedules(self, schedules: tuple[Schedule, ...], jobs: Mapping[str, Job], now_ms: int) -> None:
        """Show them as they are at `now_ms`, Redis's time; `jobs` are their last jobs by id, those that are left."""
        self._schedules, self._jobs, self._now_ms = schedules, jobs, now_ms
        self.age.renew()
        self._draw()
        if self.dialog is not None:
            self.dialog.show_time(now_ms)

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """They cannot be read: keep what is known, grey."""
        self.age.note_gone(reason)
        self._draw()

    def show_refusal(self, message: str) -> None:
        """The engine would not have what the open dialog asked for."""
        if self.dialog is not None:
            self.dialog.show_refusal(message)

    def close_dialog(self) -> None:
        """What the open dialog asked for is done."""
        if self.dialog is not None:
            self.dialog.accept()

    # Asking

    def open_add(self) -> None:
        """Write a new schedule."""
        if self.add.isEnabled():
            self._open(None)

    def open_edit(self, schedule_id: str) -> None:
        """Change a schedule."""
        one = self._find(schedule_id)
        if one is not None:
            self._open(one)

    def ask_remove(self, schedule_id: str) -> None:
        """Say what would go, and take it away when that is confirmed."""
        one = self._find(schedule_id)
        if one is None:
            return
        title = QUEUES[one.queue].title
        job = f"{one.job_name} to {title}, {when_words(one)}" if one.job_name else f"nothing to {title}"
        words = f"It adds {job}. Jobs that it has added stay. It does not come back by itself."
        self.question = dialog = Dialog(
            self._look,
            f"Remove {one.id}?",
            words,
            keep="Keep it",
            order="Remove",
            danger=True,
            title=f"Remove {one.id}",
            parent=self,
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setMinimumWidth(440)
        dialog.confirm.setAccessibleName(f"Remove {one.id}")
        dialog.confirm.clicked.connect(dialog.accept)
        dialog.accepted.connect(lambda: self.remove_wanted.emit(schedule_id))
        dialog.finished.connect(self._forget_question)
        dialog.open()

    # Building

    def _build_head(self) -> QHBoxLayout:
        self._count = Text(self._look, "", tone="muted")
        self._count.setAccessibleName("Number of schedules")
        self.add = Button(self._look, "Add…", kind="primary", font="label")
        self.add.setAccessibleName("Add a recurring job")
        self.add.clicked.connect(self.open_add)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(Text(self._look, "Recurring", "title"))
        self._count.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        self.age = Freshness(self._look)
        self.age.setContentsMargins(0, 0, 0, 4)
        row.addWidget(self.age, 1, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.add)
        return row

    def _build_card(self) -> QFrame:
        frame = card()
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 12, 4)
        head.setSpacing(0)
        for word, share in COLUMNS:
            label = Text(self._look, word, "caption", "muted")
            label.setMinimumWidth(1)
            head.addWidget(label, share)
        self._over_buttons = QWidget()
        head.addWidget(self._over_buttons)
        self.message = Text(self._look, "", tone="muted")
        self.message.setWordWrap(True)
        self.message.setContentsMargins(14, 10, 14, 10)
        self._list = ScrollList("Recurring jobs")
        self._list.widened.connect(lambda width: self._over_buttons.setFixedWidth(buttons_width(width)))
        outer = QVBoxLayout(frame)
        outer.setContentsMargins(8, 10, 8, 6)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addWidget(rule())
        outer.addWidget(self.message)
        outer.addWidget(self._list, 1)
        return frame

    # Drawing

    def _draw(self) -> None:
        known, forbidden = self._schedules or (), self._actions.refusal
        self._fit_rows(tuple(one.id for one in known))
        for one in known:
            row = self.rows[one.id]
            row.show_schedule(one, self._jobs.get(one.last_job or ""), self._now_ms, self.age.gone, forbidden)
        on = sum(one.enabled for one in known)
        self._count.setText(f"{len(known)} schedules, {on} on" if len(known) != 1 else f"1 schedule, {on} on")
        self._count.setVisible(self._schedules is not None)
        reading = (self.age.gone or "Reading the schedules…") if self._schedules is None else ""
        empty = _EMPTY if not known else ""
        self.message.setText(reading or empty)
        self.message.setVisible(bool(self.message.text()))
        refusal = self.age.gone or forbidden or reading
        self.add.setEnabled(not refusal)
        self.add.setToolTip(refusal or "Add a recurring job (Ctrl+N)")

    def _fit_rows(self, ids: tuple[str, ...]) -> None:
        """Make rows for new schedules and drop those of removed ones; the others keep their place and focus."""
        for gone_id in self.rows.keys() - set(ids):
            row = self.rows.pop(gone_id)
            self._list.rows.removeWidget(row)
            row.deleteLater()
        for place, schedule_id in enumerate(ids):
            if schedule_id not in self.rows:
                row = ScheduleRow(self._look, schedule_id)
                row.switched.connect(self.switched)
                row.run_wanted.connect(self.run_wanted)
                row.edit_wanted.connect(self.open_edit)
                row.remove_wanted.connect(self.ask_remove)
                row.moved.connect(partial(self._list.step_from, row))
                self.rows[schedule_id] = row
                self._list.rows.insertWidget(place, row)
        self.rows = {schedule_id: self.rows[schedule_id] for schedule_id in ids}

    # Reacting

    def _open(self, edited: Schedule | None) -> None:
        from desktop.pages.schedule_dialog import ScheduleDialog  # with all job types, which the page does without

        taken = frozenset(one.id for one in self._schedules or () if edited is None)
        dialog = ScheduleDialog(self._look, self._now_ms, edited, taken, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if edited is None:
            dialog.wanted.connect(self.add_wanted)
        else:
            dialog.wanted.connect(lambda draft: self.update_wanted.emit(draft, edited))
        dialog.finished.connect(self._forget_dialog)
        self.dialog = dialog
        dialog.open()

    def _find(self, schedule_id: str) -> Schedule | None:
        return next((one for one in self._schedules or () if one.id == schedule_id), None)

    def _forget_dialog(self) -> None:
        self.dialog = None

    def _forget_question(self) -> None:
        self.question = None

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.reading_wanted.emit()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)
