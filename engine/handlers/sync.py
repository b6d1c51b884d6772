"""The regular look at the world outside: calendar, task service. No such service can be set up yet."""

from __future__ import annotations

from engine.handlers.context import JobContext
from engine.job_types import SyncCalendar, SyncTasks


async def sync_calendar(payload: SyncCalendar, context: JobContext) -> dict[str, str]:
    """Nothing to do without a calendar."""
    return {"skipped": "No calendar account is set up."}


async def sync_tasks(payload: SyncTasks, context: JobContext) -> dict[str, str]:
    """Nothing to do without a task service: the local list needs no sync."""
    return {"skipped": "No task service is set up. Tasks are kept on this machine."}
