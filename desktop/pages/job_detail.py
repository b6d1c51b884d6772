"""One job, whole: what it is, its attempts, its log and the timeline of its trace; and running it again, edited."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.pages.job_attempts import JobAttempts
from desktop.pages.job_facts import JobFacts
from desktop.theme import Look
from desktop.widgets.job_words import exact_text
from desktop.widgets.mono_field import MonoField
from desktop.widgets.rerun_dialog import RerunDialog
from desktop.widgets.text import Button, Text
from desktop.widgets.trace_timeline import TraceTimeline
from desktop.widgets.two_lines import ElidedText
from engine.model import Job, JobState, LogLine

_PARTS = ("Job", "Attempts", "Log", "Trace")
_MOST_LINES = 2_000


class JobDetail(QFrame):
    """A card with one job. `show_job`, `show_log` and `show_trace` fill it; the page asks for them when it changes."""

    closed = Signal()
    wanted = Signal(str, str)
    """Queue and id of another job of the trace that is to be shown."""
    rerun_wanted = Signal(str, object)
    """Name and arguments of a job to add."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setMinimumWidth(330)
        self._look = look
        self.job: Job | None = None
        self.rerun_dialog: RerunDialog | None = None
        self._log: tuple[LogLine, ...] = ()
        self._trace: tuple[Job, ...] = ()
        self._now_ms = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(8)
        column.addLayout(self._build_head())
        column.addLayout(self._build_switch())
        self._parts = QStackedWidget()
        self._facts = JobFacts(look)
        self._attempts = JobAttempts(look)
        self._lines = MonoField("Log lines")
        self._lines.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.timeline = TraceTimeline(look)
        self.timeline.chosen.connect(lambda job: self.wanted.emit(job.queue, job.id))
        timeline_area = QScrollArea()
        timeline_area.setWidgetResizable(True)
        timeline_area.setFrameShape(QFrame.Shape.NoFrame)
        timeline_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        timeline_area.setAccessibleName("Timeline of the trace")
        timeline_area.setWidget(self.timeline)
        for part in (self._facts, self._attempts, self._lines, timeline_area):
            self._parts.addWidget(part)
        column.addWidget(self._parts, 1)
        self.show_part("Job")

    def show_job(self, job: Job, now_ms: int) -> None:
        """Show a job's record as it is at `now_ms`; another job begins without log and trace."""
        other = self.job is None or (self.job.id, self.job.queue) != (job.id, job.queue)
        unchanged = job == self.job
        self.job, self._now_ms = job, now_ms
        if other:
            self._log, self._trace = (), ()
            self.timeline.say("Looking for the jobs of the trace…")
        if other or not unchanged:
            self._draw()
        self._facts.show_times(job, now_ms)

    def show_log(self, lines: tuple[LogLine, ...]) -> None:
        """Show the job's log lines."""
        if lines != self._log or not lines:
            self._log = lines
            self._draw_log()

    def show_trace(self, jobs: Sequence[Job], now_ms: int) -> None:
        """Show the jobs of the job's trace."""
        if self.job is not None and (tuple(jobs) != self._trace or not jobs):
            self._trace = tuple(jobs)
            self.timeline.show_trace(jobs, self.job.id, now_ms)
            self._name_parts()

    def show_missing(self, words: str) -> None:
        """The job, or a part of it, cannot be had: say why; what is shown stays."""
        self._note.setText(words)
        self._note.show()

    def show_part(self, name: str) -> None:
        """Show "Job", "Attempts", "Log" or "Trace"."""
        place = _PARTS.index(name)
        self._parts.setCurrentIndex(place)
        self._switch.button(place).setChecked(True)

    def forbid_rerun(self, reason: str) -> None:
        """Why no job may be added now; "" where it may."""
        self.rerun.setEnabled(not reason)
        self.rerun.setToolTip(reason or "Add a new job with these arguments, edited.")

    def open_rerun(self) -> None:
        """Ask for the arguments of a new job like this one."""
        if self.job is not None and self.rerun.isEnabled():
            self.rerun_dialog = dialog = RerunDialog(self._look, self.job, self.window())
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.wanted.connect(self.rerun_wanted)
            dialog.finished.connect(self._forget_dialog)
            dialog.open()

    @property
    def text(self) -> str:
        """All that the shown part says, for whoever cannot see it."""
        part = self._parts.currentWidget()
        if part is None:
            return ""
        labels = [label.text() for label in part.findChildren(Text)]
        fields = [field.toPlainText() for field in part.findChildren(QPlainTextEdit)]
        return "\n".join([*labels, *fields, *([part.toPlainText()] if isinstance(part, QPlainTextEdit) else [])])

    @property
    def trace_lives(self) -> bool:
        """Whether the timeline is looked at and moves on."""
        ended = (JobState.COMPLETED, JobState.FAILED)
        return self.timeline.isVisible() and any(job.state not in ended for job in self._trace)

    def _forget_dialog(self) -> None:
        self.rerun_dialog = None

    def _build_head(self) -> QVBoxLayout:
        self._name = ElidedText(self._look, font="heading")
        self._id = Text(self._look, "", "caption", "muted")
        self._id.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._id.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.rerun = Button(self._look, "Edit and run…", kind="row", icon="retry")
        self.rerun.clicked.connect(self.open_rerun)
        close = Button(self._look, "", kind="quiet", icon="close", icon_role="muted")
        close.setFixedSize(28, 28)
        close.setAccessibleName("Close the job")
        close.setToolTip("Close")
        close.clicked.connect(self.closed)
        self._note = Text(self._look, "", "caption", "caution")
        self._note.setWordWrap(True)
        self._note.hide()
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._name, 1)
        row.addWidget(self.rerun)
        row.addWidget(close)
        head = QVBoxLayout()
        head.setSpacing(2)
        head.addLayout(row)
        head.addWidget(self._id)
        head.addWidget(self._note)
        return head

    def _build_switch(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self._switch = QButtonGroup(self)
        for place, name in enumerate(_PARTS):
            button = Button(self._look, name, kind="segment", font="label")
            button.setCheckable(True)
            button.setMinimumHeight(26)
            button.clicked.connect(lambda _=False, name=name: self.show_part(name))
            self._switch.addButton(button, place)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _name_parts(self) -> None:
        if self.job is None:
            return
        for place, count in ((1, len(self.job.history)), (2, len(self._log)), (3, len(self._trace))):
            self._switch.button(place).setText(f"{_PARTS[place]} {count:,}" if count else _PARTS[place])

    def _draw(self) -> None:
        job = self.job
        if job is None:
            return
        self._note.hide()
        self._name.show_text(job.name)
        self._id.setText(job.id)
        self._id.setToolTip(job.id)
        self._facts.show_job(job, self._now_ms)
        self._attempts.show_job(job, self._now_ms)
        self._draw_log()
        self._name_parts()

    def _draw_log(self) -> None:
        told = [f"{exact_text(line.at_ms)[11:]}  {line.text}" for line in self._log[-_MOST_LINES:]]
        if len(self._log) > _MOST_LINES:
            told.insert(0, f"The last {_MOST_LINES:,} of {len(self._log):,} lines:")
        self._lines.setPlainText("\n".join(told) or "This job has written nothing to its log.")
        self._name_parts()
