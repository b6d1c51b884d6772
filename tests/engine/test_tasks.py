"""The task list: the local file under several programs, its copy in Airtable, and what is said about it."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.client import Client
from engine.due import day_of, due_text, parse_due
from engine.errors import BadInputError, HarkError, NotFoundError, PermanentError, RetryableError, SettingsError
from engine.handlers import HANDLERS
from engine.handlers.tools.task_titles import meant
from engine.job_types import ProcessVoiceCommand, SyncTasks, UpdateTask
from engine.providers.airtable import airtable_place, try_airtable
from engine.providers.tasks_local import LocalTasks, Task
from engine.queues import TASK_PROCESSING
from engine.settings import Settings, load_settings
from engine.store import Store
from tests.airtable_double import BASE, TOKEN, AirtableDouble, Fault, airtable
from tests.engine.hands import Hands, hands, running
from tests.engine.worker_process import worker_process
from tests.redis_topologies import free_port, make_certificates

LIMIT_S = 30
FIVE = datetime(2026, 11, 30, 17, 0, tzinfo=timezone(timedelta(hours=1)))


# ---- the list on this machine


@pytest.mark.expect_errors
async def test_a_task_is_made_changed_finished_and_deleted_by_jobs(client: Client, settings: Settings) -> None:
    async with running(settings):
        made = await client.create_task("local", "Buy milk", notes="two litres", due=FIVE)
        assert await made.result(LIMIT_S) == {"id": made.id, "title": "Buy milk", "due": "2026-11-30T16:00:00Z"}
        (task,) = await client.tasks()
        assert (task.key, task.title, task.notes, task.due) == (made.id, "Buy milk", "two litres", FIVE)
        changed = await client.update_task("local", made.id, title="Buy oat milk", due=date(2026, 12, 1), done=True)
        told = {"id": made.id, "title": "Buy oat milk", "due": "2026-12-01", "done": True}
        assert await changed.result(LIMIT_S) == told
        (task,) = await client.tasks()
        assert (task.notes, task.due, task.is_done) == ("two litres", date(2026, 12, 1), True)
        await (await client.update_task("local", made.id, due="", done=False)).result(LIMIT_S)
        (task,) = await client.tasks()
        assert (task.due, task.is_done) == (None, False)
        deleted = await client.delete_task("local", made.id)
        assert await deleted.result(LIMIT_S) == {"id": made.id, "title": "Buy oat milk"}
        assert await client.tasks() == []
        with pytest.raises(HarkError, match="There is no task"):
            await (await client.update_task("local", made.id, done=True)).result(LIMIT_S)


async def test_a_job_that_runs_twice_changes_once(store: Store, settings: Settings) -> None:
    tasks = LocalTasks(settings.data_dir)
    tasks.add("milk", "local", "Buy milk")
    async with hands(settings, store) as worker:
        rename = UpdateTask(task_id="milk", title="Buy bread")
        context = await worker.claim(rename, "first")
        await HANDLERS[UpdateTask](rename, context)
        await worker.run(UpdateTask(task_id="milk", title="Buy eggs"), "second")
        assert (await HANDLERS[UpdateTask](rename, context))["title"] == "Buy eggs", "the second run undid a later job"
    assert [task.title for task in tasks.open_tasks("local")] == ["Buy eggs"]
    assert tasks.add("milk", "local", "Something else").title == "Buy eggs"
    tasks.delete("third", "local", "milk")
    assert tasks.delete("third", "local", "milk").title == "Buy eggs"
    assert tasks.open_tasks("local") == []


@pytest.mark.parametrize("loose", [False, True])
def test_nobody_else_can_read_the_list_in_whichever_folder(tmp_path: Path, loose: bool) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "tasks.sqlite"
    if loose:
        file.touch(0o644)
    tasks = LocalTasks(tmp_path)
    with tasks._open():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("tasks.sqlite", "tasks.sqlite-wal", "tasks.sqlite-shm"), 0o600)
    assert tasks.all_tasks("local") == []


def test_a_list_is_its_users_alone(tmp_path: Path) -> None:
    tasks = LocalTasks(tmp_path)
    tasks.add("milk", "ada", "Buy milk")
    assert tasks.all_tasks("bob") == []
    with pytest.raises(NotFoundError):
        tasks.delete("job", "bob", "milk")
    assert [task.title for task in tasks.all_tasks("ada")] == ["Buy milk"]


_MANY = """
import sys
import traceback
from pathlib import Path
from engine.providers.tasks_local import LocalTasks, Task
from engine.queues import TASK_PROCESSING
tasks = LocalTasks(Path(sys.argv[1]))
for number in range(12):
    tasks.add(f"task-{number}", "local", f"Title {number}")
    tasks.change(f"job-{number}", "local", f"task-{number}", {"notes": f"by {sys.argv[2]}", "done": number % 2 == 0})
