"""What one job is: its state, times and places, its error, arguments, result and options."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from desktop.theme import Look
from desktop.widgets.job_words import STATE_WORDS, exact_text, json_text, past_text, span_text, took_ms, when_text
from desktop.widgets.mono_field import MonoField
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Text
from engine.model import Job, JobState
from engine.queues import QUEUES

_LONG_ID = 28


class JobFacts(ScrollList):
    """Give it a job by `show_job`, and the time as it passes by `show_times`."""

    def __init__(self, look: Look) -> None:
        super().__init__("The job")
        self._look = look
        self._times: dict[str, Text] = {}
        self.rows.setContentsMargins(0, 0, 8, 0)
        self.rows.setSpacing(6)

    def show_job(self, job: Job, now_ms: int) -> None:
        """Show another job, or the same after a change."""
        self.clear_rows()
        self._times.clear()
        self.rows.addWidget(self._grid(_facts(job, now_ms)))
        if job.error:
            title = "Error" if job.state is JobState.FAILED else "Last error"
            self._add_field(title, job.error + (f"\n\n{job.traceback}" if job.traceback else ""))
        self._add_field("Arguments", json_text(job.arguments))
        if job.state is JobState.COMPLETED:
            self._add_field("Result", json_text(job.result))
        self._add_field("Options", json_text(job.options))
        self.show_times(job, now_ms)

    def show_times(self, job: Job, now_ms: int) -> None:
        """Only the words that change by themselves: a selection or a scroll position elsewhere is not disturbed."""
        words = {
            "Added": past_text(job.created_at_ms, now_ms),
            "Due": when_text(job.due_at_ms, now_ms),
            "Started": past_text(job.started_at_ms, now_ms),
            "Ended": past_text(job.finished_at_ms, now_ms),
            "Took": span_text(took_ms(job, now_ms)),
            "Runs for": span_text(took_ms(job, now_ms)),
        }
        for word, label in self._times.items():
            label.setText(words[word])

    def _grid(self, facts: list[tuple[str, str, str]]) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for place, (word, value, tip) in enumerate(facts):
            grid.addWidget(Text(self._look, word, "body", "muted"), place, 0, Qt.AlignmentFlag.AlignTop)
            label = self._value(value, tip)
            grid.addWidget(label, place, 1)
            if not value:
                self._times[word] = label
        return holder

    def _value(self, text: str, tip: str) -> Text:
        # An id has no place to break at: it has to fit in a line.
        label = Text(self._look, text, "caption" if len(text) > _LONG_ID and " " not in text else "body")
        label.setToolTip(tip)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        return label

    def _add_field(self, title: str, text: str) -> None:
        field = MonoField(title, text)
        field.fit()
        self.rows.addWidget(Text(self._look, title, "label", "muted"))
        self.rows.addWidget(field)


def _facts(job: Job, now_ms: int) -> list[tuple[str, str, str]]:
    """Word, value and tooltip of each; a value that changes as time passes is ""."""
    facts: list[tuple[str, str, str]] = [
        ("State", f"{STATE_WORDS[job.state]} on {QUEUES[job.queue].title}", ""),
        ("Attempts", f"{job.attempts_made} of at most {job.attempts}", ""),
        ("Priority", f"{job.priority}", "1 is served first"),
    ]
    times = (
        ("Added", job.created_at_ms),
        ("Due", job.due_at_ms),
        ("Started", job.started_at_ms),
        ("Ended", job.finished_at_ms),
    )
    facts += [(word, "", exact_text(at_ms)) for word, at_ms in times if at_ms is not None]
    if took_ms(job, now_ms) is not None:
        facts.append(("Runs for" if job.state is JobState.ACTIVE else "Took", "", ""))
    if job.stalled:
        facts.append(("Stalled", f"{job.stalled} times", "Its worker died or hung so often"))
    if job.progress is not None:
        facts.append(("Progress", json_text(job.progress, indent=None), ""))
    for word, value in (("Worker", job.worker), ("Trace", job.trace), ("Parent", job.parent)):
        if value:
            facts.append((word, value, value))
    return facts
