"""A connection marked as production: read-only for operators, whichever way they come, until somebody says why."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from engine import open_engine
from engine.admin import Admin
from engine.api import serving_api
from engine.cli import main as hark
from engine.client import Client
from engine.errors import BadInputError, WriteLockedError
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState, MemoryBounds, memory_name
from engine.queues import VOICE_PROCESSING
from engine.settings import load_settings
from engine.store import Store
from engine.write_lock import WriteLock
from tests.engine.worker_process import LIMIT_S, worker_process

TASKS = "task-processing"
REASON = "ticket 4711: stuck tasks"
HARMLESS = {"unlock", "unlocked", "lock", "note", "acknowledge_alert", "snooze_alert", "unsilence_alert"}
"""What is no change of a queue, job or schedule."""
ARGUMENTS: dict[str, Any] = {
    "queue": TASKS,
    "state": JobState.FAILED,
    "job_id": "none",
    "batch": "none",
    "concurrency": 3,
    "rate_per_s": 1,
    "schedule_id": "none",
    "payload": CreateTask(title="Milk"),
    "enabled": True,
}


class Clock:
    """Seconds that pass when the test says so."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The lock's clock."""
    return Clock()


@pytest.fixture
def production(store: Store, clock: Clock) -> Admin:
    """The operator's actions on a production connection."""
    return Admin(store, WriteLock(True, "orders", clock))


def _changing_actions() -> list[str]:
    public = [(name, one) for name, one in inspect.getmembers(Admin, inspect.isfunction) if not name.startswith("_")]
    return [name for name, one in public if "actor" in inspect.signature(one).parameters and name not in HARMLESS]


