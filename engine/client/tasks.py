"""The task list; the part of `Client` for it."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Literal

from engine.client.adding import Adding
from engine.due import Due, due_text
from engine.handle import JobHandle
from engine.job_types import CreateTask, DeleteTask, SyncTasks, UpdateTask
from engine.model import JobOptions
from engine.providers.tasks_local import LocalTasks, Task


class TaskList(Adding):
    """Changes go through jobs, whose handles come back."""

    async def create_task(
        self, user_id: str, title: str, *, notes: str = "", due: Due | None = None, options: JobOptions | None = None
    ) -> JobHandle:
        """Put a task on the user's list; the job's id becomes the task's. `due`: a day, or a moment with its zone."""
        payload = CreateTask(user_id=user_id, title=title, notes=notes, due=due_text(due) if due is not None else "")
        return await self.add(payload, options)

    async def update_task(
        self,
        user_id: str,
        task_id: str,
        *,
        title: str | None = None,
        notes: str | None = None,
        due: Due | Literal[""] | None = None,
        done: bool | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Change what is given of a task; `due` "" takes its due away."""
        text = due_text(due) if isinstance(due, date) else due
        payload = UpdateTask(user_id=user_id, task_id=task_id, title=title, notes=notes, due=text, done=done)
        return await self.add(payload, options)

    async def delete_task(self, user_id: str, task_id: str, *, options: JobOptions | None = None) -> JobHandle:
        """Take a task off the list."""
        return await self.add(DeleteTask(user_id=user_id, task_id=task_id), options)

    async def tasks(self, user_id: str = "local") -> list[Task]:
        """The task list that is kept on this machine, with what is done, oldest first."""
        return await asyncio.to_thread(LocalTasks(self._settings.data_dir).all_tasks, user_id)

    async def sync_tasks(self, user_id: str = "local") -> JobHandle:
        """Bring the task list and its Airtable table up to date with each other now."""
        return await self.add(SyncTasks(user_id=user_id))
