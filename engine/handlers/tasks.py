"""The user's task list: a task's birth, changes and end, and its copy in Airtable."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.due import due_text, parse_due
from engine.handlers.context import JobContext
from engine.job_types import CreateTask, DeleteTask, SyncTasks, UpdateTask
from engine.providers.tasks_local import Task


async def create_task(payload: CreateTask, context: JobContext) -> dict[str, Any]:
    """Put the task on the local list; the job's id is its key, so running twice adds one."""
    due = parse_due(payload.due) if payload.due else None
    task = await asyncio.to_thread(
        context.services.tasks.add, context.job.id, payload.user_id, payload.title, payload.notes, due
    )
    return _told(task)


async def update_task(payload: UpdateTask, context: JobContext) -> dict[str, Any]:
    """Change what is given of the task, once however often the job runs."""
    changes = payload.model_dump(exclude_none=True, exclude={"user_id", "task_id"})
    task = await asyncio.to_thread(
        context.services.tasks.change, context.job.id, payload.user_id, payload.task_id, changes
    )
    return _told(task) | {"done": task.is_done}


async def delete_task(payload: DeleteTask, context: JobContext) -> dict[str, Any]:
    """Take the task off the list."""
    task = await asyncio.to_thread(context.services.tasks.delete, context.job.id, payload.user_id, payload.task_id)
    return {"id": task.key, "title": task.title}


async def sync_tasks(payload: SyncTasks, context: JobContext) -> dict[str, Any]:
    """Nothing to do without Airtable: the local list needs no sync."""
    return {"skipped": "Airtable is not set up. Tasks are kept on this machine."}


def _told(task: Task) -> dict[str, Any]:
    return {"id": task.key, "title": task.title, "due": due_text(task.due) if task.due is not None else ""}
