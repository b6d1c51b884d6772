"""The user's calendars as they were last seen: the mirror in Redis that jobs keep, and what is read from it.

It answers at once and while the calendar server is away; `Agenda.synced_at_ms` tells how old it is. Every worker and
window of one Redis shares it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.providers.calendar import CalendarAccount
from engine.providers.calendar.events import CalendarEvent, occurrences, uid_and_span
from engine.providers.calendar.objects import UnreadableEventError
from engine.providers.calendar.server import RemoteCalendar, RemoteObject
from engine.store import Store
from engine.store.records import dumps

TEXT_KEPT = timedelta(days=60)
"""Events that ended longer ago are known, but not what they were."""
_PAD = timedelta(days=2)
_YEARS_MS = 10**14
"""A time in ms that no event reaches; it stands for "without end"."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """Events in the order of their beginning, and when the calendars were last in sync (Unix time in ms).

    `synced_at_ms` is None where they never were.
    """

    events: tuple[CalendarEvent, ...]
    synced_at_ms: int | None


@dataclass(frozen=True, slots=True)
class KeptCalendar:
    """A calendar of the mirror."""

    calendar: RemoteCalendar
    token: str
    synced_at_ms: int


@dataclass(frozen=True, slots=True)
class KeptObject:
    """What is known of an object but its text."""

    etag: str
    uid: str
    calendar: str
    """Path of its calendar."""
    from_ms: int
    until_ms: int


class CalendarMirror:
    """The mirror of one account."""

    def __init__(self, store: Store, account: CalendarAccount) -> None:
        self._store = store
        self._account = account

    async def calendars(self) -> dict[str, KeptCalendar]:
        """The calendars that were synced, by path, in the order in which the server gave them."""
        kept: dict[str, KeptCalendar] = {}
        for path, fields in _read(await self._store.kept_calendars(self._account.name)).items():
            try:
                calendar = RemoteCalendar(fields["url"], fields["name"])
                kept[path] = KeptCalendar(calendar, fields["token"], int(fields["synced_at_ms"]))
            except (KeyError, ValueError, TypeError):
                continue
        return kept

    async def index(self) -> dict[str, KeptObject]:
        """All objects but their texts, by href."""
        index: dict[str, KeptObject] = {}
        for href, fields in _read(await self._store.calendar_index(self._account.name)).items():
            try:
                index[href] = KeptObject(**fields)
            except TypeError:
                continue
        return index

    async def keep(
        self,
        calendar: RemoteCalendar,
        objects: Sequence[RemoteObject],
        *,
        gone: Iterable[str] = (),
        synced: KeptCalendar | None = None,
    ) -> int:
        """Note objects as they are now, those that are gone, and how far the calendar is in sync.

        Returns how many of the objects hold no event that can be read; they are noted without one.
        """
        index, texts, unread = await asyncio.to_thread(self._indexed, calendar, objects)
        calendars = {}
        if synced is not None:
            told = {
                "url": calendar.url,
                "name": calendar.name,
                "token": synced.token,
                "synced_at_ms": synced.synced_at_ms,
            }
            calendars[calendar.path] = dumps(told)
        await self._store.keep_calendar_objects(self._account.name, index, texts, gone=gone, calendars=calendars)
        return unread

    async def forget_calendars(self, paths: Iterable[str]) -> None:
        """Drop calendars that are not used any more, and all that is in them."""
        dropped = set(paths)
        if dropped:
            gone = [href for href, kept in (await self.index()).items() if kept.calendar in dropped]
            await self._store.keep_calendar_objects(self._account.name, {}, {}, gone=gone, gone_calendars=dropped)

    async def events(self, start: datetime, end: datetime) -> Agenda:
        """What happens between two moments, by what was last seen."""
        calendars, index = await self.calendars(), await self.index()
        low, high = _ms(start - _PAD), _ms(end + _PAD)
        wanted = [href for href, kept in index.items() if kept.from_ms <= high and kept.until_ms >= low]
        texts = await self._store.calendar_texts(self._account.name, wanted)
        names = {path: kept.calendar.name for path, kept in calendars.items()}
        found = await asyncio.to_thread(self._expanded, texts, start, end)
        events = [replace(event, calendar=names.get(index[href].calendar, "")) for href, event in found]
        synced = [kept.synced_at_ms for kept in calendars.values()]
        return Agenda(tuple(sorted(events, key=lambda event: event.start)), min(synced, default=None))

    async def find(self, uid: str) -> tuple[KeptCalendar, str] | None:
        """The calendar and the href of the object with this UID; None where none was seen."""
        calendars = await self.calendars()
        for href, kept in (await self.index()).items():
            if kept.uid == uid and kept.calendar in calendars:
                return calendars[kept.calendar], href
        return None

    # --- inside ---

    def _indexed(
        self, calendar: RemoteCalendar, objects: Sequence[RemoteObject]
    ) -> tuple[dict[str, str], dict[str, str], int]:
        index: dict[str, str] = {}
        texts: dict[str, str] = {}
        unread = 0
        oldest = datetime.now(UTC) - TEXT_KEPT
        for found in objects:
            try:
                uid, start, end = uid_and_span(found.text, self._account.zone)
            except UnreadableEventError:
                unread += 1
                kept = KeptObject(found.etag, "", calendar.path, _YEARS_MS, 0)
            else:
                until_ms = _YEARS_MS if end is None else _ms(end)
                kept = KeptObject(found.etag, uid, calendar.path, _ms(start), until_ms)
                if end is None or end > oldest:
                    texts[found.href] = found.text
            index[found.href] = dumps(asdict(kept))
        return index, texts, unread

    def _expanded(self, texts: Mapping[str, str], start: datetime, end: datetime) -> list[tuple[str, CalendarEvent]]:
        found = []
        for href, text in texts.items():
            try:
                events = occurrences(text, start, end, self._account.zone, self._account.organizer)
            except UnreadableEventError:
                continue
            found += [(href, event) for event in events]
        return found


def _read(kept: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """JSON objects; what is none is left out."""
    found: dict[str, dict[str, Any]] = {}
    for name, text in kept.items():
        try:
            fields = json.loads(text)
        except ValueError:
            continue
        if isinstance(fields, dict):
            found[name] = fields
    return found


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
