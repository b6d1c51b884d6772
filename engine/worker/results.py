"""Results of jobs for those who add them by taskiq's own means: read from the jobs' records.

What a job came to is written by `settling` in the step that ends it, so there is nothing to set here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taskiq import AsyncResultBackend, TaskiqResult
from taskiq.exceptions import ResultGetError

from engine.errors import HarkError, NotFoundError
from engine.model import JobState
from engine.store import Store


class StoreResults(AsyncResultBackend[Any]):
    """taskiq's result backend over the store. `store` gives it, once the broker has connected."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store

    async def set_result(self, task_id: str, result: TaskiqResult[Any]) -> None:
        """Nothing: the job's record has it already."""

    async def is_result_ready(self, task_id: str) -> bool:
        """Whether the job has ended. Raises NotFoundError where it is no longer kept, so that nobody waits for ever."""
        return (await self._store().find(task_id)).state in (JobState.COMPLETED, JobState.FAILED)

    async def get_result(self, task_id: str, with_logs: bool = False) -> TaskiqResult[Any]:
        """What the job came to, with its log where `with_logs`. Raises taskiq's ResultGetError where it is not kept."""
        try:
            job = await self._store().find(task_id)
        except NotFoundError as error:
            raise ResultGetError from error
        spent_ms = (job.finished_at_ms or 0) - (job.started_at_ms or job.finished_at_ms or 0)
        lines = await self._store().log(job.queue, job.id) if with_logs else ()
        failed = job.state is JobState.FAILED
        return TaskiqResult(
            is_err=failed,
            return_value=job.result,
            execution_time=spent_ms / 1000,
            error=HarkError(job.error or "The job failed without a reason.") if failed else None,
            log="\n".join(line.text for line in lines) if with_logs else None,
        )
