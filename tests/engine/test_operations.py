"""The operator's actions on real Redis: cancel, quarantine, concurrency, failure groups, audit trail, a job's log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import redis

from engine.admin import MOST_CONCURRENCY, Admin
from engine.client import Client
from engine.errors import BadInputError, NotFoundError
from engine.job_filter import parse_filter
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState, Removed
from engine.monitor import Monitor
from engine.store import Claimed, FinishedJob, Store, keys
from engine.store.operations import BATCH

TASKS = "task-processing"
GROUP = {"signature": "5161", "title": "Broken <n>", "kind": "OSError"}


@pytest.fixture
async def raw(fresh_redis: str) -> AsyncIterator[redis.Redis]:
    """Redis itself."""
    with redis.Redis.from_url(fresh_redis, decode_responses=True) as opened:
        yield opened


async def add(client: Client, *ids: str, **options: Any) -> None:
    """Put jobs on the tasks queue."""
    chosen = [JobOptions(job_id, **options) for job_id in ids]
    await client.add_bulk([CreateTask(title=f"buy {job_id}") for job_id in ids], chosen)


async def claim(store: Store, count: int = 1, lease_ms: int = 60_000) -> list[Claimed]:
    """What a worker would run now."""
    return (await store.take(TASKS, count, lease_ms=lease_ms, token=uuid4().hex, worker="w")).jobs


async def fail_all(store: Store, error: str = "broken", group: dict[str, str] | None = None) -> None:
    """Every waiting job fails for good."""
    while jobs := await claim(store, 100):
        for job in jobs:
            await store.fail(job, error, permanent=True, group=group)


async def complete_all(store: Store) -> None:
    """Every waiting job completes."""
    while jobs := await claim(store, 1000):
        await store.finish(TASKS, [FinishedJob(job, "1", 5) for job in jobs])


async def ids_of(store: Store, state: JobState) -> list[str]:
    """Ids of one state."""
    return [job.id for job in await store.jobs(TASKS, state, 0, 10_000)]


async def stall(store: Store, client: Client, *ids: str) -> None:
    """Jobs whose worker has died: active, their lease over."""
    await add(client, *ids)
    jobs = await claim(store, len(ids), lease_ms=0)
    assert len(jobs) == len(ids)


# --- cancel ---


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_job_that_does_not_run_yet_is_cancelled_at_once(
    admin: Admin, client: Client, store: Store, delay_ms: int
) -> None:
    await add(client, "a", delay_ms=delay_ms)
    before = await admin.cancel(TASKS, "a", actor="ada", reason="Wrong list.")
    job = await store.find("a")
    assert before == (JobState.DELAYED if delay_ms else JobState.WAITING)
    assert (job.state, job.error, job.due_at_ms) == (JobState.FAILED, "Cancelled by ada. Wrong list.", None)
    assert await claim(store) == []


async def test_a_running_job_is_left_to_its_worker_which_hears(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    await claim(store)
    assert await admin.cancel(TASKS, "a", actor="ada") is JobState.ACTIVE
    assert (await store.find("a")).state is JobState.ACTIVE
    assert (await store.tick(TASKS))[2] == ["a"]


async def test_a_running_job_that_was_cancelled_is_not_tried_again(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    (job,) = await claim(store)
    await admin.cancel(TASKS, "a", actor="ada")
    assert (await store.fail(job, "broken"))[0] == "failed"
    assert (await store.tick(TASKS))[2] == []


async def test_a_job_that_was_done_before_its_worker_heard_is_completed(
    admin: Admin, client: Client, store: Store
) -> None:
    await add(client, "a")
    (job,) = await claim(store)
    await admin.cancel(TASKS, "a", actor="ada")
    await store.finish(TASKS, [FinishedJob(job, "1", 5)])
    assert (await store.find("a")).state is JobState.COMPLETED
    assert (await store.tick(TASKS))[2] == []


async def test_a_cancelled_job_whose_worker_died_fails_and_does_not_run_again(
    admin: Admin, client: Client, store: Store
) -> None:
    await stall(store, client, "a")
    await admin.cancel(TASKS, "a", actor="ada")
    assert await store.recover(TASKS, 1) == ([], ["a"])
    assert (await store.find("a")).state is JobState.FAILED


async def test_a_cancelled_job_whose_worker_stops_fails_and_does_not_run_again(
    admin: Admin, client: Client, store: Store
) -> None:
    await add(client, "a")
    jobs = await claim(store)
    await admin.cancel(TASKS, "a", actor="ada")
    await store.release(TASKS, jobs)
    assert (await store.find("a")).state is JobState.FAILED


async def test_an_ended_job_cannot_be_cancelled(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    await complete_all(store)
    with pytest.raises(BadInputError, match="a has completed already"):
        await admin.cancel(TASKS, "a", actor="ada")


async def test_cancelling_an_unknown_job_is_refused(admin: Admin) -> None:
    with pytest.raises(NotFoundError, match="no job 'a'"):
        await admin.cancel(TASKS, "a", actor="ada")


# --- the quarantine ---


async def _in_each_state(client: Client, store: Store) -> None:
    """One job in each state; its id is the state's name, "active" meaning that its worker died."""
    await add(client, "failed")
    await fail_all(store, group=GROUP)
    await add(client, "completed")
    await complete_all(store)
    await stall(store, client, "active")
    await add(client, "waiting")
    await add(client, "delayed", delay_ms=60_000)


