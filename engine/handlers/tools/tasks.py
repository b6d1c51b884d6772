"""The user's task list."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from pydantic import Field

from engine.due import Due, due_text
from engine.errors import NotFoundError
from engine.handlers.context import JobContext
from engine.handlers.local_time import user_now
from engine.handlers.tools.arguments import Arguments
from engine.handlers.tools.changing import Changes
from engine.handlers.tools.task_titles import meant
from engine.handlers.tools.wording import count
from engine.job_types import CreateTask, DeleteTask, UpdateTask
from engine.providers import NotDone, Tool
from engine.providers.tasks_local import Task
from engine.spoken_times import WEEKDAYS, SpokenTime, read_time, say_time, split_time

TASKS_READ = 5


class NewTask(Arguments):
    """Arguments of a new task."""

    title: str = Field(description="What is to be done, in the user's words", min_length=1, max_length=1000)
    due: str = Field(
        "", description="When it is due, in the user's own words, such as tomorrow at 5; empty where they named no time"
    )


class Which(Arguments):
    """Arguments of a look at the list."""

    day: str = Field(
        "", description="Only what is due then, such as today, this week, friday or overdue; empty for the whole list"
    )


class OneTask(Arguments):
    """Arguments of a tool for one task."""

    title: str = Field(description="The task's title, or the part of it that the user named", min_length=1)


def task_tools(user_id: str, context: JobContext) -> tuple[Tool, ...]:
    """The tools of `user_id`'s list; a change goes through the tasks queue, in the command's trace."""
    services = context.services
    changes = Changes(context, "task")

    async def named(title: str) -> list[Task]:
        found = meant(title, await asyncio.to_thread(services.tasks.open_tasks, user_id))
        # Nobody could say which of two that read the same: either will do.
        return found[:1] if len({task.title.casefold() for task in found}) == 1 else found

    async def create_task(arguments: NewTask) -> str:
        now = user_now(services.settings)
        title, due, doubt = _title_and_due(arguments, now)
        payload = CreateTask(user_id=user_id, title=title, due=due_text(due) if due is not None else "")
        when = f", due {_say_due(due, now)}" if due is not None else ""
        return await changes.make(
            payload,
            f"“{title}” is on your list{when}.{doubt}",
            f"“{title}” is waiting in the tasks queue and will be on your list once it runs.",
        )

    async def list_tasks(arguments: Which) -> str:
        tasks = await asyncio.to_thread(services.tasks.open_tasks, user_id)
        return _spoken_list(tasks, arguments.day, user_now(services.settings))

    async def finish_task(arguments: OneTask) -> str:
        found = await named(arguments.title)
        if len(found) != 1:
            return _which(arguments.title, found)
        title = found[0].title
        payload = UpdateTask(user_id=user_id, task_id=found[0].key, done=True)
        return await changes.make(payload, f"“{title}” is done.", f"“{title}” will be done once the tasks queue runs.")

    async def ask_to_delete(arguments: OneTask) -> str:
        found = await named(arguments.title)
        if len(found) != 1:
            raise NotFoundError(_which(arguments.title, found))
        return f"Shall I delete “{found[0].title}” from your list?"

    async def delete_task(arguments: OneTask) -> str:
        found = await named(arguments.title)
        if len(found) != 1:
            return _which(arguments.title, found)
        title = found[0].title
        payload = DeleteTask(user_id=user_id, task_id=found[0].key)
        return await changes.make(
            payload, f"“{title}” is off your list.", f"“{title}” will be off your list once the tasks queue runs."
        )

    return (
        Tool("create_task", "Put a task on the user's list.", NewTask, create_task),
        Tool("list_tasks", "Tell the user's open tasks, all or those due at a time.", Which, list_tasks),
        Tool("finish_task", "Mark a task of the user's list as done.", OneTask, finish_task),
        Tool("delete_task", "Delete a task that is not to be done.", OneTask, delete_task, ask_to_delete),
    )


def _title_and_due(arguments: NewTask, now: datetime) -> tuple[str, Due | None, str]:
    """What is to be done, when, and what was not understood of that."""
    if arguments.due:
        when = read_time(arguments.due, now)
        doubt = "" if when else f" I did not understand “{arguments.due}” as a time, so it has none."
        return arguments.title, _due(when), doubt
    title, when = split_time(arguments.title, now)
    return (title, _due(when), "") if title else (arguments.title, None, "")


def _due(when: SpokenTime | None) -> Due | None:
    """A moment, or a day: of several days the last."""
    if when is None or not when.all_day:
        return when.start if when else None
    return (when.end - timedelta(days=1) if when.end else when.start).date()


def _which(title: str, found: Sequence[Task]) -> NotDone:
    if not found:
        return NotDone(f"There is no task like “{title}” on your list.")
    names = [f"“{task.title}”" for task in found[:TASKS_READ]]
    return NotDone(f"Which one: {', '.join(names[:-1])} or {names[-1]}?")


def _spoken_list(tasks: Sequence[Task], day: str, now: datetime) -> str:
    """The open tasks, those with a due first: soonest first, then oldest first."""
    ordered = sorted(tasks, key=lambda task: (task.due is None, _ends(task.due, now) if task.due else now))
    if not day:
        return _told(ordered, now, "You have {}: {}.", "Your list is empty.")
    late = [task for task in ordered if task.due is not None and _ends(task.due, now) <= now]
    if day.strip().casefold() == "overdue":
        return _told(late, now, "You have {} overdue: {}.", "Nothing is overdue.")
    when = read_time(day, now)
    if when is None:
        return NotDone(f"I did not understand “{day}” as a day.")
    end = when.end or (_midnight(when.start.date() + timedelta(days=1), now))
    due = [task for task in ordered if task not in late and _is_within(task.due, when.start, end, now)]
    said = day.capitalize() if day.casefold() in WEEKDAYS else day
    told = _told(due, now, f"You have {{}} due {said}: {{}}.", f"Nothing is due {said}.")
    if late and when.start.date() <= now.date() < end.date():
        told += " " + _told(late, now, "Overdue: {1}.", "")
    return told


def _told(tasks: Sequence[Task], now: datetime, some: str, none: str) -> str:
    if not tasks:
        return none
    shown = [task.title + (f", {_say_due(task.due, now)}" if task.due else "") for task in tasks[:TASKS_READ]]
    more = f"; and {len(tasks) - TASKS_READ} more" if len(tasks) > TASKS_READ else ""
    separator = "; " if any(task.due for task in tasks[:TASKS_READ]) else ", "
    return some.format(count(len(tasks), "task"), separator.join(shown) + more)


def _is_within(due: Due | None, start: datetime, end: datetime, now: datetime) -> bool:
    if isinstance(due, datetime):
        return start <= due < end
    return due is not None and start.date() <= due and _midnight(due, now) < end


def _ends(due: Due, now: datetime) -> datetime:
    """When a due is over: a day's with its end."""
    return due if isinstance(due, datetime) else _midnight(due + timedelta(days=1), now)


def _midnight(day: date, now: datetime) -> datetime:
    return datetime.combine(day, time(), now.tzinfo)


def _say_due(due: Due, now: datetime) -> str:
    if isinstance(due, datetime):
        return say_time(due, now)
    return say_time(_midnight(due, now), now, all_day=True)
