"""The user's task list."""

from __future__ import annotations

import asyncio
import itertools

from pydantic import Field

from engine.handlers.context import JobContext
from engine.handlers.tools.arguments import Arguments, Nothing
from engine.handlers.tools.wording import count
from engine.job_types import CreateTask
from engine.providers import Tool

CREATE_WAIT_S = 10.0


class NewTask(Arguments):
    """Arguments of a new task."""

    title: str = Field(description="What is to be done, in the user's words", min_length=1, max_length=1000)


def task_tools(user_id: str, context: JobContext) -> tuple[Tool, ...]:
    """The tools of `user_id`'s list; a change goes through the tasks queue, in the command's trace."""
    services = context.services
    created = itertools.count(1)  # the same numbers whenever the job runs again

    async def create_task(arguments: NewTask) -> str:
        payload = CreateTask(user_id=user_id, title=arguments.title)
        handle = await services.client.add(payload, context.child_options(f"task.{next(created)}"))
        try:
            await handle.result(CREATE_WAIT_S)
        except TimeoutError:
            return f"“{arguments.title}” is waiting in the tasks queue and will be on your list once it runs."
        return f"“{arguments.title}” is on your list."

    async def list_tasks(_: Nothing) -> str:
        tasks = await asyncio.to_thread(services.tasks.open_tasks, user_id)
        if not tasks:
            return "Your list is empty."
        shown = [task.title for task in tasks[:5]]
        more = f", and {len(tasks) - 5} more" if len(tasks) > 5 else ""
        return f"You have {count(len(tasks), 'task')}: {', '.join(shown)}{more}."

    return (
        Tool("create_task", "Put a task on the user's list.", NewTask, create_task),
        Tool("list_tasks", "Tell the user's open tasks.", Nothing, list_tasks),
    )
