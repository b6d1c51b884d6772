"""The table that the settings name. The token goes nowhere but to the server named, and there only encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, overload
from urllib.parse import urlsplit

from pydantic import SecretStr

from engine.errors import NotSetUpError, SettingsError
from engine.providers.network import is_this_machine
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """One table. `fields` are its columns' names, by what Hark keeps in them: key, title, notes, due, done."""

    url: str
    base: str
    table: str
    token: SecretStr = field(repr=False)
    timeout_s: int
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        """What tells it from other tables: what was agreed on with one is nothing to another."""
        return f"{self.url}/{self.base}/{self.table}"

    @property
    def service(self) -> str:
        """What Airtable's limits are for: the base."""
        return f"airtable:{self.base}"

    @property
    def host(self) -> str:
        """Where it is, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@overload
def airtable_place(settings: Settings, required: Literal[True]) -> Place: ...
@overload
def airtable_place(settings: Settings, required: bool = False) -> Place | None: ...
def airtable_place(settings: Settings, required: bool = False) -> Place | None:
    """The table of these settings, None where none is set up.

    Raises SettingsError for settings that cannot be used, and with `required` for none at all.
    """
    if settings.airtable_token is None and settings.airtable_base_id is None and not required:
        return None
    if settings.airtable_token is None:
        kind = NotSetUpError if settings.airtable_base_id is None else SettingsError
        raise kind(
            "No token for Airtable is set.",
            "Make one at https://airtable.com/create/tokens with the scopes data.records:read and "
            "data.records:write, and set HARK_AIRTABLE_TOKEN.",
        )
    if settings.airtable_base_id is None:
        raise SettingsError(
            "No base of Airtable is set.",
            "Set HARK_AIRTABLE_BASE_ID: the part of the table's address that starts with app.",
        )
    url = settings.airtable_url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError("HARK_AIRTABLE_URL is no address.", "Write it like https://api.airtable.com.")
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise SettingsError(
            "HARK_AIRTABLE_URL does not use TLS: the token could be read on the way.", "Write https:// there."
        )
    fields = {
        "key": settings.airtable_key_field,
        "title": settings.airtable_title_field,
        "notes": settings.airtable_notes_field,
        "due": settings.airtable_due_field,
        "done": settings.airtable_done_field,
    }
    if len(set(fields.values())) < len(fields):
        raise SettingsError(
            "Two of Airtable's fields have the same name.", "Give each of the HARK_AIRTABLE_..._FIELD another."
        )
    return Place(
        url,
        settings.airtable_base_id,
        settings.airtable_table,
        settings.airtable_token,
        settings.airtable_timeout_s,
        fields,
    )
