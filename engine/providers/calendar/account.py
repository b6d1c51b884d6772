"""The calendar account that the settings name.

A password leaves this machine only encrypted: an address without https is refused for any host but this one.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import SecretStr

from engine.errors import SettingsError
from engine.providers.network import is_this_machine
from engine.schedules import local_timezone
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class CalendarAccount:
    """What is set up. `names` are the calendars to use, all where empty; new events go into the first.

    `organizer` is the address that invitations come from, None where none is known.
    """

    url: str
    user: str | None
    password: SecretStr | None
    names: tuple[str, ...]
    zone: zoneinfo.ZoneInfo
    default_length: timedelta
    timeout_s: float
    organizer: str | None

    @property
    def server(self) -> str:
        """What messages call the server: host, and port where it is an unusual one."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """The account's name: what is remembered of one is not taken for another's."""
        return f"{self.user or ''}@{self.url}"


def calendar_account(settings: Settings) -> CalendarAccount | None:
    """The account of these settings, None where none is set up. Raises SettingsError for one that cannot be used."""
    url = settings.calendar_url
    if not url:
        return None
    require_safe(url, "HARK_CALENDAR_URL")
    if settings.calendar_user and settings.calendar_password is None:
        raise SettingsError("HARK_CALENDAR_USER is set without a password.", "Set HARK_CALENDAR_PASSWORD.")
    return CalendarAccount(
        url,
        settings.calendar_user,
        settings.calendar_password,
        settings.calendar_names,
        _zone(settings.calendar_timezone or local_timezone()),
        timedelta(minutes=settings.calendar_event_minutes),
        settings.calendar_timeout_s,
        _organizer(settings),
    )


def require_safe(url: str, what: str) -> None:
    """Raise SettingsError for an address that a password must not go to; `what` names it to the reader."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("https", "http"):
        raise SettingsError(f"{what} is no web address.", "Write it like https://calendar.example.org/.")
    if parts.username or parts.password:
        raise SettingsError(
            f"{what} holds a user or a password.", "Set HARK_CALENDAR_USER and HARK_CALENDAR_PASSWORD instead."
        )
    if parts.scheme == "http" and not is_this_machine(host):
        raise SettingsError(
            f"{what} is not encrypted, and {host} is another machine: the password could be read on the way.",
            "Write https:// there.",
        )


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"HARK_CALENDAR_TIMEZONE: there is no time zone {name[:100]!r}.", "Name one such as Europe/Berlin or UTC."
        ) from error


def _organizer(settings: Settings) -> str | None:
    for text in (settings.calendar_user, settings.mail_from, settings.smtp_user):
        if text and "@" in text:
            return text.rpartition("<")[2].rstrip("> ")
    return None
