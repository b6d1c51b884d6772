"""The regular look at the world outside: mail, calendar, task service. No such service can be set up yet."""

from __future__ import annotations

from engine.handlers.context import JobContext
from engine.job_types import SyncCalendar, SyncInbox, SyncTasks


async def sync_inbox(payload: SyncInbox, context: JobContext) -> dict[str, str]:
    """Nothing to do without a mail account."""
    return {"skipped": "No mail account is set up."}


async def sync_calendar(payload: SyncCalendar, context: JobContext) -> dict[str, str]:
    """Nothing to do without a calendar."""
    return {"skipped": "No calendar account is set up."}


async def sync_tasks(payload: SyncTasks, context: JobContext) -> dict[str, str]:
    """Nothing to do without a task service: the local list needs no sync."""
    return {"skipped": "No task service is set up. Tasks are kept on this machine."}
