"""Pretended work, to see Hark at work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine import queues
from engine.job_types.base import JobType

DemoFault = Literal["", "refused", "flaky", "slow", "rate-limit", "bad-input", "bug"]


class DemoJob(JobType):
    """Pretended work: it takes its time, tells of it and fails as told, no more. Result: `{"demo": true}`.

    `fault`: "refused", "rate-limit", "bad-input" and "bug" fail each attempt, "flaky" the first one only, and "slow"
    runs into its time-out. `then` names the queues of the jobs that follow it in its trace. There is one such type for
    each queue, in `DEMO_TYPES`.
    """

    duration_ms: Annotated[int, Field(ge=0, le=60_000)] = 100
    fault: DemoFault = ""
    then: tuple[str, ...] = ()


DEMO_PREFIX = "demo-"
"""What the names of demo jobs begin with, and no others."""
DEMO_TYPES: dict[str, type[DemoJob]] = {
    queue: type(
        f"Demo{queue.title().replace('-', '')}",
        (DemoJob,),
        {
            "__module__": __name__,
            "__doc__": f"Pretended work on {queue}.",
            "__annotations__": {"queue": "ClassVar[str]", "job_name": "ClassVar[str]"},
            "queue": queue,
            "job_name": f"{DEMO_PREFIX}{queue}",
        },
    )
    for queue in queues.QUEUES
}
