"""Every transition of a job, on a real Redis: what it changes, what it refuses, what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import redis

from engine.errors import NotFoundError, PermanentError, RedisGoneError, SettingsError
from engine.model import CleanPreview, JobState
from engine.queues import QUEUES
from engine.settings import Settings, load_settings
from engine.store import Claimed, FinishedJob, NewJob, Store, open_store
from engine.store import keys as redis_keys
from engine.store.connect import without_password
from engine.store.server import PrivateRedis
from engine.worker.upkeep import Upkeep

QUEUE = "task-processing"
LONG_MS = 60_000


def _job(job_id: str, **changes: Any) -> NewJob:
    plain = NewJob(
        id=job_id,
        name="create-task",
        data='{"title":"milk"}',
        priority=4,
        attempts=3,
        backoff="exponential",
        backoff_ms=LONG_MS,
        timeout_ms=120_000,
    )
    return replace(plain, **changes)


@pytest.fixture
def raw(fresh_redis: str) -> Iterator[redis.Redis]:
    """The same server, for what the store does not tell."""
    with redis.Redis.from_url(fresh_redis, decode_responses=True) as client:
        yield client


async def _take(store: Store, count: int = 10, *, lease_ms: int = LONG_MS, token: str = "") -> list[Claimed]:
    return (await store.take(QUEUE, count, lease_ms=lease_ms, token=token or uuid4().hex, worker="w1")).jobs


async def _claim(store: Store, job: NewJob, *, lease_ms: int = LONG_MS, token: str = "") -> Claimed:
    """Add a job to an idle queue and claim it; a lease of 0 ms has run out at once."""
    assert await store.add(QUEUE, [job]) == [True]
    (claimed,) = await _take(store, 1, lease_ms=lease_ms, token=token)
    return claimed


async def _complete(store: Store, job_id: str, result: str = '"done"') -> None:
    assert await store.finish(QUEUE, [FinishedJob(await _claim(store, _job(job_id)), result, 5)]) == [True]


async def _fail_for_good(store: Store, job_id: str) -> None:
    assert await store.fail(await _claim(store, _job(job_id)), "broken", permanent=True) == ("failed", 0)


async def _state(store: Store, job_id: str) -> JobState:
    return (await store.find(job_id)).state


async def _ids(store: Store, state: JobState) -> list[str]:
    return [job.id for job in await store.jobs(QUEUE, state, 0, 100)]


async def _events(store: Store, after: str = "0-0") -> list[tuple[str, str]]:
    return [(event.event, event.id) for event in await store.events({QUEUE: after}, 10)]


# --- add ---


async def test_an_added_job_waits_with_all_it_was_given(store: Store) -> None:
    await store.add(QUEUE, [_job("a", trace="command-1", parent="p")])
    job = await store.find("a")
    assert (job.state, job.queue, job.name) == (JobState.WAITING, QUEUE, "create-task")
    assert job.arguments == {"title": "milk"}
    assert (job.priority, job.attempts, job.attempts_made, job.timeout_ms) == (4, 3, 0, 120_000)
    assert (job.trace, job.parent) == ("command-1", "p")
    assert job.created_at_ms > 0


async def test_a_second_job_of_the_same_id_changes_nothing(store: Store) -> None:
    await store.add(QUEUE, [_job("a")])
    assert await store.add(QUEUE, [_job("a", name="other", data="{}"), _job("b")]) == [False, True]
    assert (await store.find("a")).name == "create-task"
    assert await _ids(store, JobState.WAITING) == ["a", "b"]


async def test_an_id_twice_in_one_call_is_added_once(store: Store) -> None:
    assert await store.add(QUEUE, [_job("a"), _job("a")]) == [True, False]


async def test_a_finished_job_still_guards_its_id(store: Store) -> None:
    await _complete(store, "a")
    assert await store.add(QUEUE, [_job("a")]) == [False]
    assert await _state(store, "a") is JobState.COMPLETED


async def test_more_jobs_than_a_batch_are_added_in_order(store: Store) -> None:
    assert await store.add(QUEUE, [_job(f"j{number:04}") for number in range(1001)]) == [True] * 1001
    last = await store.jobs(QUEUE, JobState.WAITING, 999, 5)
    assert [job.id for job in last] == ["j0999", "j1000"]


async def test_a_delayed_job_is_due_after_its_delay(store: Store) -> None:
    await store.add(QUEUE, [_job("a", delay_ms=LONG_MS)])
    job = await store.find("a")
    assert job.state is JobState.DELAYED
    assert job.due_at_ms == job.created_at_ms + LONG_MS


async def test_text_of_any_script_comes_back_as_it_was(store: Store) -> None:
    words = '{"title":"Grüße 買い物 \\"q\\" \\u0000 🎤"}'
    claimed = await _claim(store, _job("a", data=words))
    assert claimed.data == words


# --- take ---


async def test_a_lower_priority_number_is_served_first(store: Store) -> None:
    await store.add(QUEUE, [_job("late", priority=16), _job("first", priority=1), _job("middle", priority=4)])
    assert [job.id for job in await _take(store)] == ["first", "middle", "late"]


async def test_equal_priorities_are_served_in_the_order_added(store: Store) -> None:
    await store.add(QUEUE, [_job("z"), _job("a"), _job("m")])
    assert [job.id for job in await _take(store)] == ["z", "a", "m"]


async def test_take_gives_at_most_what_was_asked_for_and_tells_of_more(store: Store) -> None:
    await store.add(QUEUE, [_job("a"), _job("b")])
    first = await store.take(QUEUE, 1, lease_ms=LONG_MS, token="t", worker="w")
    second = await store.take(QUEUE, 1, lease_ms=LONG_MS, token="t2", worker="w")
    assert ([job.id for job in first.jobs], first.more) == (["a"], True)
    assert ([job.id for job in second.jobs], second.more) == (["b"], False)


async def test_a_claim_whose_reply_was_lost_gives_the_same_jobs_when_asked_again(store: Store) -> None:
    await store.add(QUEUE, [_job("a"), _job("b"), _job("c")])
    first = await _take(store, 2, token="mine")
    assert await _take(store, 2, token="mine") == first
    assert [job.id for job in await _take(store, 2, token="next")] == ["c"]


async def test_leases_say_nothing_after_nobody_has_looked_for_long(store: Store, raw: redis.Redis) -> None:
    claimed = await _claim(store, _job("a"), lease_ms=0)
    raw.hset(f"{{hark:{QUEUE}}}:meta", "looked", 1)
    assert await store.recover(QUEUE, 1, gap_ms=LONG_MS, lease_ms=LONG_MS) == ([], [])
    assert await store.extend(QUEUE, [claimed], LONG_MS) == []


async def test_a_claimed_job_is_active_and_names_its_worker(store: Store) -> None:
    claimed = await _claim(store, _job("a"), token="t1")
    job = await store.find("a")
    assert (job.state, job.worker) == (JobState.ACTIVE, "w1")
    assert job.started_at_ms is not None
    assert (claimed.attempt, claimed.timeout_ms, claimed.token) == (1, 120_000, "t1")


async def test_a_claimed_job_is_given_to_nobody_else(store: Store) -> None:
    await _claim(store, _job("a"))
    assert await _take(store, token="t2") == []


async def test_two_workers_taking_at_once_share_without_overlap(store: Store) -> None:
    await store.add(QUEUE, [_job(f"j{number}") for number in range(40)])
    shares = await asyncio.gather(*(_take(store, 4, token=f"t{number}") for number in range(10)))
    assert sorted(job.id for share in shares for job in share) == sorted(f"j{number}" for number in range(40))


async def test_a_paused_queue_gives_nothing_but_promotes_what_is_due(store: Store) -> None:
    await store.add(QUEUE, [_job("waiting"), _job("due", delay_ms=1)])
    await store.set_paused(QUEUE, True, actor="test")
    async with asyncio.timeout(10):
        while JobState.WAITING is not await _state(store, "due"):
            assert await _take(store) == []
    assert await _ids(store, JobState.WAITING) == ["waiting", "due"]


async def test_a_due_job_is_promoted_and_claimed_in_one_take(store: Store) -> None:
    await store.add(QUEUE, [_job("a", delay_ms=1)])
    async with asyncio.timeout(10):
        while not (taken := await _take(store)):
            pass
    assert [job.id for job in taken] == ["a"]


async def test_take_tells_when_the_next_delayed_job_is_due(store: Store) -> None:
    await store.add(QUEUE, [_job("a", delay_ms=LONG_MS)])
    taken = await store.take(QUEUE, 1, lease_ms=LONG_MS, token="t", worker="w")
    assert taken.jobs == []
    assert taken.due_in_ms is not None
    assert 0 < taken.due_in_ms <= LONG_MS


async def test_take_on_an_empty_queue_knows_of_nothing_due(store: Store) -> None:
    taken = await store.take(QUEUE, 1, lease_ms=LONG_MS, token="t", worker="w")
    assert (taken.jobs, taken.more, taken.due_in_ms, taken.concurrency) == ([], False, None, None)


# --- fencing ---


async def _lost(store: Store) -> Claimed:
    """A job whose lease ran out and that another worker, under token t2, runs now."""
    stale = await _claim(store, _job("a"), lease_ms=0)
    assert await store.recover(QUEUE, 1) == (["a"], [])
    assert [job.id for job in await _take(store, token="t2")] == ["a"]
    return stale


async def test_extend_reports_a_lost_lease(store: Store) -> None:
    stale = await _lost(store)
    assert await store.extend(QUEUE, [stale], LONG_MS) == ["a"]


async def test_a_lost_job_cannot_be_finished(store: Store) -> None:
    stale = await _lost(store)
    assert await store.finish(QUEUE, [FinishedJob(stale, '"stale"', 1, ("follow-up",))]) == [False]
    assert (await _state(store, "a"), await store.outbox(QUEUE)) == (JobState.ACTIVE, [])


async def test_a_lost_job_cannot_be_failed(store: Store) -> None:
    stale = await _lost(store)
    assert await store.fail(stale, "stale", permanent=True) == ("lost", 0)
    job = await store.find("a")
    assert (job.state, job.error, job.attempts_made) == (JobState.ACTIVE, None, 0)


async def test_a_lost_job_cannot_be_released(store: Store) -> None:
    stale = await _lost(store)
    assert await store.release(QUEUE, [stale]) == 0
    assert await _state(store, "a") is JobState.ACTIVE


async def test_a_lost_job_takes_no_progress(store: Store) -> None:
    stale = await _lost(store)
    assert await store.progress(stale, 99) is False
    assert (await store.find("a")).progress is None


async def test_a_job_ended_once_cannot_end_again(store: Store) -> None:
    claimed = await _claim(store, _job("a"))
    await store.finish(QUEUE, [FinishedJob(claimed, "1", 1)])
    assert await store.finish(QUEUE, [FinishedJob(claimed, "2", 1)]) == [False]
    assert (await store.find("a")).result == 1


# --- extend, progress ---


async def test_an_extended_lease_is_not_recovered(store: Store) -> None:
    claimed = await _claim(store, _job("a"), lease_ms=0)
    assert await store.extend(QUEUE, [claimed], LONG_MS) == []
    assert await store.recover(QUEUE, 1) == ([], [])


async def test_progress_is_kept_and_told(store: Store) -> None:
    claimed = await _claim(store, _job("a"))
    position = await store.last_event(QUEUE)
    assert await store.progress(claimed, {"percent": 40}) is True
    assert (await store.find("a")).progress == {"percent": 40}
    assert await _events(store, position) == [("progress", "a")]


# --- finish ---


async def test_a_finished_job_keeps_its_result(store: Store) -> None:
    await _complete(store, "a", '{"id":7}')
    job = await store.find("a")
    assert (job.state, job.result, job.attempts_made) == (JobState.COMPLETED, {"id": 7}, 1)
    assert job.finished_at_ms is not None


async def test_follow_ups_reach_the_outbox_with_the_result_and_leave_it_once_forwarded(store: Store) -> None:
    claimed = await _claim(store, _job("a"))
    await store.finish(QUEUE, [FinishedJob(claimed, "1", 1, ("first", "second"))])
    assert await store.outbox(QUEUE) == ["first", "second"]
    await store.forwarded(QUEUE, "first")
    assert await store.outbox(QUEUE) == ["second"]


async def test_a_success_forgets_the_earlier_attempts_error(store: Store) -> None:
    await store.fail(await _claim(store, _job("a", backoff_ms=0)), "first try broke")
    (again,) = await _take(store)
    await store.finish(QUEUE, [FinishedJob(again, "1", 1)])
    job = await store.find("a")
    assert (job.error, job.traceback, job.attempts_made) == (None, None, 2)


async def test_only_the_newest_completed_jobs_are_kept(fresh_redis: str) -> None:
    few = Store(fresh_redis, QUEUES | {QUEUE: replace(QUEUES[QUEUE], keep_completed_count=2)})
    for job_id in ("a", "b", "c"):
        await _complete(few, job_id)
    assert sorted(await _ids(few, JobState.COMPLETED)) == ["b", "c"]
    with pytest.raises(NotFoundError, match="'a'"):
        await few.find("a")
    await few.close()


async def test_completed_jobs_past_their_age_are_dropped(store: Store, fresh_redis: str) -> None:
    await _complete(store, "a")
    strict = Store(fresh_redis, QUEUES | {QUEUE: replace(QUEUES[QUEUE], keep_completed_ms=0)})
    assert await strict.retain(QUEUE) == 1
    assert await _ids(strict, JobState.COMPLETED) == []
    await strict.close()


async def test_failed_jobs_past_their_age_are_dropped(store: Store, fresh_redis: str) -> None:
    await _fail_for_good(store, "a")
    strict = Store(fresh_redis, QUEUES | {QUEUE: replace(QUEUES[QUEUE], keep_failed_ms=0)})
    assert await strict.retain(QUEUE) == 1
    assert await _ids(strict, JobState.FAILED) == []
    await strict.close()


async def test_retention_leaves_what_is_young_and_few(store: Store) -> None:
    await _complete(store, "a")
    await _fail_for_good(store, "b")
    assert await store.retain(QUEUE) == 0


# --- fail ---


async def test_exponential_back_off_doubles_with_every_attempt(store: Store, raw: redis.Redis) -> None:
    delays = [await store.fail(await _claim(store, _job("a", attempts=4, backoff_ms=1000)), "broken")]
    for _ in range(2):
        await store.promote(QUEUE, "a", actor="ada")
        (claimed,) = await _take(store)
        delays.append(await store.fail(claimed, "broken"))
    assert delays == [("retrying", 1000), ("retrying", 2000), ("retrying", 4000)]


async def test_fixed_back_off_stays(store: Store) -> None:
    delays = [await store.fail(await _claim(store, _job("a", backoff="fixed", backoff_ms=1000)), "broken")]
    await store.promote(QUEUE, "a", actor="ada")
    (claimed,) = await _take(store)
    delays.append(await store.fail(claimed, "broken"))
    assert delays == [("retrying", 1000), ("retrying", 1000)]


async def test_what_a_record_leaves_out_of_its_backoff_is_the_usual_one(store: Store) -> None:
    claimed = await _claim(store, _job("a", backoff="exponential", backoff_ms=2000))
    options = (await store.find("a")).options
    assert (options["backoff"], options["backoff_ms"]) == ("exponential", 2000)
    assert await store.fail(claimed, "broken") == ("retrying", 2000)


async def test_jitter_takes_a_random_share_off_the_back_off(store: Store) -> None:
    delays = set()
    for number in range(8):
        claimed = await _claim(store, _job(f"j{number}", backoff_ms=100_000, jitter=0.5))
        _, delay_ms = await store.fail(claimed, "broken")
        delays.add(delay_ms)
    assert all(50_000 <= delay <= 100_000 for delay in delays)
    assert len(delays) > 1


async def test_the_other_sides_wait_replaces_the_back_off(store: Store) -> None:
    claimed = await _claim(store, _job("a", jitter=0.5))
    assert await store.fail(claimed, "busy", retry_after_ms=7000) == ("retrying", 7000)


async def test_a_failed_attempt_is_delayed_with_its_reason(store: Store) -> None:
    position = await store.last_event(QUEUE)
    await store.fail(await _claim(store, _job("a")), "broken", "Traceback: line 1")
    job = await store.find("a")
    assert (job.state, job.error, job.traceback) == (JobState.DELAYED, "broken", "Traceback: line 1")
    assert job.attempts_made == 1
    assert (await _events(store, position))[-1] == ("retrying", "a")


async def test_a_permanent_error_fails_at_once(store: Store) -> None:
    position = await store.last_event(QUEUE)
    await _fail_for_good(store, "a")
    job = await store.find("a")
    assert (job.state, job.error, job.attempts_made) == (JobState.FAILED, "broken", 1)
    assert (await _events(store, position))[-1] == ("failed", "a")


async def test_a_job_fails_for_good_when_its_attempts_are_used_up(store: Store) -> None:
    await store.fail(await _claim(store, _job("a", attempts=2, backoff_ms=0)), "first")
    (second,) = await _take(store)
    assert second.attempt == 2
    assert await store.fail(second, "second") == ("failed", 0)
    job = await store.find("a")
    assert (job.state, job.error, job.attempts_made) == (JobState.FAILED, "second", 2)


# --- release ---


async def test_a_released_job_is_first_again_and_no_attempt_is_counted(store: Store) -> None:
    await store.add(QUEUE, [_job("a"), _job("b")])
    (claimed,) = await _take(store, 1)
    assert await store.release(QUEUE, [claimed]) == 1
    assert await _ids(store, JobState.WAITING) == ["a", "b"]
    job = await store.find("a")
    assert (job.attempts_made, job.stalled, job.worker, job.started_at_ms) == (0, 0, None, None)


# --- recover ---


async def test_a_job_whose_worker_died_waits_at_its_old_place(store: Store) -> None:
    await store.add(QUEUE, [_job("a"), _job("b")])
    await _take(store, 1, lease_ms=0)
    assert await store.recover(QUEUE, 1) == (["a"], [])
    assert await _ids(store, JobState.WAITING) == ["a", "b"]
    job = await store.find("a")
    assert (job.stalled, job.attempts_made) == (1, 0)


async def test_a_job_within_its_lease_is_not_recovered(store: Store) -> None:
    await _claim(store, _job("a"))
    assert await store.recover(QUEUE, 1) == ([], [])


async def test_a_job_that_loses_its_worker_too_often_fails_with_the_reason(store: Store) -> None:
    await _claim(store, _job("a"), lease_ms=0)
    await store.recover(QUEUE, 1)
    await _take(store, lease_ms=0)
    assert await store.recover(QUEUE, 1) == ([], ["a"])
    job = await store.find("a")
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "lost its worker more often than allowed (1)" in job.error


# --- promote ---


async def test_a_delayed_job_can_be_run_now(store: Store) -> None:
    await store.add(QUEUE, [_job("a", delay_ms=LONG_MS)])
    assert await store.promote(QUEUE, "a", actor="ada") == 1
    job = await store.find("a")
    assert (job.state, job.due_at_ms) == (JobState.WAITING, None)


@pytest.mark.parametrize("job_id", ["waiting", "unknown"])
async def test_only_a_delayed_job_can_be_promoted(store: Store, job_id: str) -> None:
    await store.add(QUEUE, [_job("waiting")])
    assert await store.promote(QUEUE, job_id, actor="ada") == 0


async def test_a_tick_promotes_only_what_is_due(store: Store) -> None:
    await store.add(QUEUE, [_job("soon", delay_ms=1), _job("later", delay_ms=LONG_MS)])
    async with asyncio.timeout(10):
        while not (await store.tick(QUEUE))[0]:
            pass
    assert (await _ids(store, JobState.WAITING), await _ids(store, JobState.DELAYED)) == (["soon"], ["later"])


# --- pause ---


async def test_pausing_twice_changes_once_and_is_told_once(store: Store) -> None:
    assert await store.set_paused(QUEUE, True, actor="ada") is True
    assert await store.set_paused(QUEUE, True, actor="ada") is False
    assert await _events(store) == [("paused", "")]


async def test_a_resumed_queue_serves_what_was_kept(store: Store) -> None:
    await store.set_paused(QUEUE, True, actor="ada")
    await store.add(QUEUE, [_job("a")])
    assert await _take(store) == []
    assert await store.set_paused(QUEUE, False, actor="ada") is True
    assert [job.id for job in await _take(store)] == ["a"]


async def test_a_job_active_when_its_queue_is_paused_still_finishes(store: Store) -> None:
    claimed = await _claim(store, _job("a"))
    await store.set_paused(QUEUE, True, actor="ada")
    assert await store.finish(QUEUE, [FinishedJob(claimed, "1", 1)]) == [True]


# --- retry ---


async def test_retry_gives_failed_jobs_all_their_attempts_again(store: Store) -> None:
    for job_id in ("a", "b"):
        await _fail_for_good(store, job_id)
    assert await store.retry(QUEUE, actor="ada") == 2
    job = await store.find("a")
    assert (job.state, job.attempts_made, job.finished_at_ms) == (JobState.WAITING, 0, None)


async def test_retry_of_named_jobs_leaves_the_others(store: Store) -> None:
    for job_id in ("a", "b"):
        await _fail_for_good(store, job_id)
    assert await store.retry(QUEUE, ["b", "unknown"], actor="ada") == 1
    assert (await _ids(store, JobState.FAILED), await _ids(store, JobState.WAITING)) == (["a"], ["b"])


async def test_completed_jobs_can_be_run_again(store: Store) -> None:
    await _complete(store, "a")
    assert await store.retry(QUEUE, state=JobState.COMPLETED, actor="ada") == 1
    job = await store.find("a")
    assert (job.state, job.result) == (JobState.WAITING, None)


async def _many_failed(store: Store, raw: redis.Redis, number: int) -> None:
    """`number` failed jobs, one of them j0000, all put there by the store's own scripts."""
    await store.add(QUEUE, [_job(f"j{index:04}") for index in range(number)])
    left = number
    while left:
        jobs = await _take(store, 500)
        await asyncio.gather(*(store.fail(job, "broken", permanent=True) for job in jobs))
        left -= len(jobs)
    assert raw.zcard(redis_keys.state(QUEUE, "failed")) == number


