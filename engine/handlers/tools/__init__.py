"""What a command can do: Hark's tools, the same for the offline assistant and for a model.

A module for each field of work gives its tools; each returns the sentence to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.handlers.context import JobContext
from engine.handlers.tools.arguments import Nothing
from engine.handlers.tools.calendar import calendar_tools
from engine.handlers.tools.clock import clock_tools
from engine.handlers.tools.console import console_tools
from engine.handlers.tools.mail import mail_tools
from engine.handlers.tools.overview import overview_tools
from engine.handlers.tools.reminders import reminder_tools
from engine.handlers.tools.tasks import task_tools
from engine.providers import Tool


def tools_for(user_id: str, context: JobContext) -> Mapping[str, Tool]:
    """The tools of one command by name; what they do is done as `user_id`, in the command's trace."""
    catalogue = (
        *clock_tools(),
        *console_tools(user_id, context),
        *overview_tools(context),
        *task_tools(user_id, context),
        *reminder_tools(user_id, context),
        *mail_tools(user_id, context),
        *calendar_tools(user_id, context),
        Tool("help", "Tell what Hark can do.", Nothing, _tell_help),
    )
    return {tool.name: tool for tool in catalogue}


async def _tell_help(_: Nothing) -> str:
    return (
        "I can tell the time and the date, keep your task list and your calendar, remind you, read and send mail, and "
        "run the queues: ask for a queue's state, or say pause, resume or retry and its name."
    )
