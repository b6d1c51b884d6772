"""The user's task list."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.handlers.context import JobContext
from engine.job_types import CreateTask


async def create_task(payload: CreateTask, context: JobContext) -> dict[str, Any]:
    """Put the task on the local list; the job's id is its key, so running twice adds one."""
    task = await asyncio.to_thread(context.services.tasks.add, context.job.id, payload.user_id, payload.title)
    return {"id": task.key, "title": task.title}