async def test_retry_all_reaches_beyond_one_batch(store: Store, raw: redis.Redis) -> None:
    await _many_failed(store, raw, 1100)
    assert await store.retry(QUEUE, actor="ada") == 1100
    assert raw.zcard(redis_keys.state(QUEUE, "wait")) == 1100


async def test_a_job_that_fails_again_during_retry_all_is_not_retried_in_a_circle(
    store: Store, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many_failed(store, raw, 1100)
    run = store._run

    async def worker_between_batches(script: str, queue: str, arguments: Any) -> Any:
        reply = await run(script, queue, arguments)
        if script == "retry":
            before = int(reply[1])
            # A later millisecond, as it is for any worker that needs time to fail.
            while before >= await _now_ms(raw):
                pass
            for job in (await store.take(QUEUE, 300, lease_ms=LONG_MS, token="t", worker="w")).jobs:
                await store.fail(job, "broken again", permanent=True)
        return reply

    monkeypatch.setattr(store, "_run", worker_between_batches)
    assert await store.retry(QUEUE, actor="ada") == 1100


async def _now_ms(raw: redis.Redis) -> int:
    seconds, micros = raw.time()
    return int(seconds) * 1000 + int(micros) // 1000


# --- clean, remove ---


async def _clean(
    store: Store, state: JobState, grace_ms: int = 0, limit: int = 0, *, dry_run: bool = False
) -> CleanPreview:
    return (await store.clean(QUEUE, state, grace_ms, limit, actor="ada", dry_run=dry_run))[0]


async def _one_in_each_cleanable_state(store: Store) -> None:
    await _complete(store, "completed")
    await _fail_for_good(store, "failed")
    await store.add(QUEUE, [_job("delayed", delay_ms=LONG_MS), _job("waiting")])


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.DELAYED])
async def test_clean_takes_jobs_of_one_state_only(store: Store, state: JobState) -> None:
    await _one_in_each_cleanable_state(store)
    assert (await _clean(store, state)).count == 1
    for other in ("completed", "failed", "waiting", "delayed"):
        with pytest.raises(NotFoundError) if other == state else contextlib.nullcontext():
            assert await _state(store, other) == other


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.DELAYED])
async def test_clean_spares_jobs_within_their_grace(store: Store, state: JobState) -> None:
    await _one_in_each_cleanable_state(store)
    assert (await _clean(store, state, LONG_MS)).count == 0


