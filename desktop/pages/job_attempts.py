"""The attempts of one job that failed, the last first: when, how long, where, and with what error."""

from __future__ import annotations

from desktop.theme import Look
from desktop.widgets.job_words import exact_text, past_text, span_text
from desktop.widgets.mono_field import MonoField
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Text
from engine.model import Job


class JobAttempts(ScrollList):
    """Give it a job by `show_job`."""

    def __init__(self, look: Look) -> None:
        super().__init__("Failed attempts")
        self._look = look
        self.rows.setContentsMargins(0, 0, 8, 0)
        self.rows.setSpacing(6)

    def show_job(self, job: Job, now_ms: int) -> None:
        """Show another job, or the same after a change."""
        self.clear_rows()
        if not job.history:
            self.rows.addWidget(Text(self._look, "No attempt of this job has failed.", tone="muted"))
        for attempt in reversed(job.history):
            words = (
                f"Attempt {attempt.number}: after {span_text(attempt.ended_at_ms - attempt.started_at_ms)}, "
                f"{past_text(attempt.ended_at_ms, now_ms)}"
            )
            field = MonoField(words, attempt.error + (f"\n\n{attempt.traceback}" if attempt.traceback else ""))
            field.fit()
            worker = Text(self._look, f"on {attempt.worker}", "caption", "muted")
            worker.setToolTip(f"From {exact_text(attempt.started_at_ms)} to {exact_text(attempt.ended_at_ms)}")
            for row in (Text(self._look, words, "label", "muted"), field, worker):
                self.rows.addWidget(row)
