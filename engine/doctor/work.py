"""What is done with the jobs: does anybody work on every queue, is one paused, has a job lost its worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from engine.concurrency import together
from engine.doctor.findings import Finding, Level
from engine.model import QueueState, Snapshot
from engine.monitor import Monitor
from engine.queues import QUEUES
from engine.settings import Settings
from engine.store import Store

_MOST_GROUPS = 1000


async def work_findings(store: Store, settings: Settings) -> list[Finding]:
    """Everything about workers, paused queues and stalled jobs."""
    monitor = Monitor(store, settings)
    snapshot = await monitor.snapshot()
    last = "" if snapshot.workers else _last_heard(await store.workers(), snapshot.taken_at_ms)
    return [*_workers(snapshot, last), *_paused_queues(snapshot), *await _stalled(store, monitor, snapshot)]


def _workers(snapshot: Snapshot, last: str) -> list[Finding]:
    """Whether somebody works at all, and on every queue; `last` tells of the worker that did."""
    waiting = sum(state.waiting for state in snapshot.queues)
    if not snapshot.workers:
        return [
            Finding(
                "workers",
                Level.ERROR if waiting else Level.WARNING,
                ("No worker runs" + (f"; waiting for one: {_count(waiting, 'job')}." if waiting else ".")) + last,
                "Open Hark, or run `hark worker` on any machine.",
            )
        ]
    idle = [state for state in snapshot.queues if not state.workers]
    if idle:
        names = ", ".join(f"{state.name} ({state.waiting} waiting)" for state in idle)
        return [
            Finding(
                "workers",
                Level.ERROR if any(state.waiting for state in idle) else Level.WARNING,
                f"No worker serves {names}.",
                f"Start `hark worker {' '.join(f'--queue {state.name}' for state in idle)}`.",
            )
        ]
    hosts = ", ".join(sorted({worker.host for worker in snapshot.workers}))
    count = len(snapshot.workers)
    message = f"{_count(count, 'worker')} on {hosts} {'serves' if count == 1 else 'serve'} all queues."
    return [Finding("workers", Level.OK, message)]


def _last_heard(records: Mapping[str, str], now_ms: int) -> str:
    """Which worker fell silent last; "" where none is remembered."""
    heard: list[tuple[int, str]] = []
    for record in records.values():
        try:
            told = json.loads(record)
            heard.append((int(told["seen_at_ms"]), f"process {told['pid']} on {told['host']}"))
        except (ValueError, TypeError, KeyError):  # somebody has spoilt it: it tells nothing
            continue
    if not heard:
        return ""
    seen_at_ms, who = max(heard)
    return f" The last, {who}, fell silent {max(0, now_ms - seen_at_ms) // 1000} s ago."


def _paused_queues(snapshot: Snapshot) -> list[Finding]:
    paused = [_paused(state) for state in snapshot.queues if state.paused]
    return paused or [Finding("queues", Level.OK, "No queue is paused.")]


def _paused(state: QueueState) -> Finding:
    since = ""
    if state.paused_since_ms is not None:
        moment = datetime.fromtimestamp(state.paused_since_ms / 1000).astimezone()
        since = f" since {moment:%Y-%m-%d %H:%M}"
    return Finding(
        "queues",
        Level.WARNING if state.waiting else Level.NOTE,
        f"The queue {state.title} is paused{since}, with {_count(state.waiting, 'job')} waiting.",
        f"Let it run again on the Queues page, or with `hark resume {state.name}`.",
    )


async def _stalled(store: Store, monitor: Monitor, snapshot: Snapshot) -> list[Finding]:
    counts = await together(*(store.workless(queue, snapshot.taken_at_ms) for queue in QUEUES))
    workless = dict(zip(QUEUES, counts, strict=True))
    given_up: dict[str, int] = {}
    for group in await monitor.failures(count=_MOST_GROUPS):
        if group.kind == "Stalled":
            given_up[group.queue] = given_up.get(group.queue, 0) + group.failed_now
    found = []
    for queue, count in workless.items():
        if count:
            message = f"{_count(count, 'active job')} of {queue} lost {_its(count)} worker: the lease ran out."
            remedy = (
                "The workers put such jobs back to waiting within seconds; look again then."
                if snapshot.workers
                else "Start `hark worker`: it puts them back to waiting and runs them again."
            )
            found.append(Finding("stalled jobs", Level.WARNING, message, remedy))
    for queue, count in given_up.items():
        if count:
            message = f"{_count(count, 'job')} of {queue} failed: {_its(count)} worker died more often than allowed."
            remedy = f"Look in the worker's log whether such a job crashes it, then run `hark retry {queue}`."
            found.append(Finding("stalled jobs", Level.WARNING, message, remedy))
    return found or [Finding("stalled jobs", Level.OK, "No job has lost its worker.")]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _its(count: int) -> str:
    return "its" if count == 1 else "their"
