"""Calendar jobs: keeping the mirror in sync, and events made, changed and cancelled.

Each can run again without harm, see the job types. What a job has written is in the mirror when it ends.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.agenda import CalendarMirror, KeptCalendar
from engine.errors import BadInputError, NotFoundError, RetryableError, SettingsError
from engine.handlers.context import JobContext
from engine.job_types import CancelEvent, CreateEvent, SyncCalendar, UpdateEvent
from engine.providers.calendar import CalendarAccount, calendar_account, open_calendar_server
from engine.providers.calendar.changes import Change, Draft, changed_object, new_object, without_occurrence
from engine.providers.calendar.objects import Moment, parse_moment
from engine.providers.calendar.server import (
    CalendarServer,
    ChangedMeanwhileError,
    RemoteCalendar,
    RemoteObject,
)

BATCH = 50
"""Events that one request fetches."""
_TRIES = 5
"""How often a change is made anew where somebody else was faster."""
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")
_DAY = timedelta(days=1)


async def sync_calendar(payload: SyncCalendar, context: JobContext) -> dict[str, Any]:
    """Fetch what changed since the last time, batch by batch; a run that was broken off goes on where it was."""
    account = calendar_account(context.services.settings)
    if account is None:
        return {"skipped": "No calendar account is set up."}
    async with open_calendar_server(account) as server:
        return await _sync(server, CalendarMirror(context.services.store, account), context)


async def create_event(payload: CreateEvent, context: JobContext) -> dict[str, Any]:
    """Make the event, once however often the job runs."""
    account = _account(context)
    draft = _draft(payload, account)
    mark = _mark(context)
    uid = f"hark-{mark}"
    made_at = datetime.fromtimestamp(context.job.created_at_ms / 1000, UTC)
    text = new_object(draft, uid, mark, made_at, account.organizer)
    mirror = CalendarMirror(context.services.store, account)
    async with open_calendar_server(account) as server:
        calendar = _chosen(payload.calendar, await server.calendars())
        try:
            written = await server.create(calendar, f"{uid}.ics", text)
        except ChangedMeanwhileError:
            # An earlier run has made it: nobody else knows this UID. It may have been changed since, and stays so.
            await context.log("An earlier run has made this event.")
            created = False
            found = await server.fetch(calendar, [f"{calendar.path.rstrip('/')}/{uid}.ics"])
        else:
            created, found = True, [written]
    await mirror.keep(calendar, found)
    return {
        "uid": uid,
        "title": payload.title,
        "start": draft.start.isoformat(),
        "end": draft.end.isoformat(),
        "created": created,
    }


async def update_event(payload: UpdateEvent, context: JobContext) -> dict[str, Any]:
    """Change the event as it is on the server now."""
    account = _account(context)
    change = Change(
        payload.title,
        None if payload.start is None else parse_moment(payload.start, account.zone),
        None if payload.end is None else parse_moment(payload.end, account.zone),
        payload.location,
        payload.description,
    )
    mark = _mark(context)

    def changed(text: str) -> str | None:
        return changed_object(text, change, payload.occurrence, mark, datetime.now(UTC), account.zone)

    return {"uid": payload.uid, "changed": await _rewrite(payload.uid, changed, account, context)}


async def cancel_event(payload: CancelEvent, context: JobContext) -> dict[str, Any]:
    """Delete the event, or leave one occurrence out of its series."""
    account = _account(context)
    mark = _mark(context)

    def changed(text: str) -> str | None:
        if not payload.occurrence:
            return ""
        return without_occurrence(text, payload.occurrence, mark, datetime.now(UTC), account.zone)

    try:
        cancelled = await _rewrite(payload.uid, changed, account, context)
    except NotFoundError as error:
        # Perhaps an earlier run has done it.
        await context.log(error.message)
        cancelled = False
    return {"uid": payload.uid, "cancelled": cancelled}


# --- sync ---


async def _sync(server: CalendarServer, mirror: CalendarMirror, context: JobContext) -> dict[str, Any]:
    calendars, kept = await server.calendars(), await mirror.calendars()
    counts = {"calendars": len(calendars), "changed": 0, "gone": 0, "unreadable": 0}
    for calendar in calendars:
        known = kept.get(calendar.path)
        changed, gone, unreadable = await _sync_one(server, mirror, calendar, known.token if known else "", context)
        counts["changed"] += changed
        counts["gone"] += gone
        counts["unreadable"] += unreadable
    await mirror.forget_calendars(set(kept) - {calendar.path for calendar in calendars})
    return counts


async def _sync_one(
    server: CalendarServer, mirror: CalendarMirror, calendar: RemoteCalendar, token: str, context: JobContext
) -> tuple[int, int, int]:
    """Returns how many objects changed, are gone, and cannot be read."""
    synced_at_ms = int(time.time() * 1000)
    changes = await server.changes(calendar, token)
    index = await mirror.index()
    here = {href for href, kept in index.items() if kept.calendar == calendar.path}
    gone = here & (here - changes.changed.keys() if changes.complete else changes.gone)
    stale = [href for href, etag in changes.changed.items() if href not in here or not etag or index[href].etag != etag]
    unreadable = 0
    for start in range(0, len(stale), BATCH):
        batch = stale[start : start + BATCH]
        found = await server.fetch(calendar, batch)
        unreadable += await mirror.keep(calendar, found)
        gone |= here & (set(batch) - {one.href for one in found})
        await context.progress({"calendar": calendar.name, "done": start + len(batch), "total": len(stale)})
    # Not before all of it is there: a run that is broken off is made up for by the next.
    await mirror.keep(calendar, (), gone=gone, synced=KeptCalendar(calendar, changes.token, synced_at_ms))
    if unreadable:
        await context.log(f"{unreadable} of the changed objects of {calendar.name} hold no event that can be read.")
    return len(stale), len(gone), unreadable


# --- changing ---


async def _rewrite(
    uid: str, changed: Callable[[str], str | None], account: CalendarAccount, context: JobContext
) -> bool:
    """Write what `changed` makes of the object's text ("" deletes it, None leaves it); whether it was written.

    Where somebody else writes at the same time, the object is read again and changed anew.
    """
    mirror = CalendarMirror(context.services.store, account)
    async with open_calendar_server(account) as server:
        place = await mirror.find(uid)
        if place is None:
            await _sync(server, mirror, context)
            place = await mirror.find(uid)
        if place is None:
            raise _no_event(uid)
        calendar, href = place[0].calendar, place[1]
        for _ in range(_TRIES):
            found = await server.fetch(calendar, [href])
            if not found:
                await mirror.keep(calendar, (), gone=[href])
                raise _no_event(uid)
            text = changed(found[0].text)
            try:
                if text is None:
                    await mirror.keep(calendar, found)
                    return False
                return await _write(server, mirror, calendar, found[0], text)
            except ChangedMeanwhileError:
                continue
    raise RetryableError("The event changes faster than it can be changed.", "Try again.")


async def _write(
    server: CalendarServer, mirror: CalendarMirror, calendar: RemoteCalendar, old: RemoteObject, text: str
) -> bool:
    if text:
        await mirror.keep(calendar, [await server.replace(calendar, old, text)])
        return True
    removed = await server.remove(calendar, old)
    await mirror.keep(calendar, (), gone=[old.href])
    return removed


def _chosen(name: str | None, calendars: list[RemoteCalendar]) -> RemoteCalendar:
    if name is None:
        return calendars[0]
    for calendar in calendars:
        if calendar.name.casefold() == name.casefold():
            return calendar
    names = ", ".join(calendar.name or calendar.path for calendar in calendars)
    raise BadInputError(f"There is no calendar {name!r}.", f"There are: {names}.")


def _draft(payload: CreateEvent, account: CalendarAccount) -> Draft:
    start = parse_moment(payload.start, account.zone)
    end: Moment
    if payload.end is not None:
        end = parse_moment(payload.end, account.zone)
    else:
        end = start + (account.default_length if isinstance(start, datetime) else _DAY)
    if isinstance(start, datetime) != isinstance(end, datetime) or end <= start:
        raise BadInputError("The event would end before it begins.", "Give a later end, or none.")
    for address in payload.attendees:
        if not _ADDRESS.fullmatch(address):
            raise BadInputError(f"{address[:100]!r} is no email address.", "Invite people by their email addresses.")
    if payload.attendees and account.organizer is None:
        raise SettingsError("An invitation has no sender.", "Set HARK_MAIL_FROM to your address.")
    return Draft(payload.title, start, end, payload.location, payload.description, payload.attendees)


def _account(context: JobContext) -> CalendarAccount:
    account = calendar_account(context.services.settings)
    if account is None:
        raise SettingsError(
            "No calendar is set up.", "Set HARK_CALENDAR_URL, HARK_CALENDAR_USER and HARK_CALENDAR_PASSWORD."
        )
    return account


def _mark(context: JobContext) -> str:
    """What stands for the job in a calendar: the same whenever it runs again."""
    return hashlib.sha256(f"{context.job.id}\n{context.job.data}".encode()).hexdigest()[:32]


def _no_event(uid: str) -> NotFoundError:
    return NotFoundError(f"There is no event {uid[:100]!r} in the calendars.", "It may have been deleted.")
