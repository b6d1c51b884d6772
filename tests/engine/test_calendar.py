"""Calendars against a real CalDAV server: what is made, moved and cancelled and how often, what is seen and said."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.admin import Admin
from engine.agenda import CalendarMirror
from engine.client import Client
from engine.errors import BadInputError, HarkError, NotFoundError, PermanentError, RetryableError, SettingsError
from engine.handle import JobHandle
from engine.handlers import HANDLERS
from engine.job_types import CancelEvent, CreateEvent, SyncCalendar, UpdateEvent
from engine.providers.calendar import calendar_account, try_calendar
from engine.providers.calendar.events import CalendarEvent, occurrences
from engine.providers.calendar.objects import UnreadableEventError
from engine.providers.calendar.server import RemoteObject
from engine.queues import CALENDAR_SYNC
from engine.settings import Settings, load_settings
from engine.store import Store
from tests.calendar_servers import PASSWORD, CalendarHost, FaultingProxy, calendar_server, faulting_proxy
from tests.engine.hands import Hands, running
from tests.engine.hands import hands as any_hands
from tests.engine.worker_process import worker_process
from tests.redis_topologies import Certificates, free_port, make_certificates

LIMIT_S = 30
BERLIN = ZoneInfo("Europe/Berlin")
USERS = tuple(f"user{number}" for number in range(120))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CalendarHost, Iterator[str]]]:
    """One Radicale for all tests, and the users that none of them has used yet."""
    with calendar_server(tmp_path_factory.mktemp("radicale"), USERS) as host:
        yield host, iter(USERS)


@pytest.fixture
def host(servers: tuple[CalendarHost, Iterator[str]]) -> CalendarHost:
    """A user of the test's own, with a calendar called Work."""
    shared, users = servers
    own = CalendarHost(shared.port, shared.folder, next(users))
    own.make_calendar("work", "Work")
    return own


@pytest.fixture
def proxy(host: CalendarHost) -> Iterator[FaultingProxy]:
    with faulting_proxy(host.port) as standing:
        yield standing


def account(settings: Settings, host: CalendarHost, url: str = "", **more: Any) -> Settings:
    """These settings with `host` as the calendar."""
    given = {
        "calendar_url": url or host.url,
        "calendar_user": host.user,
        "calendar_password": PASSWORD,
        "calendar_timezone": "Europe/Berlin",
        "calendar_timeout_s": 10,
        "mail_from": "ada@example.test",
    }
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return load_settings(redis_url=redis_url, **given | more)


class CalendarHands(Hands):
    """Hands that see what the mirror tells."""

    def __init__(self, settings: Settings, store: Store, services: Any) -> None:
        super().__init__(settings, store, services)
        found = calendar_account(settings)
        assert found is not None
        self.mirror = CalendarMirror(store, found)

    async def seen(self, start: datetime, days: float = 1) -> list[CalendarEvent]:
        """What the mirror tells of the days from `start`."""
        return list((await self.mirror.events(start, start + timedelta(days=days))).events)


@asynccontextmanager
async def hands(settings: Settings, store: Store) -> AsyncIterator[CalendarHands]:
    async with any_hands(settings, store) as worker:
        yield CalendarHands(settings, store, worker.services)


def at(day: int, hour: int = 0, minute: int = 0, month: int = 12) -> datetime:
    """A moment of 2026 in Berlin."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def vevent(*lines: str, uid: str = "standup") -> str:
    """One component of an object."""
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *lines, "END:VEVENT", ""])


def vcalendar(*events: str) -> str:
    """An object, as another program writes it."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Other//EN", "".join(events) + "END:VCALENDAR", ""])


STANDUP = vcalendar(
    vevent(
        "SUMMARY:Stand-up",
        "DTSTART;TZID=Europe/Berlin:20261019T090000",
        "DURATION:PT30M",
        "RRULE:FREQ=DAILY",
        "EXDATE;TZID=Europe/Berlin:20261022T090000",
    ),
    vevent(
        "SUMMARY:Stand-up\\, moved",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261023T090000",
        "DTSTART;TZID=Europe/Berlin:20261023T110000",
        "DTEND;TZID=Europe/Berlin:20261023T113000",
    ),
)


def lunch(**more: Any) -> CreateEvent:
    return CreateEvent(**{"title": "Lunch with Anna", "start": "2026-12-01T12:30", "location": "Café"} | more)


