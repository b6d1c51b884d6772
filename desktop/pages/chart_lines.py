"""The five charts of the Charts page: their lines, and how points become values, notes and marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt

from desktop.pages.chart_points import DIM_SAMPLES, LIVE, Measures, Point, Window
from desktop.widgets.chart_data import EventMark, Line
from desktop.widgets.chart_scale import CountScale, Scale, TimeScale
from desktop.widgets.time_axis import moment_words
from engine.model import AuditEntry, JobState, WorkerInfo
from engine.queues import QUEUES

Values = dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """One chart: its lines, how the values come from points (of one job type, "": of all), and its note."""

    title: str
    lines: tuple[Line, ...]
    scale: Callable[[], Scale]
    columns: int
    values: Callable[[Sequence[Point], str], Values]
    note: Callable[[Sequence[Point], str, Window], str]
    empty: str
    typed: bool = True
    """Whether it tells job types apart."""
    running: bool = False
    """Whether the last point is of a part of what its span will hold."""


def _of(point: Point, job_type: str) -> Measures:
    if not job_type:
        return point.total
    return point.by_type.get(job_type) or Measures(per_minute=point.total.per_minute)


def _depths(points: Sequence[Point], _: str) -> Values:
    return {
        state.value: [None if point.depths is None else point.depths.get(state, 0) for point in points]
        for state in JobState
    }


def _throughput(points: Sequence[Point], job_type: str) -> Values:
    measured = [_of(point, job_type) for point in points]
    return {
        "completed": [one.completed * one.per_minute for one in measured],
        "failed": [one.failed * one.per_minute for one in measured],
    }


def _failures(points: Sequence[Point], job_type: str) -> Values:
    measured = [_of(point, job_type) for point in points]
    return {
        "percent": [one.failure_percent if one.failed_of[1] >= DIM_SAMPLES else None for one in measured],
        "few": [
            # Its neighbours as well, so that a line leads there.
            one.failure_percent if any(_is_few(near) for near in measured[max(0, index - 1) : index + 2]) else None
            for index, one in enumerate(measured)
        ],
    }


def _is_few(measured: Measures) -> bool:
    return 0 < measured.failed_of[1] < DIM_SAMPLES


def _processing(points: Sequence[Point], job_type: str) -> Values:
    measured = [_of(point, job_type) for point in points]
    return {key: [getattr(one, f"{key}_ms") for one in measured] for key in ("mean", "p50", "p95", "p99")}


def _waiting(points: Sequence[Point], job_type: str) -> Values:
    measured = [_of(point, job_type) for point in points]
    return {
        "p50": [one.waited_p50_ms for one in measured],
        "p95": [one.waited_p95_ms for one in measured],
        "oldest": [point.oldest_ms for point in points],
    }


def _depth_note(points: Sequence[Point], job_type: str, window: Window) -> str:
    return "of all job types" if job_type else ""


def _throughput_note(points: Sequence[Point], job_type: str, window: Window) -> str:
    if window is LIVE:
        return "over 5 s"
    minutes = window.span_ms // 60_000
    if minutes == 1:
        return "by minute"
    words = {60: "hourly mean", 24 * 60: "daily mean"}
    return words.get(minutes, f"mean of {minutes} min")


def _failure_note(points: Sequence[Point], job_type: str, window: Window) -> str:
    parts = [_of(point, job_type).failed_of for point in (points[-1:] if window is LIVE else points)]
    failed, ended = sum(part[0] for part in parts), sum(part[1] for part in parts)
    if not ended:
        return ""
    return f"{failed:,.0f} of {ended:,.0f}" + (", too few" if ended < DIM_SAMPLES else "")


def _processing_note(points: Sequence[Point], job_type: str, window: Window) -> str:
    if window is LIVE:
        return f"last 5 min, {_jobs(points[-1].total.timed)}" if points else ""
    count = sum(_of(point, job_type).timed for point in points)
    return _jobs(count) + (", too few for p95 and p99" if 0 < count < DIM_SAMPLES else "")


def _waiting_note(points: Sequence[Point], job_type: str, window: Window) -> str:
    if window is LIVE:
        return "last 5 min; the oldest now"
    return "the oldest of all job types" if job_type else ""


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


_DASH, _DOT, _DASH_DOT = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine

CHARTS: Mapping[str, ChartSpec] = {
    "depth": ChartSpec(
        "Depth",
        (
            Line("waiting", "waiting", "waiting", marker="o"),
            Line("active", "active", "active", marker="t1"),
            Line("delayed", "delayed", "delayed", _DOT, marker="d"),
            Line("failed", "failed", "failed", _DASH, marker="s"),
            Line("completed", "completed", "completed", _DASH_DOT, marker="+", shown=False),
        ),
        CountScale,
        3,
        _depths,
        _depth_note,
        "Nobody looked at the depths in this time: no worker ran.",
        typed=False,
    ),
    "throughput": ChartSpec(
        "Jobs per minute",
        (
            Line("completed", "completed", "completed", marker="o"),
            Line("failed", "failed for good", "failed", marker="s"),
        ),
        CountScale,
        1,
        _throughput,
        _throughput_note,
        "No figures yet.",
        running=True,
    ),
    "failures": ChartSpec(
        "Failure rate",
        (
            Line("percent", "failed for good", "failed", marker="s"),
            Line("few", f"of under {DIM_SAMPLES} jobs", "stale", _DOT, marker="o"),
        ),
        lambda: CountScale(" %", 100),
        1,
        _failures,
        _failure_note,
        "No job ended in this time.",
        running=True,
    ),
    "processing": ChartSpec(
        "Processing time",
        (
            Line("mean", "mean", "muted", _DOT, marker="d"),
            Line("p50", "p50", "waiting", marker="o"),
            Line("p95", "p95", "active", _DASH, marker="t1"),
            Line("p99", "p99", "ink", _DASH_DOT, marker="s"),
        ),
        TimeScale,
        4,
        _processing,
        _processing_note,
        "No job completed in this time.",
    ),
    "waiting": ChartSpec(
        "Waiting time",
        (
            Line("p50", "p50", "waiting", marker="o"),
            Line("p95", "p95", "active", _DASH, marker="t1"),
            Line("oldest", "oldest", "ink", _DASH_DOT, marker="s"),
        ),
        TimeScale,
        4,
        _waiting,
        _waiting_note,
        "No job started in this time.",
    ),
}


def action_mark(entry: AuditEntry, now_ms: float) -> EventMark:
    """An operator's action: "Today 14:02 anna paused Email: bad templates"."""
    verb = _VERBS.get(entry.action, entry.action.replace("-", " "))
    title = QUEUES[entry.queue].title if entry.queue in QUEUES else entry.queue
    count = f" ({_jobs(entry.touched)})" if entry.touched else ""
    reason = f": {entry.reason}" if entry.reason else ""
    when = moment_words(entry.at_ms, entry.at_ms + 60_000, now_ms)
    return EventMark(entry.at_ms, f"{when} {entry.actor or 'somebody'} {verb} {title}{count}{reason}")


_VERBS = {
    "pause": "paused",
    "resume": "resumed",
    "retry": "retried jobs of",
    "clean": "cleaned",
    "remove": "removed jobs of",
    "promote": "promoted jobs of",
    "cancel": "cancelled jobs of",
    "restore": "restored jobs of",
    "set-concurrency": "set the concurrency of",
    "run-schedule": "ran a recurring job of",
}


def worker_mark(worker: WorkerInfo, now_ms: float) -> EventMark:
    """A worker's start: "Today 14:02 worker started on desk"."""
    when = moment_words(worker.started_at_ms, worker.started_at_ms + 60_000, now_ms)
    return EventMark(worker.started_at_ms, f"{when} worker started on {worker.host}", "worker")
