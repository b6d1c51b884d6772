"""What an operator does to queues, and what the console sees of them."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
import redis

from engine.admin import Admin
from engine.client import Client
from engine.errors import BadInputError, NotFoundError
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState
from engine.monitor import Monitor
from engine.queues import QUEUES
from engine.settings import load_settings
from engine.store import Claimed, FinishedJob, Store, keys
from engine.store.connect import without_password
from engine.store.presence import WORKER_SILENT_MS

TASKS = "task-processing"


async def _claim(store: Store) -> Claimed:
    (job,) = (await store.take(TASKS, 1, lease_ms=60_000, token=uuid4().hex, worker="w")).jobs
    return job


async def _add(client: Client, job_id: str, delay_ms: int = 0) -> None:
    await client.add(CreateTask(title=job_id), JobOptions(job_id, delay_ms=delay_ms))


async def _failed(client: Client, store: Store, job_id: str) -> None:
    await _add(client, job_id)
    await store.fail(await _claim(store), "broken", permanent=True)


# --- Admin ---


async def test_pausing_is_done_once_and_audited_once(admin: Admin, fresh_redis: str) -> None:
    assert await admin.pause(TASKS, actor="ada") is True
    assert await admin.pause(TASKS, actor="bob") is False
    assert await admin.resume(TASKS, actor="ada") is True
    assert await admin.resume(TASKS, actor="bob") is False
    with redis.Redis.from_url(fresh_redis, decode_responses=True) as raw:
        rows: Any = raw.xrange(keys.audit(TASKS))
    assert [(row["actor"], row["action"]) for _, row in rows] == [("ada", "pause"), ("ada", "resume")]


async def test_one_persons_actions_are_found_however_many_others_came_after(admin: Admin, fresh_redis: str) -> None:
    await admin.pause(TASKS, actor="Ada (window)")
    with redis.Redis.from_url(fresh_redis) as raw, raw.pipeline() as many:
        for _ in range(1_100):
            many.xadd(keys.audit(TASKS), {"actor": "bob", "action": "resume"})
        many.execute()
    assert [entry.action for entry in await admin.audit(TASKS, 5, by="ada")] == ["pause"]
    assert len(await admin.audit(None, 5, by="BOB")) == 5


@pytest.mark.parametrize("action", ["pause", "resume", "retry"])
async def test_an_unknown_queue_is_refused_and_the_known_ones_named(admin: Admin, action: str) -> None:
    with pytest.raises(NotFoundError, match=r"no queue named 'nope'.*voice-processing.*notification"):
        await getattr(admin, action)("nope", actor="ada")


async def test_retry_says_how_many(admin: Admin, client: Client, store: Store) -> None:
    for job_id in ("a", "b"):
        await _failed(client, store, job_id)
    assert await admin.retry(TASKS, ["a"], actor="ada") == 1
    assert await admin.retry(TASKS, actor="ada") == 1


async def test_a_clean_does_what_its_preview_said(admin: Admin, client: Client, store: Store) -> None:
    for job_id in ("a", "b"):
        await _failed(client, store, job_id)
    preview = await admin.preview_clean(TASKS, JobState.FAILED, 0, 0)
    assert preview.count == 2
    assert (await admin.clean(TASKS, JobState.FAILED, 0, 0, actor="ada")).count == preview.count


@pytest.mark.parametrize(("state", "grace_ms", "limit"), [(JobState.FAILED, -1, 0), (JobState.FAILED, 0, -1)])
async def test_a_clean_that_makes_no_sense_is_refused(admin: Admin, state: JobState, grace_ms: int, limit: int) -> None:
    with pytest.raises(BadInputError):
        await admin.clean(TASKS, state, grace_ms, limit, actor="ada")


async def test_a_delayed_job_is_run_now(admin: Admin, client: Client, store: Store) -> None:
    await _add(client, "a", delay_ms=60_000)
    await admin.promote(TASKS, "a", actor="ada")
    assert (await store.find("a")).state is JobState.WAITING


async def test_running_a_job_now_that_is_not_delayed_is_refused(admin: Admin, client: Client) -> None:
    await _add(client, "a")
    with pytest.raises(NotFoundError, match="no delayed job 'a'"):
        await admin.promote(TASKS, "a", actor="ada")


async def test_a_job_is_removed(admin: Admin, client: Client, monitor: Monitor) -> None:
    await _add(client, "a")
    await admin.remove(TASKS, "a", actor="ada")
    with pytest.raises(NotFoundError):
        await monitor.job("a")


async def test_a_running_job_is_not_removed(admin: Admin, client: Client, store: Store) -> None:
    await _add(client, "a")
    await _claim(store)
    with pytest.raises(BadInputError, match="a is running"):
        await admin.remove(TASKS, "a", actor="ada")


async def test_removing_an_unknown_job_is_refused(admin: Admin) -> None:
    with pytest.raises(NotFoundError, match="no job 'a'"):
        await admin.remove(TASKS, "a", actor="ada")


# --- Monitor ---


async def test_a_snapshot_of_an_idle_engine(monitor: Monitor, fresh_redis: str) -> None:
    snapshot = await monitor.snapshot()
    assert [queue.name for queue in snapshot.queues] == list(QUEUES)
    assert all(queue.concurrency == QUEUES[queue.name].concurrency for queue in snapshot.queues)
    assert all(queue.oldest_waiting_ms is None and not queue.paused for queue in snapshot.queues)
    assert (snapshot.workers, snapshot.redis) == ((), without_password(fresh_redis))


async def test_a_snapshot_counts_each_state(monitor: Monitor, admin: Admin, client: Client, store: Store) -> None:
    await _failed(client, store, "failed")
    await _add(client, "completed")
    await store.finish(TASKS, [FinishedJob(await _claim(store), "1", 7)])
    await _add(client, "active")
    await _claim(store)
    await _add(client, "waiting")
    await _add(client, "delayed", delay_ms=60_000)
    await admin.pause(TASKS, actor="ada")
    (tasks,) = (queue for queue in (await monitor.snapshot()).queues if queue.name == TASKS)
    assert (tasks.waiting, tasks.delayed, tasks.active, tasks.completed, tasks.failed) == (1, 1, 1, 1, 1)
    assert (tasks.completed_total, tasks.failed_total, tasks.paused) == (1, 1, True)
    assert tasks.oldest_waiting_ms is not None
    assert tasks.oldest_waiting_ms >= 0


async def test_history_is_sixty_minutes_and_grows_between_snapshots(
    monitor: Monitor, client: Client, store: Store
) -> None:
    await monitor.snapshot()
    await _add(client, "a")
    await store.finish(TASKS, [FinishedJob(await _claim(store), "1", 7)])
    (tasks,) = (queue for queue in (await monitor.snapshot()).queues if queue.name == TASKS)
    assert len(tasks.minutes) == 60
    newest = tasks.minutes[-1].minute
    assert [minute.minute for minute in tasks.minutes] == list(range(newest - 59, newest + 1))
    assert sum(minute.completed for minute in tasks.minutes) == 1
    assert sum(minute.added for minute in tasks.minutes) == 1
    assert sum(minute.processing_ms_sum for minute in tasks.minutes) == 7


async def test_minutes_before_the_first_snapshot_are_found(monitor: Monitor, store: Store, fresh_redis: str) -> None:
    minute = (await monitor.snapshot()).taken_at_ms // 60_000 - 30
    with redis.Redis.from_url(fresh_redis) as raw:
        raw.hset(f"{{hark:{TASKS}}}:metrics:1m:{minute}", mapping={"completed@create-task": 3})
    later = Monitor(store, load_settings(redis_url=fresh_redis))
    (tasks,) = (queue for queue in (await later.snapshot()).queues if queue.name == TASKS)
    assert {found.minute: found.completed for found in tasks.minutes if found.completed} == {minute: 3}


def _sign_of_life(seen_at_ms: int) -> str:
    record = {"host": "h", "pid": 1, "queues": [TASKS], "started_at_ms": 1, "seen_at_ms": seen_at_ms, "active": 2}
    return json.dumps(record)


async def test_a_worker_counts_while_it_gives_signs_of_life(monitor: Monitor, store: Store) -> None:
    now_ms = (await monitor.snapshot()).taken_at_ms
    await store.tell_alive("alive", _sign_of_life(now_ms))
    await store.tell_alive("silent", _sign_of_life(now_ms - WORKER_SILENT_MS - 1))
    snapshot = await monitor.snapshot()
    assert [(worker.id, worker.queues, worker.active) for worker in snapshot.workers] == [("alive", (TASKS,), 2)]
    assert {queue.name: queue.workers for queue in snapshot.queues if queue.workers} == {TASKS: 1}


async def test_jobs_of_a_state_are_paged(monitor: Monitor, client: Client) -> None:
    for job_id in ("a", "b", "c"):
        await _add(client, job_id)
    assert [job.id for job in await monitor.jobs(TASKS, JobState.WAITING, 1, 1)] == ["b"]


async def test_jobs_of_an_unknown_queue_are_refused(monitor: Monitor) -> None:
    with pytest.raises(NotFoundError, match="no queue named 'nope'"):
        await monitor.jobs("nope", JobState.WAITING)
