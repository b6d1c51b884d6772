"""Calendars against a real CalDAV server: what is made, moved and cancelled and how often, what is seen and said."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.agenda import CalendarMirror
from engine.client import Client
from engine.errors import BadInputError, RetryableError
from engine.handlers import HANDLERS, JobContext
from engine.job_types import CreateEvent, JobType
from engine.model import JobOptions
from engine.providers.calendar import calendar_account
from engine.providers.calendar.events import CalendarEvent
from engine.queues import CALENDAR_SYNC
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.worker.broker import create_broker
from engine.worker.pool import serve
from tests.calendar_servers import PASSWORD, CalendarHost, FaultingProxy, calendar_server, faulting_proxy
from tests.engine.worker_process import worker_process

LIMIT_S = 30
BERLIN = ZoneInfo("Europe/Berlin")
USERS = tuple(f"user{number}" for number in range(60))


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


class Hands:
    """Runs handlers on claimed jobs without a worker, so that a test can break off between two steps."""

    def __init__(self, settings: Settings, store: Store, services: Any) -> None:
        self.client = Client(store, settings)
        self.store = store
        self.services = services
        found = calendar_account(settings)
        assert found is not None
        self.mirror = CalendarMirror(store, found)

    async def claim(self, payload: JobType, job_id: str = "a") -> JobContext:
        """Add a job and claim it."""
        await self.client.add(payload, JobOptions(job_id=job_id))
        taken = await self.store.take(payload.queue, 10, lease_ms=60_000, token=f"token of {job_id}", worker="test")
        (job,) = [job for job in taken.jobs if job.id == job_id]
        return JobContext(job, self.services)

    async def run(self, payload: JobType, job_id: str = "a") -> Any:
        """Add a job, and run it as far as its handler."""
        return await HANDLERS[type(payload)](payload, await self.claim(payload, job_id))

    async def seen(self, start: datetime, days: float = 1) -> list[CalendarEvent]:
        """What the mirror tells of the days from `start`."""
        return list((await self.mirror.events(start, start + timedelta(days=days))).events)


@asynccontextmanager
async def hands(settings: Settings, store: Store) -> AsyncIterator[Hands]:
    broker = create_broker(settings)
    await broker.startup()
    try:
        yield Hands(settings, store, broker._services)
    finally:
        await broker.shutdown()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """A worker in this process."""
    stop = asyncio.Event()
    worker = asyncio.create_task(serve(create_broker(settings), settings, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


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
