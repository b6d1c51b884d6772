"""Reading and writing the rows of one table.

pyairtable blocks, so each call runs in a thread; its own retries are off: it would give up long before Airtable lets
anybody in again, and repeat what must not be repeated. Rows are never plainly created, which made two of one when an
answer came too late, but upserted by their key.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any

from engine.due import due_text, parse_due
from engine.errors import BadInputError
from engine.providers.airtable.failures import explain, unreadable
from engine.providers.airtable.place import Place
from engine.providers.tasks_merge import Push, There, Values

BATCH = 10
"""Rows that Airtable takes in one call."""
SPACING_MS = 250
"""Between two calls: four a second, where Airtable turns everybody away after more than five."""
CONNECT_S = 5


async def open_table(place: Place, turn: Callable[[], Awaitable[None]] | None = None) -> Table:
    """The table, before each call of which `turn` is awaited. Talks to nobody yet."""
    return Table(place, await asyncio.to_thread(_open, place), turn)


class Table:
    """Methods raise PermanentError and RetryableError as `failures` has them."""

    def __init__(self, place: Place, table: Any, turn: Callable[[], Awaitable[None]] | None) -> None:
        self._place = place
        self._table = table
        self._turn = turn
        # A page or a batch that drips in is not waited for much longer than one that does not come.
        self._limit_s = CONNECT_S + 2 * place.timeout_s

    async def rows(self) -> AsyncIterator[list[There]]:
        """All rows, page by page."""
        pages = self._table.iterate(page_size=100, fields=list(self._place.fields.values()))
        while (page := await self._call(_next_page, pages)) is not None:
            yield [self._there(record) for record in page]

    async def first_page(self, size: int) -> list[There]:
        """The first rows, `size` at most."""
        pages = self._table.iterate(page_size=size, max_records=size, fields=list(self._place.fields.values()))
        page = await self._call(_next_page, pages)
        return [self._there(record) for record in page or ()]

    async def write(self, pushes: Sequence[Push]) -> list[tuple[Push, There, bool]]:
        """Write up to 10 tasks, in one call; each comes back with its row as it is now, and whether it was created."""
        records = [self._record(push) for push in pushes]
        reply = await self._call(self._table.batch_upsert, records, [self._place.fields["key"]])
        created = set(reply["createdRecords"])
        written = {row.key: row for row in map(self._there, reply["records"])}
        if any(push.key not in written for push in pushes):
            raise unreadable(self._place)
        return [(push, written[push.key], written[push.key].row in created) for push in pushes]

    async def remove(self, rows: Sequence[str]) -> None:
        """Delete up to 10 rows, in one call."""
        await self._call(self._table.batch_delete, rows)

    # --- inside ---

    async def _call(self, call: Callable[..., Any], *arguments: Any) -> Any:
        if self._turn is not None:
            await self._turn()
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.to_thread(call, *arguments)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            # All of requests' errors are OSErrors; the others are what a wrong answer leads to. They are not chained:
            # they hold the request, and with it the token.
            raise explain(error, self._place) from None

    def _record(self, push: Push) -> dict[str, Any]:
        names = self._place.fields
        fields = {names["key"]: push.key} | {names[name]: _written(name, value) for name, value in push.values.items()}
        return {"fields": fields} | ({"id": push.row} if push.row else {})

    def _there(self, record: Any) -> There:
        fields = {name: record["fields"].get(column) for name, column in self._place.fields.items()}
        return There(record["id"], _text(fields["key"]), _read(fields), record["createdTime"])


def _open(place: Place) -> Any:
    from pyairtable import Api

    api = Api(
        place.token.get_secret_value(),
        endpoint_url=place.url,
        timeout=(CONNECT_S, place.timeout_s),
        retry_strategy=None,
    )
    # What the rest of Hark checks certificates with: the system's authorities, or those that SSL_CERT_FILE names.
    api.session.verify = ssl.get_default_verify_paths().cafile or True
    return api.table(place.base, place.table)


def _next_page(pages: Iterator[list[Any]]) -> list[Any] | None:
    return next(pages, None)


def _read(fields: dict[str, Any]) -> Values:
    return {
        "title": " ".join(_text(fields["title"]).split()),
        "notes": _text(fields["notes"]).strip(),
        "due": _due(_text(fields["due"])),
        "done": fields["done"] is True,
    }


def _written(name: str, value: Any) -> Any:
    return None if value == "" and name == "due" else value


def _text(value: Any) -> str:
    """A cell's text; numbers and dates are told as text, too, other things are none."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _due(text: str) -> str:
    """A date field's value as a due. In a field with times a day is its midnight in UTC."""
    try:
        due = parse_due(text)
    except BadInputError:
        return ""
    if isinstance(due, datetime) and due.astimezone(UTC).time() == time(0):
        return due.astimezone(UTC).date().isoformat()
    return due_text(due)
