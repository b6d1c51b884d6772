"""The figures in one queue's row: counts, ages, rates and times, each with what it means; the counts lead to jobs."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal

from desktop.pages.figures import (
    FEW_SAMPLES,
    age_text,
    drain_words,
    narrow_text,
    per_minute,
    percent_text,
    time_text,
)
from desktop.pages.queue_columns import NUMBERS
from desktop.theme import Look
from desktop.widgets.text import Button, Text, set_property
from engine.figures import failure_rate
from engine.model import JobState, QueueState

_LINKS = {"waiting": JobState.WAITING, "delayed": JobState.DELAYED, "failed": JobState.FAILED}
_KEYS = {"waiting": "W", "delayed": "D", "failed": "F"}


class QueueNumbers(QObject):
    """Makes the cells of the columns `NUMBERS`, by key; give it the queue by `show_queue`."""

    jobs_wanted = Signal(object)
    """A count was clicked: the JobState whose jobs are to be seen."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.cells: dict[str, Button | Text] = {}
        for key, _, _, meaning in NUMBERS:
            self.cells[key] = self._build(look, key, meaning)

    def show_queue(self, queue: QueueState, now_ms: int, stale: bool) -> None:
        """Show the figures at `now_ms`; `stale` greys them."""
        rate, failures, times = per_minute(queue, now_ms), failure_rate((queue,)), queue.recent.processing
        p95 = times.percentile_ms(95)
        few = failures.ended < FEW_SAMPLES
        shown: dict[str, tuple[str, str]] = {
            "waiting": (narrow_text(queue.waiting), "ink" if queue.waiting else "muted"),
            "delayed": (narrow_text(queue.delayed), "ink" if queue.delayed else "muted"),
            "failed": (narrow_text(queue.failed), "failed" if queue.failed else "muted"),
            "oldest": (age_text(queue.oldest_waiting_ms), "muted" if queue.oldest_waiting_ms is None else "ink"),
            "rate": (narrow_text(round(rate)), "ink" if rate >= 0.5 else "muted"),
            "failures": (percent_text(failures.percent), "failed" if failures.failed and not few else "muted"),
            "p95": (time_text(p95), "muted" if times.total < FEW_SAMPLES else "ink"),
        }
        for key, (text, tone) in shown.items():
            number = self.cells[key]
            number.setText(text)
            set_property(number, "tone", "stale" if stale else tone)
        for key, state in _LINKS.items():
            count = int(getattr(queue, state.value))
            words = f"{count:,} {state.value}."
            if state is JobState.WAITING:
                words = f"{words} {drain_words(queue)}"
            verb = "see their causes" if state is JobState.FAILED else "see them"
            self.cells[key].setToolTip(f"{words} Click to {verb}. ({_KEYS[key]})")
            self.cells[key].setAccessibleName(f"{count:,} {state.value} of {queue.title}")
        ended = f"{failures.failed:,} of the {failures.ended:,} jobs that ended in the last hour failed"
        self.cells["failures"].setToolTip(f"{ended}: too few to judge by." if few else f"{ended}.")
        if times.total:
            mean, median = (time_text(value) for value in (times.mean_ms, times.percentile_ms(50)))
            self.cells["p95"].setToolTip(
                f"{times.total:,} jobs completed in the last 5 minutes: half of them within {median}, "
                f"95 of 100 within {shown['p95'][0]}, {mean} on average."
            )
        else:
            self.cells["p95"].setToolTip("No job completed in the last 5 minutes.")

    def _build(self, look: Look, key: str, meaning: str) -> Button | Text:
        if key not in _LINKS:
            number = Text(look, "–", tone="muted")
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            number.setToolTip(meaning)
            return number
        # Not reached by Tab, which has enough stops in eight rows; the row's keys lead there.
        link = Button(look, "–", kind="figure")
        link.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        link.clicked.connect(lambda: self.jobs_wanted.emit(_LINKS[key]))
        return link
