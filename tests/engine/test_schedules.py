"""Recurring jobs: when their slots are, that each is fired once, and what an operator does to them."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.admin import Admin
from engine.cli import main
from engine.client import Client
from engine.errors import BadInputError, NotFoundError
from engine.handlers import HANDLERS
from engine.job_types import JOB_TYPES, CreateTask, SyncCalendar, SyncTasks, job_payload
from engine.model import Job, JobState, Schedule
from engine.queues import QUEUES
from engine.schedules import in_zone, interval_text, local_timezone, next_slot_ms, parse_interval_ms
from engine.settings import Settings
from engine.store import Store, keys
from engine.store.server import PrivateRedis, find_binary
from engine.worker.scheduler import Scheduler
from tests.engine.hands import running
from tests.redis_topologies import cluster

TASKS = "task-processing"
HOUR_MS = 3_600_000
LIMIT_S = 40
BERLIN = ZoneInfo("Europe/Berlin")


# --- when ---


def _cron(cron: str, timezone: str = "UTC") -> Schedule:
    return Schedule("a", TASKS, "create-task", {}, cron=cron, timezone=timezone)


def _slots(cron: str, timezone: str, begin: str, end: str) -> list[str]:
    """The slots after `begin` until `end`, both local, as the local clock shows them."""
    zone = ZoneInfo(timezone)
    at_ms, end_ms = (int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000) for text in (begin, end))
    found = []
    while (at_ms := next_slot_ms(_cron(cron, timezone), at_ms)) <= end_ms:
        found.append(in_zone(at_ms, timezone).strftime("%H:%M%z"))
    return found


def test_a_cron_goes_by_the_clock_of_its_zone() -> None:
    at_ms = next_slot_ms(_cron("0 9 * * *", "Europe/Berlin"), 1_795_564_800_000)
    assert in_zone(at_ms, "UTC") == datetime(2026, 11, 25, 8, tzinfo=UTC)


def test_a_local_time_that_summer_time_skips_fires_once_at_the_change() -> None:
    assert _slots("30 2 * * *", "Europe/Berlin", "2027-03-28T00:00", "2027-03-28T23:59") == ["03:00+0200"]


def test_several_skipped_times_fire_once_together() -> None:
    assert _slots("*/10 2 * * *", "Europe/Berlin", "2027-03-28T00:00", "2027-03-28T23:59") == ["03:00+0200"]


def test_a_local_time_that_comes_twice_fires_the_first_time_only() -> None:
    assert _slots("30 2 * * *", "Europe/Berlin", "2027-10-31T00:00", "2027-10-31T23:59") == ["02:30+0200"]


def test_a_time_is_not_fired_again_when_asked_within_the_hour_that_comes_twice() -> None:
    second = datetime(2027, 10, 31, 2, 10, tzinfo=BERLIN, fold=1)
    at_ms = next_slot_ms(_cron("30 2 * * *", "Europe/Berlin"), int(second.timestamp() * 1000))
    assert in_zone(at_ms, "Europe/Berlin") == datetime(2027, 11, 1, 2, 30, tzinfo=BERLIN)


def test_an_hourly_cron_fires_in_each_real_hour_across_both_changes() -> None:
    spring = _slots("0 * * * *", "Europe/Berlin", "2027-03-28T00:30", "2027-03-28T04:00")
    autumn = _slots("0 0-23 * * *", "Europe/Berlin", "2027-10-31T00:30", "2027-10-31T04:00")
    assert spring == ["01:00+0100", "03:00+0200", "04:00+0200"]
    assert autumn == ["01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100", "04:00+0100"]


_ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "America/Havana", "Asia/Kathmandu")
_MINUTES = st.sampled_from(("*", "*/7", "*/15", "0", "30", "59", "5,35", "10-20/5"))
_HOURS = st.sampled_from(("*", "*/2", "0", "2", "1-3", "23", "0-23", "2,14"))
_DAYS = st.sampled_from(("*", "1", "L", "28-31", "*/2"))
_WEEKDAYS = st.sampled_from(("*", "SUN", "MON-FRI", "0", "SUN#1", "6L"))
_CRONS = st.tuples(_MINUTES, _HOURS, _DAYS, st.sampled_from(("*", "3,10", "APR")), _WEEKDAYS).map(" ".join)
_MOMENTS = st.integers(1_750_000_000_000, 1_950_000_000_000)


@given(_CRONS, st.sampled_from(_ZONES), _MOMENTS)
def test_the_slots_of_a_cron_increase_strictly(cron: str, timezone: str, begin_ms: int) -> None:
    slots = [begin_ms]
    for _ in range(5):
        slots.append(next_slot_ms(_cron(cron, timezone), slots[-1]))
    assert all(earlier < later for earlier, later in pairwise(slots))


@given(_CRONS, st.sampled_from(_ZONES), _MOMENTS, st.integers(0, 1000))
def test_the_next_slot_is_the_same_from_any_moment_before_it(
    cron: str, timezone: str, begin_ms: int, thousandths: int
) -> None:
    slot_ms = next_slot_ms(_cron(cron, timezone), begin_ms)
    between_ms = begin_ms + (slot_ms - 1 - begin_ms) * thousandths // 1000
    assert next_slot_ms(_cron(cron, timezone), between_ms) == slot_ms


@hypothesis_settings(max_examples=30)
@given(
    st.sampled_from(("*/7", "0", "5,35")), st.sampled_from(_ZONES), st.sampled_from((3, 4, 9, 10)), st.integers(1, 28)
)
def test_a_cron_of_every_hour_misses_no_minute_that_the_local_clock_shows(
    minutes: str, timezone: str, month: int, day: int
) -> None:
    wanted = {"*/7": set(range(0, 60, 7)), "0": {0}, "5,35": {5, 35}}[minutes]
    begin = datetime(2027, month, day, tzinfo=UTC)
    moments = [begin + timedelta(minutes=number) for number in range(1, 4 * 1440)]
    expected = [moment for moment in moments if moment.astimezone(ZoneInfo(timezone)).minute in wanted]
    at_ms, found = int(begin.timestamp() * 1000), []
    for _ in expected:
        at_ms = next_slot_ms(_cron(f"{minutes} * * * *", timezone), at_ms)
        found.append(in_zone(at_ms, "UTC"))
    assert found == expected


@given(st.integers(100, 10**9), st.integers(1, 2 * 10**12), st.integers(1, 2 * 10**12))
def test_the_next_slot_of_an_interval_is_the_first_of_its_grid(every_ms: int, grid_ms: int, after_ms: int) -> None:
    schedule = Schedule("a", TASKS, "create-task", {}, every_ms=every_ms, next_at_ms=grid_ms)
    slot_ms = next_slot_ms(schedule, after_ms)
    assert after_ms < slot_ms <= after_ms + every_ms
    assert (slot_ms - grid_ms) % every_ms == 0


@given(st.text(alphabet="0123456789*/,-#LW MONJAN@x²", max_size=30))
def test_any_text_is_a_cron_or_is_refused(text: str) -> None:
    try:
        assert next_slot_ms(_cron(text), 1_795_564_800_000) > 1_795_564_800_000
    except BadInputError as error:
        assert "*/30 * * * *" in error.remedy  # noqa: PT017 - most texts are refused, some are none the less good


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (_cron("61 * * * *"), "bad minute"),
        (_cron("* * * *"), "5 fields are wanted, not 4"),
        (_cron("0 0 30 2 *"), "bad day-of-month"),
        (_cron("* * * * *", "Europe/Berln"), "Name one such as Europe/Berlin"),
        (_cron("* * * * *", "../passwd"), "no time zone"),
        (_cron("* * * * *", "Europe"), "no time zone"),
        (replace(_cron("* * * * *"), every_ms=1000), "either a cron or an interval"),
        (replace(_cron(""), cron=None), "either a cron or an interval"),
        (replace(_cron(""), cron=None, every_ms=0), "Choose from 100 ms"),
    ],
)
def test_an_impossible_time_is_refused_in_words_that_help(schedule: Schedule, words: str) -> None:
    with pytest.raises(BadInputError) as refusal:
        next_slot_ms(schedule, 1_795_564_800_000)
    assert words in str(refusal.value)


@given(st.integers(1, 10**10))
def test_an_interval_reads_back_as_it_is_written(every_ms: int) -> None:
    assert parse_interval_ms(interval_text(every_ms)) == every_ms


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5m", "1.5h", "5w"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_interval_ms(text)


# --- firing ---


async def _add(store: Store, schedule_id: str = "a", **timing: Any) -> Schedule:
    timing = timing or {"every_ms": HOUR_MS}
    return await Admin(store).add_schedule(schedule_id, CreateTask(title=schedule_id or "none"), **timing, actor="me")


async def _put_back(store: Store, by_ms: int, schedule_id: str = "a") -> Schedule:
    """Make a schedule as old as if its next slot had been missed for `by_ms`."""
    now_ms, found = await store.schedules(TASKS)
    seen = next(stored for stored in found if stored.schedule.id == schedule_id)
    older = replace(seen.schedule, next_at_ms=now_ms - by_ms)
    assert await store.write_schedule(TASKS, schedule_id, older, seen, action="test", actor="test")
    return older


async def _waiting(store: Store) -> list[str]:
    return [job.id for job in await store.jobs(TASKS, JobState.WAITING, 0, 100)]


@pytest.fixture
async def stores(fresh_redis: str) -> AsyncIterator[list[Store]]:
    """Eight stores with connections of their own, as eight workers have."""
    opened = [Store(fresh_redis) for _ in range(8)]
    yield opened
    for one in opened:
        await one.close()


async def test_a_due_slot_is_fired_once_by_many_schedulers(stores: list[Store]) -> None:
    for number in range(5):
        await _add(stores[0], f"s{number}")
    slots = [await _put_back(stores[0], 1, f"s{number}") for number in range(5)]
    await asyncio.gather(*(Scheduler(store, [TASKS]).fire_due() for store in stores for _ in range(3)))
    assert sorted(await _waiting(stores[0])) == sorted(f"{one.id}:{one.next_at_ms}" for one in slots)


async def test_slots_missed_for_hours_are_fired_once(store: Store) -> None:
    await _add(store, every_ms=60_000)
    missed = await _put_back(store, 10 * HOUR_MS)
    scheduler = Scheduler(store, [TASKS])
    await scheduler.fire_due()
    await scheduler.fire_due()
    now_ms, ((schedule, _),) = await store.schedules(TASKS)
    assert await _waiting(store) == [f"a:{missed.next_at_ms}"]
    assert schedule.last_job == f"a:{missed.next_at_ms}"
    assert schedule.next_at_ms is not None
    assert now_ms < schedule.next_at_ms <= now_ms + 60_000


async def test_a_slot_that_redis_does_not_think_due_is_not_fired(store: Store) -> None:
    await _add(store)
    now_ms, (seen,) = await store.schedules(TASKS)
    assert not await store.fire(seen, now_ms + 2 * HOUR_MS, now_ms)
    assert await _waiting(store) == []


async def test_a_schedule_changed_since_it_was_read_is_not_fired_as_it_was(store: Store) -> None:
    await _add(store)
    await _put_back(store, 1)
    now_ms, (seen,) = await store.schedules(TASKS)
    await Admin(store).update_schedule("a", payload=CreateTask(title="other"), actor="me")
    assert not await store.fire(seen, now_ms + HOUR_MS, now_ms)
    assert await _waiting(store) == []


async def test_the_job_has_the_schedules_arguments_and_the_queues_options(store: Store) -> None:
    await _add(store)
    missed = await _put_back(store, 1)
    await Scheduler(store, [TASKS]).fire_due()
    job = await store.find(f"a:{missed.next_at_ms}")
    spec = QUEUES[TASKS]
    assert (job.name, job.arguments) == ("create-task", {"title": "a"})
    assert (job.priority, job.attempts, job.timeout_ms) == (spec.priority, spec.attempts, spec.timeout_ms)


async def test_a_slot_adds_no_job_while_the_one_before_waits(store: Store) -> None:
    await _add(store)
    scheduler = Scheduler(store, [TASKS])
    for _ in range(3):
        await _put_back(store, 1)
        await scheduler.fire_due()
    now_ms, ((schedule, _),) = await store.schedules(TASKS)
    assert len(await _waiting(store)) == 1
    assert schedule.next_at_ms is not None
    assert schedule.next_at_ms > now_ms


async def test_a_slot_adds_a_job_once_the_one_before_has_started(store: Store) -> None:
    await _add(store)
    scheduler = Scheduler(store, [TASKS])
    await _put_back(store, 2)
    await scheduler.fire_due()
    await store.take(TASKS, 1, lease_ms=60_000, token="t", worker="w")
    second = await _put_back(store, 1)
    await scheduler.fire_due()
    assert await _waiting(store) == [f"a:{second.next_at_ms}"]


async def test_a_scheduler_fires_only_for_its_queues(store: Store) -> None:
    await _add(store)
    await _put_back(store, 1)
    await Scheduler(store, ["calendar-sync"]).fire_due()
    assert await _waiting(store) == []


async def test_a_scheduler_wakes_when_the_next_slot_is_due_and_soon_enough_to_see_changes(store: Store) -> None:
    scheduler = Scheduler(store, [TASKS])
    nothing_due_s = await scheduler.fire_due()
    await _add(store, every_ms=1000)
    soon_s = await scheduler.fire_due()
    assert nothing_due_s == 2
    assert 0 < soon_s <= 1


@pytest.mark.parametrize(
    "record", ["not json", "[]", '{"job_name":"\\ud800","next_at_ms":1,"arguments":{}}', '{"every_ms":"x"}']
)
async def test_a_spoilt_record_is_listed_as_off_and_can_be_removed(store: Store, fresh_redis: str, record: str) -> None:
    with redis.Redis.from_url(fresh_redis) as client:
        client.hset(keys.schedules(TASKS), "spoilt", record)
    await Scheduler(store, [TASKS]).fire_due()
    (schedule,) = await Admin(store).schedules()
    await Admin(store).remove_schedule("spoilt", actor="me")
    assert (schedule.id, schedule.enabled, schedule.job_name) == ("spoilt", False, "")
    assert await Admin(store).schedules() == ()


@pytest.mark.expect_errors
async def test_a_schedule_that_cannot_go_on_is_told_once_and_stops_no_other(
    store: Store, fresh_redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {"job_name": "create-task", "arguments": {}, "cron": "bad", "next_at_ms": 1}
    with redis.Redis.from_url(fresh_redis) as client:
        client.hset(keys.schedules(TASKS), "A", json.dumps(bad))
    await _add(store)
    missed = await _put_back(store, 1)
    scheduler = Scheduler(store, [TASKS])
    await scheduler.fire_due()
    await scheduler.fire_due()
    assert await _waiting(store) == [f"a:{missed.next_at_ms}"]
    assert len([one for one in caplog.records if "schedule A on task-processing cannot go on" in one.message]) == 1


async def test_schedules_go_on_when_redis_comes_back(private_redis: PrivateRedis) -> None:
    url = await asyncio.to_thread(private_redis.ensure)
    store = Store(url, revive=private_redis.ensure)
    scheduler = Scheduler(store, [TASKS])
    scheduler.start()
    try:
        await _add(store, every_ms=200)
        await _until_waiting(store, 1)
        with redis.Redis.from_url(url) as client:
            pid = int(client.info()["process_id"])
        await asyncio.to_thread(_kill, pid)
        (job_id,) = await _waiting(store)
        await store.take(TASKS, 1, lease_ms=60_000, token="t", worker="w")
        (later,) = await _until_waiting(store, 1)
        assert later != job_id
    finally:
        await scheduler.stop()
        await store.close()


def _kill(pid: int) -> None:
    import psutil

    process = psutil.Process(pid)
    process.kill()
    psutil.wait_procs([process], LIMIT_S)


async def _until_waiting(store: Store, count: int) -> list[str]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(TASKS)
            found = await _waiting(store)
            if len(found) >= count:
                return found
            await store.events({TASKS: position}, 1000)


async def test_schedules_fire_on_a_cluster(tmp_path: Path, redis_binary: Path | None) -> None:
    with cluster(redis_binary or find_binary(), tmp_path / "nodes", (5461, 10923)) as nodes:
        store = Store(f"redis+cluster://127.0.0.1:{nodes[0].port}")
        try:
            await _add(store)
            missed = await _put_back(store, 1)
            await Scheduler(store, list(QUEUES)).fire_due()
            assert await _waiting(store) == [f"a:{missed.next_at_ms}"]
        finally:
            await store.close()


# --- Hark's own ---


async def test_harks_own_schedules_are_installed_once_by_many_workers(stores: list[Store]) -> None:
    await asyncio.gather(*(Scheduler(store, list(QUEUES)).install() for store in stores))
    found = {one.id: one for one in await Admin(stores[0]).schedules()}
    assert {name: (one.job_name, one.cron, one.enabled) for name, one in found.items()} == {
        "email-sync": ("sync-inbox", "*/30 * * * *", True),
        "calendar-sync": ("sync-calendar", "*/15 * * * *", True),
        "task-sync": ("sync-tasks", "0 * * * *", True),
    }
    assert {one.timezone for one in found.values()} == {local_timezone()}
    assert all(one.next_at_ms for one in found.values())


async def test_a_worker_installs_those_of_its_queues_only(store: Store) -> None:
    await Scheduler(store, ["calendar-sync"]).install()
    assert [one.id for one in await Admin(store).schedules()] == ["calendar-sync"]


async def test_what_a_user_changed_of_harks_own_schedules_outlasts_restarts(store: Store) -> None:
    admin = Admin(store)
    await Scheduler(store, list(QUEUES)).install()
    await admin.set_schedule_enabled("email-sync", False, actor="me")
    await admin.update_schedule("calendar-sync", cron="0 7 * * *", actor="me")
    await admin.remove_schedule("task-sync", actor="me")
    before = await admin.schedules()
    await Scheduler(store, list(QUEUES)).install()
    assert await admin.schedules() == before
    assert [(one.id, one.enabled, one.cron) for one in before] == [
        ("email-sync", False, "*/30 * * * *"),
        ("calendar-sync", True, "0 7 * * *"),
    ]


async def test_a_users_schedule_of_the_same_name_is_left_alone(store: Store) -> None:
    mine = await Admin(store).add_schedule("task-sync", CreateTask(title="mine"), every_ms=1000, actor="me")
    await Scheduler(store, [TASKS]).install()
    assert await Admin(store).schedules() == (mine,)


def test_a_machine_without_a_time_zone_has_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: None)
    assert local_timezone() == "UTC"


def test_every_kind_of_job_has_a_handler() -> None:
    assert set(JOB_TYPES.values()) == set(HANDLERS)


# --- the operator ---


async def test_a_schedule_comes_back_as_it_was_added(store: Store) -> None:
    added = await Admin(store).add_schedule(
        "a", CreateTask(title="Milk"), cron="0 9 * * MON", timezone="Europe/Berlin", actor="me"
    )
    (found,) = await Admin(store).schedules()
    assert found == added
    assert (found.queue, found.job_name, found.arguments) == (TASKS, "create-task", {"title": "Milk"})
    assert found.next_at_ms is not None
    assert in_zone(found.next_at_ms, "Europe/Berlin").strftime("%a %H:%M") == "Mon 09:00"


async def test_an_interval_runs_first_after_one_interval(store: Store) -> None:
    now_ms, _ = await store.schedules(TASKS)
    added = await _add(store, every_ms=HOUR_MS)
    later_ms, _ = await store.schedules(TASKS)
    assert added.next_at_ms is not None
    assert now_ms + HOUR_MS <= added.next_at_ms <= later_ms + HOUR_MS


async def test_an_id_is_taken_once_whatever_the_queue(store: Store) -> None:
    await _add(store)
    with pytest.raises(BadInputError, match="already"):
        await Admin(store).add_schedule("a", SyncCalendar(), every_ms=1000, actor="me")


async def test_of_many_who_add_the_same_id_one_succeeds(stores: list[Store]) -> None:
    tries = await asyncio.gather(*(_add(store) for store in stores), return_exceptions=True)
    assert len([one for one in tries if isinstance(one, Schedule)]) == 1
    assert len([one for one in tries if isinstance(one, BadInputError)]) == len(stores) - 1


@pytest.mark.parametrize("schedule_id", ["", "a b", "ä", "a:b", "x" * 101, "-x"])
async def test_an_id_that_would_be_trouble_is_refused(store: Store, schedule_id: str) -> None:
    with pytest.raises(BadInputError, match="morning-mail"):
        await _add(store, schedule_id)


async def test_an_impossible_schedule_is_not_added(store: Store) -> None:
    for timing in ({"cron": "bad"}, {"cron": "* * * * *", "timezone": "Nowhere"}, {"every_ms": 1}):
        with pytest.raises(BadInputError):
            await _add(store, **timing)
    assert await Admin(store).schedules() == ()


async def test_a_schedule_that_is_off_does_not_fire_and_has_no_next_time(store: Store) -> None:
    await _add(store)
    await _put_back(store, 1)
    off = await Admin(store).set_schedule_enabled("a", False, actor="me")
    await Scheduler(store, [TASKS]).fire_due()
    assert (off.enabled, off.next_at_ms) == (False, None)
    assert await _waiting(store) == []


async def test_switching_on_again_makes_up_for_nothing(store: Store) -> None:
    await _add(store, cron="* * * * *", timezone="UTC")
    await Admin(store).set_schedule_enabled("a", False, actor="me")
    await _put_back(store, HOUR_MS)
    now_ms, _ = await store.schedules(TASKS)
    on = await Admin(store).set_schedule_enabled("a", True, actor="me")
    assert on.next_at_ms is not None
    assert on.next_at_ms > now_ms


async def test_switching_on_what_is_on_moves_nothing(store: Store) -> None:
    added = await _add(store)
    assert await Admin(store).set_schedule_enabled("a", True, actor="me") == added


async def test_running_now_adds_a_job_and_moves_no_slot(store: Store) -> None:
    added = await _add(store)
    job_ids = [await Admin(store).run_schedule_now("a", actor="me") for _ in range(2)]
    schedule = await Admin(store).schedule("a")
    assert await _waiting(store) == job_ids
    assert (schedule.next_at_ms, schedule.last_job) == (added.next_at_ms, job_ids[1])
    assert schedule.last_at_ms is not None


async def test_a_schedule_that_is_off_can_be_run_now(store: Store) -> None:
    await _add(store)
    await Admin(store).set_schedule_enabled("a", False, actor="me")
    job_id = await Admin(store).run_schedule_now("a", actor="me")
    assert await _waiting(store) == [job_id]
    assert not (await Admin(store).schedule("a")).enabled


async def test_an_update_changes_what_is_given_and_counts_a_new_time_from_now(store: Store) -> None:
    added = await _add(store)
    changed = await Admin(store).update_schedule("a", cron="0 9 * * *", timezone="Europe/Berlin", actor="me")
    assert changed == await Admin(store).schedule("a")
    assert (changed.arguments, changed.every_ms, changed.cron) == (added.arguments, None, "0 9 * * *")
    assert changed.next_at_ms is not None
    assert in_zone(changed.next_at_ms, "Europe/Berlin").hour == 9


async def test_new_arguments_leave_the_time_as_it_is(store: Store) -> None:
    added = await _add(store)
    changed = await Admin(store).update_schedule("a", payload=CreateTask(title="other"), actor="me")
    assert changed == replace(added, arguments={"title": "other"})


async def test_an_update_of_one_that_is_off_leaves_it_off_and_still_refuses_nonsense(store: Store) -> None:
    await _add(store)
    await Admin(store).set_schedule_enabled("a", False, actor="me")
    with pytest.raises(BadInputError):
        await Admin(store).update_schedule("a", cron="bad", actor="me")
    changed = await Admin(store).update_schedule("a", every_ms=5000, actor="me")
    assert (changed.enabled, changed.next_at_ms, changed.every_ms) == (False, None, 5000)


async def test_a_schedule_cannot_move_to_another_queue(store: Store) -> None:
    await _add(store)
    with pytest.raises(BadInputError, match="calendar-sync"):
        await Admin(store).update_schedule("a", payload=SyncCalendar(), actor="me")


async def test_changes_made_while_it_fires_are_both_kept(stores: list[Store]) -> None:
    await _add(stores[0])
    missed = await _put_back(stores[0], 1)
    await asyncio.gather(
        *(Scheduler(store, [TASKS]).fire_due() for store in stores[:4]),
        *(Admin(store).update_schedule("a", payload=CreateTask(title="new"), actor="me") for store in stores[4:]),
    )
    await Scheduler(stores[0], [TASKS]).fire_due()
    schedule = await Admin(stores[0]).schedule("a")
    assert (schedule.arguments, schedule.last_job) == ({"title": "new"}, f"a:{missed.next_at_ms}")


async def test_every_action_on_a_schedule_is_audited(store: Store) -> None:
    admin = Admin(store)
    await admin.add_schedule("a", SyncTasks(), every_ms=HOUR_MS, actor="anna", reason="r1")
    await admin.update_schedule("a", every_ms=2 * HOUR_MS, actor="ben", reason="r2")
    await admin.set_schedule_enabled("a", False, actor="carl", reason="r3")
    await admin.set_schedule_enabled("a", True, actor="dora", reason="r4")
    job_id = await admin.run_schedule_now("a", actor="emil", reason="r5")
    await admin.remove_schedule("a", actor="fred", reason="r6")
    rows = list(reversed(await admin.audit(TASKS)))
    assert [(row.actor, row.action, row.reason) for row in rows] == [
        ("anna", "add-schedule", "r1"),
        ("ben", "update-schedule", "r2"),
        ("carl", "disable-schedule", "r3"),
        ("dora", "enable-schedule", "r4"),
        ("emil", "run-schedule", "r5"),
        ("fred", "remove-schedule", "r6"),
    ]
    assert all(row.arguments["id"] == "a" for row in rows)
    assert (rows[4].arguments["job"], rows[4].touched) == (job_id, 1)


async def test_an_unknown_schedule_is_told_with_those_that_there_are(store: Store) -> None:
    await _add(store)
    admin = Admin(store)
    for call in (
        admin.schedule("b"),
        admin.remove_schedule("b", actor="me"),
        admin.run_schedule_now("b", actor="me"),
        admin.set_schedule_enabled("b", True, actor="me"),
        admin.update_schedule("b", actor="me"),
    ):
        with pytest.raises(NotFoundError, match="There are: a"):
            await call


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("nonsense", {}, "create-task"),
        ("create-task", {}, "title: Field required"),
        ("create-task", {"title": "a", "colour": 1}, "colour"),
    ],
)
def test_a_payload_that_no_job_takes_is_refused(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        job_payload(name, arguments)


# --- the command line ---


@pytest.fixture
def said(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command line on the emptied server; gives its exit code, its output and its errors."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    loggers = [logging.getLogger("hark"), logging.getLogger("taskiq")]
    before = [logger.level for logger in loggers]

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    yield run
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


Said = Callable[..., tuple[int, str, str]]
_MILK = ("--job", "create-task", "--args", '{"title": "Milk"}')


def test_the_command_line_adds_and_lists_in_the_schedules_own_zone(said: Said) -> None:
    code, out, _ = said("schedules", "add", "a", *_MILK, "--cron", "0 9 * * *", "--timezone", "Asia/Kathmandu")
    _, listed, _ = said("schedules")
    _, as_json, _ = said("schedules", "--json")
    (found,) = json.loads(as_json)
    assert code == 0
    assert "09:00:00+05:45" in out
    assert listed.splitlines()[1].split()[:4] == ["a", "create-task", "on", "0"]
    assert "09:00:00+05:45" in listed
    assert (found["id"], found["arguments"], found["timezone"]) == ("a", {"title": "Milk"}, "Asia/Kathmandu")


def test_the_command_line_switches_runs_and_removes(said: Said) -> None:
    said("schedules", "add", "a", *_MILK, "--every", "1h30m")
    said("schedules", "off", "a")
    _, off, _ = said("schedules")
    _, ran, _ = said("schedules", "run", "a")
    _, waiting, _ = said("jobs", TASKS, "--json")
    said("schedules", "on", "a")
    _, on, _ = said("schedules")
    removed, *_ = said("schedules", "remove", "a")
    _, none, _ = said("schedules", "--json")
    assert off.splitlines()[1].split()[:5] == ["a", "create-task", "off", "every", "1h30m"]
    assert on.splitlines()[1].split()[2] == "on"
    assert [job["id"] for job in json.loads(waiting)] == [ran.split()[-1].rstrip(".")]
    assert (removed, json.loads(none)) == (0, [])


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--every", "1h", "--cron", "* * * * *"), 2, "either"),
        ((), 2, "either"),
        (("--every", "soon"), 1, "10m"),
        (("--cron", "* * *"), 1, "*/30 * * * *"),
        (("--cron", "* * * * *", "--timezone", "Europe/Berln"), 1, "Europe/Berlin"),
        (("--every", "1h", "--args", "{"), 1, "not JSON"),
        (("--every", "1h", "--args", "[]"), 1, "not a JSON object"),
        (("--every", "1h", "--job", "nonsense"), 1, "sync-inbox"),
    ],
)
def test_the_command_line_refuses_nonsense_with_what_to_do(
    said: Said, words: tuple[str, ...], code: int, told: str
) -> None:
    ended, out, errors = said("schedules", "add", "a", *_MILK, *words)
    assert (ended, out) == (code, "")
    assert told in errors


def test_the_command_line_lists_a_schedule_of_a_zone_that_it_does_not_know(said: Said, fresh_redis: str) -> None:
    record = {"job_name": "x", "arguments": {}, "cron": "* * * * *", "timezone": "Mars/North", "next_at_ms": 5}
    with redis.Redis.from_url(fresh_redis) as client:
        client.hset(keys.schedules(TASKS), "a", json.dumps(record))
    code, out, _ = said("schedules")
    assert code == 0
    assert "Mars/North" in out


# --- in a worker ---


@pytest.fixture
def worker(fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A worker's process on the emptied server."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    process = subprocess.Popen([sys.executable, "-m", "engine", "worker"], stdin=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


async def _until(store: Store, found: Callable[[tuple[Job, ...]], bool]) -> tuple[Job, ...]:
    """The completed jobs, once they are as wanted."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(TASKS)
            jobs = await store.jobs(TASKS, JobState.COMPLETED, 0, 100)
            if found(jobs):
                return jobs
            await store.events({TASKS: position}, 1000)


