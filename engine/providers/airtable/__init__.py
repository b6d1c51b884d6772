"""A table in Airtable that is the copy of the task list.

`airtable_place(settings)` says which table is meant; `open_table` reads and writes its rows. Hides pyairtable, its
threads and its errors. Importing this imports none of it.
"""

from __future__ import annotations

from engine.providers.airtable.place import Place, airtable_place
from engine.providers.airtable.table import Table, open_table
from engine.settings import Settings

__all__ = ["Place", "Table", "airtable_place", "open_table", "try_airtable"]


async def try_airtable(settings: Settings) -> str:
    """Read one row with all the fields that Hark uses, and tell what was seen; nothing is written.

    Raises SettingsError where Airtable is not set up, PermanentError or RetryableError as it answers.
    """
    place = airtable_place(settings, required=True)
    table = await open_table(place)
    rows = await table.first_page(1)
    seen = "has rows" if rows else "is empty"
    return f"{place.host} takes the token; the table {place.table} has the fields that Hark uses and {seen}."
