"""Signs of life: what a worker tells of itself, and which of those who told are still there.

Anybody may have spoilt a record, or left it behind: such a worker is not there, and nothing fails for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict

from engine.model import WorkerInfo
from engine.store.records import dumps

WORKER_SILENT_MS = 15_000
"""A worker not heard of for so long is counted as gone."""


def sign_of_life(worker: WorkerInfo) -> str:
    """A worker's record as it is kept under its id."""
    record = asdict(worker)
    del record["id"]
    return dumps(record)


def alive(records: Mapping[str, str], now_ms: int) -> tuple[WorkerInfo, ...]:
    """The workers that gave a sign of life lately, the longest running first; `records` are by worker id."""
    found = [_worker(worker_id, text) for worker_id, text in records.items()]
    there = [worker for worker in found if worker is not None and now_ms - worker.seen_at_ms <= WORKER_SILENT_MS]
    return tuple(sorted(there, key=lambda worker: worker.started_at_ms))


def seen_at_ms(record: str) -> float:
    """When a worker gave its last sign of life; 0 where that is spoilt, or an endless time would keep it."""
    try:
        at_ms = float(json.loads(record)["seen_at_ms"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0.0
    return at_ms if math.isfinite(at_ms) else 0.0


def _worker(worker_id: str, text: str) -> WorkerInfo | None:
    try:
        record = json.loads(text)
        numbers = {name: record[name] for name in ("pid", "started_at_ms", "seen_at_ms", "active")}
        host, queues = record["host"], record["queues"]
        stopping, embedded = (record.get(name) is True for name in ("stopping", "embedded"))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fine = (
        all(type(number) is int and abs(number) < 2**53 for number in numbers.values())
        and isinstance(host, str)
        and isinstance(queues, list)
        and all(isinstance(queue, str) for queue in queues)
    )
    if not fine:
        return None
    return WorkerInfo(id=worker_id, host=host, queues=tuple(queues), stopping=stopping, embedded=embedded, **numbers)