def test_the_library_that_replaces_urllib3_is_absent() -> None:
    assert importlib.util.find_spec("niquests") is None
    assert importlib.util.find_spec("urllib3_future") is None


def test_nothing_of_caldav_is_imported_before_a_calendar_is_used() -> None:
    program = (
        "import sys, engine.worker.pool, engine.client; "
        "print([name for name in ('caldav', 'icalendar', 'radicale') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"


# ---- making events


async def test_an_event_is_made_in_the_users_zone_and_seen_at_once(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    settings = account(settings, host)
    client = Client(store, settings)
    async with running(settings):
        handle = await client.create_event("local", "Lunch with Anna", at(1, 12, 30), location="Café")
        result = await handle.result(LIMIT_S)
    assert (result["title"], result["start"], result["created"]) == (
        "Lunch with Anna",
        "2026-12-01T12:30:00+01:00",
        True,
    )
    (name,) = host.objects("work")
    text = host.text(f"work/{name}")
    assert "DTSTART;TZID=Europe/Berlin:20261201T123000" in text
    assert "DTEND;TZID=Europe/Berlin:20261201T133000" in text, "an event has the usual length"
    assert "BEGIN:VTIMEZONE" in text
    agenda = await client.events(at(1), at(2))
    assert agenda is not None
    (event,) = agenda.events
    assert (event.title, event.start, event.location) == ("Lunch with Anna", at(1, 12, 30), "Café")


async def test_an_event_of_whole_days_is_made_of_dates(store: Store, settings: Settings, host: CalendarHost) -> None:
    async with hands(account(settings, host), store) as worker:
        await worker.run(lunch(title="Fair", start="2026-12-01", end="2026-12-03"))
        (event,) = await worker.seen(at(1))
    text = host.text(f"work/{host.objects('work')[0]}")
    assert "DTSTART;VALUE=DATE:20261201" in text
    assert "DTEND;VALUE=DATE:20261203" in text
    assert (event.all_day, event.start, event.end) == (True, at(1), at(3))


async def test_a_job_that_runs_twice_makes_one_event(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    async with hands(account(settings, host, proxy.url), store) as worker:
        context = await worker.claim(lunch())
        first = await HANDLERS[CreateEvent](lunch(), context)
        before = host.text(f"work/{host.objects('work')[0]}")
        second = await HANDLERS[CreateEvent](lunch(), context)
    assert (first.pop("created"), second.pop("created")) == (True, False)
    assert first == second
    (name,) = host.objects("work")
    assert host.text(f"work/{name}") == before


async def test_an_answer_lost_after_the_event_was_made_makes_no_second_one(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    proxy.fail("PUT", "lose")
    async with hands(account(settings, host, proxy.url), store) as worker:
        context = await worker.claim(lunch())
        with pytest.raises(RetryableError, match="broke off"):
            await HANDLERS[CreateEvent](lunch(), context)
        assert (await HANDLERS[CreateEvent](lunch(), context))["created"] is False
        assert len(await worker.seen(at(1))) == 1
    assert len(host.objects("work")) == 1


async def test_what_was_changed_after_it_was_made_stays_when_the_job_runs_again(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    async with hands(account(settings, host), store) as worker:
        context = await worker.claim(lunch())
        await HANDLERS[CreateEvent](lunch(), context)
        (name,) = host.objects("work")
        host.put(f"work/{name}", host.call("GET", f"{host.user}/work/{name}").text.replace("Anna", "Bob"))
        await HANDLERS[CreateEvent](lunch(), context)
        (event,) = await worker.seen(at(1))
    assert event.title == "Lunch with Bob"


async def test_a_worker_killed_after_the_event_was_made_makes_no_second_one(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = account(settings, host, proxy.url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value() if settings.redis_url else "")
    monkeypatch.setenv("HARK_CALENDAR_URL", proxy.url)
    monkeypatch.setenv("HARK_CALENDAR_USER", host.user)
    monkeypatch.setenv("HARK_CALENDAR_PASSWORD", PASSWORD)
    monkeypatch.setenv("HARK_LEASE_MS", "700")
    command = ("-m", "engine", "worker", "--queue", CALENDAR_SYNC)
    handle = await Client(store, settings).create_event("local", "Lunch", at(1, 12))
    proxy.fail("PUT", "hold")
    with worker_process(*command):
        assert await asyncio.to_thread(proxy.held.wait, LIMIT_S)
    assert len(host.objects("work")) == 1, "the worker was killed before the event was made"
    with worker_process(*command):
        assert (await handle.result(LIMIT_S))["created"] is False
    assert len(host.objects("work")) == 1


async def test_people_are_invited_by_their_addresses(store: Store, settings: Settings, host: CalendarHost) -> None:
    async with hands(account(settings, host), store) as worker:
        await worker.run(lunch(attendees=["anna@example.test"]))
        (event,) = await worker.seen(at(1))
    text = host.text(f"work/{host.objects('work')[0]}")
    assert "ORGANIZER:mailto:ada@example.test" in text
    assert "mailto:anna@example.test" in text
    assert event.attendees == ("anna@example.test",)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"start": "soon"}, "is no time"),
        ({"start": "2026-12-01T12:00", "end": "2026-12-01T11:00"}, "end before it begins"),
        ({"start": "2026-12-01", "end": "2026-12-01T11:00"}, "end before it begins"),
        ({"attendees": ["Anna"]}, "no email address"),
        ({"attendees": ["anna@example.test\r\nX-BAD:1"]}, "no email address"),
        ({"calendar": "Nowhere"}, "There are: Work"),
    ],
)
async def test_what_is_no_event_is_refused_with_its_reason(
    store: Store, settings: Settings, host: CalendarHost, more: dict[str, Any], why: str
) -> None:
    async with hands(account(settings, host), store) as worker:
        with pytest.raises(BadInputError, match=why):
            await worker.run(lunch(**more))
    assert host.objects("work") == []


async def test_a_title_cannot_smuggle_a_property_in(store: Store, settings: Settings, host: CalendarHost) -> None:
    async with hands(account(settings, host), store) as worker:
        await worker.run(lunch(title="Lunch\r\nATTENDEE:mailto:eve@example.test", location="A;B,C\\n"))
        (event,) = await worker.seen(at(1))
    assert event.attendees == ()
    assert event.title == "Lunch ATTENDEE:mailto:eve@example.test"


# ---- what is seen


async def test_a_sync_fetches_what_is_new_and_only_that(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", uid="a")))
    host.put("work/b.ics", vcalendar(vevent("SUMMARY:B", "DTSTART:20261201T110000Z", uid="b")))
    async with hands(account(settings, host, proxy.url), store) as worker:
        assert await worker.run(SyncCalendar(), "1") == {"calendars": 1, "changed": 2, "gone": 0, "unreadable": 0}
        assert await worker.run(SyncCalendar(), "2") == {"calendars": 1, "changed": 0, "gone": 0, "unreadable": 0}
        host.put("work/b.ics", vcalendar(vevent("SUMMARY:Bee", "DTSTART:20261201T110000Z", uid="b")))
        host.delete("work/a.ics")
        proxy.requests.clear()
        assert await worker.run(SyncCalendar(), "3") == {"calendars": 1, "changed": 1, "gone": 1, "unreadable": 0}
        assert [event.title for event in await worker.seen(at(1))] == ["Bee"]
    assert [line.split()[0] for line in proxy.requests].count("REPORT") == 2, "what changed, and the one event"


async def test_a_forgotten_token_lists_all_anew_and_fetches_only_what_differs(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    for name in ("a", "b", "c"):
        host.put(f"work/{name}.ics", vcalendar(vevent(f"SUMMARY:{name}", "DTSTART:20261201T100000Z", uid=name)))
    async with hands(account(settings, host, proxy.url), store) as worker:
        await worker.run(SyncCalendar(), "1")
        host.put("work/b.ics", vcalendar(vevent("SUMMARY:new", "DTSTART:20261201T110000Z", uid="b")))
        host.delete("work/c.ics")
        host.forget_tokens("work")
        assert await worker.run(SyncCalendar(), "2") == {"calendars": 1, "changed": 1, "gone": 1, "unreadable": 0}
        assert sorted(event.title for event in await worker.seen(at(1))) == ["a", "new"]


async def test_a_sync_that_was_broken_off_goes_on_where_it_was(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.handlers.calendar.BATCH", 2)
    for name in ("a", "b", "c", "d"):
        host.put(f"work/{name}.ics", vcalendar(vevent(f"SUMMARY:{name}", "DTSTART:20261201T100000Z", uid=name)))
    async with hands(account(settings, host, proxy.url), store) as worker:
        proxy.fail("REPORT", "", "", "drop")  # the list and the first batch come, the second does not
        with pytest.raises(RetryableError, match="broke off"):
            await worker.run(SyncCalendar(), "1")
        assert (await worker.run(SyncCalendar(), "2"))["changed"] == 2
        assert len(await worker.seen(at(1))) == 4


async def test_calendars_are_chosen_by_name_and_lists_of_tasks_are_none(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.make_calendar("home", "Home")
    host.make_calendar("todo", "To do", "VTODO")
    async with hands(account(settings, host), store) as worker:
        assert (await worker.run(SyncCalendar(), "1"))["calendars"] == 2
    async with hands(account(settings, host, calendar_names="home"), store) as worker:
        assert (await worker.run(SyncCalendar(), "2"))["calendars"] == 1
        await worker.run(lunch(), "3")
        assert [event.calendar for event in await worker.seen(at(1))] == ["Home"]
    async with hands(account(settings, host, calendar_names="Home, Play"), store) as worker:
        with pytest.raises(SettingsError, match=r"no calendar 'Play'\. There are: .*Work"):
            await worker.run(SyncCalendar(), "4")


async def test_a_series_goes_by_the_wall_clock_through_the_change_to_winter(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/standup.ics", STANDUP)
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar())
        events = await worker.seen(at(21, month=10), 6)
    assert [(event.title, event.start) for event in events] == [
        ("Stand-up", at(21, 9, month=10)),
        ("Stand-up, moved", at(23, 11, month=10)),
        ("Stand-up", at(24, 9, month=10)),
        ("Stand-up", at(25, 9, month=10)),
        ("Stand-up", at(26, 9, month=10)),
    ], "the 22nd is left out, the 23rd moved"
    assert events[2].start.utcoffset() == timedelta(hours=2)
    assert events[3].start.utcoffset() == timedelta(hours=1)
    assert all(event.end - event.start == timedelta(minutes=30) for event in events)


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        (["DTSTART:20261201T090000"], at(1, 9), at(1, 9)),
        (["DTSTART:20261201T090000Z", "DURATION:PT1H"], at(1, 10), at(1, 11)),
        (["DTSTART;TZID=America/New_York:20261201T090000", "DURATION:PT1H"], at(1, 15), at(1, 16)),
        (["DTSTART;VALUE=DATE:20261201"], at(1), at(2)),
        (["DTSTART;VALUE=DATE:20261130", "DTEND;VALUE=DATE:20261203"], at(30, month=11), at(3)),
        (["DTSTART;VALUE=DATE:20261124", "RRULE:FREQ=WEEKLY"], at(1), at(2)),
        (["DTSTART:20261124T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3"], at(1, 9), at(1, 10)),
    ],
    ids=["floating", "utc", "another zone", "all day", "some days", "all-day series", "floating series"],
)
async def test_each_kind_of_time_is_seen_in_the_users_zone(
    store: Store, settings: Settings, host: CalendarHost, lines: list[str], start: datetime, end: datetime
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", *lines)))
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar())
        (event,) = await worker.seen(at(1))
    assert (event.start, event.end) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", "RRULE:FREQ=SECONDLY")),
        vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", "STATUS:CANCELLED")),
        "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        "no calendar at all",
        vcalendar(vevent("SUMMARY:no start")),
    ],
    ids=["each second", "cancelled", "empty", "text", "no start"],
)
def test_what_is_no_event_to_be_told_of_is_passed_over(text: str) -> None:
    with contextlib.suppress(UnreadableEventError):
        assert occurrences(text, at(1), at(31), BERLIN) == []


async def test_an_invitation_that_was_declined_is_known(store: Store, settings: Settings, host: CalendarHost) -> None:
    attendee = "ATTENDEE;CN=Ada;PARTSTAT=DECLINED:mailto:ADA@example.test"
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", attendee)))
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar())
        (event,) = await worker.seen(at(1))
    assert (event.declined, event.attendees) == (True, ("Ada",))


# ---- changing events


async def test_an_event_is_moved_and_keeps_its_length_and_zone(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put(
        "work/a.ics",
        vcalendar(vevent("SUMMARY:A", "DTSTART;TZID=America/New_York:20261201T090000", "DURATION:PT45M", uid="a")),
    )
    async with hands(account(settings, host), store) as worker:
        update = UpdateEvent(uid="a", start="2026-12-02T16:00", title="B")
        context = await worker.claim(update)
        assert await HANDLERS[UpdateEvent](update, context) == {"uid": "a", "changed": True}
        text = host.text("work/a.ics")
        assert await HANDLERS[UpdateEvent](update, context) == {"uid": "a", "changed": False}
        (event,) = await worker.seen(at(2))
    assert (event.title, event.start, event.end) == ("B", at(2, 16), at(2, 16, 45))
    assert "DTSTART;TZID=America/New_York:20261202T100000" in text
    assert "SEQUENCE:1" in text
    assert host.text("work/a.ics") == text, "the second run changed nothing"


async def test_a_job_that_runs_again_leaves_what_was_moved_since(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", uid="a")))
    async with hands(account(settings, host), store) as worker:
        update = UpdateEvent(uid="a", start="2026-12-02T16:00")
        context = await worker.claim(update)
        await HANDLERS[UpdateEvent](update, context)
        moved = host.text("work/a.ics").replace("20261202T150000Z", "20261203T150000Z")
        host.put("work/a.ics", moved)
        await HANDLERS[UpdateEvent](update, context)
    assert "DTSTART:20261203T150000Z" in host.text("work/a.ics")


async def test_what_somebody_else_changes_at_the_same_time_is_kept(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", uid="a")))

    def change_first(method: str, path: str) -> None:
        if method == "PUT":
            proxy.before = None
            host.put("work/a.ics", vcalendar(vevent("SUMMARY:A renamed", "DTSTART:20261201T100000Z", uid="a")))

    async with hands(account(settings, host, proxy.url), store) as worker:
        proxy.before = change_first
        await worker.run(UpdateEvent(uid="a", start="2026-12-02T16:00"))
        (event,) = await worker.seen(at(2))
    assert (event.title, event.start) == ("A renamed", at(2, 16))
    assert [line.split()[0] for line in proxy.requests].count("PUT") == 2


async def test_one_occurrence_is_moved_and_the_others_stay(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/standup.ics", STANDUP)
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar(), "1")
        (event,) = await worker.seen(at(25, month=10))
        await worker.run(UpdateEvent(uid="standup", occurrence=event.occurrence, start="2026-10-25T14:00"), "2")
        (again,) = await worker.seen(at(25, month=10))
        await worker.run(UpdateEvent(uid="standup", occurrence=again.occurrence, title="Late"), "3")
        events = await worker.seen(at(24, month=10), 3)
    assert [(event.title, event.start) for event in events] == [
        ("Stand-up", at(24, 9, month=10)),
        ("Late", at(25, 14, month=10)),
        ("Stand-up", at(26, 9, month=10)),
    ]
    assert events[1].end == at(25, 14, 30, month=10)
    assert host.text("work/standup.ics").count("BEGIN:VEVENT") == 3, "the moved one is told once"


async def test_one_occurrence_is_cancelled_once_and_the_others_stay(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/standup.ics", STANDUP)
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar(), "1")
        (moved,) = await worker.seen(at(23, month=10))
        (plain,) = await worker.seen(at(25, month=10))
        for number, event in enumerate((moved, plain)):
            cancel = CancelEvent(uid="standup", occurrence=event.occurrence)
            context = await worker.claim(cancel, f"cancel {number}")
            assert (await HANDLERS[CancelEvent](cancel, context))["cancelled"] is True
            text = host.text("work/standup.ics")
            assert (await HANDLERS[CancelEvent](cancel, context))["cancelled"] is False
            assert host.text("work/standup.ics") == text
        events = await worker.seen(at(22, month=10), 5)
    assert [event.start for event in events] == [at(24, 9, month=10), at(26, 9, month=10)]


async def test_an_event_is_cancelled_and_a_second_run_says_that_it_was_gone(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", uid="a")))
    async with hands(account(settings, host), store) as worker:
        context = await worker.claim(CancelEvent(uid="a"))
        assert await HANDLERS[CancelEvent](CancelEvent(uid="a"), context) == {"uid": "a", "cancelled": True}
        assert await worker.seen(at(1)) == []
        assert await HANDLERS[CancelEvent](CancelEvent(uid="a"), context) == {"uid": "a", "cancelled": False}
    assert host.objects("work") == []


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        ({"start": "2026-12-01T10:00"}, BadInputError, "whole series cannot be moved"),
        ({"occurrence": "2026-10-22T09:00:00+02:00", "title": "B"}, NotFoundError, "no occurrence"),
        ({"occurrence": "2026-10-24T10:00:00+02:00", "title": "B"}, NotFoundError, "no occurrence"),
        ({"occurrence": "one", "title": "B"}, BadInputError, "names no occurrence"),
        ({"uid": "other", "title": "B"}, NotFoundError, "no event 'other'"),
    ],
)
async def test_a_change_that_cannot_be_made_leaves_the_series_as_it_is(
    store: Store,
    settings: Settings,
    host: CalendarHost,
    change: dict[str, str],
    kind: type[PermanentError],
    why: str,
) -> None:
    host.put("work/standup.ics", STANDUP)
    before = host.text("work/standup.ics")
    async with hands(account(settings, host), store) as worker:
        with pytest.raises(kind, match=why):
            await worker.run(UpdateEvent(**{"uid": "standup"} | change))
    assert host.text("work/standup.ics") == before


# ---- faults


@pytest.mark.parametrize(
    ("fault", "kind", "why"),
    [
        ("drop", RetryableError, "broke off"),
        ("cut", RetryableError, "broke off|cannot be read"),
        ("silent", RetryableError, r"did not answer within 0\.5 s"),
        ((429, {"Retry-After": "7"}), RetryableError, "too many requests"),
        ((503, {"Retry-After": "7"}), RetryableError, "503"),
        ((500, {}), RetryableError, "500"),
        ((403, {}), PermanentError, "does not allow"),
        ((404, {}), PermanentError, "does not have"),
        ((507, {}), PermanentError, "no room"),
        ((200, {"Content-Type": "text/html"}), PermanentError, "does not speak CalDAV"),
        ((207, {"Content-Type": "application/xml"}), PermanentError, "does not speak CalDAV"),
        ((301, {"Location": "http://calendar.example/"}), SettingsError, "not encrypted"),
    ],
)
async def test_each_fault_is_told_and_known_to_heal_or_not(
    store: Store,
    settings: Settings,
    host: CalendarHost,
    proxy: FaultingProxy,
    fault: str | tuple[int, dict[str, str]],
    kind: type[HarkError],
    why: str,
) -> None:
    proxy.fail("*", *[fault] * 20)
    async with hands(account(settings, host, proxy.url, calendar_timeout_s=0.5), store) as worker:
        with pytest.raises(kind, match=why) as caught:
            await worker.run(SyncCalendar())
    assert PASSWORD not in str(caught.value)
    if isinstance(fault, tuple) and "Retry-After" in fault[1]:
        assert isinstance(caught.value, RetryableError)
        assert caught.value.retry_after_ms == 7000


async def test_a_server_that_is_not_there_is_tried_again(store: Store, settings: Settings, host: CalendarHost) -> None:
    async with hands(account(settings, host, f"http://127.0.0.1:{free_port()}/"), store) as worker:
        with pytest.raises(RetryableError, match="cannot be reached"):
            await worker.run(SyncCalendar())


async def test_a_wrong_password_fails_at_once_with_a_remedy(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    async with hands(account(settings, host, calendar_password="wrong"), store) as worker:
        with pytest.raises(PermanentError, match="refuses the user or the password") as caught:
            await worker.run(SyncCalendar())
    assert "HARK_CALENDAR_PASSWORD" in caught.value.remedy


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "certificates")


async def test_a_server_must_prove_itself_before_it_gets_the_password(
    settings: Settings, host: CalendarHost, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulting_proxy(host.port, (certificates.server, certificates.server_key)) as proxy:
        secure = account(settings, host, proxy.url.replace("http:", "https:"))
        with pytest.raises(PermanentError, match="could not prove who it is"):
            await try_calendar(secure)
        assert proxy.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        assert "has Work" in await try_calendar(secure)


async def test_https_on_a_port_without_it_is_told(settings: Settings, host: CalendarHost) -> None:
    with pytest.raises(RetryableError, match=r"TLS connection .* failed"):
        await try_calendar(account(settings, host, host.url.replace("http:", "https:")))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"calendar_url": "http://calendar.example/"}, "could be read on the way"),
        ({"calendar_url": "calendar.example"}, "no web address"),
        ({"calendar_url": "https://ada:secret@calendar.example/"}, "holds a user or a password"),
        ({"calendar_url": "https://calendar.example/", "calendar_password": None}, "without a password"),
        ({"calendar_url": "https://calendar.example/", "calendar_timezone": "Middle/Earth"}, "no time zone"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    settings: Settings, host: CalendarHost, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        calendar_account(account(settings, host, **more))
    assert "secret" not in str(caught.value)


async def test_the_trial_names_the_calendars_and_changes_nothing(settings: Settings, host: CalendarHost) -> None:
    host.make_calendar("home", "Home")
    told = await try_calendar(account(settings, host, calendar_names="Home,Work"))
    assert told == f"127.0.0.1:{host.port} lets Hark in and has Home, Work; new events go into Home."
    with pytest.raises(SettingsError, match="No calendar is set up"):
        await try_calendar(settings)


async def test_the_address_may_be_that_of_one_calendar(store: Store, settings: Settings, host: CalendarHost) -> None:
    host.make_calendar("home", "Home")
    async with hands(account(settings, host, f"{host.url}{host.user}/home/"), store) as worker:
        await worker.run(lunch())
    assert (len(host.objects("home")), len(host.objects("work"))) == (1, 0)


# ---- what is said


@asynccontextmanager
async def talking(settings: Settings, store: Store) -> AsyncIterator[Any]:
    """A worker in this process, and a function that says something to it and returns its answer."""
    client = Client(store, settings)

    async def say(text: str) -> str:
        handle = await client.process_voice_command("local", text)
        return str((await handle.result(LIMIT_S))["reply"])

    async with running(settings):
        yield say


def in_days(days: int, hour: int, minute: int = 0) -> datetime:
    """A moment some days from now, in Berlin."""
    day = datetime.now(BERLIN).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)


def stamp(moment: datetime) -> str:
    return f"{moment.astimezone(BERLIN):%Y%m%dT%H%M%S}"


async def test_the_next_meeting_is_told_also_while_the_server_is_away(
    store: Store, settings: Settings, host: CalendarHost, proxy: FaultingProxy
) -> None:
    host.put(
        "work/fair.ics", vcalendar(vevent("SUMMARY:Fair", f"DTSTART;VALUE=DATE:{stamp(in_days(1, 0))[:8]}", uid="f"))
    )
    start = f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, 9))}"
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:Review", start, "DURATION:PT1H", "LOCATION:Room 4", uid="a")))
    async with talking(account(settings, host, proxy.url, calendar_timeout_s=1), store) as say:
        told = "Your next meeting is “Review” tomorrow at 9 AM, Room 4."
        assert await say("What's my next meeting?") == told, "the first question syncs"
        proxy.fail("*", *["drop"] * 50)
        proxy.requests.clear()
        assert await say("What's my next meeting?") == told
        assert proxy.requests == [], "the mirror answers"


