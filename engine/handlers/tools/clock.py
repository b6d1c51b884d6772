"""The time and the date."""

from __future__ import annotations

from datetime import datetime

from engine.handlers.tools.arguments import Nothing
from engine.handlers.tools.wording import time_of_day
from engine.providers import Tool


def clock_tools() -> tuple[Tool, ...]:
    """The tools that tell the time of day and the date, of this machine."""
    return (
        Tool("tell_time", "Tell the time of day.", Nothing, _tell_time),
        Tool("tell_date", "Tell today's date.", Nothing, _tell_date),
    )


async def _tell_time(_: Nothing) -> str:
    return f"It is {time_of_day(datetime.now().astimezone())}."


async def _tell_date(_: Nothing) -> str:
    today = datetime.now().astimezone()
    return f"Today is {today:%A}, {today:%B} {today.day}, {today.year}."
