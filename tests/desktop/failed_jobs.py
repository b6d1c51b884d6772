"""Groups of failures for the window's tests, and real jobs that failed alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

from engine.failures import signature_of
from engine.model import FailureGroup, Job, JobState
from engine.store import NewJob, Store
from tests.desktop.snapshots import START_MS

_GROUP = FailureGroup(
    signature="a" * 12,
    queue="email-processing",
    title="No mailbox for <address>",
    kind="PermanentError",
    job_name="send-email",
    count=40,
    failed_now=12,
    first_at_ms=START_MS - 7_200_000,
    last_at_ms=START_MS - 60_000,
    sample="mail-1",
    trend=(0,) * 22 + (30, 10),
)


def group(**changes: Any) -> FailureGroup:
    """Twelve mails that failed, or what a test makes of them."""
    return replace(_GROUP, **changes)


def sample_job(**changes: Any) -> Job:
    """The sample of `group`."""
    job = Job(
        id="mail-1",
        queue="email-processing",
        name="send-email",
        arguments={"to": "anna@example.com"},
        state=JobState.FAILED,
        priority=0,
        attempts=3,
        attempts_made=3,
        timeout_ms=30_000,
        created_at_ms=START_MS - 120_000,
        finished_at_ms=START_MS - 60_000,
        error="No mailbox for anna@example.com",
        traceback='Traceback:\n  File "mail.py", line 7, in send\nPermanentError: No mailbox for anna@example.com',
    )
    return replace(job, **changes)


async def fail_jobs(
    store: Store, queue: str, count: int, message: str = "No mailbox for anna@example.com", kind: str = "PermanentError"
) -> list[str]:
    """Add jobs, take them and let them fail for good alike; their ids."""
    signature, title = signature_of(kind, message)
    ids = [f"{signature}-{number}" for number in range(count)]
    data = json.dumps({"to": "anna@example.com"})
    await store.add(queue, [NewJob(job_id, "send-email", data, 0, 1, "fixed", 0, 30_000) for job_id in ids])
    taken = await store.take(queue, count, lease_ms=60_000, token=uuid4().hex, worker="w")
    for job in taken.jobs:
        await store.fail(
            job,
            message,
            f'Traceback (most recent call last):\n  File "mail.py", line 7, in send\n{kind}: {message}',
            permanent=True,
            group={"signature": signature, "title": title, "kind": kind},
        )
    return ids