"""


def test_several_programs_write_the_same_list_and_each_job_counts_once(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _MANY, str(tmp_path), str(number)]) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    tasks = LocalTasks(tmp_path)
    assert len(tasks.all_tasks("local")) == 12
    assert len(tasks.open_tasks("local")) == 6
    here, _ = tasks.to_merge("local", "nowhere")
    assert {task.rev for task in here} == {2}, "a task was changed by more than one run of its job"


def test_the_list_of_an_earlier_hark_is_kept(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tasks.sqlite") as old:
        old.execute(
            "CREATE TABLE tasks (key TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL, "
            "created_at_ms INTEGER NOT NULL, done_at_ms INTEGER)"
        )
        old.execute(
            "INSERT INTO tasks VALUES ('a', 'local', 'Buy milk', 1000, NULL), ('b', 'local', 'Run', 1000, 2000)"
        )
    old.close()
    first, second = LocalTasks(tmp_path).all_tasks("local")
    assert (first.title, first.due, first.changed_at_ms, first.is_done) == ("Buy milk", None, 1000, False)
    assert (second.title, second.changed_at_ms, second.done_at_ms) == ("Run", 2000, 2000)


def test_the_list_of_a_newer_hark_is_left_alone(tmp_path: Path) -> None:
    LocalTasks(tmp_path).add("a", "local", "Buy milk")
    with sqlite3.connect(tmp_path / "tasks.sqlite") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(PermanentError, match="newer Hark"):
        LocalTasks(tmp_path).open_tasks("local")


def test_a_spoilt_list_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "tasks.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    with pytest.raises(PermanentError, match="not a database") as caught:
        LocalTasks(tmp_path).open_tasks("local")
    assert "Move the file away" in caught.value.remedy


def test_dues_are_days_or_moments_in_one_form() -> None:
    assert due_text(FIVE) == due_text(parse_due("2026-11-30T16:00:00Z")) == "2026-11-30T16:00:00Z"
    assert parse_due("2026-11-30") == date(2026, 11, 30)
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert day_of(late, timezone(timedelta(hours=1))) == date(2026, 12, 1)
    assert day_of(date(2026, 11, 30), timezone(timedelta(hours=14))) == date(2026, 11, 30)
    for wrong in ("tomorrow", "2026-11-31", "2026-11-30T17:00:00"):
        with pytest.raises(BadInputError):
            parse_due(wrong)


# ---- what is said about it


class Desk:
    """Says commands to an offline assistant, and answers them as the same conversation."""

    def __init__(self, worker: Hands, tasks: LocalTasks) -> None:
        self._worker = worker
        self._number = 0
        self.tasks = tasks

    async def say(self, text: str) -> str:
        """What is answered."""
        self._number += 1
        told = await self._worker.run(ProcessVoiceCommand(text=text, speak=False), f"say-{self._number}")
        return str(told["reply"])

    def titles(self) -> list[str]:
        """What is open."""
        return [task.title for task in self.tasks.open_tasks("local")]


@pytest.fixture
async def desk(settings: Settings, store: Store) -> AsyncIterator[Desk]:
    """A worker takes the jobs of the tasks queue; commands are run by hand."""
    async with running(settings, [TASK_PROCESSING]), hands(settings, store) as by_hand:
        yield Desk(by_hand, LocalTasks(settings.data_dir))


async def test_a_task_is_said_with_its_due_finished_and_deleted_after_a_yes(desk: Desk) -> None:
    assert (
        await desk.say("add buy milk tomorrow at 5 to my list") == "“buy milk” is on your list, due tomorrow at 5 PM."
    )
    (task,) = desk.tasks.open_tasks("local")
    tomorrow = datetime.now().astimezone().date() + timedelta(days=1)
    assert isinstance(task.due, datetime)
    assert (task.due.astimezone().date(), task.due.astimezone().hour) == (tomorrow, 17)
    await desk.say("add call Anna to my list")
    assert await desk.say("what is due tomorrow") == "You have 1 task due tomorrow: buy milk, tomorrow at 5 PM."
    assert await desk.say("what is due today") == "Nothing is due today."
    assert await desk.say("mark by milk as done") == "“buy milk” is done."
    assert desk.titles() == ["call Anna"]
    assert await desk.say("delete the task call Anna") == "Shall I delete “call Anna” from your list?"
    assert desk.titles() == ["call Anna"]
    assert await desk.say("yes") == "“call Anna” is off your list."
    assert desk.titles() == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"], ids=["ahead", "behind"])
async def test_days_are_those_of_the_users_time_zone(settings: Settings, store: Store, zone: str) -> None:
    # They are never on the same day: one of them is on another than this machine.
    assert settings.redis_url is not None
    there = load_settings(redis_url=settings.redis_url.get_secret_value(), calendar_timezone=zone)
    tomorrow = datetime.now(ZoneInfo(zone)).date() + timedelta(days=1)
    async with hands(there, store) as by_hand:
        desk = Desk(by_hand, LocalTasks(there.data_dir))
        desk.tasks.add("a", "local", "Pay rent", due=tomorrow)
        assert await desk.say("what is due tomorrow") == "You have 1 task due tomorrow: Pay rent, tomorrow."


async def test_a_task_that_is_not_there_is_not_asked_about(desk: Desk) -> None:
    assert await desk.say("delete the task fly to Mars") == "There is no task like “fly to Mars” on your list."
    assert await desk.say("mark fly to Mars as done") == "There is no task like “fly to Mars” on your list."


async def test_of_two_tasks_that_are_meant_none_is_touched(desk: Desk) -> None:
    desk.tasks.add("a", "local", "Call Anna about the trip")
    desk.tasks.add("b", "local", "Call Anna about the car")
    assert await desk.say("mark call Anna as done") == (
        "Which one: “Call Anna about the trip” or “Call Anna about the car”?"
    )
    assert len(desk.titles()) == 2
    assert await desk.say("mark the car as done") == "“Call Anna about the car” is done."


async def test_of_two_tasks_that_read_the_same_one_is_finished(desk: Desk) -> None:
    desk.tasks.add("a", "local", "Buy milk")
    desk.tasks.add("b", "local", "buy milk")
    assert await desk.say("mark buy milk as done") == "“Buy milk” is done."
    assert desk.titles() == ["buy milk"]


async def test_nothing_due_on_a_day_is_told_with_the_days_capital(desk: Desk) -> None:
    assert await desk.say("what is due friday") == "Nothing is due Friday."


async def test_what_is_due_is_told_soonest_first_with_what_is_late(desk: Desk) -> None:
    today = datetime.now().astimezone().date()
    desk.tasks.add("a", "local", "Some day")
    desk.tasks.add("b", "local", "Pay rent", due=today)
    desk.tasks.add("c", "local", "Write report", due=today - timedelta(days=1))
    assert await desk.say("what are my tasks") == (
        "You have 3 tasks: Write report, yesterday; Pay rent, today; Some day."
    )
    assert await desk.say("what is due today") == (
        "You have 1 task due today: Pay rent, today. Overdue: Write report, yesterday."
    )
    assert await desk.say("what is overdue") == "You have 1 task overdue: Write report, yesterday."


def titled(*titles: str) -> list[Task]:
    return [Task(title, title, "", None, None, 0, 0) for title in titles]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("buy milk", ["Buy milk"]),
        ("the milk", ["Buy milk", "Buy milk chocolate"]),
        ("Buy bilk", ["Buy milk", "Buy milk chocolate"]),
        ("cull mum", ["Call mum"]),
        ("the report", ["Write the weekly report"]),
        ("call Bob", []),
        ("!", []),
    ],
)
def test_a_task_is_found_by_more_or_less_its_title(said: str, wanted: list[str]) -> None:
    tasks = titled("Buy milk", "Buy milk chocolate", "Call mum", "Write the weekly report")
    assert [task.title for task in meant(said, tasks)] == wanted


# ---- the copy in Airtable


@pytest.fixture
def double() -> Iterator[AirtableDouble]:
    with airtable(AirtableDouble()) as made:
        yield made


def with_airtable(settings: Settings, double: AirtableDouble, **more: Any) -> Settings:
    """These settings with a table at the double."""
    table = {"airtable_url": double.url, "airtable_token": TOKEN, "airtable_base_id": BASE, "airtable_timeout_s": 5}
    assert settings.redis_url is not None
    return load_settings(redis_url=settings.redis_url.get_secret_value(), **table | more)


class Both:
    """A list here, its table there, and syncs of the two."""

    def __init__(self, worker: Hands, tasks: LocalTasks, double: AirtableDouble) -> None:
        self._worker = worker
        self._number = 0
        self.tasks = tasks
        self.double = double

    async def sync(self) -> Any:
        """What a sync tells."""
        self._number += 1
        return await self._worker.run(SyncTasks(), f"sync-{self._number}")

    async def log(self, store: Store) -> list[str]:
        """The lines of the last sync's log."""
        return [line.text for line in await store.log(SyncTasks.queue, f"sync-{self._number}")]

    def change(self, key: str, **changes: Any) -> None:
        """A change here."""
        self._number += 1
        self.tasks.change(f"change-{self._number}", "local", key, changes)

    def here(self) -> dict[str, tuple[str, str, bool]]:
        """Title, notes and whether done of each task here, by key."""
        return {task.key: (task.title, task.notes, task.is_done) for task in self.tasks.all_tasks("local")}

    def there(self) -> dict[str, tuple[str, str, bool]]:
        """The same there, by what stands in the Key field."""
        return {
            cells.get("Key", ""): (cells.get("Name", ""), cells.get("Notes", ""), cells.get("Done", False))
            for cells in self.double.cells()
        }


