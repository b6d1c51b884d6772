"""A worker process of a test's own, and jobs for it: how tests start it, feed it and wait for what comes of a job."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.model import Job, JobState
from engine.store import NewJob, Store

TASKS = "task-processing"
LIMIT_S = 40


@contextmanager
def worker_process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process; whatever becomes of it, it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "tests.engine.worker_jobs"))], stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def add_job(store: Store, job_id: str, name: str, data: str, timeout_ms: int = 60_000, attempts: int = 3) -> None:
    """Put a job that is not tried again later, but at once, on the tasks queue."""
    await store.add(TASKS, [NewJob(job_id, name, data, 4, attempts, "fixed", 0, timeout_ms)])


async def until_state(store: Store, job_id: str, *states: JobState) -> Job:
    """The job, once it has reached one of `states`."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(TASKS)
            job = await store.find(job_id)
            if job.state in states:
                return job
            await store.events({TASKS: position}, 1000)
