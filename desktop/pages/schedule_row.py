"""One schedule in one line: what it adds, when, how its last job went, its switch and its buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout

from desktop.pages.figures import age_text
from desktop.pages.recurring_words import exact_text, slot_text, when_words
from desktop.theme import Look
from desktop.widgets.row_frame import RowFrame
from desktop.widgets.switch import Switch
from desktop.widgets.text import Button
from desktop.widgets.two_lines import TwoLines
from engine.model import Job, JobState, Schedule
from engine.queues import QUEUES

COLUMNS = (("Name", 28), ("Runs", 36), ("Next", 18), ("Last", 18))
_SWITCH, _GAP = 74, 6
_WIDE, _NARROW = (92, 68, 88), (34, 58, 34)
"""Pixels of the three buttons; in a narrow row two of them show their icons only."""
_NARROW_BELOW = 880
_SPOILT = "Its record in Redis is spoilt: remove it, and add it again."


class ScheduleRow(RowFrame):
    """One schedule. Up and Down go from row to row, Enter edits, Del removes."""

    switched = Signal(str, bool)
    """Its id, and whether it shall be on."""
    run_wanted = Signal(str)
    edit_wanted = Signal(str)
    remove_wanted = Signal(str)
    moved = Signal(int)

    def __init__(self, look: Look, schedule_id: str) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(54)
        self.id = schedule_id
        self.name, self.when = TwoLines(look, "strong"), TwoLines(look)
        self.next, self.last = TwoLines(look), TwoLines(look)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 10, 0)
        row.setSpacing(0)
        for cell, (_, share) in zip((self.name, self.when, self.next, self.last), COLUMNS, strict=True):
            row.addWidget(cell, share)
        self.switch = Switch(look)
        self.run = Button(look, "Run now", kind="row", icon="resume", font="label")
        self.edit = Button(look, "Edit…", kind="row", font="label")
        self.remove = Button(look, "Remove…", kind="row", font="label")
        row.addWidget(self.switch)
        for button in (self.run, self.edit, self.remove):
            row.addSpacing(_GAP)
            row.addWidget(button)
        self._fit_width()
        self.switch.clicked.connect(lambda: self.switched.emit(self.id, not self.switch.isChecked()))
        self.run.clicked.connect(lambda: self.run_wanted.emit(self.id))
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(self.id))
        self.remove.clicked.connect(lambda: self.remove_wanted.emit(self.id))

    def show_schedule(self, one: Schedule, job: Job | None, now_ms: int, gone: str, forbidden: str = "") -> None:
        """Show it as it is at `now_ms`; `job` is the last that it added.

        `gone` tells that this is old, `forbidden` why nothing may be changed.
        """
        stale = bool(gone)
        title = QUEUES[one.queue].title
        job_name = one.job_name or "spoilt record"
        self.name.show_lines(one.id, f"{title} · {job_name}", tooltip=f"Adds {job_name} to {title}.", stale=stale)
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
        self._fit_buttons(one, gone or forbidden)
        self.setAccessibleName(
            f"{one.id}: {job_name} on {title}, {when_words(one)}, {'on' if one.enabled else 'off'}, "
            f"next {self.next.first.whole}, last {self.last.first.whole} {self.last.second.whole}"
        )

    def _fit_buttons(self, one: Schedule, forbidden: str) -> None:
        self.switch.show_on(one.enabled)
        spoilt = "" if one.job_name else _SPOILT
        off = "Switch it off: it adds no more jobs until it is on again. What it misses is not made up for."
        for button, word, refusal, tooltip in (
            (self.switch, f"{one.id} is {'on' if one.enabled else 'off'}", spoilt, off if one.enabled else "Switch on"),
            (self.run, f"Run {one.id} now", spoilt, f"Add its job to {QUEUES[one.queue].title} now; its times stay."),
            (self.edit, f"Edit {one.id}", spoilt, "Change its job, arguments or times (Enter on the row)"),
            (self.remove, f"Remove {one.id}", "", "Take it away; it asks first (Del on the row)"),
        ):
            reason = forbidden or refusal
            button.setEnabled(not reason)
            button.setToolTip(reason or tooltip)
            button.setAccessibleName(word)
            button.setAccessibleDescription(reason or tooltip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_width()

    def _fit_width(self) -> None:
        narrow = self.width() < _NARROW_BELOW
        for button, width in zip((self.run, self.edit, self.remove), _NARROW if narrow else _WIDE, strict=True):
            button.setFixedSize(width, 28)
        self.run.setText("" if narrow else "Run now")
        self.remove.setText("" if narrow else "Remove…")
        self.remove.set_icon("clean" if narrow else "")

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


def buttons_width(row_width: int) -> int:
    """How much of a row the switch and the buttons take, in pixels."""
    return _SWITCH + sum(_NARROW if row_width < _NARROW_BELOW else _WIDE) + 3 * _GAP


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
