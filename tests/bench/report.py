"""The table: medians, how they compare with BullMQ's, and whether the goals are met."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.install import ALL

Medians = Mapping[str, Mapping[str, float]]
"""Peer -> figure -> the median over the rounds."""


@dataclass(frozen=True)
class Row:
    """One figure of the table. `met` judges the goal by Hark's median and its ratio to BullMQ's (above 1: better)."""

    figure: str
    title: str
    goal: str
    higher_is_better: bool
    met: Callable[[float, float | None], bool] | None = None
    digits: int = 0
    beside_bullmq: bool = True


def _at_least(ratio_wanted: float) -> Callable[[float, float | None], bool]:
    return lambda _, ratio: ratio is not None and ratio >= ratio_wanted


def _below(limit: float) -> Callable[[float, float | None], bool]:
    return lambda own, _: own < limit


def _from(least: float) -> Callable[[float, float | None], bool]:
    return lambda own, _: own >= least


def _up_to(limit: float) -> Callable[[float, float | None], bool]:
    return lambda own, _: own <= limit


def _most_of_it(share: float, _: float | None) -> bool:
    return share >= 0.8


ROWS = (
    Row("drain_100_per_s", "drain, concurrency 100, jobs/s", "2x", True, _at_least(2.0)),
    Row("drain_10_per_s", "drain, concurrency 10, jobs/s", "1.5x", True, _at_least(1.5)),
    Row("add_bulk_per_s", "add in bulk, jobs/s", "3x", True, _at_least(3.0)),
    Row("add_one_per_s", "add one at a time, jobs/s", "1.2x", True, _at_least(1.2)),
    Row(
        "light_p50_ms",
        "add to start at 100 jobs/s, p50, ms",
        "no worse, < 5 ms",
        False,
        lambda own, ratio: own < 5 and ratio is not None and ratio >= 1,
        2,
    ),
    Row("light_p99_ms", "add to start at 100 jobs/s, p99, ms", "no worse", False, _at_least(1.0), 2),
    Row(
        "urgent_max_job_times",
        "longest wait of 10 priority-1 jobs behind 5,000, in job times",
        "1 job time",
        False,
        lambda own, _: own <= 1.1,
        2,
    ),
    Row("urgent_p50_job_times", "their median wait, in job times", "", False, None, 2),
    Row("job_time_ms", "the job time there (20 ms and the queue's own), ms", "", False, None, 2),
    Row("bytes_per_job", "bytes in Redis per waiting job, payload aside", "no more", False, _at_least(1.0)),
    Row("idle_cpu_percent", "idle worker, % of a core", "< 1 %", False, lambda own, _: own < 1, 2),
    Row("idle_server_cpu_percent", "the server meanwhile, % of a core", "", False, None, 2),
    Row("watch_1_commands_per_s", "1 viewer at 1 Hz, commands/s", "< 20", False, lambda own, _: own < 20, 1, False),
    Row("watch_1_server_cpu_percent", "the server meanwhile, % of a core", "", False, None, 2, False),
    Row("watch_5_commands_per_s", "5 viewers at 1 Hz, commands/s", "< 20", False, lambda own, _: own < 20, 1, False),
    Row("watch_5_server_cpu_percent", "the server meanwhile, % of a core", "", False, None, 2, False),
    Row(
        "window_paint_ms",
        "the window's first paint after its start, warm, ms",
        "< 1,000",
        False,
        _below(1000),
        0,
        False,
    ),
    Row("window_paint_cpu_ms", "CPU time until then, ms", "", False, None, 0, False),
    Row(
        "window_late_p99_ms",
        "a 16 ms timer in the window's thread is late by, p99, ms",
        "< 33",
        False,
        _below(33),
        1,
        False,
    ),
    Row("window_late_max_ms", "at most, ms", "", False, None, 1, False),
    Row("window_busy_p99_ms", "CPU time of that thread between two ticks, p99, ms", "", False, None, 1, False),
    Row("window_busy_max_ms", "at most, ms", "", False, None, 1, False),
    Row("window_cpu_percent", "the window, charts at 2 Hz, % of a core", "< 15 %", False, _below(15), 1, False),
    Row("window_commands_per_s", "the window's own looking, commands/s", "< 20", False, _below(20), 1, False),
    Row("window_active", "jobs that the embedded worker runs meanwhile", "", True, None, 0, False),
    Row("voice_right_percent", "spoken commands heard right, %", "95", True, _from(95), 1, False),
    Row("voice_others_right_percent", "the same in other wordings, %", "95", True, _from(95), 1, False),
    Row("voice_everyday_right_percent", "the same as said every day, %", "95", True, _from(95), 1, False),
    Row("voice_taken_percent", "other sentences taken for a command, %", "5 at most", False, _up_to(5), 1, False),
    Row("voice_everyday_taken_percent", "the same of everyday ones, %", "5 at most", False, _up_to(5), 1, False),
    Row("voice_real_time", "hearing on one core, in the sound's own time", "< 1", False, _below(1), 2, False),
    Row("voice_slowest_real_time", "the slowest of them", "", False, None, 2, False),
    Row("voice_start_p50_ms", "from a recording to its job's start, ms", "< 50", False, _below(50), 0, False),
    Row("voice_start_p95_ms", "p95", "", False, None, 0, False),
    Row("voice_own_p50_ms", "Hark's own share of a spoken command, ms", "< 150", False, _below(150), 0, False),
    Row("voice_own_p95_ms", "p95", "", False, None, 0, False),
    Row("shallow_per_s", "drain, 1,000 waiting, jobs/s", "", True, None, 0, False),
    Row("million_waiting_per_s", "drain, 1,000,000 waiting, jobs/s", "", True, None, 0, False),
    Row("million_delayed_per_s", "drain beside 1,000,000 delayed, jobs/s", "", True, None, 0, False),
    Row("million_waiting_share", "share of the rate with 1,000: waiting", "0.8", True, _most_of_it, 2, False),
    Row("million_delayed_share", "share of the rate with 1,000: delayed", "0.8", True, _most_of_it, 2, False),
)


def medians(rounds: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The median of every figure of every peer."""
    seen: dict[str, dict[str, list[float]]] = {}
    for one in rounds:
        for name, value in one["figures"].items():
            seen.setdefault(one["peer"], {}).setdefault(name, []).append(value)
    return {
        peer: {name: statistics.median(values) for name, values in figures.items()} for peer, figures in seen.items()
    }


