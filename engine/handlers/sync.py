"""The regular look at the calendar. None can be set up yet."""

from __future__ import annotations

from engine.handlers.context import JobContext
from engine.job_types import SyncCalendar


async def sync_calendar(payload: SyncCalendar, context: JobContext) -> dict[str, str]:
    """Nothing to do without a calendar."""
    return {"skipped": "No calendar account is set up."}
