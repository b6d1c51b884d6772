"""A job's times, states and values in words, as the Jobs page tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtGui import QFont, QFontDatabase

from engine.model import Job, JobState

STATE_WORDS = {
    JobState.WAITING: "Waiting",
    JobState.DELAYED: "Delayed",
    JobState.ACTIVE: "Active",
    JobState.COMPLETED: "Completed",
    JobState.FAILED: "Failed",
}
_SAMPLE_LENGTH = 90
_ENDED = (JobState.COMPLETED, JobState.FAILED)
_LONG_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))


def span_text(span_ms: int | None) -> str:
    """A span in its largest unit: "–", "40 ms", "3.2 s", "12 min", "5 h", "2 d"."""
    if span_ms is None:
        return "–"
    span_ms = max(0, span_ms)
    for size_ms, unit in _LONG_SPANS:
        if span_ms >= size_ms:
            return f"{span_ms // size_ms} {unit}"
    if span_ms >= 10_000:
        return f"{span_ms // 1000} s"
    return f"{span_ms / 1000:.1f} s" if span_ms >= 1000 else f"{span_ms} ms"


def when_text(at_ms: int | None, now_ms: int) -> str:
    """A time as seen from now: "–", "now", "12 min ago", "in 5 s"."""
    if at_ms is None:
        return "–"
    if abs(now_ms - at_ms) < 1000:
        return "now"
    return f"{span_text(now_ms - at_ms)} ago" if at_ms < now_ms else f"in {span_text(at_ms - now_ms)}"


def past_text(at_ms: int | None, now_ms: int) -> str:
    """A time that has been: "–", "now", "12 min ago". What is newer than the last look at the clock is "now"."""
    return when_text(at_ms if at_ms is None else min(at_ms, now_ms), now_ms)


def ages_text(oldest_at_ms: int | None, newest_at_ms: int | None, now_ms: int) -> str:
    """How old the oldest and the newest of some jobs are: "From 2 h ago to 1 h ago."; "" where it is not known."""
    if oldest_at_ms is None or newest_at_ms is None:
        return ""
    oldest, newest = past_text(oldest_at_ms, now_ms), past_text(newest_at_ms, now_ms)
    return f"From {oldest} to {newest}." if oldest != newest else f"From {oldest}."


def ended_or_added_ms(job: Job) -> int:
    """The time that a job is old from: its end, or, before that, when it was added."""
    return job.finished_at_ms if job.state in _ENDED and job.finished_at_ms is not None else job.created_at_ms


def exact_text(at_ms: int | None) -> str:
    """A time to the millisecond, by this machine's clock: "2026-03-01 12:30:05.120"; "" for none."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000).isoformat(" ", "milliseconds")


def took_ms(job: Job, now_ms: int) -> int | None:
    """How long the job's last attempt ran, or runs; None where it has not started."""
    if job.started_at_ms is None or job.state in (JobState.WAITING, JobState.DELAYED):
        return None
    return (now_ms if job.state is JobState.ACTIVE else job.finished_at_ms or now_ms) - job.started_at_ms


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON that a person can read."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def short_id(job_id: str) -> str:
    """An id that stays narrow: a follow-up's long trace is cut, so that its stage is seen ("ab12ab12….synthesis")."""
    trace, dot, stage = job_id.rpartition(".")
    return f"{trace[:6]}….{stage}" if dot and len(job_id) > 20 else job_id


def first_line(text: str | None) -> str:
    """The first line that says something, "" where none does."""
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), "")


def sample_lines(samples: Sequence[Job], count: int, most: int = 5) -> str:
    """A few of `count` jobs, a line each, and how many more there are; "" where none is given."""
    told = [f"{short_id(job.id)}  {job.name}  {first_line(job.error)}".strip() for job in samples[:most]]
    lines = [line if len(line) <= _SAMPLE_LENGTH else f"{line[: _SAMPLE_LENGTH - 1]}…" for line in told]
    if 0 < len(lines) < count:
        lines.append(f"and {count - len(lines):,} more")
    return "\n".join(lines)


def mono_font() -> QFont:
    """The system's font of equal widths, for JSON and tracebacks."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(12)
    return font