@pytest.fixture
async def both(settings: Settings, store: Store, double: AirtableDouble) -> AsyncIterator[Both]:
    settings = with_airtable(settings, double)
    async with hands(settings, store) as worker:
        yield Both(worker, LocalTasks(settings.data_dir), double)


async def test_without_airtable_a_sync_has_nothing_to_do(store: Store, settings: Settings) -> None:
    async with hands(settings, store) as worker:
        told = await worker.run(SyncTasks())
    assert told == {"skipped": "No task service is set up. Tasks are kept on this machine."}


async def test_tasks_go_both_ways_and_a_second_sync_changes_nothing(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk", "two litres", FIVE)
    row = both.double.add(Name="Call Anna", Due="2026-12-24")
    both.double.add()  # the empty rows that a new table has
    first = await both.sync()
    assert first == {"added": 1, "changed": 0, "deleted": 0, "written": 2, "removed": 0, "conflicts": []}
    assert both.here() == {"milk": ("Buy milk", "two litres", False), f"airtable-{row}": ("Call Anna", "", False)}
    assert both.there() == {"": ("", "", False), **both.here()}
    assert [cells.get("Due") for cells in both.double.cells() if cells] == [
        "2026-12-24T00:00:00.000Z",
        "2026-11-30T16:00:00.000Z",
    ]
    assert {task.title: task.due for task in both.tasks.all_tasks("local")} == {
        "Buy milk": FIVE,
        "Call Anna": date(2026, 12, 24),
    }
    both.double.calls.clear()
    again = await both.sync()
    assert not any(again.values())
    assert [call.method for call in both.double.calls] == ["GET"]


async def test_changes_of_different_fields_are_merged(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    await both.sync()
    (row,) = both.double.records
    both.change("milk", title="Buy oat milk", due="2026-12-01")
    both.double.edit(row, Notes="from the market", Done=True)
    told = await both.sync()
    assert (told["changed"], told["written"], told["conflicts"]) == (1, 1, [])
    assert both.here() == both.there() == {"milk": ("Buy oat milk", "from the market", True)}
    both.double.edit(row, Done=False, Notes=None)
    await both.sync()
    assert both.here() == both.there() == {"milk": ("Buy oat milk", "", False)}


async def test_a_field_changed_on_both_sides_is_a_conflict_that_is_told(both: Both, store: Store) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    await both.sync()
    (row,) = both.double.records
    both.change("milk", title="Buy oat milk")
    both.double.edit(row, Name="Buy soy milk")
    told = await both.sync()
    (conflict,) = told["conflicts"]
    assert conflict == (
        "“Buy oat milk”: title was changed on both sides. Kept: “Buy oat milk”. "
        "Overwritten in the copy: “Buy soy milk”."
    )
    assert await both.log(store) == [conflict]
    assert both.here() == both.there() == {"milk": ("Buy oat milk", "", False)}
    assert (await both.sync())["conflicts"] == []


async def test_what_is_deleted_on_one_side_goes_on_the_other(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    both.tasks.add("bread", "local", "Buy bread")
    await both.sync()
    both.tasks.delete("job", "local", "milk")
    (bread,) = [row for row, record in both.double.records.items() if record.fields["Key"] == "bread"]
    del both.double.records[bread]
    told = await both.sync()
    assert (told["deleted"], told["removed"], told["conflicts"]) == (1, 1, [])
    assert both.here() == both.there() == {}
    assert (await both.sync())["deleted"] == 0


async def test_a_change_on_one_side_wins_over_a_deletion_on_the_other(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    both.tasks.add("bread", "local", "Buy bread")
    await both.sync()
    rows = {record.fields["Key"]: row for row, record in both.double.records.items()}
    both.tasks.delete("job", "local", "milk")
    both.double.edit(rows["milk"], Notes="urgent")
    both.change("bread", notes="rye")
    del both.double.records[rows["bread"]]
    told = await both.sync()
    assert len(told["conflicts"]) == 2
    assert both.here() == both.there() == {"milk": ("Buy milk", "urgent", False), "bread": ("Buy bread", "rye", False)}


async def test_a_copied_row_becomes_a_task_of_its_own(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    await both.sync()
    copy = both.double.add(Key="milk", Name="Buy milk again")
    await both.sync()
    assert both.here() == {"milk": ("Buy milk", "", False), f"airtable-{copy}": ("Buy milk again", "", False)}
    assert both.there() == both.here()


async def test_a_row_that_a_person_empties_keeps_its_task(both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    await both.sync()
    (row,) = both.double.records
    both.double.edit(row, Name=None, Key=None)
    await both.sync()
    assert both.here() == both.there() == {"milk": ("Buy milk", "", False)}


async def test_a_field_that_keeps_less_than_was_sent_is_no_change(settings: Settings, store: Store) -> None:
    days = AirtableDouble(kinds={"Key": "text", "Name": "text", "Notes": "text", "Due": "day", "Done": "checkbox"})
    with airtable(days):
        async with hands(with_airtable(settings, days), store) as worker:
            both = Both(worker, LocalTasks(settings.data_dir), days)
            both.tasks.add("milk", "local", "Buy milk", due=FIVE)
            await both.sync()
            assert days.cells()[0]["Due"] == "2026-11-30"
            assert (await both.sync())["changed"] == 0
            assert both.tasks.all_tasks("local")[0].due == FIVE
            days.edit(next(iter(days.records)), Due="2026-12-02")
            await both.sync()
            assert both.tasks.all_tasks("local")[0].due == date(2026, 12, 2)


async def test_another_table_is_a_new_copy_and_deletes_nothing(settings: Settings, store: Store, both: Both) -> None:
    both.tasks.add("milk", "local", "Buy milk")
    await both.sync()
    with airtable(AirtableDouble()) as other:
        async with hands(with_airtable(settings, other), store) as worker:
            moved = Both(worker, both.tasks, other)
            moved._number = 50
            assert (await moved.sync())["written"] == 1
            assert moved.here() == moved.there() == {"milk": ("Buy milk", "", False)}


async def test_a_long_table_is_read_page_by_page(settings: Settings, store: Store) -> None:
    paged = AirtableDouble(page=2)
    with airtable(paged):
        async with hands(with_airtable(settings, paged), store) as worker:
            for number in range(5):
                paged.add(Name=f"Task {number}", Key=f"key-{number}")
            assert (await worker.run(SyncTasks()))["added"] == 5
    assert [call.method for call in paged.calls] == ["GET", "GET", "GET"]


async def test_two_workers_together_obey_the_limits(settings: Settings, store: Store, double: AirtableDouble) -> None:
    settings = with_airtable(settings, double)
    tasks = LocalTasks(settings.data_dir)
    for number in range(23):
        tasks.add(f"task-{number}", "local", f"Title {number}")
    async with hands(settings, store) as one, hands(settings, store) as other:
        first, second = await one.claim(SyncTasks(), "one"), await other.claim(SyncTasks(), "other")
        await asyncio.gather(*(HANDLERS[SyncTasks](SyncTasks(), context) for context in (first, second)))
    assert (double.turned_away, len(double.records)) == (0, 23)
    assert max(call.records for call in double.calls) == 10
    assert [call.method for call in double.calls] == ["GET", "PATCH", "PATCH", "PATCH", "GET"]


async def test_after_a_429_nobody_calls_until_the_time_is_over(settings: Settings, store: Store) -> None:
    strict = AirtableDouble(locked_s=0.5)
    with airtable(strict):
        strict.faults.append(Fault("status", status=429, code="RATE_LIMIT_REACHED", headers={"retry-after": "45"}))
        async with hands(with_airtable(settings, strict), store) as worker:
            with pytest.raises(RetryableError, match="asked too often") as caught:
                await worker.run(SyncTasks(), "first")
            assert caught.value.retry_after_ms == 45_000
            with pytest.raises(RetryableError, match="left alone") as kept_away:
                await worker.run(SyncTasks(), "second")
            assert 30_000 < (kept_away.value.retry_after_ms or 0) <= 45_000
    assert len(strict.calls) == 1


@pytest.mark.parametrize("kind", ["cut", "reset", "slow"])
async def test_a_row_whose_answer_is_lost_is_not_made_twice(
    settings: Settings, store: Store, double: AirtableDouble, kind: Any
) -> None:
    settings = with_airtable(settings, double, airtable_timeout_s=1)
    LocalTasks(settings.data_dir).add("milk", "local", "Buy milk")
    double.faults.append(Fault(kind, method="PATCH"))
    async with hands(settings, store) as worker:
        context = await worker.claim(SyncTasks(), "a")
        with pytest.raises(RetryableError):
            await HANDLERS[SyncTasks](SyncTasks(), context)
        assert [cells["Key"] for cells in double.cells()] == ["milk"], "the double had not done what it was asked"
        told = await HANDLERS[SyncTasks](SyncTasks(), context)
    assert (told["written"], told["conflicts"]) == (0, [])
    assert [cells["Key"] for cells in double.cells()] == ["milk"]


async def test_a_worker_killed_after_airtable_has_written_makes_no_second_row(
    settings: Settings, store: Store, client: Client, double: AirtableDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = LocalTasks(settings.data_dir)
    tasks.add("milk", "local", "Buy milk")
    double.add(Name="Call Anna")
    double.faults.append(Fault("slow", method="PATCH"))
    assert settings.redis_url is not None
    for name, value in {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "HARK_LEASE_MS": "1000",
        "HARK_AIRTABLE_URL": double.url,
        "HARK_AIRTABLE_TOKEN": TOKEN,
        "HARK_AIRTABLE_BASE_ID": BASE,
    }.items():
        monkeypatch.setenv(name, value)
    with worker_process("-m", "engine", "worker"):
        handle = await client.sync_tasks()
        assert await asyncio.to_thread(double.applied.wait, LIMIT_S), "the worker has written nothing"
    async with running(load_settings()):
        told = await handle.result(LIMIT_S)
    assert told["conflicts"] == []
    assert sorted(cells["Name"] for cells in double.cells()) == ["Buy milk", "Call Anna"]
    assert sorted(task.title for task in tasks.all_tasks("local")) == ["Buy milk", "Call Anna"]


# ---- what can go wrong

REFUSALS: list[tuple[dict[str, Any], Fault | None, type[HarkError], str]] = [
    (
        {"airtable_token": "pat-wrong"},
        None,
        PermanentError,
        "refuses the token (401 AUTHENTICATION_REQUIRED). Make a new",
    ),
    ({"airtable_base_id": "appOther"}, None, PermanentError, "may not use the base appOther"),
    ({"airtable_table": "Chores"}, None, PermanentError, "no base appDouble00000001 with a table Chores"),
    (
        {"airtable_due_field": "When"},
        None,
        PermanentError,
        "has no field “When” (422 UNKNOWN_FIELD_NAME). Add the field",
    ),
    ({}, Fault("status", status=429, code="PUBLIC_API_BILLING_LIMIT_EXCEEDED"), PermanentError, "calls of this month"),
    ({}, Fault("status", status=429, code="RATE_LIMIT_REACHED"), RetryableError, "asked too often"),
    ({}, Fault("status", status=503, headers={"retry-after": "7"}), RetryableError, "cannot answer now"),
    ({}, Fault("status", status=422, code="INVALID_REQUEST_UNKNOWN"), PermanentError, "refuses the request (422"),
    ({}, Fault("html"), RetryableError, "something unreadable"),
    ({}, Fault("cut"), RetryableError, "broke off"),
    ({}, Fault("reset"), RetryableError, "broke off"),
    ({"airtable_timeout_s": 1}, Fault("slow"), RetryableError, "did not answer within 1 s"),
]


@pytest.mark.parametrize(("more", "fault", "kind", "words"), REFUSALS, ids=[row[3] for row in REFUSALS])
async def test_each_fault_is_told_apart_with_its_remedy(
    settings: Settings,
    double: AirtableDouble,
    more: dict[str, Any],
    fault: Fault | None,
    kind: type[HarkError],
    words: str,
) -> None:
    if fault is not None:
        double.faults.append(fault)
    with pytest.raises(kind) as caught:
        await try_airtable(with_airtable(settings, double, **more))
    assert words in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in told
    assert "pat-wrong" not in told
    waits = {"asked too often": 30_000, "cannot answer now": 7_000}
    if isinstance(caught.value, RetryableError):
        assert caught.value.retry_after_ms == waits.get(words)


async def test_a_field_of_the_wrong_kind_is_named(settings: Settings, store: Store) -> None:
    numbers = AirtableDouble(kinds={"Key": "text", "Name": "number", "Notes": "text", "Due": "day", "Done": "checkbox"})
    with airtable(numbers):
        async with hands(with_airtable(settings, numbers), store) as worker:
            LocalTasks(settings.data_dir).add("milk", "local", "Buy milk")
            with pytest.raises(PermanentError, match="does not take a value for field “Name”"):
                await worker.run(SyncTasks())


async def test_nobody_listening_is_told(settings: Settings, double: AirtableDouble) -> None:
    with pytest.raises(RetryableError, match="cannot be reached"):
        await try_airtable(with_airtable(settings, double, airtable_url=f"http://127.0.0.1:{free_port()}"))


async def test_a_server_that_cannot_prove_itself_gets_no_token(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    certificates = make_certificates(tmp_path / "certificates")
    impostor = AirtableDouble()
    with airtable(impostor, (str(certificates.server), str(certificates.server_key))):
        with pytest.raises(PermanentError, match="could not prove who it is"):
            await try_airtable(with_airtable(settings, impostor))
        assert impostor.calls == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        assert "takes the token" in await try_airtable(with_airtable(settings, impostor))


async def test_a_server_without_tls_is_told(settings: Settings, double: AirtableDouble) -> None:
    with pytest.raises(RetryableError, match="TLS connection"):
        await try_airtable(with_airtable(settings, double, airtable_url=double.url.replace("http:", "https:")))


async def test_the_trial_tells_what_it_saw(settings: Settings, double: AirtableDouble) -> None:
    told = await try_airtable(with_airtable(settings, double))
    assert told.endswith("takes the token; the table Tasks has the fields that Hark uses and is empty.")
    double.add(Name="Buy milk")
    assert "has rows" in await try_airtable(with_airtable(settings, double))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"airtable_token": None}, "Make one at https://airtable.com/create/tokens"),
        ({"airtable_base_id": None}, "Set HARK_AIRTABLE_BASE_ID"),
        ({"airtable_url": "http://airtable.example"}, "could be read on the way"),
        ({"airtable_url": "airtable"}, "is no address"),
        ({"airtable_due_field": "Name"}, "the same name"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    settings: Settings, double: AirtableDouble, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        airtable_place(with_airtable(settings, double, **more))
    assert words in str(caught.value)