async def test_clean_stops_at_its_limit(store: Store) -> None:
    await store.add(QUEUE, [_job("a"), _job("b"), _job("c")])
    assert (await _clean(store, JobState.WAITING, 0, 2)).count == 2
    assert await _ids(store, JobState.WAITING) == ["c"]


async def test_clean_of_an_empty_queue_takes_nothing(store: Store) -> None:
    preview = await _clean(store, JobState.COMPLETED)
    assert (preview.count, preview.oldest_at_ms, preview.newest_at_ms) == (0, None, None)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.WAITING])
@pytest.mark.parametrize("limit", [0, 1050])
async def test_a_preview_counts_exactly_what_clean_takes_beyond_one_batch(
    store: Store, raw: redis.Redis, state: JobState, limit: int
) -> None:
    await _many_failed(store, raw, 1100)
    if state is JobState.WAITING:
        await store.retry(QUEUE, actor="ada")
    preview = await _clean(store, state, 0, limit, dry_run=True)
    assert raw.zcard(redis_keys.state(QUEUE, state)) == 1100
    assert await _clean(store, state, 0, limit) == preview
    assert preview.count == (limit or 1100)
    assert raw.zcard(redis_keys.state(QUEUE, state)) == 1100 - preview.count


async def test_a_preview_tells_the_age_of_what_would_go(store: Store) -> None:
    await _complete(store, "a")
    await _complete(store, "b")
    preview = await _clean(store, JobState.COMPLETED, dry_run=True)
    first, second = await store.find("a"), await store.find("b")
    assert (preview.oldest_at_ms, preview.newest_at_ms) == (first.finished_at_ms, second.finished_at_ms)