async def test_a_worker_runs_an_interval_again_and_again_and_stops_cleanly(
    store: Store, worker: subprocess.Popen[bytes]
) -> None:
    await _add(store, every_ms=200)
    jobs = await _until(store, lambda jobs: len(jobs) >= 3)
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, LIMIT_S) == 0
    slots = sorted(int(job.id.removeprefix("a:")) for job in jobs)
    assert all((later - earlier) % 200 == 0 for earlier, later in pairwise(slots))
    assert {job.arguments["title"] for job in jobs} == {"a"}
    assert "task-sync" in {one.id for one in await Admin(store).schedules()}


async def test_what_was_missed_while_no_worker_ran_is_done_once_when_one_starts(
    store: Store, worker: subprocess.Popen[bytes]
) -> None:
    await _add(store, cron="0 0 1 1 *")
    missed = await _put_back(store, 400 * 24 * HOUR_MS)
    (job,) = await _until(store, lambda jobs: len(jobs) >= 1)
    assert job.id == f"a:{missed.next_at_ms}"


async def test_the_regular_looks_say_that_no_account_is_set_up(store: Store, settings: Settings) -> None:
    client = Client(store, settings)
    async with running(settings):
        handles = [await client.sync_inbox(), await client.sync_calendar(), await client.sync_tasks()]
        results = await asyncio.gather(*(handle.result(LIMIT_S) for handle in handles))
    assert [handle.queue for handle in handles] == ["email-processing", "calendar-sync", TASKS]
    assert [result["skipped"] for result in results] == [
        "No mail account is set up.",
        "No calendar account is set up.",
        "No task service is set up. Tasks are kept on this machine.",
    ]
