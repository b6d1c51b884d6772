"""What the tables of the Audit page say of an operator's action and of a batch in the quarantine."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.pages.failure_row import ago, exact
from desktop.pages.restore_dialog import states
from desktop.widgets.facts_table import Cell
from engine.model import AuditEntry, QuarantineBatch
from engine.queues import QUEUES


def depths_text(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """What an action changed: "failed 12 → 0, waiting 0 → 12"; a queue's depths also move by themselves meanwhile."""
    changed = [
        f"{state} {before.get(state, 0):,} → {after.get(state, 0):,}"
        for state in dict.fromkeys((*before, *after))
        if before.get(state, 0) != after.get(state, 0)
    ]
    return ", ".join(changed) or "unchanged"


def action_cells(entry: AuditEntry, now_ms: int) -> tuple[Cell, ...]:
    """When, who, what, queue, jobs, depths, why."""
    depths = depths_text(entry.before, entry.after)
    both = "\n".join(
        f"{state}: {entry.before.get(state, 0):,} before, {entry.after.get(state, 0):,} after"
        for state in dict.fromkeys((*entry.before, *entry.after))
    )
    arguments = "\n".join(f"{name}: {value}" for name, value in entry.arguments.items())
    return (
        Cell(ago(entry.at_ms, now_ms), exact(entry.at_ms)),
        Cell(entry.actor or "unknown"),
        Cell(_what(entry), arguments, "danger" if entry.action in ("clean", "remove") else "ink"),
        Cell(_title(entry.queue), entry.queue),
        Cell(f"{entry.touched:,}" if entry.touched else "–", _jobs(entry.touched), "ink" if entry.touched else "muted"),
        Cell(depths, both, "muted" if depths == "unchanged" else "ink"),
        Cell(entry.reason or "–", entry.reason or "No reason was given.", "ink" if entry.reason else "muted"),
    )


def batch_cells(batch: QuarantineBatch, now_ms: int) -> tuple[Cell, ...]:
    """When, queue, jobs taken, jobs left, for how long, who, why."""
    return (
        Cell(ago(batch.at_ms, now_ms), exact(batch.at_ms)),
        Cell(_title(batch.queue), batch.queue),
        Cell(states(batch)),
        Cell(f"{batch.left:,}" if batch.left else "all back", "", "ink" if batch.left else "muted"),
        Cell(remaining_text(batch.until_ms - now_ms), f"Gone for good at {exact(batch.until_ms)}"),
        Cell(batch.actor or "unknown"),
        Cell(batch.reason or "–", batch.reason or "No reason was given.", "ink" if batch.reason else "muted"),
    )


def remaining_text(left_ms: int) -> str:
    """What is left of the day: "23 h 59 min", "4 min", "less than 1 min"."""
    minutes = left_ms // 60_000
    if minutes < 1:
        return "less than 1 min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _what(entry: AuditEntry) -> str:
    words = entry.action.replace("-", " ")
    if entry.action != "set-concurrency":
        return words
    number = entry.arguments.get("concurrency")
    return f"{words} {number}" if number else "own concurrency"


def _title(queue: str) -> str:
    return QUEUES[queue].title if queue in QUEUES else queue


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"