async def _do(admin: Admin, name: str) -> None:
    """Call an action with whatever arguments it must have."""
    method: Callable[..., Any] = getattr(admin, name)
    needed = [one for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    called = method(**{one.name: "ada" if one.name == "actor" else ARGUMENTS[one.name] for one in needed})
    if inspect.isasyncgen(called):
        async for _ in called:
            pass
    else:
        await called


def test_the_actions_that_change_anything_are_known() -> None:
    assert {"pause", "clean", "retry_gradually", "restore", "cancel", "remove_schedule"} < set(_changing_actions())


@pytest.mark.parametrize("name", _changing_actions())
async def test_every_change_is_refused_while_it_is_locked(production: Admin, name: str) -> None:
    with pytest.raises(WriteLockedError, match="marked as production: orders and is read-only"):
        await _do(production, name)


async def test_looking_is_allowed_while_it_is_locked(production: Admin) -> None:
    assert (await production.preview_clean(TASKS, JobState.FAILED)).count == 0
    assert await production.schedules() == ()
    assert await production.quarantined(TASKS) == ()


async def test_unlocked_it_changes_and_the_audit_trail_says_who_why_and_until_when(production: Admin) -> None:
    await production.unlock(10, actor="ada", reason=REASON)
    assert await production.pause(TASKS, actor="ada")
    paused, unlocked = await production.audit()
    assert (paused.action, paused.queue) == ("pause", TASKS)
    assert (unlocked.action, unlocked.queue, unlocked.actor, unlocked.reason) == ("unlock", "", "ada", REASON)
    assert unlocked.arguments["minutes"] == 10
    assert abs(unlocked.arguments["until_ms"] - unlocked.at_ms - 600_000) < 60_000


async def test_an_unlocking_ends_by_itself(production: Admin, clock: Clock) -> None:
    await production.unlock(10, actor="ada", reason=REASON)
    clock.now_s += 599
    assert await production.pause(TASKS, actor="ada")
    clock.now_s += 1
    with pytest.raises(WriteLockedError):
        await production.resume(TASKS, actor="ada")


async def test_a_gradual_retry_stops_when_the_unlocking_ends(
    production: Admin, clock: Clock, store: Store, client: Client
) -> None:
    for name in ("a", "b"):
        await client.add(CreateTask(title=name), JobOptions(job_id=name))
    for job in (await store.take(TASKS, 2, lease_ms=30_000, token="t", worker="w")).jobs:
        await store.fail(job, "The list is full.", permanent=True)
    await production.unlock(1, actor="ada", reason=REASON)
    steps = production.retry_gradually(TASKS, rate_per_s=1, actor="ada")
    assert (await anext(steps)).retried == 1
    clock.now_s += 60
    with pytest.raises(WriteLockedError):
        await anext(steps)


async def test_locking_again_needs_no_waiting(production: Admin) -> None:
    await production.unlock(10, actor="ada", reason=REASON)
    await production.lock(actor="ada")
    with pytest.raises(WriteLockedError):
        await production.pause(TASKS, actor="ada")
    assert [entry.action for entry in await production.audit()] == ["lock", "unlock"]


@pytest.mark.parametrize(("minutes", "reason"), [(10, ""), (10, "  "), (0, REASON), (481, REASON), (-1, REASON)])
async def test_an_unlocking_needs_a_reason_and_a_time_that_ends(production: Admin, minutes: float, reason: str) -> None:
    with pytest.raises(BadInputError):
        await production.unlock(minutes, actor="ada", reason=reason)
    assert production.write_lock.refusal
    assert await production.audit() == ()


async def test_one_call_that_is_unlocked_opens_no_other(production: Admin) -> None:
    mine = await production.unlocked(1, actor="ada", reason=REASON)
    assert await mine.pause(TASKS, actor="ada")
    with pytest.raises(WriteLockedError):
        await production.resume(TASKS, actor="bob")


async def test_another_connection_knows_no_lock(admin: Admin) -> None:
    await admin.unlock(10, actor="ada", reason=REASON)
    assert await admin.pause(TASKS, actor="ada")
    assert [entry.action for entry in await admin.audit()] == ["pause"]


async def test_a_setting_marks_the_connection_and_jobs_are_added_all_the_same(fresh_redis: str) -> None:
    async with open_engine(load_settings(redis_url=fresh_redis, production=True)) as engine:
        assert engine.admin.write_lock.title == "production"
        await engine.client.add(CreateTask(title="Milk"))
        with pytest.raises(WriteLockedError):
            await engine.admin.pause(TASKS, actor="ada")


# --- the ways to come ---


@pytest.fixture
def shell(fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell whose settings name a production connection."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setenv("HARK_PRODUCTION", "1")
    monkeypatch.setenv("HARK_PRODUCTION_NAME", "orders")


@pytest.mark.parametrize(
    "command", [["pause", TASKS], ["clean", TASKS, "--status", "failed"], ["schedules", "run", "task-sync"]]
)
def test_the_command_line_refuses_and_says_how_to_go_on(
    shell: None, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert hark(command) == 1
    assert capsys.readouterr().err == (
        "hark: This connection is marked as production: orders and is read-only. Say why with --unlock REASON.\n"
    )


def test_conversations_are_not_forgotten_on_production_without_a_reason(
    shell: None, fresh_redis: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def remember() -> None:
        store = Store(fresh_redis)
        await store.remember(
            VOICE_PROCESSING, memory_name("local", "c"), "t", "hi", "Hi!", MemoryBounds(9, 999, 99_999)
        )
        await store.close()

    asyncio.run(remember())
    for words in (["c"], ["--all"]):
        assert hark(["conversations", "erase", *words]) == 1
        assert "Say why with --unlock REASON." in capsys.readouterr().err
    assert hark(["conversations", "erase", "c", "--unlock", REASON]) == 0


def test_production_has_no_demo_traffic_and_no_reason_that_would_help(
    shell: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hark(["demo", "--seconds", "1"]) == 1
    err = capsys.readouterr().err
    assert err == "hark: This connection is marked as production: orders: no demo traffic here.\n"


def test_a_command_with_a_reason_is_done_and_the_next_one_is_refused(
    shell: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hark(["pause", TASKS, "--unlock", REASON]) == 0
    assert capsys.readouterr().out == f"{TASKS} is paused.\n"
    assert hark(["resume", TASKS]) == 1
    assert hark(["audit"]) == 0
    assert REASON in capsys.readouterr().out


@pytest.fixture
async def api(fresh_redis: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client, with the admin token, of an API on a production connection."""
    settings = load_settings(redis_url=fresh_redis, production=True, api_token="planted-token", api_port=0)
    told: list[str] = []
    async with serving_api(settings, told.append):
        address = next(word for word in told[0].split() if word.startswith("http://"))
        headers = {"authorization": "Bearer planted-token"}
        async with httpx2.AsyncClient(base_url=address.rstrip("."), trust_env=False, headers=headers) as client:
            yield client


@pytest.mark.parametrize("action", ["pause", "resume", "clean", "retry"])
async def test_the_api_answers_423_and_names_the_header(api: httpx2.AsyncClient, action: str) -> None:
    answer = await api.post(f"/api/queue/{action}/{TASKS}", json={"status": "failed"} if action == "clean" else {})
    assert answer.status_code == 423
    assert answer.json() == {
        "error": "This connection is marked as production and is read-only.",
        "remedy": "Say why in the header X-Hark-Reason.",
    }


async def test_a_call_with_a_reason_is_done_and_the_next_one_is_refused(api: httpx2.AsyncClient, admin: Admin) -> None:
    answer = await api.post(f"/api/queue/pause/{TASKS}", json={}, headers={"X-Hark-Reason": REASON})
    assert answer.json() == {"queue": TASKS, "paused": True, "changed": True}
    assert (await api.post(f"/api/queue/resume/{TASKS}", json={})).status_code == 423
    assert [(entry.action, entry.reason) for entry in await admin.audit()] == [("pause", REASON), ("unlock", REASON)]


async def test_openapi_tells_of_the_header(api: httpx2.AsyncClient) -> None:
    operation = (await api.get("/openapi.json")).json()["paths"]["/api/queue/pause/{queue}"]["post"]
    assert "X-Hark-Reason" in [one["name"] for one in operation["parameters"]]
    assert "423" in operation["responses"]


async def test_a_voice_is_told_no(shell: None, client: Client, admin: Admin) -> None:
    with worker_process("-m", "engine", "worker"):
        handle = await client.process_voice_command("local", "pause the tasks queue")
        result = await handle.result(LIMIT_S)
    assert result["reply"] == (
        "I cannot do that. This connection is marked as production: orders and is read-only. "
        "Unlock it in the window, and do it there."
    )
    assert [action["ok"] for action in result["actions"]] == [False]
    assert await admin.audit() == ()
