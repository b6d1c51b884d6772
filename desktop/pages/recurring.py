"""The Recurring page: every schedule in a row, with what it did last and does next.

A row shows what Redis says: a switch that was clicked turns with the next reading. Where Redis is gone
the rows stay, grey, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.actions import REDIS_GONE, Actions
from desktop.pages.figures import age_text
from desktop.pages.recurring_words import exact_text, slot_text, when_words
from desktop.pages.schedule_dialog import ScheduleDialog
from desktop.theme import Look
from desktop.widgets.switch import Switch
from desktop.widgets.text import Button, Text, rule
from desktop.widgets.two_lines import TwoLines
from engine.model import Job, JobState, Schedule
from engine.queues import QUEUES

READ_EVERY_MS = 2_000
_COLUMNS = (("Name", 28), ("Runs", 36), ("Next", 18), ("Last", 18))
_BUTTONS_WIDTH = 74 + 92 + 68 + 88 + 3 * 6
_SPOILT = "Its record in Redis is spoilt: remove it, and add it again."
_EMPTY = "There are no recurring jobs. A worker installs Hark's own when it starts; Add… makes one of yours."


class ScheduleRow(QFrame):
    """One schedule. Up and Down go from row to row, Enter edits, Del removes."""

    switched = Signal(str, bool)
    """Its id, and whether it shall be on."""
    run_wanted = Signal(str)
    edit_wanted = Signal(str)
    remove_wanted = Signal(str)
    moved = Signal(int)

    def __init__(self, look: Look, schedule_id: str) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(54)
        self.id = schedule_id
        self.name, self.when = TwoLines(look, "strong"), TwoLines(look)
        self.next, self.last = TwoLines(look), TwoLines(look)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 10, 0)
        row.setSpacing(0)
        for cell, (_, share) in zip((self.name, self.when, self.next, self.last), _COLUMNS, strict=True):
            row.addWidget(cell, share)
        self.switch = Switch(look)
        self.run = Button(look, "Run now", kind="row", icon="resume", font="label")
        self.edit = Button(look, "Edit…", kind="row", font="label")
        self.remove = Button(look, "Remove…", kind="row", font="label")
        row.addWidget(self.switch)
        for button, width in ((self.run, 92), (self.edit, 68), (self.remove, 88)):
            button.setFixedSize(width, 28)
            row.addSpacing(6)
            row.addWidget(button)
        self.switch.clicked.connect(lambda: self.switched.emit(self.id, not self.switch.isChecked()))
        self.run.clicked.connect(lambda: self.run_wanted.emit(self.id))
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(self.id))
        self.remove.clicked.connect(lambda: self.remove_wanted.emit(self.id))

    def show_schedule(self, one: Schedule, job: Job | None, now_ms: int, gone: str) -> None:
        """Show it as it is at `now_ms`; `job` is the last that it added, `gone` why nothing can be done."""
        stale = bool(gone)
        title = QUEUES[one.queue].title
        job_name = one.job_name or "spoilt record"
        self.name.show_lines(one.id, f"{title} · {job_name}", tooltip=f"Adds {job_name} to {one.queue}.", stale=stale)
        by_cron = one.cron is not None
        self.when.show_lines(
            when_words(one),
            one.timezone if by_cron else "from one time to the next",
            tooltip=f"Cron {one.cron} in {one.timezone}" if by_cron else "",
            stale=stale,
        )
        if one.next_at_ms is None:
            self.next.show_lines("–", "switched off" if one.job_name else "", stale=stale)
        else:
            ahead_ms = one.next_at_ms - now_ms
            self.next.show_lines(
                f"in {age_text(ahead_ms)}" if ahead_ms >= 0 else "due",
                slot_text(one.next_at_ms, one.timezone, now_ms) if ahead_ms >= 0 else "no worker has taken it yet",
                tooltip=exact_text(one.next_at_ms, one.timezone),
                stale=stale,
                tone="caution" if ahead_ms < 0 else "",
            )
        if one.last_at_ms is None:
            self.last.show_lines("never", stale=stale)
        else:
            words, tone, why = _outcome(job)
            self.last.show_lines(
                f"{age_text(now_ms - one.last_at_ms)} ago",
                words,
                tooltip=f"{exact_text(one.last_at_ms, one.timezone)}\nJob {one.last_job}\n{why}".strip(),
                stale=stale,
                tone=tone,
            )
        self._fit_buttons(one, gone)
        self.setAccessibleName(
            f"{one.id}: {job_name} on {title}, {when_words(one)}, {'on' if one.enabled else 'off'}, "
            f"next {self.next.first.whole}, last {self.last.first.whole} {self.last.second.whole}"
        )

    def _fit_buttons(self, one: Schedule, gone: str) -> None:
        self.switch.show_on(one.enabled)
        spoilt = "" if one.job_name else _SPOILT
        off = "Switch it off: it adds no more jobs until it is on again. What it misses is not made up for."
        for button, word, refusal, tooltip in (
            (self.switch, f"{one.id} is {'on' if one.enabled else 'off'}", spoilt, off if one.enabled else "Switch on"),
            (self.run, f"Run {one.id} now", spoilt, f"Add its job to {one.queue} now; its times stay."),
            (self.edit, f"Edit {one.id}", spoilt, "Change its job, arguments or times (Enter on the row)"),
            (self.remove, f"Remove {one.id}", "", "Take it away; it asks first (Del on the row)"),
        ):
            reason = gone or refusal
            button.setEnabled(not reason)
            button.setToolTip(reason or tooltip)
            button.setAccessibleName(word)
            button.setAccessibleDescription(reason or tooltip)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.edit.click()
        elif key == Qt.Key.Key_Delete:
            self.remove.click()
        else:
            super().keyPressEvent(event)


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
        self._look = look
        self._schedules: tuple[Schedule, ...] | None = None
        self._jobs: Mapping[str, Job] = {}
        self._now_ms, self._gone = 0, ""
        self._since = QElapsedTimer()
        self.rows: dict[str, ScheduleRow] = {}
        self.dialog: ScheduleDialog | None = None
        self.question: QDialog | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(12)
        column.addLayout(self._build_head())
        column.addWidget(self._build_card(), 1)
        self._timer = QTimer(self)
        self._timer.setInterval(READ_EVERY_MS)
        self._timer.timeout.connect(self.reading_wanted)
        for key, run in (("Ctrl+N", self.open_add), ("F5", self.reading_wanted.emit)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(run)
        self._draw()

    # What it shows

    def show_schedules(self, schedules: tuple[Schedule, ...], jobs: Mapping[str, Job], now_ms: int) -> None:
        """Show them as they are at `now_ms`, Redis's time; `jobs` are their last jobs by id, those that are left."""
        self._schedules, self._jobs, self._now_ms, self._gone = schedules, jobs, now_ms, ""
        self._since.start()
        self._draw()
        if self.dialog is not None:
            self.dialog.show_time(now_ms)

    def show_gone(self, reason: str = REDIS_GONE) -> None:
        """They cannot be read: keep what is known, grey."""
        self._gone = reason
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
        self.question = dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"Remove {one.id}")
        dialog.setMinimumWidth(440)
        column = QVBoxLayout(dialog)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(8)
        column.addWidget(Text(self._look, f"Remove {one.id}?", "heading"))
        job = f"{one.job_name} to {one.queue}, {when_words(one)}" if one.job_name else f"nothing to {one.queue}"
        words = Text(self._look, f"It adds {job}. Jobs that it has added stay. It does not come back by itself.")
        words.setWordWrap(True)
        column.addWidget(words)
        column.addSpacing(12)
        keep = Button(self._look, "Keep it")
        keep.setDefault(True)
        keep.clicked.connect(dialog.reject)
        confirm = Button(self._look, "Remove", kind="danger", font="strong")
        confirm.setObjectName("confirm")
        confirm.setAutoDefault(False)
        confirm.setAccessibleName(f"Remove {one.id}")
        confirm.clicked.connect(dialog.accept)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(keep)
        buttons.addWidget(confirm)
        column.addLayout(buttons)
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
        row.addWidget(self._count, 0, Qt.AlignmentFlag.AlignBottom)
        row.addStretch(1)
        row.addWidget(self.add)
        return row

    def _build_card(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 12, 4)
        head.setSpacing(0)
        for word, share in _COLUMNS:
            label = Text(self._look, word, "caption", "muted")
            label.setMinimumWidth(1)
            head.addWidget(label, share)
        head.addSpacing(_BUTTONS_WIDTH)
        self.message = Text(self._look, "", tone="muted")
        self.message.setWordWrap(True)
        self.message.setContentsMargins(14, 10, 14, 10)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 2, 0, 0)
        self._list.setSpacing(0)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._list)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName("Recurring jobs")
        scroll.setWidget(inner)
        self._scroll = scroll
        outer = QVBoxLayout(card)
        outer.setContentsMargins(8, 10, 8, 6)
        outer.setSpacing(0)
        outer.addLayout(head)
        outer.addWidget(rule())
        outer.addWidget(self.message)
        outer.addWidget(scroll, 1)
        return card

    # Drawing

    def _draw(self) -> None:
        known = self._schedules or ()
        self._fit_rows(tuple(one.id for one in known))
        for one in known:
            self.rows[one.id].show_schedule(one, self._jobs.get(one.last_job or ""), self._now_ms, self._gone)
        on = sum(one.enabled for one in known)
        self._count.setText(f"{len(known)} schedules, {on} on" if len(known) != 1 else f"1 schedule, {on} on")
        self._count.setVisible(self._schedules is not None)
        reading = "Reading the schedules…" if self._schedules is None else ""
        empty = _EMPTY if not known else ""
        age = f" These are the schedules of {age_text(self._since.elapsed())} ago." if self._schedules else ""
        self.message.setText(f"{self._gone}{age}" if self._gone else reading or empty)
        self.message.set_tone("caution" if self._gone else "muted")
        self.message.setVisible(bool(self.message.text()))
        refusal = self._gone or reading
        self.add.setEnabled(not refusal)
        self.add.setToolTip(refusal or "Add a recurring job (Ctrl+N)")

    def _fit_rows(self, ids: tuple[str, ...]) -> None:
        """Make rows for new schedules and drop those of removed ones; the others keep their place and focus."""
        for gone_id in self.rows.keys() - set(ids):
            row = self.rows.pop(gone_id)
            self._list.removeWidget(row)
            row.deleteLater()
        for place, schedule_id in enumerate(ids):
            if schedule_id not in self.rows:
                row = ScheduleRow(self._look, schedule_id)
                row.switched.connect(self.switched)
                row.run_wanted.connect(self.run_wanted)
                row.edit_wanted.connect(self.open_edit)
                row.remove_wanted.connect(self.ask_remove)
                row.moved.connect(self._move_focus)
                self.rows[schedule_id] = row
                self._list.insertWidget(place, row)
        self.rows = {schedule_id: self.rows[schedule_id] for schedule_id in ids}

    # Reacting

    def _open(self, edited: Schedule | None) -> None:
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

    def _move_focus(self, step: int) -> None:
        rows = list(self.rows.values())
        for index, row in enumerate(rows):
            if row.hasFocus():
                target = rows[(index + step) % len(rows)]
                target.setFocus(Qt.FocusReason.TabFocusReason)
                self._scroll.ensureWidgetVisible(target)
                return

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


def _outcome(job: Job | None) -> tuple[str, str, str]:
    """How the last job went, in words and tone, and what there is to say of it."""
    if job is None:
        return "its record is gone", "", "Ended jobs are kept for a time only."
    match job.state:
        case JobState.COMPLETED:
            skipped = job.result.get("skipped") if isinstance(job.result, dict) else None
            return ("skipped", "", str(skipped)) if skipped else ("completed", "", "")
        case JobState.FAILED:
            return "failed", "failed", job.error or ""
        case JobState.ACTIVE:
            return "running", "accent", ""
        case _:
            return job.state.value, "", ""
