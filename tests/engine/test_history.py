"""Figures recorded by the workers' scripts: minutes and hours, by job type, and the percentiles that they give."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.client import Client
from engine.errors import BadInputError, NotFoundError
from engine.figures import summed
from engine.histogram import Histogram, bounds_ms
from engine.job_types import CreateTask
from engine.model import Figures, JobOptions, JobState
from engine.monitor import RECENT_MINUTES, Monitor
from engine.settings import Settings
from engine.store import FinishedJob, NewJob, Store, keys

TASKS = "task-processing"
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def raw(fresh_redis: str) -> redis.Redis:
    """Redis itself."""
    return redis.Redis.from_url(fresh_redis, decode_responses=True)


def _job(job_id: str, name: str) -> NewJob:
    return NewJob(job_id, name, "{}", 4, 1, "fixed", 0, 1000)


async def _complete(store: Store, name: str, times_ms: list[int]) -> None:
    ids = [f"{name}-{time.monotonic_ns()}-{number}" for number in range(len(times_ms))]
    await store.add(TASKS, [_job(job_id, name) for job_id in ids])
    taken = await store.take(TASKS, len(ids), lease_ms=60_000, token=ids[0], worker="w")
    ended = [FinishedJob(job, "1", ms) for job, ms in zip(taken.jobs, times_ms, strict=True)]
    assert all(await store.finish(TASKS, ended))


async def _fail(store: Store, name: str, job_id: str, group: dict[str, str] | None = None) -> None:
    await store.add(TASKS, [_job(job_id, name)])
    (job,) = (await store.take(TASKS, 1, lease_ms=60_000, token=job_id, worker="w")).jobs
    await store.fail(job, "broken", permanent=True, group=group)


async def _figures(monitor: Monitor) -> Figures:
    """All that was counted in this test, however the minutes fell."""
    return summed(period.total for period in await monitor.history(TASKS, periods=3))


# --- what is counted ---


async def test_what_happens_to_jobs_is_counted_by_job_type(store: Store, monitor: Monitor) -> None:
    await _complete(store, "one", [10, 20])
    await _complete(store, "two", [5])
    await _fail(store, "two", "broken")
    periods = await monitor.history(TASKS, periods=3)
    one, two = (summed(period.by_type[name] for period in periods if name in period.by_type) for name in ("one", "two"))
    assert (one.added, one.completed, one.failed, one.processing.sum_ms) == (2, 2, 0, 30)
    assert (two.added, two.completed, two.failed, two.processing.sum_ms) == (2, 1, 1, 5)
    assert summed(period.total for period in periods) == summed([one, two])


async def test_an_attempt_that_is_tried_again_is_no_failure(store: Store, monitor: Monitor) -> None:
    await store.add(TASKS, [NewJob("a", "one", "{}", 4, 2, "fixed", 60_000, 1000)])
    (job,) = (await store.take(TASKS, 1, lease_ms=60_000, token="t", worker="w")).jobs
    await store.fail(job, "broken")
    found = await _figures(monitor)
    assert (found.retried, found.failed) == (1, 0)


async def test_a_stalled_job_is_counted(store: Store, monitor: Monitor) -> None:
    await store.add(TASKS, [_job("a", "one")])
    await store.take(TASKS, 1, lease_ms=0, token="t", worker="w")
    await store.recover(TASKS, 1)
    assert (await _figures(monitor)).stalled == 1


async def test_a_failed_jobs_time_is_not_among_the_processing_times(store: Store, monitor: Monitor) -> None:
    await _fail(store, "one", "broken")
    found = await _figures(monitor)
    assert (found.processing.total, found.waiting.total) == (0, 1)


async def test_a_job_waited_from_when_it_was_due(store: Store, monitor: Monitor, raw: redis.Redis) -> None:
    await store.add(TASKS, [_job("a", "one")])
    now_ms = int(time.time() * 1000)
    raw.hset(keys.job(TASKS, "a"), mapping={"created": now_ms - DAY_MS, "queued": now_ms - 10_000})
    await store.take(TASKS, 1, lease_ms=60_000, token="t", worker="w")
    waited = (await _figures(monitor)).waiting.percentile_ms(100)
    assert waited is not None
    assert 9_000 < waited < 60_000


async def test_failures_are_counted_by_their_group(store: Store, monitor: Monitor) -> None:
    for job_id in ("a", "b"):
        await _fail(store, "one", job_id, {"signature": "5161", "title": "Broken", "kind": "OSError"})
    counts = [period.failures_by_group.get("5161", 0) for period in await monitor.history(TASKS, periods=3)]
    assert sum(counts) == 2


# --- percentiles ---


@given(times_ms=st.lists(st.integers(0, 300_000), min_size=1, max_size=60), percent=st.sampled_from([50, 95, 99]))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_redis_and_python_agree_on_buckets(
    store: Store, monitor: Monitor, raw: redis.Redis, times_ms: list[int], percent: int
) -> None:
    raw.flushdb()
    await _complete(store, "one", times_ms)
    found = (await _figures(monitor)).processing
    exact = sorted(times_ms)[max(0, -(-len(times_ms) * percent // 100) - 1)]
    told = found.percentile_ms(percent)
    assert told is not None
    assert (found.total, found.sum_ms) == (len(times_ms), sum(times_ms))
    assert exact / 2 ** (1 / 8) * (1 - 1e-9) <= told
    assert told <= max(0.5, exact * 2 ** (1 / 8) * (1 + 1e-9))


async def test_each_edge_of_a_bucket_is_counted_into_the_bucket_that_it_begins(store: Store, monitor: Monitor) -> None:
    powers = [2**exponent for exponent in range(22)]
    await _complete(store, "one", powers)
    counts = (await _figures(monitor)).processing.counts
    assert sorted(counts) == [1 + 4 * exponent for exponent in range(22)]
    assert all(bounds_ms(1 + 4 * exponent)[0] == power for exponent, power in enumerate(powers))


# --- periods ---


def _count(raw: redis.Redis, span: str, number: int, **counts: Any) -> None:
    raw.hset(keys.figures(TASKS, span, number), mapping={f"{name}@one": n for name, n in counts.items()})


async def test_periods_follow_each_other_up_to_now(monitor: Monitor) -> None:
    periods = await monitor.history(TASKS, periods=5)
    starts = [period.start_ms for period in periods]
    assert [later - earlier for earlier, later in pairwise(starts)] == [MINUTE_MS] * 4
    assert 0 <= time.time() * 1000 - starts[-1] < 2 * MINUTE_MS
    assert all(period.total == Figures() and period.depths is None for period in periods)


async def test_minutes_are_joined_into_longer_periods(monitor: Monitor, raw: redis.Redis) -> None:
    ten = int(time.time() * 1000) // (10 * MINUTE_MS) - 1
    _count(raw, "1m", ten * 10, completed=1, p1=1, psum=1)
    _count(raw, "1m", ten * 10 + 9, completed=2, p5=2, psum=4)
    _count(raw, "1m", ten * 10 + 10, completed=4)
    found = {period.start_ms: period for period in await monitor.history(TASKS, periods=3, span_ms=10 * MINUTE_MS)}
    joined = found[ten * 10 * MINUTE_MS]
    assert (joined.span_ms, joined.total.completed) == (10 * MINUTE_MS, 3)
    assert joined.total.processing == Histogram({1: 1, 5: 2}, 5)
    assert joined.by_type["one"] == joined.total


async def test_days_are_made_of_hours(monitor: Monitor, raw: redis.Redis) -> None:
    today = int(time.time() * 1000) // DAY_MS
    _count(raw, "1h", (today - 89) * 24, completed=1)
    _count(raw, "1h", (today - 1) * 24 + 23, completed=2)
    days = await monitor.history(TASKS, periods=90, span_ms=DAY_MS)
    assert (len(days), days[0].total.completed, days[-2].total.completed) == (90, 1, 2)


async def test_what_jobs_leave_in_minutes_they_leave_in_hours(store: Store, monitor: Monitor) -> None:
    await _complete(store, "one", [10, 20])
    minutes = await _figures(monitor)
    assert summed(period.total for period in await monitor.history(TASKS, periods=2, span_ms=HOUR_MS)) == minutes


async def test_minutes_last_48_hours_and_hours_90_days(store: Store, raw: redis.Redis) -> None:
    await _complete(store, "one", [10])
    await store.tick(TASKS)
    ends = {str(key).split(":")[3]: raw.ttl(key) for key in raw.scan_iter("*:metrics:*")}
    assert ends == {"1m": pytest.approx(48 * 3600, abs=60), "1h": pytest.approx(90 * 24 * 3600, abs=60)}


async def test_a_period_tells_the_depths_that_were_seen_last_in_it(store: Store, monitor: Monitor) -> None:
    await store.add(TASKS, [_job("a", "one"), _job("b", "one")])
    await store.tick(TASKS)
    seen = [period for period in await monitor.history(TASKS, periods=3) if period.depths is not None]
    assert seen[-1].depths == dict.fromkeys(JobState, 0) | {JobState.WAITING: 2}
    assert seen[-1].oldest_waiting_ms is not None


async def test_several_queues_are_added_up(store: Store, monitor: Monitor, raw: redis.Redis) -> None:
    hour = int(time.time() * 1000) // HOUR_MS - 1
    for queue, count, waiting, oldest in ((TASKS, 2, 3, 700), ("email-processing", 5, 4, 900)):
        counted = {"completed@one": count, "p5@one": count, "depth:waiting": waiting, "oldest": oldest}
        raw.hset(keys.figures(queue, "1h", hour), mapping=counted)
    parts = [part async for part in monitor.histories((TASKS, "email-processing"), periods=3, span_ms=HOUR_MS)]
    found = {period.start_ms: period for part in parts for period in part}
    both = found[hour * HOUR_MS]
    assert (both.total.completed, both.total.processing.total, both.oldest_waiting_ms) == (7, 7, 900)
    assert both.depths == dict.fromkeys(JobState, 0) | {JobState.WAITING: 7}
    assert found[(hour - 1) * HOUR_MS].depths is None


async def test_a_long_history_comes_in_parts_the_newest_first(monitor: Monitor) -> None:
    parts = [part async for part in monitor.histories(("email-processing",), periods=90, span_ms=DAY_MS)]
    starts = [period.start_ms for part in reversed(parts) for period in part]
    assert len(parts) > 2
    assert [later - earlier for earlier, later in pairwise(starts)] == [DAY_MS] * 89


async def test_who_has_seen_a_history_reads_only_what_can_have_changed(monitor: Monitor) -> None:
    hour_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS
    parts = [
        part async for part in monitor.histories((TASKS,), periods=48, span_ms=HOUR_MS, since_ms=hour_ms - HOUR_MS)
    ]
    assert [period.start_ms for part in parts for period in part][:2] == [hour_ms - HOUR_MS, hour_ms]


@pytest.mark.parametrize("window_ms", [10 * MINUTE_MS, DAY_MS, 90 * DAY_MS])
async def test_a_window_is_its_periods_up_to_now_as_one(store: Store, monitor: Monitor, window_ms: int) -> None:
    await _complete(store, "one", [10, 20])
    await _complete(store, "two", [5])
    window = await monitor.window(TASKS, window_ms)
    assert (window.total.completed, window.total.processing.sum_ms, sorted(window.by_type)) == (3, 35, ["one", "two"])
    assert window_ms - HOUR_MS <= window.span_ms <= window_ms


@pytest.mark.parametrize("window_ms", [0, MINUTE_MS - 1, 91 * DAY_MS])
async def test_a_window_that_is_not_kept_is_refused(monitor: Monitor, window_ms: int) -> None:
    with pytest.raises(BadInputError, match="A window is a minute to 90 days long"):
        await monitor.window(TASKS, window_ms)


@pytest.mark.parametrize(
    ("periods", "span_ms"), [(0, MINUTE_MS), (1, 0), (1, 1000), (1, 90_000), (48 * 60 + 1, MINUTE_MS), (91, DAY_MS)]
)
async def test_a_history_that_is_not_kept_is_refused(monitor: Monitor, periods: int, span_ms: int) -> None:
    with pytest.raises(BadInputError):
        await monitor.history(TASKS, periods=periods, span_ms=span_ms)


async def test_the_history_of_an_unknown_queue_is_refused(monitor: Monitor) -> None:
    with pytest.raises(NotFoundError):
        await monitor.history("nope", periods=1)


# --- the live figures ---


async def test_a_snapshot_has_the_figures_of_the_last_minutes(store: Store, monitor: Monitor, raw: redis.Redis) -> None:
    minute = (await monitor.snapshot()).taken_at_ms // MINUTE_MS
    _count(raw, "1m", minute - RECENT_MINUTES + 1, completed=5, p1=5, psum=5)
    _count(raw, "1m", minute - RECENT_MINUTES - 5, completed=100)
    fresh = Monitor(store, monitor._settings)
    (tasks,) = (queue for queue in (await fresh.snapshot()).queues if queue.name == TASKS)
    assert (tasks.recent.completed, tasks.recent.processing.total) == (5, 5)


async def test_the_forecast_follows_the_net_pace(
    store: Store, settings: Settings, monitor: Monitor, raw: redis.Redis
) -> None:
    client = Client(store, settings)
    await client.add_bulk([CreateTask(title="x")] * 60, [JobOptions(f"{number}") for number in range(60)])
    for key in raw.scan_iter("*:metrics:1m:*"):
        raw.unlink(str(key))
    minute = (await monitor.snapshot()).taken_at_ms // MINUTE_MS
    _count(raw, "1m", minute - 2, completed=80, failed=10, added=30)
    (tasks,) = (queue for queue in (await Monitor(store, settings).snapshot()).queues if queue.name == TASKS)
    # 60 net jobs in the 6 minutes that count; 60 wait.
    assert tasks.drained_in_ms == 6 * MINUTE_MS


async def test_there_is_no_forecast_where_jobs_come_faster_than_they_go(store: Store, monitor: Monitor) -> None:
    await store.add(TASKS, [_job("a", "one")])
    (tasks,) = (queue for queue in (await monitor.snapshot()).queues if queue.name == TASKS)
    assert tasks.drained_in_ms is None


async def test_an_empty_queue_is_drained_already(monitor: Monitor) -> None:
    assert {queue.drained_in_ms for queue in (await monitor.snapshot()).queues} == {0}
