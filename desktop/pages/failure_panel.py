"""The details of one group of failures: its facts, its actions, and one traceback in full."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout

from desktop.pages.failure_row import ago, exact
from desktop.theme import Look
from desktop.widgets.text import Button, Text, rule
from desktop.widgets.two_lines import ElidedText
from engine.model import FailureGroup, Job
from engine.queues import QUEUES

_TITLE_LINES = 3


class FailurePanel(QFrame):
    """The panel beside the list. Its three buttons act on the group that it shows."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName("The chosen group")
        self._look = look
        self.title = Text(look, "", "heading")
        self.title.setWordWrap(True)
        self.title.setMaximumHeight(_TITLE_LINES * self.title.fontMetrics().lineSpacing() + 2)
        self.kind = ElidedText(look, tone="muted")
        self.retry = Button(look, "Retry all", icon="retry", font="label")
        self.gradually = Button(look, "Retry gradually…", font="label")
        self.clean = Button(look, "Clean…", icon="clean", font="label")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.retry, self.gradually, self.clean):
            button.setFixedHeight(32)
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.sample = ElidedText(look, font="caption", tone="muted")
        self.copy = Button(look, "Copy", kind="row", font="label")
        self.copy.setAccessibleName("Copy the traceback")
        self.copy.clicked.connect(self._copy)
        self.trace = QPlainTextEdit()
        self.trace.setReadOnly(True)
        self.trace.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.trace.setAccessibleName("Traceback of one of the failures")
        self.trace.setTabChangesFocus(True)
        self.trace.setFrameShape(QFrame.Shape.NoFrame)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        fixed.setPixelSize(12)
        self.trace.setFont(fixed)
        head = QHBoxLayout()
        head.addWidget(self.sample, 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.kind)
        column.addSpacing(6)
        column.addLayout(self._build_facts())
        column.addSpacing(8)
        column.addLayout(buttons)
        column.addSpacing(8)
        column.addWidget(rule())
        column.addLayout(head)
        column.addWidget(self.trace, 1)
        self._set_trace("")

    @property
    def shown_trace(self) -> str:
        """The traceback that is shown."""
        return self.trace.toPlainText()

    def show_group(self, group: FailureGroup, now_ms: int, refusal: str, *, retrying: bool) -> None:
        """Show the facts; `refusal` says why nothing can be done now (empty: it can)."""
        self.title.setText(group.title)
        self.title.setToolTip(group.title)
        self.kind.show_text(group.kind)
        shown = {
            "Queue": (QUEUES[group.queue].title, group.queue),
            "Job type": (group.job_name, ""),
            "Failed now": (f"{group.failed_now:,}", ""),
            "Seen in all": (f"{group.count:,}", ""),
            "First seen": (ago(group.first_at_ms, now_ms), exact(group.first_at_ms)),
            "Last seen": (ago(group.last_at_ms, now_ms), exact(group.last_at_ms)),
        }
        for word, (text, tooltip) in shown.items():
            self.facts[word].show_text(text)
            if tooltip:
                self.facts[word].setToolTip(tooltip)
        count = f"{group.failed_now:,} failed {'job' if group.failed_now == 1 else 'jobs'} of this group"
        busy = refusal or ("A gradual retry is under way; wait for it or stop it." if retrying else "")
        for button, reason, words in (
            (self.retry, refusal, f"Run the {count} again, all at once. (R)"),
            (self.gradually, busy, f"Run a few of the {count} first, then the rest at a rate. (G)"),
            (self.clean, refusal, f"Take the {count} away; you see which before anything goes. (C)"),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or words)
            button.setAccessibleName(f"{button.text().rstrip('…')}: {group.title}")
            button.setAccessibleDescription(button.toolTip())

    def expect_job(self, job_id: str) -> None:
        """A job's traceback has been asked for."""
        self.sample.show_text(f"Reading job {job_id}…")
        self._set_trace("")

    def show_job(self, job: Job, now_ms: int) -> None:
        """Show the job's traceback, or its error where there is none."""
        when = f", failed {ago(job.finished_at_ms, now_ms)}" if job.finished_at_ms is not None else ""
        self.sample.show_text(f"Job {job.id}{when}")
        self._set_trace(job.traceback or job.error or "")
        if not job.traceback and not job.error:
            self.sample.show_text(f"Job {job.id} is {job.state.value}; its error is not kept any more.")

    def show_no_job(self, message: str) -> None:
        """There is no sample to show, and why."""
        self.sample.show_text(message)
        self._set_trace("")

    def _build_facts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.facts: dict[str, ElidedText] = {}
        for place, word in enumerate(("Queue", "Job type", "Failed now", "Seen in all", "First seen", "Last seen")):
            self.facts[word] = ElidedText(self._look)
            line, side = place // 2, place % 2 * 2
            grid.addWidget(Text(self._look, word, "caption", "muted"), line, side)
            grid.addWidget(self.facts[word], line, side + 1)
            grid.setColumnStretch(side + 1, 1)
        return grid

    def _set_trace(self, text: str) -> None:
        self.trace.setPlainText(text)
        bar = self.trace.verticalScrollBar()
        bar.setValue(bar.maximum())  # the last frame and the message are what matters
        self.copy.setEnabled(bool(text))
        self.copy.setText("Copy")
        self.copy.setToolTip("Copy the traceback." if text else "There is no traceback to copy.")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.shown_trace)
        self.copy.setText("Copied")