def ratio(row: Row, value: float | None, reference: float | None) -> float | None:
    """How many times better than the reference; None where either is missing."""
    if value is None or reference is None or not value or not reference:
        return None
    return value / reference if row.higher_is_better else reference / value


def verdicts(found: Medians) -> list[dict[str, Any]]:
    """For each row with a goal that was measured: the figures, the ratio and whether the goal is met."""
    own, reference = found.get("hark", {}), found.get("bullmq", {})
    rows = []
    for row in ROWS:
        if row.figure in own and row.met is not None:
            times = ratio(row, own[row.figure], reference.get(row.figure)) if row.beside_bullmq else None
            rows.append(
                {
                    "figure": row.figure,
                    "goal": row.goal,
                    "hark": own[row.figure],
                    "bullmq": reference.get(row.figure),
                    "ratio": times,
                    "met": row.met(own[row.figure], times),
                }
            )
    return rows


def table(found: Medians, peers: list[str]) -> str:
    """All as a Markdown table; others' cells hold the figure and its ratio to BullMQ's."""
    reference = found.get("bullmq", {})
    judged = {one["figure"]: one for one in verdicts(found)}
    lines = [["work", "goal", "Hark to BullMQ", "", *(ALL[peer].title for peer in peers)]]
    for row in ROWS:
        if not any(row.figure in found.get(peer, {}) for peer in peers):
            continue
        verdict = judged.get(row.figure)
        times = ratio(row, found.get("hark", {}).get(row.figure), reference.get(row.figure))
        cells = [
            row.title,
            row.goal,
            f"{times:.2f}x" if times is not None else "",
            "" if verdict is None else "met" if verdict["met"] else "MISSED",
        ]
        for peer in peers:
            value = found.get(peer, {}).get(row.figure)
            cell = "" if value is None else f"{value:,.{row.digits}f}"
            beside = ratio(row, value, reference.get(row.figure))
            cells.append(f"{cell} ({beside:.2f}x)" if beside is not None and peer not in ("hark", "bullmq") else cell)
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    texts = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines]
    return "\n".join(texts)
