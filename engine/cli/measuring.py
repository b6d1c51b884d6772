"""`hark metrics`, `failures` and `audit`: what was recorded."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from engine.cli.frame import hark, with_engine
from engine.cli.output import moment, print_json, print_table, span_text, sparkline, tell
from engine.model import Figures, Period, QueueState
from engine.queues import require_queue

if TYPE_CHECKING:
    from engine import Engine
    from engine.histogram import Histogram

_MINUTE_MS = 60_000
_PERCENTILES = (50, 95, 99)


@hark.command()
@click.argument("queue")
@click.option("--window", metavar="TIME", default="1h", show_default=True, help="How far back: 10m, 1h, 24h, 7d, 90d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def metrics(queue: str, window: str, as_json: bool) -> None:
    """Show what QUEUE did within a time: rates, processing and waiting times, failures, by job type.

    Times are right to 9 %. Minutes are kept for 48 hours, hours for 90 days.
    """
    require_queue(queue)
    from engine.schedules import parse_interval_ms

    window_ms = parse_interval_ms(window)

    async def work(engine: Engine) -> tuple[Period, QueueState]:
        snapshot = await engine.monitor.snapshot()
        (state,) = (one for one in snapshot.queues if one.name == queue)
        return await engine.monitor.window(queue, window_ms), state

    period, state = with_engine(work)
    if as_json:
        print_json(
            {
                "queue": queue,
                "from_ms": period.start_ms,
                "span_ms": period.span_ms,
                "total": _figures_json(period.total, period.span_ms),
                "types": {name: _figures_json(one, period.span_ms) for name, one in sorted(period.by_type.items())},
                "waiting": state.waiting,
                "oldest_waiting_ms": state.oldest_waiting_ms,
                "drained_in_ms": state.drained_in_ms,
            }
        )
        return
    heads = ["TYPE", "JOBS/MIN", "COMPLETED", "FAILED", "FAILING", "RETRIED", "STALLED"]
    shares = [head for what in ("RUN", "WAIT") for head in (f"{what} MEAN", *(f"p{p}" for p in _PERCENTILES))]
    rows = [(*heads, *shares)]
    for name, one in [("all", period.total), *sorted(period.by_type.items())]:
        share = _share(one)
        rows.append(
            (
                name,
                f"{_ended(one) / period.span_ms * _MINUTE_MS:.1f}",
                *(str(count) for count in (one.completed, one.failed)),
                "-" if share is None else f"{share:.1%}",
                *(str(count) for count in (one.retried, one.stalled)),
                *(span_text(ms) for times in (one.processing, one.waiting) for ms in _times(times)),
            )
        )
    print_table(rows, left=1)
    if not state.waiting:
        tell("\nNo job waits.")
        return
    tell(f"\n{state.waiting} waiting, the oldest for {span_text(state.oldest_waiting_ms)}; {_forecast(state)}")


def _forecast(state: QueueState) -> str:
    """When a queue's waiting jobs will be done, or what they wait for."""
    if state.paused:
        return f"the queue is paused: they wait until `hark resume {state.name}`"
    if not state.workers:
        return "no worker serves the queue: they wait for one"
    if state.drained_in_ms is None:
        return "they do not grow fewer"
    return f"done in {span_text(state.drained_in_ms)}"


def _ended(figures: Figures) -> int:
    return figures.completed + figures.failed


def _share(figures: Figures) -> float | None:
    return figures.failed / _ended(figures) if _ended(figures) else None


def _times(histogram: Histogram) -> list[float | None]:
    return [histogram.mean_ms, *(histogram.percentile_ms(percent) for percent in _PERCENTILES)]


def _figures_json(figures: Figures, span_ms: int) -> dict[str, Any]:
    share = _share(figures)
    told: dict[str, Any] = {
        name: getattr(figures, name) for name in ("added", "completed", "failed", "retried", "stalled")
    }
    told["jobs_per_minute"] = round(_ended(figures) / span_ms * _MINUTE_MS, 3)
    told["failure_rate"] = None if share is None else round(share, 4)
    for name in ("processing", "waiting"):
        histogram: Histogram = getattr(figures, name)
        names = ("mean_ms", *(f"p{percent}_ms" for percent in _PERCENTILES))
        times = (None if ms is None else round(ms, 3) for ms in _times(histogram))
        told[name] = {"count": histogram.total} | dict(zip(names, times, strict=True))
    return told


@hark.command()
@click.argument("queue", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def failures(queue: str | None, as_json: bool) -> None:
    """Show failures that are alike as groups, of all queues or of QUEUE, the largest first.

    The bars are the last 24 hours. Act on a group with `hark retry` or `hark clean --state failed` and
    `--where signature:...`.
    """
    if queue is not None:
        require_queue(queue)
    groups = with_engine(lambda engine: engine.monitor.failures(queue))
    if as_json:
        print_json([dataclasses.asdict(group) for group in groups])
    elif not groups:
        tell("Nothing has failed.")
    else:
        rows = [("QUEUE", "SIGNATURE", "FAILED", "EVER", "FIRST", "LAST", "TREND", "WHAT")]
        for group in groups:
            times = (moment(group.first_at_ms), moment(group.last_at_ms))
            counts = (str(group.failed_now), str(group.count))
            rows.append((group.queue, group.signature, *counts, *times, sparkline(group.trend), group.title))
        print_table(rows, left=len(rows[0]))
        worst = groups[0]
        tell(f"\nAct on one: hark retry {worst.queue} --where signature:{worst.signature}")


@hark.command()
@click.argument("queue", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The most rows to show.")
@click.option("--actor", metavar="TEXT", default="", help="Only those whose name has TEXT in it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def audit(queue: str | None, limit: int, actor: str, as_json: bool) -> None:
    """Show who did what, on all queues or on QUEUE, newest first."""
    if queue is not None:
        require_queue(queue)
    entries = with_engine(lambda engine: engine.admin.audit(queue, limit, by=actor))
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in entries])
    elif not entries:
        tell(f"Nobody with {actor!r} in the name has done anything." if actor else "Nobody has done anything.")
    else:
        rows = [("WHEN", "WHO", "QUEUE", "ACTION", "JOBS", "WHAT CHANGED", "REASON")]
        for entry in entries:
            changes = [
                f"{state} {count} -> {entry.after.get(state, count)}"
                for state, count in entry.before.items()
                if entry.after.get(state, count) != count
            ]
            what = (entry.queue or "-", entry.action, str(entry.touched), ", ".join(changes) or "-")
            rows.append((moment(entry.at_ms), entry.actor, *what, entry.reason))
        print_table(rows, left=len(rows[0]))
