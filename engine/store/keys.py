"""Every Redis key, named once. A queue's keys share a hash tag, so that they share a Cluster slot."""

from __future__ import annotations


def _key(queue: str, part: str) -> str:
    return f"{{hark:{queue}}}:{part}"


def script_keys(queue: str) -> list[str]:
    """What every script gets as its keys: the queue's prefix. `lua/_prelude.lua` names the keys under it."""
    return [_key(queue, "")]


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


def log(queue: str, job_id: str) -> str:
    """List of the lines in a job's log."""
    return _key(queue, f"log:{job_id}")


def figures(queue: str, span: str, number: int) -> str:
    """Hash of what was counted in one minute (`span` "1m") or hour ("1h"), by its number since 1970."""
    return _key(queue, f"metrics:{span}:{number}")


def totals(queue: str) -> str:
    """Hash of what was counted since ever; see `lua/fold.lua`."""
    return _key(queue, "totals")


def groups(queue: str) -> str:
    """Sorted set of the signatures of failures, by when they were last seen."""
    return _key(queue, "groups")


def group(queue: str, signature: str) -> str:
    """Hash of what is known of one group of failures."""
    return _key(queue, f"group:{signature}")


def group_ids(queue: str, signature: str) -> str:
    """Sorted set of the failed jobs in a group."""
    return _key(queue, f"group:{signature}:ids")


def quarantine(queue: str) -> str:
    """Sorted set of cleaned batches, by when they go for good."""
    return _key(queue, "quarantine")


def gone(queue: str, batch: str, part: str = "") -> str:
    """Hash of a cleaned batch; with `part` ":ids" the ids in it, with ":<id>" a job's record."""
    return _key(queue, f"gone:{batch}{part}")


def schedules(queue: str) -> str:
    """Hash of a queue's recurring jobs, by id."""
    return _key(queue, "schedules")


def outbox(queue: str) -> str:
    """List of follow-up jobs for other queues, to be forwarded."""
    return _key(queue, "outbox")


def marker(queue: str) -> str:
    """Sorted set whose one member wakes a blocked worker."""
    return _key(queue, "marker")


def blob(queue: str, blob_id: str) -> str:
    """Bytes too large for a job's record, such as a recording."""
    return _key(queue, f"blob:{blob_id}")


def conversation(queue: str, memory: str) -> str:
    """List of a conversation's turns; `memory` is its name by `model.memory_name`."""
    return _key(queue, f"conversation:{memory}")


def conversations(queue: str) -> str:
    """Sorted set of the conversations that are remembered, by their last turn."""
    return _key(queue, "conversations")


def held(queue: str, memory: str) -> str:
    """Hash of what waits for a yes in a conversation."""
    return _key(queue, f"held:{memory}")


def answers(queue: str, job_id: str) -> str:
    """Hash of number -> an answer that a job has got so far (JSON); with its record it goes, or into its result."""
    return _key(queue, f"answers:{job_id}")


def outgoing_mail(queue: str, message_id: str) -> str:
    """Hash of recipient -> what became of one mail."""
    return _key(queue, f"mail:out:{message_id}")


def inbox(queue: str, account: str) -> str:
    """Hash of UID -> a mail of an account's inbox (JSON)."""
    return _key(queue, f"mail:in:{account}")


def inbox_cursor(queue: str, account: str) -> str:
    """String: up to where an account's inbox was read."""
    return _key(queue, f"mail:cursor:{account}")


def mail_commands(queue: str, sender: str) -> str:
    """Set of the Message-IDs of the commands that a sender mailed lately."""
    return _key(queue, f"mail:commands:{sender}")


def calendars(queue: str, account: str) -> str:
    """Hash of path -> one synced calendar of an account (JSON)."""
    return _key(queue, f"calendar:{account}")


def calendar_index(queue: str, account: str) -> str:
    """Hash of path -> what is known of one calendar object but its text (JSON)."""
    return _key(queue, f"calendar:index:{account}")


def calendar_texts(queue: str, account: str) -> str:
    """Hash of path -> a calendar object's text (iCalendar)."""
    return _key(queue, f"calendar:texts:{account}")


def pacing(queue: str, service: str, part: str) -> str:
    """String: who holds a service outside (`part` "holder"), whether it is to be left alone ("pause")."""
    return _key(queue, f"pacing:{service}:{part}")


def notices(queue: str, user_id: str) -> str:
    """List of the notices that wait for a window of a user's (JSON)."""
    return _key(queue, f"notices:{user_id}")


def notified(queue: str, notification: str) -> str:
    """Set of the targets that have acknowledged one notification."""
    return _key(queue, f"notified:{notification}")


def wake(queue: str, worker: str) -> str:
    """Sorted set that wakes one worker's own wait on a queue."""
    return _key(queue, f"wake:{worker}")


WORKERS = "hark:workers"
"""Hash of worker id -> its last sign of life (JSON)."""

SNAPSHOT = "hark:snapshot"
"""What one viewer has just seen of all queues, for the others (see `engine/sampling.py`); kept for a second."""

ALERTS = "hark:alerts"
"""Hash of what the watchers of alerts share (see `engine/store/alerting.py`)."""
