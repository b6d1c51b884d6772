"""Jobs of the user's task list."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from engine import queues
from engine.due import due_text, parse_due
from engine.errors import BadInputError
from engine.job_types.base import JobType


def _kept_due(text: str) -> str:
    try:
        return due_text(parse_due(text)) if text else ""
    except BadInputError as error:
        raise ValueError(str(error)) from error


DueText = Annotated[str, AfterValidator(_kept_due)]
"""A day or a moment as `engine/due.py` writes it; "" for none."""


class CreateTask(JobType):
    """Put a task on the user's list. Result: `{"id", "title", "due"}`.

    The task's id is the job's, so running twice adds one.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "create-task"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=1000)
    notes: Annotated[str, Field(max_length=20_000)] = ""
    due: DueText = ""


class UpdateTask(JobType):
    """Change what is given of a task. Result: `{"id", "title", "due", "done"}`, as it is then.

    `due` "" takes the due away. Running twice changes once: what was changed in between stays.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "update-task"

    user_id: str = "local"
    task_id: str = Field(min_length=1, max_length=200)
    title: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    notes: Annotated[str | None, Field(max_length=20_000)] = None
    due: DueText | None = None
    done: bool | None = None


class DeleteTask(JobType):
    """Take a task off the list. Result: `{"id", "title"}`."""

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "delete-task"

    user_id: str = "local"
    task_id: str = Field(min_length=1, max_length=200)


class SyncTasks(JobType):
    """Bring the task list and its Airtable table up to date with each other.

    Result: `{"added", "changed", "deleted", "written", "removed", "conflicts"}`: how many tasks were added, changed and
    deleted here, how many rows were written and removed there, and a sentence for each conflict (the first 50; all are
    in the job's log). `{"skipped": why}` where Airtable is not set up. Running twice does no harm: what was done is
    noted row by row, and rows are written by their key.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "sync-tasks"

    user_id: str = "local"