async def test_a_removed_job_leaves_its_place_and_its_id(store: Store, raw: redis.Redis) -> None:
    await store.add(QUEUE, [_job("a")])
    assert (await store.remove(QUEUE, "a", actor="ada"))[0] == "waiting"
    assert await _ids(store, JobState.WAITING) == []
    assert raw.exists(redis_keys.job(QUEUE, "a")) == 0


async def test_a_running_job_is_not_removed(store: Store) -> None:
    await _claim(store, _job("a"))
    assert (await store.remove(QUEUE, "a", actor="ada"))[0] == "active"
    assert await _state(store, "a") is JobState.ACTIVE


async def test_removing_an_unknown_job_says_so(store: Store) -> None:
    assert (await store.remove(QUEUE, "a", actor="ada"))[0] == ""


async def test_operators_actions_are_audited_with_their_actor(store: Store, raw: redis.Redis) -> None:
    await _fail_for_good(store, "a")
    await store.set_paused(QUEUE, True, actor="ada")
    await store.retry(QUEUE, ["a"], actor="bob")
    await store.clean(QUEUE, JobState.WAITING, 0, 0, actor="eve")
    entries: Any = raw.xrange(redis_keys.audit(QUEUE))
    rows = [entry for _, entry in entries]
    assert [(row["actor"], row["action"], row["touched"]) for row in rows] == [
        ("ada", "pause", "0"),
        ("bob", "retry", "1"),
        ("eve", "clean", "1"),
    ]


