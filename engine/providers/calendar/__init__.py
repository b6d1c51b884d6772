"""Calendars by CalDAV.

`calendar_account(settings)` says what is set up; `server.open_calendar_server` talks with the server, `events` reads
what is in a calendar object, `changes` makes and changes one. The libraries are imported when first used.
"""

from __future__ import annotations

from engine.errors import NotSetUpError
from engine.providers.calendar.account import CalendarAccount, calendar_account
from engine.providers.calendar.server import open_calendar_server
from engine.settings import Settings

__all__ = ["CalendarAccount", "calendar_account", "open_calendar_server", "try_calendar"]


async def try_calendar(settings: Settings) -> str:
    """Log in, find the calendars and tell their names; nothing is changed.

    Raises SettingsError where none is set up or a setting is wrong, PermanentError or RetryableError as the server
    answers.
    """
    account = calendar_account(settings)
    if account is None:
        raise NotSetUpError(
            "No calendar is set up.", "Set HARK_CALENDAR_URL, HARK_CALENDAR_USER and HARK_CALENDAR_PASSWORD."
        )
    async with open_calendar_server(account) as server:
        calendars = await server.calendars()
    names = ", ".join(calendar.name or calendar.path for calendar in calendars)
    return f"{account.server} lets Hark in and has {names}; new events go into {calendars[0].name or 'the first'}."
