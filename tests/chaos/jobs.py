"""The worker processes of a storm, and the jobs that they run.

Each run leaves a line `<id> <attempt> <pid>` in the file that HARK_TEST_TRAIL names before it does anything else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Annotated, ClassVar

from taskiq import Context, TaskiqDepends

from engine.errors import BadInputError
from engine.handlers import JobContext
from engine.job_types import JobType
from engine.log import configure
from engine.settings import load_settings
from engine.worker.broker import QueueBroker
from engine.worker.pool import serve

PARENTS = "task-processing"
CHILDREN = "notification"
QUEUES = (PARENTS, CHILDREN)

broker = QueueBroker(queues=QUEUES)
_Job = Annotated[Context, TaskiqDepends()]


class Child(JobType):
    """What a `parent` adds as it ends."""

    queue: ClassVar[str] = CHILDREN
    job_name: ClassVar[str] = "child"


def _begin(context: Context) -> JobContext:
    """Leave the line of this run. One write of a short line to a file opened for appending is whole."""
    assert isinstance(context.broker, QueueBroker)
    job = context.broker.context_of(context.message)
    trail = os.open(os.environ["HARK_TEST_TRAIL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(trail, f"{job.job.id} {job.job.attempt} {os.getpid()}\n".encode())
    finally:
        os.close(trail)
    return job


@broker.task(task_name="steady")
async def steady(context: _Job, pause_s: float) -> int:
    """Takes a while and succeeds."""
    job = _begin(context)
    await asyncio.sleep(pause_s)
    return job.job.attempt


@broker.task(task_name="flaky")
async def flaky(context: _Job, failures: int) -> int:
    """Succeeds after so many failed attempts."""
    job = _begin(context)
    if job.job.attempt <= failures:
        raise RuntimeError(f"attempt {job.job.attempt} fails")
    return job.job.attempt


@broker.task(task_name="refusing")
async def refusing(context: _Job) -> None:
    """Fails for good at once."""
    _begin(context)
    raise BadInputError("This cannot be done.", "Do not ask.")


@broker.task(task_name="endless")
async def endless(context: _Job) -> None:
    """Never ends: its time-out does."""
    _begin(context)
    await asyncio.Event().wait()


@broker.task(task_name="parent")
async def parent(context: _Job) -> None:
    """Succeeds and is followed up by a child."""
    _begin(context).follow_up(Child(), "child")


@broker.task(task_name=Child.job_name)
async def child(context: _Job) -> None:
    """Follows a parent."""
    _begin(context)


async def _main() -> None:
    configure(level=logging.INFO)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(broker, load_settings(), stop)


if __name__ == "__main__":
    asyncio.run(_main())