# --- sample, reads ---


async def test_a_sample_counts_every_state_and_the_minute(store: Store) -> None:
    await _one_in_each_cleanable_state(store)
    _now, *counts, concurrency, done, lost, oldest, minutes = await store.sample(QUEUE, 60)
    assert counts == [1, 1, 0, 1, 1, "-1"]  # waiting, delayed, active, completed, failed; not paused
    assert (int(concurrency), int(done), int(lost)) == (-1, 1, 1)
    assert int(oldest) == (await store.find("waiting")).created_at_ms
    # Summed, for the clock may have gone into the next minute meanwhile.
    counted: Counter[str] = Counter()
    for _number, flat in minutes:
        counted.update({field: int(by) for field, by in zip(flat[::2], flat[1::2], strict=True)})
    kinds = ("completed", "failed", "retried", "added", "psum")
    assert [counted[f"{kind}@create-task"] for kind in kinds] == [1, 1, 0, 4, 5]


async def test_totals_stay_when_the_jobs_are_cleaned(store: Store) -> None:
    await _complete(store, "a")
    await store.clean(QUEUE, JobState.COMPLETED, 0, 0, actor="ada")
    sample = await store.sample(QUEUE, 1)
    assert (sample[4], int(sample[8])) == (0, 1)


async def test_the_oldest_waiting_job_is_found_behind_other_priorities(store: Store, raw: redis.Redis) -> None:
    await store.add(QUEUE, [_job("old", priority=16)])
    old = (await store.find("old")).created_at_ms
    while old >= await _now_ms(raw):
        pass
    await store.add(QUEUE, [_job("young", priority=1), _job("other", priority=8)])
    assert int((await store.sample(QUEUE, 1))[10]) == old