async def test_an_old_mirror_tells_its_age(store: Store, settings: Settings, host: CalendarHost) -> None:
    start = f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, 9))}"
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:Review", start, uid="a")))
    settings = account(settings, host, calendar_url=f"http://127.0.0.1:{free_port()}/")
    async with hands(account(settings, host), store) as worker:
        await worker.run(SyncCalendar())
        found = calendar_account(settings)
        assert found is not None
        (kept,) = (await worker.mirror.calendars()).values()
        away = CalendarMirror(store, found)
        objects = [RemoteObject("/a.ics", "1", host.text("work/a.ics"))]
        old = replace(kept, synced_at_ms=kept.synced_at_ms - 3 * 3_600_000)
        await away.keep(kept.calendar, objects, synced=old)
    async with talking(settings, store) as say:
        assert await say("what's my next meeting") == (
            "Your next meeting is “Review” tomorrow at 9 AM. I saw the calendar 3 hours ago."
        )


async def test_a_meeting_is_made_moved_and_cancelled_in_words_after_a_yes(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    async with talking(account(settings, host), store) as say:
        assert await say("Create a meeting with Anna tomorrow at three.") == (
            "“Meeting with Anna” is in your calendar tomorrow at 3 PM."
        )
        assert await say("what's on my calendar tomorrow") == "You have 1 event tomorrow: Meeting with Anna at 3 PM."
        assert await say("move my meeting with Anna to four") == (
            "Shall I move “Meeting with Anna” tomorrow at 3 PM to tomorrow at 4 PM?"
        )
        assert f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, 15))}" in host.text(f"work/{host.objects('work')[0]}")
        assert await say("yes") == "“Meeting with Anna” is moved."
        assert f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, 16))}" in host.text(f"work/{host.objects('work')[0]}")
        assert await say("push my next meeting back by half an hour") == (
            "Shall I move “Meeting with Anna” tomorrow at 4 PM to tomorrow at 4:30 PM?"
        )
        await say("no")
        assert await say("cancel my next meeting") == "Shall I cancel “Meeting with Anna” tomorrow at 4 PM?"
        await say("no")
        assert len(host.objects("work")) == 1
        await say("cancel my next meeting")
        assert await say("yes") == "“Meeting with Anna” is cancelled."
    assert host.objects("work") == []


