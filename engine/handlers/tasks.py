"""The user's task list: a task's birth, changes and end, and its copy in Airtable."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from engine.due import due_text, parse_due
from engine.handlers.context import JobContext
from engine.job_types import CreateTask, DeleteTask, SyncTasks, UpdateTask
from engine.providers.airtable import Place, Table, airtable_place, open_table
from engine.providers.airtable.failures import LOCKED_MS, AskedTooOftenError
from engine.providers.airtable.table import BATCH, CONNECT_S, SPACING_MS
from engine.providers.tasks_local import Task
from engine.providers.tasks_merge import merge_lists

CONFLICTS_TOLD = 50
Item = TypeVar("Item")


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
    """Merge the list here and its Airtable table, both ways; a run that was broken off goes on where it stood."""
    services = context.services
    await asyncio.to_thread(services.tasks.drop_old)
    place = airtable_place(services.settings)
    if place is None:
        return {"skipped": "No task service is set up. Tasks are kept on this machine."}
    # Nobody else's turn comes while a call of this job may still be under way.
    lease_ms = (CONNECT_S + 2 * place.timeout_s + 10) * 1000
    holding = services.store.alone_with(place.service, context.job.id, spacing_ms=SPACING_MS, lease_ms=lease_ms)
    try:
        async with holding as turn:
            return await _sync(payload.user_id, place, await open_table(place, turn), context)
    except AskedTooOftenError as error:
        await services.store.pause_calls(place.service, error.retry_after_ms or LOCKED_MS)
        raise


async def _sync(user_id: str, place: Place, table: Table, context: JobContext) -> dict[str, Any]:
    tasks = context.services.tasks
    rows = [row async for page in table.rows() for row in page]
    here, others = await asyncio.to_thread(tasks.to_merge, user_id, place.name)
    plan = merge_lists(here, rows, others)
    for conflict in plan.conflicts:
        await context.log(conflict)
    passed_over = await asyncio.to_thread(tasks.take, user_id, place.name, plan.takes)
    await asyncio.to_thread(tasks.forget, place.name, plan.forgets)
    pushes = [push for push in plan.pushes if push.key not in passed_over]
    drops = [drop for drop in plan.drops if drop[0] not in passed_over]
    total, done = len(pushes) + len(drops), 0
    # Keys first: until a copied row has one of its own, two rows answer to one key.
    pushes.sort(key=lambda push: push.row is None)
    for batch in _batches(pushes, BATCH):
        for push, row, created in await table.write(batch):
            agreed = push.agreed(row.values, created)
            await asyncio.to_thread(tasks.agree, place.name, push.key, push.rev, row.row, agreed)
        done += len(batch)
        await context.progress({"done": done, "total": total})
    for gone in _batches(drops, BATCH):
        await table.remove([row for _, row in gone])
        await asyncio.to_thread(tasks.forget, place.name, [key for key, _ in gone])
        done += len(gone)
        await context.progress({"done": done, "total": total})
    taken = [take for take in plan.takes if take.key not in passed_over]
    return {
        "added": sum(take.rev is None for take in taken),
        "changed": sum(take.rev is not None and bool(take.values) for take in taken),
        "deleted": sum(take.deleted for take in taken),
        "written": len(pushes),
        "removed": len(drops),
        "conflicts": plan.conflicts[:CONFLICTS_TOLD],
    }


def _told(task: Task) -> dict[str, Any]:
    return {"id": task.key, "title": task.title, "due": due_text(task.due) if task.due is not None else ""}


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