async def test_nothing_waiting_has_no_age(store: Store) -> None:
    assert int((await store.sample(QUEUE, 1))[10]) == -1


async def test_finished_jobs_are_listed_newest_first(store: Store) -> None:
    await _complete(store, "a")
    await _complete(store, "b")
    assert await _ids(store, JobState.COMPLETED) == ["b", "a"]


async def test_a_job_is_found_in_whichever_queue_it_is(store: Store) -> None:
    await store.add("notification", [_job("a")])
    assert (await store.find("a")).queue == "notification"


async def test_finding_an_unknown_job_explains_where_it_may_have_gone(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"no job 'gone'.*cleaned"):
        await store.find("gone")


# --- events, waking ---


async def test_events_tell_a_jobs_way_in_order_and_its_trace(store: Store) -> None:
    await store.finish(QUEUE, [FinishedJob(await _claim(store, _job("a", trace="command-1")), "1", 1)])
    events = await store.events({QUEUE: "0-0"}, 10)
    assert [(event.event, event.id, event.trace) for event in events] == [
        ("waiting", "a", "command-1"),
        ("active", "a", "command-1"),
        ("completed", "a", "command-1"),
    ]


async def test_events_behind_a_known_position_only_are_read(store: Store) -> None:
    await store.add(QUEUE, [_job("a")])
    position = await store.last_event(QUEUE)
    await store.add(QUEUE, [_job("b")])
    assert await _events(store, position) == [("waiting", "b")]