@pytest.mark.parametrize("state", list(JobState))
async def test_a_cleaned_job_comes_back_to_where_it_was(
    admin: Admin, client: Client, store: Store, state: JobState
) -> None:
    await _in_each_state(client, store)
    before = await store.find(state)
    removed = await admin.clean(TASKS, state, actor="ada")
    assert (removed.count, await ids_of(store, state)) == (1, [])
    assert removed.batch is not None
    assert await admin.restore(TASKS, removed.batch, actor="ada") == (1, 0)
    after = await store.find(state)
    # Its worker is gone: an active one runs again.
    expected = JobState.WAITING if state is JobState.ACTIVE else state
    assert (after.state, after.arguments, after.error) == (expected, before.arguments, before.error)
    assert state in await ids_of(store, expected)
    assert await admin.quarantined(TASKS) == ()


async def test_a_restored_waiting_job_is_first_again(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    removed = await admin.clean(TASKS, JobState.WAITING, actor="ada")
    await add(client, "b")
    await admin.restore(TASKS, removed.batch or "", actor="ada")
    assert [job.id for job in await claim(store, 2)] == ["a", "b"]


async def test_a_restored_failure_is_in_its_group_again(
    admin: Admin, client: Client, store: Store, monitor: Monitor
) -> None:
    await _in_each_state(client, store)
    removed = await admin.clean(TASKS, JobState.FAILED, actor="ada")
    (emptied,) = await monitor.failures(TASKS)
    await admin.restore(TASKS, removed.batch or "", actor="ada")
    (again,) = await monitor.failures(TASKS)
    assert (emptied.failed_now, again.failed_now) == (0, 1)


async def test_a_restored_job_has_its_log(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    (job,) = await claim(store)
    await store.write_log(job, "halfway")
    await store.finish(TASKS, [FinishedJob(job, "1", 5)])
    removed = await admin.clean(TASKS, JobState.COMPLETED, actor="ada")
    assert await store.log(TASKS, "a") == ()
    await admin.restore(TASKS, removed.batch or "", actor="ada")
    assert [line.text for line in await store.log(TASKS, "a")] == ["halfway"]


@pytest.mark.parametrize("job_id", ["ids", "log:a", "job:a", "a:ids"])
async def test_a_job_may_have_any_id(admin: Admin, client: Client, store: Store, job_id: str) -> None:
    await add(client, "a", job_id)
    (job, *_) = await claim(store, 2)
    await store.write_log(job, "halfway")
    await store.release(TASKS, [job])
    removed = await admin.drain(TASKS, actor="ada")
    assert removed[0].count == 1
    assert await admin.restore(TASKS, removed[0].batch or "", actor="ada") == (1, 0)
    assert (await store.find("a")).arguments == {"title": "buy a"}


async def test_a_job_whose_id_was_given_to_a_new_one_stays_in_the_quarantine(
    admin: Admin, client: Client, store: Store
) -> None:
    await add(client, "a", "b")
    (removed,) = await admin.drain(TASKS, actor="ada")
    await add(client, "a")
    assert await admin.restore(TASKS, removed.batch or "", actor="ada") == (1, 1)
    (batch,) = await admin.quarantined(TASKS)
    assert (batch.left, batch.counts) == (1, {JobState.WAITING: 2})
    assert [job.id async for job in admin.quarantined_jobs(TASKS, batch.id)] == ["a"]
    await admin.clean(TASKS, JobState.WAITING, purge=True, actor="ada")
    assert await admin.restore(TASKS, batch.id, actor="ada") == (1, 0)


async def test_a_batch_larger_than_one_call_comes_back_whole(admin: Admin, client: Client, store: Store) -> None:
    await add(client, *(f"{number:04}" for number in range(2 * BATCH + 1)))
    (removed,) = await admin.drain(TASKS, actor="ada")
    await add(client, "0007")
    assert removed.count == 2 * BATCH + 1
    assert len([job async for job in admin.quarantined_jobs(TASKS, removed.batch or "")]) == 2 * BATCH + 1
    assert await admin.restore(TASKS, removed.batch or "", actor="ada") == (2 * BATCH, 1)
    assert await store.depth(TASKS, JobState.WAITING) == 2 * BATCH + 1


async def test_purged_jobs_are_gone_for_good(admin: Admin, client: Client, store: Store, raw: redis.Redis) -> None:
    await add(client, "a")
    assert await admin.clean(TASKS, JobState.WAITING, purge=True, actor="ada") == Removed(1, None)
    assert await admin.quarantined(TASKS) == ()
    assert [key for key in raw.scan_iter("*") if str(key).endswith(":a")] == []


async def test_everything_in_the_quarantine_ends_within_a_day(
    admin: Admin, client: Client, store: Store, raw: redis.Redis
) -> None:
    await add(client, "a")
    (job,) = await claim(store)
    await store.write_log(job, "halfway")
    await store.fail(job, "broken", permanent=True)
    await admin.clean(TASKS, JobState.FAILED, actor="ada")
    kept = [str(key) for key in raw.scan_iter("*:gone:*")]
    assert len(kept) == 4
    assert all(0 < raw.pttl(key) <= 86_400_000 for key in kept)


async def test_a_batch_whose_day_is_over_is_not_listed_and_cannot_be_restored(
    admin: Admin, client: Client, raw: redis.Redis
) -> None:
    await add(client, "a")
    (removed,) = await admin.drain(TASKS, actor="ada")
    for key in raw.scan_iter("*:gone:*"):
        raw.pexpire(key, 0)
    assert await admin.quarantined(TASKS) == ()
    with pytest.raises(NotFoundError, match="24 hours"):
        await admin.restore(TASKS, removed.batch or "", actor="ada")


async def test_a_removed_job_can_be_restored(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a")
    removed = await admin.remove(TASKS, "a", actor="ada")
    assert await admin.restore(TASKS, removed.batch or "", actor="ada") == (1, 0)
    assert (await store.find("a")).state is JobState.WAITING


async def test_a_batch_tells_who_took_what_and_why(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a", "b")
    await admin.clean(TASKS, JobState.WAITING, limit=1, actor="ada", reason="too many")
    (batch,) = await admin.quarantined(TASKS)
    assert (batch.actor, batch.reason, batch.counts, batch.left) == ("ada", "too many", {JobState.WAITING: 1}, 1)
    assert batch.until_ms - batch.at_ms == 86_400_000


# --- clean ---


async def test_a_clean_of_active_jobs_takes_only_those_whose_worker_died(
    admin: Admin, client: Client, store: Store
) -> None:
    await stall(store, client, "dead")
    await add(client, "alive")
    await claim(store)
    assert (await admin.preview_clean(TASKS, JobState.ACTIVE)).count == 1
    assert (await admin.clean(TASKS, JobState.ACTIVE, actor="ada")).count == 1
    assert await ids_of(store, JobState.ACTIVE) == ["alive"]


async def test_a_worker_that_comes_back_cannot_end_a_job_that_was_cleaned(
    admin: Admin, client: Client, store: Store
) -> None:
    await add(client, "a")
    jobs = await claim(store, lease_ms=0)
    removed = await admin.clean(TASKS, JobState.ACTIVE, actor="ada")
    assert removed.count == 1
    assert await store.finish(TASKS, [FinishedJob(jobs[0], "1", 5)]) == [False]
    assert await store.extend(TASKS, jobs, 1000) == ["a"]


async def test_a_clean_of_what_matches_leaves_the_rest(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "milk", "bread", "more milk")
    where = parse_filter("args.title:milk")
    preview = await admin.preview_clean(TASKS, JobState.WAITING, where=where)
    removed = await admin.clean(TASKS, JobState.WAITING, where=where, actor="ada")
    assert (preview.count, removed.count) == (2, 2)
    assert [job.id for job in preview.samples] == ["milk", "more milk"]
    assert await ids_of(store, JobState.WAITING) == ["bread"]


async def test_a_clean_of_what_matches_keeps_to_its_grace(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "milk")
    where = parse_filter("milk")
    assert (await admin.clean(TASKS, JobState.WAITING, 60_000, where=where, actor="ada")).count == 0


async def test_a_limited_clean_of_what_matches_takes_the_oldest(admin: Admin, client: Client, store: Store) -> None:
    for job_id in ("a", "b", "c"):
        await add(client, job_id)
        await fail_all(store)
    await admin.clean(TASKS, JobState.FAILED, limit=1, where=parse_filter("buy"), actor="ada")
    assert await ids_of(store, JobState.FAILED) == ["c", "b"]


async def test_jobs_are_neither_lost_nor_doubled_by_a_clean_among_busy_workers(
    admin: Admin, client: Client, store: Store
) -> None:
    ids = [f"{number:04}" for number in range(2500)]
    await add(client, *ids, keep_completed_count=10_000)
    ran: list[str] = []

    async def work() -> None:
        while jobs := await claim(store, 7):
            ran.extend(job.id for job in jobs)

    removed, *_ = await asyncio.gather(admin.clean(TASKS, JobState.WAITING, actor="ada"), work(), work())
    gone = [job.id async for job in admin.quarantined_jobs(TASKS, removed.batch or "")]
    assert len(gone) == removed.count
    assert sorted(ran + gone) == ids


async def test_a_clean_with_a_grace_passes_over_no_old_job_while_workers_take_young_ones(
    admin: Admin, client: Client, store: Store, raw: redis.Redis
) -> None:
    young = [f"young{number:04}" for number in range(2 * BATCH)]
    old = [f"old{number:04}" for number in range(2 * BATCH)]
    await add(client, *young)
    await add(client, *old, priority=9)
    with raw.pipeline() as pipe:
        for job_id in old:
            pipe.hset(keys.job(TASKS, job_id), "created", 1)
        pipe.execute()

    async def work() -> None:
        while any(job.id.startswith("young") for job in await claim(store, 300)):
            pass

    removed, _ = await asyncio.gather(admin.clean(TASKS, JobState.WAITING, 60_000, actor="ada"), work())
    gone = {job.id async for job in admin.quarantined_jobs(TASKS, removed.batch or "")}
    left = {job.id for job in await store.jobs(TASKS, JobState.ACTIVE, 0, 10_000)}
    assert set(old) <= gone | left
    assert await ids_of(store, JobState.WAITING) == []


async def test_a_clean_passes_over_no_job_behind_one_that_was_taken_between_its_calls(
    admin: Admin, client: Client, store: Store, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(client, *(f"young{number:04}" for number in range(BATCH)))
    await add(client, "old")
    raw.hset(keys.job(TASKS, "old"), "created", 1)
    operate = store._operate

    async def operate_and_work(script: str, queue: str, arguments: Any) -> Any:
        reply = await operate(script, queue, arguments)
        await claim(store, BATCH - (await store.depth(TASKS, JobState.ACTIVE)))
        return reply

    monkeypatch.setattr(store, "_operate", operate_and_work)
    assert (await admin.clean(TASKS, JobState.WAITING, 60_000, actor="ada")).count == 1


async def test_the_next_page_of_jobs_begins_behind_those_shown_also_when_the_last_of_them_is_gone(
    client: Client, store: Store
) -> None:
    await add(client, "a", "b", "c")
    [(first, position)] = await store.jobs_from(TASKS, JobState.WAITING, None, 1)
    assert [job.id for job in await claim(store)] == [first] == ["a"]
    assert [job_id for job_id, _ in await store.jobs_from(TASKS, JobState.WAITING, position, 5)] == ["b", "c"]


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.DELAYED])
async def test_a_limited_clean_beyond_one_call_takes_exactly_its_limit(
    admin: Admin, client: Client, store: Store, state: JobState
) -> None:
    ids = [f"{number:04}" for number in range(2 * BATCH + 50)]
    await add(client, *ids, delay_ms=60_000 if state is JobState.DELAYED else 0)
    limit = BATCH + 500
    assert (await admin.preview_clean(TASKS, state, limit=limit)).count == limit
    assert (await admin.clean(TASKS, state, limit=limit, actor="ada")).count == limit
    assert await store.depth(TASKS, state) == len(ids) - limit


# --- retry ---


async def test_a_retry_of_what_matches_leaves_the_rest(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "milk", "bread")
    await fail_all(store)
    assert await admin.retry(TASKS, where=parse_filter("milk"), actor="ada") == 1
    assert (await ids_of(store, JobState.WAITING), await ids_of(store, JobState.FAILED)) == (["milk"], ["bread"])


async def test_only_ended_jobs_can_be_retried(admin: Admin) -> None:
    with pytest.raises(BadInputError, match="delayed cannot be retried"):
        await admin.retry(TASKS, state=JobState.DELAYED, actor="ada")


async def test_ids_without_a_record_do_not_end_a_retry_of_all(
    admin: Admin, client: Client, store: Store, raw: redis.Redis
) -> None:
    await add(client, *(f"{number:04}" for number in range(BATCH + 5)))
    await fail_all(store)
    raw.unlink(keys.job(TASKS, "0000"))
    assert await admin.retry(TASKS, actor="ada") == BATCH + 4


async def test_all_jobs_of_one_millisecond_are_found(admin: Admin, client: Client, raw: redis.Redis) -> None:
    ids = [f"{number:04}" for number in range(1200)]
    await add(client, *ids, delay_ms=60_000)
    raw.zadd(keys.state(TASKS, "delayed"), dict.fromkeys(ids, 1_900_000_000_000))
    await add(client, "last", delay_ms=10**11 * 3)
    assert await admin.matching(TASKS, JobState.DELAYED, parse_filter("")) == [*ids, "last"]


# --- concurrency ---


async def test_workers_hear_of_a_new_concurrency_and_of_its_end(admin: Admin, store: Store, monitor: Monitor) -> None:
    await admin.set_concurrency(TASKS, 7, actor="ada")
    told = (await store.tick(TASKS))[1]
    (state,) = (queue for queue in (await monitor.snapshot()).queues if queue.name == TASKS)
    await admin.set_concurrency(TASKS, 0, actor="ada")
    assert (told, state.concurrency, (await store.tick(TASKS))[1]) == (7, 7, None)


@pytest.mark.parametrize("concurrency", [-1, MOST_CONCURRENCY + 1])
async def test_a_concurrency_that_makes_no_sense_is_refused(admin: Admin, concurrency: int) -> None:
    with pytest.raises(BadInputError, match="from 1 to"):
        await admin.set_concurrency(TASKS, concurrency, actor="ada")


async def test_the_same_concurrency_again_is_no_action(admin: Admin) -> None:
    for _ in range(2):
        await admin.set_concurrency(TASKS, 7, actor="ada")
    assert [entry.action for entry in await admin.audit(TASKS)] == ["set-concurrency"]


# --- failure groups ---


async def test_a_group_counts_what_happened_and_what_is_failed_now(
    client: Client, store: Store, monitor: Monitor, admin: Admin
) -> None:
    await add(client, "a", "b")
    await fail_all(store, group=GROUP)
    await admin.retry(TASKS, ["a"], actor="ada")
    (group,) = await monitor.failures(TASKS)
    assert (group.signature, group.title, group.kind) == ("5161", "Broken <n>", "OSError")
    assert group.job_name == "create-task"
    assert (group.count, group.failed_now, group.sample, sum(group.trend)) == (2, 1, "b", 2)
    assert [job.id for job in await monitor.failed_like(TASKS, "5161")] == ["b"]
    assert (await store.find("b")).signature == "5161"
    assert (await store.find("a")).signature is None


async def test_the_group_with_the_most_failed_jobs_comes_first(client: Client, store: Store, monitor: Monitor) -> None:
    await add(client, "a", "b")
    await fail_all(store, group=GROUP)
    await add(client, "c")
    await fail_all(store, group=GROUP | {"signature": "0777"})
    assert [group.signature for group in await monitor.failures()] == ["5161", "0777"]


async def test_the_jobs_of_a_whole_signature_are_known_without_a_search(
    client: Client, store: Store, admin: Admin
) -> None:
    await add(client, "a", "b", "c")
    await fail_all(store, group=GROUP | {"signature": "0123456789ab"})
    await add(client, "other")
    await fail_all(store, group=GROUP)
    where = parse_filter("signature:0123456789ab")
    assert where.signature == "0123456789ab"
    assert await admin.matching(TASKS, JobState.FAILED, where) == ["a", "b", "c"]
    assert await admin.matching(TASKS, JobState.FAILED, where, 2) == ["a", "b"]


async def test_a_group_can_be_acted_on_by_its_signature(client: Client, store: Store, admin: Admin) -> None:
    await add(client, "a")
    await fail_all(store, group=GROUP)
    await add(client, "b")
    await fail_all(store)
    assert await admin.retry(TASKS, where=parse_filter("signature:5161"), actor="ada") == 1
    assert await ids_of(store, JobState.FAILED) == ["b"]


async def test_a_cleaned_job_leaves_its_group(client: Client, store: Store, admin: Admin, monitor: Monitor) -> None:
    await add(client, "a")
    await fail_all(store, group=GROUP)
    await admin.clean(TASKS, JobState.FAILED, purge=True, actor="ada")
    (group,) = await monitor.failures(TASKS)
    assert (group.count, group.failed_now) == (1, 0)


# --- the audit trail ---


async def test_an_action_is_recorded_with_who_why_and_the_depths_around_it(
    admin: Admin, client: Client, store: Store
) -> None:
    await add(client, "a", "b")
    await admin.clean(TASKS, JobState.WAITING, limit=1, actor="ada", reason="too many")
    (entry,) = await admin.audit(TASKS)
    assert (entry.actor, entry.action, entry.reason, entry.touched) == ("ada", "clean", "too many", 1)
    assert (entry.before["waiting"], entry.after["waiting"]) == (2, 1)
    assert entry.arguments["state"] == "waiting"


async def test_an_action_of_many_calls_is_one_row(admin: Admin, client: Client, store: Store, raw: redis.Redis) -> None:
    await add(client, *(f"{number:04}" for number in range(2 * BATCH + 5)))
    await admin.drain(TASKS, actor="ada")
    (entry,) = await admin.audit(TASKS)
    assert (entry.touched, entry.before["waiting"], entry.after["waiting"]) == (2 * BATCH + 5, 2 * BATCH + 5, 0)
    assert raw.xlen(keys.audit(TASKS)) == 1


async def test_every_kind_of_action_leaves_its_row(admin: Admin, client: Client, store: Store) -> None:
    await add(client, "a", "b", "c", "d")
    await admin.cancel(TASKS, "a", actor="ada")
    await admin.retry(TASKS, actor="ada")
    removed = await admin.remove(TASKS, "b", actor="ada")
    await admin.restore(TASKS, removed.batch or "", actor="ada")
    await add(client, "e", delay_ms=60_000)
    await admin.promote(TASKS, "e", actor="ada")
    await admin.drain(TASKS, actor="ada")
    actions = [entry.action for entry in await admin.audit(TASKS)]
    assert actions == ["clean", "promote", "restore", "remove", "retry", "cancel"]


async def test_what_changed_nothing_leaves_no_row(admin: Admin) -> None:
    await admin.clean(TASKS, JobState.FAILED, actor="ada")
    await admin.retry(TASKS, actor="ada")
    assert await admin.audit() == ()


async def test_the_trail_of_all_queues_is_told_newest_first(admin: Admin) -> None:
    for queue in ("notification", TASKS, "notification"):
        await admin.set_concurrency(queue, len(await admin.audit()) + 1, actor="ada")
    assert len(await admin.audit()) == 3
    assert [entry.at_ms for entry in await admin.audit()] == sorted(
        (entry.at_ms for entry in await admin.audit()), reverse=True
    )


# --- a job's own story ---


async def test_each_failed_attempt_is_remembered(client: Client, store: Store) -> None:
    await add(client, "a", attempts=3, backoff="fixed", backoff_ms=0)
    for error in ("first", "second", "third"):
        (job,) = await claim(store)
        await store.fail(job, error, f"traceback of {error}")
    history = (await store.find("a")).history
    assert [(attempt.number, attempt.error, attempt.worker) for attempt in history] == [
        (1, "first", "w"), (2, "second", "w"), (3, "third", "w"),
    ]  # fmt: skip
    assert history[-1].traceback == "traceback of third"
    assert all(attempt.started_at_ms <= attempt.ended_at_ms for attempt in history)


async def test_the_last_ten_attempts_are_kept(client: Client, store: Store) -> None:
    await add(client, "a", attempts=12, backoff="fixed", backoff_ms=0)
    for _ in range(12):
        (job,) = await claim(store)
        await store.fail(job, "broken")
    assert [attempt.number for attempt in (await store.find("a")).history] == list(range(3, 13))


async def test_a_log_is_read_from_any_line_on(client: Client, store: Store, monitor: Monitor) -> None:
    await add(client, "a")
    (job,) = await claim(store)
    for line in ("one", "two", "drei \N{SNOWMAN}"):
        await store.write_log(job, line)
    assert [line.text for line in await monitor.log(TASKS, "a", 1)] == ["two", "drei \N{SNOWMAN}"]


async def test_a_job_that_is_not_ours_any_more_writes_no_log(client: Client, store: Store) -> None:
    await add(client, "a")
    (lost,) = await claim(store)
    await store.release(TASKS, [lost])
    await store.write_log(lost, "too late")
    assert await store.log(TASKS, "a") == ()


async def test_a_retried_job_begins_afresh_but_keeps_its_history(client: Client, store: Store, admin: Admin) -> None:
    await add(client, "a")
    await fail_all(store)
    await admin.retry(TASKS, actor="ada")
    job = await store.find("a")
    assert (job.attempts_made, job.finished_at_ms, len(job.history)) == (0, None, 1)


# --- a job's own retention ---


async def test_a_job_that_keeps_nothing_is_gone_when_it_completes(client: Client, store: Store) -> None:
    await add(client, "a", keep_completed_count=0)
    await complete_all(store)
    with pytest.raises(NotFoundError):
        await store.find("a")
    assert await ids_of(store, JobState.COMPLETED) == []


async def test_a_job_that_keeps_nothing_is_gone_when_it_fails(client: Client, store: Store) -> None:
    await add(client, "a", keep_failed_count=0)
    await fail_all(store)
    with pytest.raises(NotFoundError):
        await store.find("a")


async def test_a_jobs_own_count_trims_those_ended_before_it(client: Client, store: Store) -> None:
    await add(client, "a", "b")
    await complete_all(store)
    await add(client, "c", keep_completed_count=2)
    await complete_all(store)
    assert len(await ids_of(store, JobState.COMPLETED)) == 2
    assert "c" in await ids_of(store, JobState.COMPLETED)


async def test_a_jobs_own_age_drops_older_failures(client: Client, store: Store, raw: redis.Redis) -> None:
    await add(client, "a")
    await fail_all(store)
    raw.zadd(keys.state(TASKS, "failed"), {"a": 1})
    await add(client, "b", keep_failed_ms=60_000)
    await fail_all(store)
    assert await ids_of(store, JobState.FAILED) == ["b"]


# --- search ---


async def test_a_search_tells_how_far_it_is_and_goes_on_from_there(client: Client, monitor: Monitor) -> None:
    await add(client, *(f"{number:04}" for number in range(1200)))
    where = parse_filter("id:00")
    pages = [page async for page in monitor.search(TASKS, JobState.WAITING, where, count=150)]
    looked = [page.looked for page in pages]
    assert sum(len(page.found) for page in pages) == 120
    assert (looked, {page.total for page in pages}, pages[-1].position) == ([500, 1000, 1200], {1200}, None)


async def test_a_search_stops_exactly_when_enough_are_found(client: Client, monitor: Monitor) -> None:
    await add(client, *(f"{number:04}" for number in range(30)), delay_ms=60_000)
    where = parse_filter("")
    seen: list[str] = []
    position: str | None = None
    while True:
        (page,) = [page async for page in monitor.search(TASKS, JobState.DELAYED, where, 7, position)]
        seen += [job.id for job in page.found]
        assert len(page.found) <= 7
        position = page.position
        if position is None:
            break
    assert sorted(seen) == [f"{number:04}" for number in range(30)]


@pytest.mark.parametrize("position", ["", "1", "1.x", "-1.0", "nan.1", "1.1.1", "\N{SUPERSCRIPT TWO}.1", "9" * 30])
async def test_a_position_that_is_none_is_refused(monitor: Monitor, position: str) -> None:
    with pytest.raises(BadInputError, match="no position"):
        async for _ in monitor.search(TASKS, JobState.FAILED, parse_filter(""), after=position):
            pass
