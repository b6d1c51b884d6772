"""Every Redis key, named once. A queue's keys share a hash tag, so that they share a Cluster slot."""

from __future__ import annotations

_PARTS = (
    "wait",
    "delayed",
    "active",
    "completed",
    "failed",
    "meta",
    "events",
    "outbox",
    "marker",
    "audit",
    "job:",
    "metrics:1m:",
)


def _key(queue: str, part: str) -> str:
    return f"{{hark:{queue}}}:{part}"


def script_keys(queue: str) -> list[str]:
    """The tuple that every script gets; the last two are prefixes. `lua/_prelude.lua` names them."""
    return [_key(queue, part) for part in _PARTS]


def job(queue: str, job_id: str) -> str:
    """Hash of one job's record."""
    return _key(queue, f"job:{job_id}")


def state(queue: str, state: str) -> str:
    """Sorted set of the ids in one state."""
    return _key(queue, "wait" if state == "waiting" else state)


def events(queue: str) -> str:
    """Stream of state changes."""
    return _key(queue, "events")


def audit(queue: str) -> str:
    """Stream of operators' actions."""
    return _key(queue, "audit")


def outbox(queue: str) -> str:
    """List of follow-up jobs for other queues, to be forwarded."""
    return _key(queue, "outbox")


def marker(queue: str) -> str:
    """Sorted set whose one member wakes a blocked worker."""
    return _key(queue, "marker")


def blob(queue: str, blob_id: str) -> str:
    """Bytes too large for a job's record, such as a recording."""
    return _key(queue, f"blob:{blob_id}")


def conversation(queue: str, conversation_id: str) -> str:
    """List of a conversation's turns."""
    return _key(queue, f"conversation:{conversation_id}")


def wake(worker: str) -> str:
    """Sorted set that wakes one worker's own wait; not a queue's key."""
    return f"hark:wake:{worker}"


WORKERS = "hark:workers"
"""Hash of worker id -> its last sign of life (JSON)."""