async def test_events_of_several_queues_are_read_in_one_go(store: Store) -> None:
    await store.add(QUEUE, [_job("a")])
    await store.add("notification", [_job("b")])
    events = await store.events({QUEUE: "0-0", "notification": "0-0"}, 10)
    assert {(event.queue, event.id) for event in events} == {(QUEUE, "a"), ("notification", "b")}


async def test_the_wait_for_events_ends_with_the_first(store: Store) -> None:
    waiting = asyncio.create_task(store.events({QUEUE: "0-0"}, 5000))
    await store.add(QUEUE, [_job("a")])
    assert [event.id for event in await waiting] == ["a"]


async def test_no_events_are_an_empty_list(store: Store) -> None:
    assert await store.events({QUEUE: "0-0"}, 1) == []
    assert await store.last_event(QUEUE) == "0-0"


async def test_waiting_for_work_ends_when_a_job_is_added(store: Store) -> None:
    waiting = asyncio.create_task(store.wait_for_work([QUEUE, "notification"], "w1", 5))
    await store.add(QUEUE, [_job("a")])
    assert await waiting == QUEUE


async def test_waiting_for_work_ends_when_the_worker_is_woken(store: Store) -> None:
    waiting = asyncio.create_task(store.wait_for_work([QUEUE], "w1", 5))
    await store.wake([QUEUE], "w1")
    assert await waiting is None


async def test_waiting_for_work_gives_up_after_its_time(store: Store) -> None:
    assert await store.wait_for_work([QUEUE], "w1", 0.01) is None


# --- bytes, workers ---


async def test_bytes_come_back_as_they_were(store: Store) -> None:
    data = bytes(range(256)) * 10
    await store.put_blob(QUEUE, "sound", data, 60)
    assert await store.get_blob(QUEUE, "sound") == data


async def test_bytes_have_an_end(store: Store, raw: redis.Redis) -> None:
    await store.put_blob(QUEUE, "sound", b"x", 60)
    assert 0 < int(raw.ttl(redis_keys.blob(QUEUE, "sound"))) <= 60
    assert await store.get_blob(QUEUE, "other") is None


async def test_workers_are_listed_until_they_are_forgotten(store: Store) -> None:
    await store.tell_alive("w1", '{"seen_at_ms":1}')
    await store.tell_alive("w2", '{"seen_at_ms":2}')
    await store.forget_worker("w1")
    assert await store.workers() == {"w2": '{"seen_at_ms":2}'}


# --- Redis refuses, is away, dies ---


async def test_a_wrong_password_is_named_without_the_password(fresh_redis: str) -> None:
    password = fresh_redis.split("@")[0].rpartition(":")[2]
    wrong = Store(fresh_redis.replace(password, "wr0ng-secret"))
    with pytest.raises(PermanentError) as caught:
        await wrong.ping()
    await wrong.close()
    assert str(caught.value) == (
        f"Redis at {without_password(fresh_redis)} refused the password. Correct REDIS_URL or REDIS_PASSWORD."
    )
    assert "wr0ng-secret" not in str(caught.value)


async def test_a_server_that_wants_a_password_and_gets_none_is_told_at_once(private_redis: PrivateRedis) -> None:
    bare = Store(re.sub("://.*@", "://", private_redis.ensure()))
    with pytest.raises(PermanentError, match="refused the password"):
        await asyncio.wait_for(bare.ping(), 30)
    await bare.close()


async def test_nobody_listening_is_named_without_the_password() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = held.getsockname()[1]
        away = Store(f"redis://:s3cret@127.0.0.1:{port}/0")
        with pytest.raises(RedisGoneError) as caught:
            await away.ping()
        await away.close()
    assert caught.value.message == f"Redis at redis://127.0.0.1:{port}/0 does not answer (nothing listens there)."
    assert caught.value.remedy == "Is it running, and is REDIS_URL right?"
    assert "s3cret" not in str(caught.value)


async def test_a_server_that_keeps_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.connect.LONGEST_BLOCK_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = Store(f"redis://127.0.0.1:{listening.getsockname()[1]}")
        for ask in (silent.ping, lambda: silent.depth(QUEUE, JobState.FAILED), lambda: silent.add(QUEUE, [_job("a")])):
            with pytest.raises(RedisGoneError, match=r"does not answer \(no reply in time\)"):
                await ask()
        await silent.close()


