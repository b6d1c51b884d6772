"""Viewers share one sampler, what watching costs is known, and what Prometheus is told never goes down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from engine.admin import Admin
from engine.api.metrics import BUCKETS_MS, exposition
from engine.client import Client
from engine.histogram import bounds_ms
from engine.job_types import CreateTask
from engine.model import Figures, JobOptions, JobState, Snapshot
from engine.monitor import HISTORY_MINUTES, Monitor
from engine.queues import QUEUES
from engine.sampling import Sampler
from engine.settings import Settings
from engine.store import FinishedJob, Store, keys
from engine.worker.upkeep import Upkeep

TASKS = "task-processing"
TYPE = "create-task"
MINUTE_MS = 60_000
SAMPLING = 1 + len(QUEUES)
"""Commands of one sample."""


@pytest.fixture
def raw(fresh_redis: str) -> Iterator[Any]:
    """A plain client that plays the other hand in Redis."""
    with redis.Redis.from_url(fresh_redis, decode_responses=True) as client:
        yield client


@pytest.fixture
async def viewers(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Monitor]:
    """Two viewers that have looked before, and nothing left of it. What they share stays long, for slow machines."""
    monkeypatch.setattr("engine.sampling.SHARED_MS", 60_000)
    found = [Monitor(store, settings) for _ in range(2)]
    for viewer in found:
        await viewer.snapshot()
    await store.outdate_snapshot()
    return found


async def _add(store: Store, settings: Settings, *ids: str) -> None:
    await Client(store, settings).add_bulk([CreateTask(title="x")] * len(ids), [JobOptions(one) for one in ids])


async def _complete(store: Store, settings: Settings, *times_ms: int) -> None:
    await _add(store, settings, *(uuid4().hex for _ in times_ms))
    taken = await store.take(TASKS, len(times_ms), lease_ms=60_000, token=uuid4().hex, worker="w")
    ended = [FinishedJob(job, "1", ms) for job, ms in zip(taken.jobs, times_ms, strict=True)]
    await store.finish(TASKS, ended)


def _waiting(snapshot: Snapshot) -> int:
    return next(queue.waiting for queue in snapshot.queues if queue.name == TASKS)


def _completed_by_minute(snapshot: Snapshot) -> dict[int, int]:
    (minutes,) = (queue.minutes for queue in snapshot.queues if queue.name == TASKS)
    return {one.minute: one.completed for one in minutes if one.completed}


def _sent(raw: Any) -> int:
    """EVALSHA and EVAL calls that the server has had: all that a viewer sends but for the workers."""
    stats = raw.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


# --- sharing ---


async def test_a_second_viewer_takes_what_the_first_has_just_seen(
    viewers: list[Monitor], store: Store, settings: Settings
) -> None:
    first = await viewers[0].snapshot(fresh=False)
    await _add(store, settings, "a")
    second = await viewers[1].snapshot(fresh=False)
    assert (second.taken_at_ms, second.queues) == (first.taken_at_ms, first.queues)


async def test_a_fresh_snapshot_shows_what_is_now(viewers: list[Monitor], store: Store, settings: Settings) -> None:
    await viewers[0].snapshot(fresh=False)
    await _add(store, settings, "a")
    assert _waiting(await viewers[1].snapshot()) == 1


async def test_a_shared_snapshot_costs_one_command(viewers: list[Monitor], raw: Any) -> None:
    await viewers[0].snapshot(fresh=False)
    before = _sent(raw)
    await viewers[1].snapshot(fresh=False)
    assert _sent(raw) - before == 1


async def test_what_is_shared_ends_within_a_second(store: Store, raw: Any) -> None:
    await Sampler(store).shared()
    assert raw.pttl(keys.SNAPSHOT) in {-2, *range(901)}  # -2: it has ended already


async def test_a_shared_snapshot_carries_workers_and_figures_over(
    viewers: list[Monitor], store: Store, settings: Settings
) -> None:
    await _complete(store, settings, 5, 70, 900)
    now_ms = (await viewers[0].snapshot()).taken_at_ms
    record = {"host": "h", "pid": 1, "queues": [TASKS], "started_at_ms": 1, "seen_at_ms": now_ms, "active": 0}
    await store.tell_alive("w1", json.dumps(record))
    first = await viewers[0].snapshot(fresh=False)
    second = await viewers[1].snapshot(fresh=False)
    (tasks,) = (queue for queue in second.queues if queue.name == TASKS)
    assert [worker.id for worker in second.workers] == ["w1"]
    assert (tasks.recent.processing.sum_ms, tasks.recent.processing.total, tasks.workers) == (975, 3, 1)
    assert second.queues == first.queues


async def test_viewers_who_look_in_the_same_moment_sample_once(
    store: Store, settings: Settings, viewers: list[Monitor], raw: Any
) -> None:
    before = _sent(raw)
    snapshots = await asyncio.gather(*(viewer.snapshot(fresh=False) for viewer in viewers))
    assert len({snapshot.taken_at_ms for snapshot in snapshots}) == 1
    # A look by each and one more by the one who waited, the sample of eight queues, and leaving it; loading is free.
    assert _sent(raw) - before <= 2 + 2 + len(QUEUES) + 1


@pytest.mark.parametrize("action", ["pause", "clean", "promote"])
async def test_no_viewer_is_shown_what_was_before_an_operators_action(
    viewers: list[Monitor], store: Store, settings: Settings, action: str
) -> None:
    admin = Admin(store)
    await Client(store, settings).add(CreateTask(title="x"), JobOptions("a", delay_ms=60_000))
    before = await viewers[0].snapshot(fresh=False)
    match action:
        case "pause":
            await admin.pause(TASKS, actor="ada")
        case "clean":
            await admin.clean(TASKS, JobState.DELAYED, actor="ada")
        case "promote":
            await admin.promote(TASKS, "a", actor="ada")
    assert (await viewers[1].snapshot(fresh=False)).queues != before.queues


async def test_a_sample_from_before_an_action_is_not_left_after_it(store: Store, raw: Any) -> None:
    assert await store.shared_snapshot("taking 1", 60_000) == "taking 1"
    await Admin(store).pause(TASKS, actor="ada")
    assert await store.shared_snapshot("taking 2", 60_000) == "taking 2"
    await store.share_snapshot("taking 1", "old", 60_000)
    assert raw.get(keys.SNAPSHOT) == "taking 2"


async def test_a_viewer_does_not_wait_for_ever_for_one_who_died_while_sampling(
    viewers: list[Monitor], store: Store, raw: Any
) -> None:
    raw.set(keys.SNAPSHOT, "taking by one who is gone")
    await viewers[0].snapshot(fresh=False)
    assert raw.get(keys.SNAPSHOT).startswith("{")


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "rubbish",
        "{}",
        "[1]",
        '{"format":2}',
        '{"format":1,"taken_at_ms":1,"first_minute":1,"workers":{},"queues":{}}',
        "[" * 100_000,
    ],
)
async def test_a_spoilt_snapshot_is_ignored_and_replaced(viewers: list[Monitor], raw: Any, spoilt: str) -> None:
    raw.set(keys.SNAPSHOT, spoilt)
    for _ in range(2):
        assert _waiting(await viewers[0].snapshot(fresh=False)) == 0
    assert json.loads(raw.get(keys.SNAPSHOT))["format"] == 1


@pytest.mark.parametrize("place", ["taken_at_ms", "first_minute", "workers", "queues"])
@pytest.mark.parametrize("value", [None, "x", 1.5, [1], {"a": 1}, 10**30])
async def test_a_snapshot_spoilt_in_one_place_is_ignored(
    viewers: list[Monitor], raw: Any, place: str, value: object
) -> None:
    await viewers[0].snapshot(fresh=False)
    told = json.loads(raw.get(keys.SNAPSHOT))
    raw.set(keys.SNAPSHOT, json.dumps(told | {place: value}))
    assert [queue.name for queue in (await viewers[1].snapshot(fresh=False)).queues] == list(QUEUES)


async def test_a_key_of_another_type_does_not_stop_viewers(viewers: list[Monitor], raw: Any) -> None:
    raw.lpush(keys.SNAPSHOT, "x")
    await viewers[0].snapshot(fresh=False)
    await viewers[0].snapshot(fresh=False)
    assert raw.type(keys.SNAPSHOT) == "string"


async def test_a_snapshot_whose_end_was_taken_away_is_not_shown_for_long(
    store: Store, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Sampler(store)
    first = await viewer.shared()
    raw.persist(keys.SNAPSHOT)
    assert (await viewer.shared()).taken_at_ms == first.taken_at_ms
    monkeypatch.setattr("engine.sampling._STUCK_S", -1.0)
    assert (await viewer.shared()).taken_at_ms > first.taken_at_ms
    assert raw.pttl(keys.SNAPSHOT) > 0


async def test_viewers_go_on_where_redis_is_full(viewers: list[Monitor], raw: Any) -> None:
    raw.config_set("maxmemory", "1mb")
    try:
        first = await viewers[0].snapshot(fresh=False)
        second = await viewers[1].snapshot(fresh=False)
    finally:
        raw.config_set("maxmemory", "0")
    assert first.taken_at_ms == second.taken_at_ms


async def test_viewers_go_on_where_nothing_can_be_written(viewers: list[Monitor], raw: Any) -> None:
    await viewers[0].snapshot(fresh=False)
    raw.config_set("min-replicas-to-write", "1")
    try:
        snapshot = await viewers[1].snapshot(fresh=False)
        totals = await viewers[1].totals()
    finally:
        raw.config_set("min-replicas-to-write", "0")
    assert (len(snapshot.queues), set(totals)) == (len(QUEUES), set(QUEUES))


async def test_minutes_that_passed_while_a_viewer_slept_are_found(viewers: list[Monitor], raw: Any) -> None:
    minute = (await viewers[1].snapshot(fresh=False)).taken_at_ms // MINUTE_MS
    raw.hset(keys.figures(TASKS, "1m", minute - 5), mapping={f"completed@{TYPE}": 3})
    asleep = viewers[0]
    asleep._known_minute = minute - 10
    assert _completed_by_minute(await asleep.snapshot(fresh=False)) == {minute - 5: 3}


async def test_a_viewers_first_snapshot_has_its_history(store: Store, settings: Settings, raw: Any) -> None:
    first = Monitor(store, settings)
    minute = (await first.snapshot()).taken_at_ms // MINUTE_MS
    await first.snapshot(fresh=False)
    raw.hset(keys.figures(TASKS, "1m", minute - HISTORY_MINUTES // 2), mapping={f"completed@{TYPE}": 2})
    told = await Monitor(store, settings).snapshot(fresh=False)
    assert _completed_by_minute(told) == {minute - HISTORY_MINUTES // 2: 2}


# --- what it costs ---


async def test_a_snapshot_tells_how_many_commands_watching_takes(viewers: list[Monitor], store: Store) -> None:
    viewers[0]._sampler = Sampler(store, lambda: 7.0)
    costs = [(await viewers[0].snapshot()).watching_commands_per_s for _ in range(2)]
    assert costs == [1.0 * SAMPLING, 2.0 * SAMPLING]


async def test_commands_are_forgotten_after_a_minute(store: Store) -> None:
    now_s = [1000.0]
    sampler = Sampler(store, lambda: now_s[0])
    await sampler.take(1)
    now_s[0] += 30
    assert sampler.commands_per_s == SAMPLING / 30
    now_s[0] += 31
    assert sampler.commands_per_s == 0


# --- spoilt signs of life ---

SPOILT_SIGNS = [
    "",
    "x",
    "[]",
    "7",
    "{}",
    '{"seen_at_ms":"soon"}',
    '{"seen_at_ms":NaN,"host":"h","pid":1,"queues":[],"started_at_ms":1,"active":0}',
    '{"seen_at_ms":1e999,"host":1,"pid":1,"queues":"all","started_at_ms":1,"active":0}',
]


@pytest.mark.parametrize("spoilt", SPOILT_SIGNS)
async def test_a_spoilt_sign_of_life_counts_as_no_worker(viewers: list[Monitor], store: Store, spoilt: str) -> None:
    await store.tell_alive("spoilt", spoilt)
    assert (await viewers[0].snapshot()).workers == ()


async def test_a_sign_of_life_with_more_in_it_than_is_known_is_read(viewers: list[Monitor], store: Store) -> None:
    now_ms = (await viewers[0].snapshot()).taken_at_ms
    record = {"host": "h", "pid": 1, "queues": [TASKS], "started_at_ms": 1, "seen_at_ms": now_ms, "active": 0}
    await store.tell_alive("newer", json.dumps(record | {"mood": "good"}))
    assert [worker.id for worker in (await viewers[0].snapshot()).workers] == ["newer"]


@pytest.mark.parametrize("spoilt", SPOILT_SIGNS)
async def test_a_worker_forgets_spoilt_signs_of_life(store: Store, settings: Settings, spoilt: str) -> None:
    await store.tell_alive("spoilt", spoilt)
    upkeep = Upkeep(store, [TASKS], settings, "me", lambda: 0, lambda *_: None)
    await upkeep._heartbeat()
    assert list(await store.workers()) == ["me"]


# --- totals ---


async def test_totals_are_what_was_counted(store: Store, settings: Settings) -> None:
    await _complete(store, settings, 5, 300)
    await _add(store, settings, "a")
    found = (await store.totals(TASKS))[TYPE]
    assert (found.added, found.completed, found.failed) == (3, 2, 0)
    assert (found.processing.sum_ms, found.processing.total, found.waiting.total) == (305, 2, 2)


async def test_a_count_is_folded_once_however_often_totals_are_asked_for(store: Store, settings: Settings) -> None:
    await _add(store, settings, "a")
    await asyncio.gather(*(store.fold(TASKS) for _ in range(5)))
    await _add(store, settings, "b")
    assert [(await store.totals(TASKS))[TYPE].added for _ in range(3)] == [2, 2, 2]


async def test_totals_hold_what_the_minutes_have_forgotten(store: Store, settings: Settings, raw: Any) -> None:
    await _complete(store, settings, 5, 300)
    before = await store.totals(TASKS)
    for key in raw.scan_iter("*:metrics:*"):
        raw.unlink(key)
    assert await store.totals(TASKS) == before


async def test_minutes_since_the_last_fold_are_added(store: Store, raw: Any) -> None:
    await store.fold(TASKS)
    current = int(raw.hget(keys.totals(TASKS), "minute"))
    raw.hset(keys.totals(TASKS), "minute", current - 300)
    for minute in (current - 301, current - 299, current - 10, current):
        raw.hset(keys.figures(TASKS, "1m", minute), mapping={f"added@{TYPE}": 1, "group:x@y": 5, "depth:failed": 9})
    assert await store.totals(TASKS) == {TYPE: Figures(added=3)}


async def test_the_rest_of_a_minute_that_was_folded_in_part_is_added(store: Store, raw: Any) -> None:
    await store.fold(TASKS)
    minute = int(raw.hget(keys.totals(TASKS), "minute")) - 1
    raw.hset(keys.figures(TASKS, "1m", minute), mapping={f"added@{TYPE}": 5})
    held = {"minute": minute, "part": json.dumps({f"added@{TYPE}": 2}), f"added@{TYPE}": 2}
    raw.hset(keys.totals(TASKS), mapping=held)
    assert (await store.totals(TASKS))[TYPE].added == 5


async def test_the_first_totals_hold_all_minutes_that_are_kept(store: Store, raw: Any) -> None:
    now_s, _ = raw.time()
    for back in (0, 1, 1000, 2879):
        raw.hset(keys.figures(TASKS, "1m", now_s // 60 - back), mapping={f"completed@{TYPE}": 1})
    assert (await store.totals(TASKS))[TYPE].completed == 4


async def test_many_busy_minutes_are_folded_in_several_calls(store: Store, raw: Any) -> None:
    now_s, _ = raw.time()
    busy: dict[str, Any] = {f"p{bucket}@t{job_type}": 1 for bucket in range(50) for job_type in range(5)}
    for back in range(40):
        raw.hset(keys.figures(TASKS, "1m", now_s // 60 - 2 * back), mapping=busy)
    before = _sent(raw)
    found = await store.totals(TASKS)
    assert {figures.processing.total for figures in found.values()} == {40 * 50}
    assert _sent(raw) - before >= 3


async def test_one_minute_of_very_many_job_types_is_folded(store: Store, raw: Any) -> None:
    await store.fold(TASKS)
    minute = int(raw.hget(keys.totals(TASKS), "minute")) - 1
    raw.hset(keys.totals(TASKS), "minute", minute)
    raw.hset(keys.figures(TASKS, "1m", minute), mapping={f"added@t{number}": 1 for number in range(5000)})
    assert len(await store.totals(TASKS)) == 5000


async def test_a_clock_set_back_takes_nothing_away(store: Store, settings: Settings, raw: Any) -> None:
    await _add(store, settings, "a")
    await store.fold(TASKS)
    raw.hincrby(keys.totals(TASKS), "minute", 30)
    await _add(store, settings, "b")
    assert (await store.totals(TASKS))[TYPE].added == 1


@pytest.mark.parametrize(
    "spoilt", [{f"added@{TYPE}": "x"}, {"part": "["}, {"minute": "soon"}, {f"added@{TYPE}": "nan", "part": "7"}]
)
async def test_spoilt_totals_stop_nobody(store: Store, settings: Settings, raw: Any, spoilt: dict[str, str]) -> None:
    await _add(store, settings, "a")
    await store.fold(TASKS)
    raw.hset(keys.totals(TASKS), mapping=spoilt)
    await _add(store, settings, "b")
    assert (await store.totals(TASKS))[TYPE].added >= 0


async def test_totals_of_another_type_are_begun_anew(store: Store, settings: Settings, raw: Any) -> None:
    await _add(store, settings, "a")
    raw.set(keys.totals(TASKS), "x")
    assert (await store.totals(TASKS))[TYPE].added == 1


# --- Prometheus ---


async def _families(monitor: Monitor) -> dict[str, Any]:
    text = exposition(await monitor.snapshot(), await monitor.totals()).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


async def test_prometheus_is_told_of_times_in_buckets_that_add_up(
    viewers: list[Monitor], store: Store, settings: Settings
) -> None:
    await _complete(store, settings, 2, 20, 20, 3000)
    family = (await _families(viewers[0]))["hark_job_processing_seconds"]
    buckets = {
        float(one.labels["le"]): one.value
        for one in family.samples
        if one.name.endswith("_bucket") and one.labels["queue"] == TASKS and one.labels["job_type"] == TYPE
    }
    told = {one.name: one.value for one in family.samples if not one.name.endswith("_bucket")}
    assert list(buckets) == [*(ms / 1000 for ms in BUCKETS_MS), float("inf")]
    expected = {0.001: 0, 0.004: 1, 0.016: 1, 0.064: 3, 2.048: 3, 4.096: 4, float("inf"): 4}
    assert {le: buckets[le] for le in expected} == expected
    assert told == {"hark_job_processing_seconds_count": 4, "hark_job_processing_seconds_sum": 3.042}


def test_every_bucket_told_to_prometheus_ends_where_a_recorded_one_does() -> None:
    ends = {bounds_ms(bucket)[1] for bucket in range(100)}
    assert set(BUCKETS_MS) <= ends


async def test_prometheus_is_told_of_ends_by_queue_and_job_type(
    viewers: list[Monitor], store: Store, settings: Settings
) -> None:
    await _complete(store, settings, 2)
    await _add(store, settings, "a", "b")
    (job,) = (await store.take(TASKS, 1, lease_ms=60_000, token=uuid4().hex, worker="w")).jobs
    await store.fail(job, "broken", permanent=True)
    families = await _families(viewers[0])
    place = {"queue": TASKS, "job_type": TYPE}
    told = {
        what: [one.value for one in families[f"hark_jobs_{what}"].samples if one.labels == place]
        for what in ("added", "completed", "failed", "retried", "stalled")
    }
    assert told == {"added": [3], "completed": [1], "failed": [1], "retried": [0], "stalled": [0]}