async def test_a_calendar_that_is_named_is_no_part_of_the_title(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    async with talking(account(settings, host), store) as say:
        assert await say("Put lunch with Anna in my calendar for tomorrow at noon.") == (
            "“Lunch with Anna” is in your calendar tomorrow at noon."
        )


async def test_a_yes_cancels_what_was_read_back_and_no_other(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    second = f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(2, 9))}"
    host.put("work/b.ics", vcalendar(vevent("SUMMARY:Second", second, uid="b")))
    settings = account(settings, host)
    async with talking(settings, store) as say:
        assert "“Second”" in await say("cancel my next meeting")
        sooner = await Client(store, settings).create_event("local", "Sooner", in_days(1, 9))
        await sooner.result(LIMIT_S)
        assert await say("yes") == "“Second” is cancelled."
    (left,) = host.objects("work")
    assert "SUMMARY:Sooner" in host.text(f"work/{left}")


async def test_only_one_occurrence_of_a_series_is_cancelled_unless_all_are_meant(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    start = f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, 9))}"
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:Stand-up", start, "RRULE:FREQ=DAILY", uid="a")))
    async with talking(account(settings, host), store) as say:
        assert await say("cancel the stand-up") == "Shall I cancel “Stand-up” tomorrow at 9 AM, only this once?"
        await say("yes")
        assert f"EXDATE;TZID=Europe/Berlin:{stamp(in_days(1, 9))}" in host.text("work/a.ics")
        assert await say("cancel the stand-up series") == "Shall I cancel “Stand-up” for good, all of the series?"
        await say("yes")
    assert host.objects("work") == []