async def test_a_socket_that_is_not_there_is_told_as_a_port_where_nobody_listens(tmp_path: Path) -> None:
    away = Store(f"unix://{tmp_path}/none.sock")
    with pytest.raises(RedisGoneError, match=r"none\.sock does not answer \(nothing listens there\)"):
        await away.ping()
    await away.close()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"REDIS_URL is not a Redis address.*redis://"):
        Store("http://localhost:6379")


async def test_open_store_uses_the_redis_that_the_settings_name(fresh_redis: str, tmp_path: Path) -> None:
    async with open_store(load_settings(redis_url=fresh_redis, data_dir=tmp_path)) as store:
        assert store.address == without_password(fresh_redis)
    assert os.listdir(tmp_path) == []


async def test_a_killed_redis_comes_back_with_every_job_and_the_store_goes_on(tmp_path: Path) -> None:
    async with open_store(load_settings(data_dir=tmp_path)) as store:
        await _one_in_each_cleanable_state(store)
        await store.add(QUEUE, [_job("active", priority=1)])
        (active,) = await _take(store, 1)
        _kill_redis(tmp_path)
        for state in JobState:
            assert await _ids(store, state) == [state]
        # The lease is as good as before, and so are the scripts, which the new server had to be told again.
        assert await store.finish(QUEUE, [FinishedJob(active, '"after"', 1)]) == [True]
        assert (await store.find("active")).result == "after"


def _kill_redis(data_dir: Path) -> None:
    """SIGKILL the server of `data_dir` once it has written what it acknowledged, and wait for its end."""
    pid = int((data_dir / "redis" / "redis.pid").read_text())
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    process.wait(10)


async def test_more_jobs_than_one_script_may_touch_are_finished_in_parts(store: Store) -> None:
    await store.add(QUEUE, [_job(f"j{n}") for n in range(4500)])
    held: list[Claimed] = []
    while len(held) < 4500:
        taken = await store.take(QUEUE, 1000, lease_ms=LONG_MS, token=f"t{len(held)}", worker="w")
        held += taken.jobs
    assert all(await store.finish(QUEUE, [FinishedJob(job, "null", 1) for job in held]))
    assert await store.depth(QUEUE, JobState.ACTIVE) == 0


async def test_a_spoilt_concurrency_is_none(store: Store, raw: redis.Redis) -> None:
    raw.hset("{hark:task-processing}:meta", "concurrency", "many")
    assert await store.tick(QUEUE) == (0, None, [])
    assert (await store.take(QUEUE, 1, lease_ms=LONG_MS, token="t", worker="w")).concurrency is None


async def test_calls_under_way_while_the_address_changes_go_on_at_the_new_one(store: Store, raw: redis.Redis) -> None:
    await store.add(QUEUE, [_job("a")])
    raw.client_pause(10_000, all=False)
    calls = [asyncio.create_task(store.tick(QUEUE)) for _ in range(3)]
    await asyncio.sleep(0)
    url = store._url + ("&" if "?" in store._url else "?") + "protocol=3"
    moving = asyncio.create_task(store._change_over(url))
    await asyncio.sleep(0)
    raw.client_unpause()
    await moving
    assert [await call for call in calls] == [(0, None, [])] * 3


async def test_a_follow_up_that_another_has_forwarded_since_is_not_added_again(
    store: Store, settings: Settings, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = json.dumps({"queue": "notification", "job": _job("a").as_argument()})

    async def stale(queue: str) -> list[str]:
        return [entry] if queue == QUEUE else []

    monkeypatch.setattr(store, "outbox", stale)
    upkeep = Upkeep(store, [QUEUE], settings, "w", lambda: 0, lambda *_: None)
    await upkeep._forward([QUEUE])
    assert await store.depth("notification", JobState.WAITING) == 0
    raw.rpush(redis_keys.outbox(QUEUE), entry)
    await upkeep._forward([QUEUE])
    assert await store.depth("notification", JobState.WAITING) == 1
    assert raw.llen(redis_keys.outbox(QUEUE)) == 0


@pytest.mark.expect_errors
async def test_a_spoilt_follow_up_stays_and_holds_up_no_other(
    store: Store, settings: Settings, raw: redis.Redis
) -> None:
    outbox = redis_keys.outbox(QUEUE)
    fine = json.dumps({"queue": "notification", "job": _job("a").as_argument()})
    raw.set("{hark:synthesis}:job:b", "no hash")
    raw.set("{hark:synthesis}:wait", "no sorted set")
    blocked = json.dumps({"queue": "synthesis", "job": _job("c").as_argument()})
    raw.rpush(outbox, "not json", blocked, fine)
    upkeep = Upkeep(store, [QUEUE], settings, "w", lambda: 0, lambda *_: None)
    await upkeep._forward([QUEUE])
    assert await store.depth("notification", JobState.WAITING) == 1
    assert raw.lrange(outbox, 0, -1) == ["not json", blocked]
