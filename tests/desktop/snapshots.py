"""Snapshots for the window's tests: eight quiet queues, and whatever a test changes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.model import MinuteCounts, QueueState, Snapshot, WorkerInfo
from engine.queues import QUEUES

MINUTE = 29_000_000
START_MS = MINUTE * 60_000


def quiet(name: str) -> QueueState:
    """A running queue without jobs."""
    spec = QUEUES[name]
    return QueueState(
        name=name,
        title=spec.title,
        paused=False,
        concurrency=spec.concurrency,
        waiting=0,
        delayed=0,
        active=0,
        completed=0,
        failed=0,
        oldest_waiting_ms=None,
        workers=1,
        minutes=tuple(MinuteCounts(MINUTE - 59 + index) for index in range(60)),
    )


def snapshot(second: int = 0, **changes: dict[str, Any]) -> Snapshot:
    """All queues at `second` after START_MS; `changes` by queue, its name written with underscores."""
    states = {name: quiet(name) for name in QUEUES}
    for name, fields in changes.items():
        queue = name.replace("_", "-")
        states[queue] = replace(states[queue], **fields)
    worker = WorkerInfo("w1", "desk", 1, tuple(QUEUES), START_MS, START_MS, 0)
    return Snapshot(START_MS + second * 1_000, tuple(states.values()), (worker,), "redis://localhost:6379")