async def test_what_is_not_clear_is_asked(store: Store, settings: Settings, host: CalendarHost) -> None:
    for name, hour in (("Lunch with Anna", 12), ("Call with Anna", 15)):
        start = f"DTSTART;TZID=Europe/Berlin:{stamp(in_days(1, hour))}"
        host.put(f"work/{hour}.ics", vcalendar(vevent(f"SUMMARY:{name}", start, uid=str(hour))))
    async with talking(account(settings, host), store) as say:
        assert await say("cancel my meeting with Anna") == (
            "Which one: “Lunch with Anna” tomorrow at noon or “Call with Anna” tomorrow at 3 PM?"
        )
        assert "no event like “dentist”" in await say("cancel the dentist")
        assert (await say("create a meeting with Bob")).startswith("When is “Meeting with Bob”?")
    assert len(host.objects("work")) == 2


async def test_without_a_calendar_it_is_said_what_is_missing(store: Store, settings: Settings) -> None:
    async with talking(settings, store) as say:
        assert await say("what's my next meeting") == "No calendar is set up. You can set one up in the settings."
        assert "No calendar is set up" in await say("cancel my next meeting")


async def until_run(admin: Admin, schedule_id: str) -> str:
    """The id of a recurring job that was run at once, as soon as a worker has made the schedule."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await admin.run_schedule_now(schedule_id, actor="test")
            except NotFoundError:
                await asyncio.sleep(0.02)


async def test_the_recurring_sync_looks_at_the_real_calendar(
    store: Store, settings: Settings, host: CalendarHost
) -> None:
    host.put("work/a.ics", vcalendar(vevent("SUMMARY:A", "DTSTART:20261201T100000Z", uid="a")))
    settings = account(settings, host)
    async with running(settings):
        job_id = await until_run(Admin(store), "calendar-sync")
        result = await JobHandle(job_id, CALENDAR_SYNC, True, store).result(LIMIT_S)
    assert result == {"calendars": 1, "changed": 1, "gone": 0, "unreadable": 0}
