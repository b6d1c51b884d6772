"""Alerts: what the rules see, when one begins and ends, who is told, what operators' silences do, and who logs it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.admin import Admin
from engine.alerts import RULES, AlertNotes, Watch
from engine.cli import main
from engine.errors import BadInputError, NotFoundError
from engine.model import Alert, Figures, MinuteCounts, Severity, Silence, Snapshot, WorkerInfo
from engine.monitor import Monitor
from engine.settings import Settings, load_settings
from engine.store import NewJob, Store, keys
from engine.store.presence import sign_of_life
from engine.store.server import PrivateRedis, find_binary
from engine.worker.alerting import AlertLog
from tests.desktop.snapshots import MINUTE, START_MS, snapshot
from tests.redis_topologies import cluster

EMAIL = "email-processing"
NO_WORKER = f"no-worker:{EMAIL}"
UNSERVED = {"waiting": 12, "workers": 0, "oldest_waiting_ms": 1_000}
MINUTE_MS = 60_000


def email(second: int = 0, **fields: Any) -> Snapshot:
    """A snapshot in which only the email queue is not quiet."""
    return snapshot(second, email_processing=fields)


def failing(second: int, failed: int, completed: int = 0) -> Snapshot:
    """So many email jobs have ended within the running minute, and failed for good since ever."""
    minutes = (MinuteCounts(MINUTE, completed, failed),)
    recent = Figures(completed=completed, failed=failed)
    return email(second, failed_total=failed, minutes=minutes, recent=recent)


def keys_of(alerts: tuple[Alert, ...]) -> list[str]:
    return [alert.key for alert in alerts]


@pytest.fixture
def watch(settings: Settings) -> Watch:
    return Watch(settings)


# --- the rules ---


def test_quiet_queues_have_no_alert(watch: Watch) -> None:
    changes = watch.look(snapshot())
    assert (changes.begun, watch.open) == ((), ())


def test_jobs_without_a_worker_are_an_alert_once_a_restart_would_be_over(watch: Watch) -> None:
    for second in (0, 10, 29):
        assert watch.look(email(second, **UNSERVED)).begun == ()
    (alert,) = watch.look(email(30, **UNSERVED)).begun
    assert (alert.key, alert.queue, alert.severity) == (NO_WORKER, EMAIL, Severity.CRITICAL)
    assert alert.began_at_ms == START_MS
    assert alert.message == "Nothing runs on Email: no worker serves this queue, 12 jobs wait."
    assert alert.remedy == "Start a worker: open Hark, or run `hark worker` on any machine."


def test_a_worker_that_is_back_in_time_makes_no_alert(watch: Watch) -> None:
    watch.look(email(0, **UNSERVED))
    watch.look(email(20, waiting=12, workers=1))
    assert watch.look(email(35, **UNSERVED)).begun == ()


def test_who_has_not_looked_for_long_has_patience_anew(watch: Watch) -> None:
    watch.look(email(0, **UNSERVED))
    assert watch.look(email(300, **UNSERVED)).begun == ()


@pytest.mark.parametrize("fields", [UNSERVED, {"waiting": 1, "oldest_waiting_ms": 99 * MINUTE_MS}])
def test_a_paused_queue_may_wait(watch: Watch, fields: dict[str, Any]) -> None:
    for second in (0, 20, 40):
        watch.look(email(second, paused=True, **fields))
    assert watch.open == ()


def test_an_old_waiting_job_is_an_alert_and_one_that_swings_about_the_limit_stays_one(watch: Watch) -> None:
    def oldest(second: int, minutes: float) -> tuple[list[str], list[str]]:
        changes = watch.look(email(second, waiting=4, oldest_waiting_ms=int(minutes * MINUTE_MS)))
        return keys_of(changes.begun), keys_of(changes.ended)

    assert oldest(0, 14.9) == ([], [])
    assert oldest(1, 15.1) == ([f"oldest-age:{EMAIL}"], [])
    assert oldest(2, 13.0) == ([], [])
    assert oldest(40, 13.0) == ([], [])
    assert oldest(41, 2.0) == ([], [])
    assert oldest(56, 2.0) == ([], [f"oldest-age:{EMAIL}"])


def test_an_old_job_that_nobody_serves_is_told_of_once(watch: Watch) -> None:
    for second in (0, 20, 35):
        watch.look(email(second, waiting=4, workers=0, oldest_waiting_ms=99 * MINUTE_MS))
    assert keys_of(watch.open) == [NO_WORKER]


@pytest.mark.parametrize(
    ("failed", "completed", "begins"), [(5, 14, False), (5, 15, True), (4, 16, False), (40, 60, True)]
)
def test_a_failure_rate_counts_from_twenty_jobs_on(watch: Watch, failed: int, completed: int, begins: bool) -> None:
    # 5 of 20 are 25 %, 4 of 20 the 20 % that are allowed.
    begun = keys_of(watch.look(failing(0, failed, completed)).begun)
    assert (f"failure-rate:{EMAIL}" in begun) == begins


def test_a_failed_job_is_told_at_once_and_more_of_them_once_a_minute_with_their_number(watch: Watch) -> None:
    news = [
        [alert.message for alert in watch.look(failing(second, failed)).news]
        for second, failed in ((0, 1), (1, 2), (30, 3), (61, 3), (62, 3), (90, 4))
    ]
    assert news == [
        ["1 job of Email failed for good in the last 10 minutes."],
        [],
        [],
        ["Jobs of Email failed for good 3 times in the last 10 minutes."],
        [],
        [],
    ]


def test_a_failed_job_of_long_ago_is_no_alert(watch: Watch) -> None:
    minutes = tuple(MinuteCounts(MINUTE - 59 + index, failed=5 if index < 40 else 0) for index in range(60))
    watch.look(email(minutes=minutes))
    assert watch.open == ()


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, []),
        (0.9, []),
        (0.93, ["Redis uses 93 % of its maxmemory. When it is full, it takes no new jobs."]),
    ],
)
def test_a_redis_that_is_nearly_full_is_an_alert(watch: Watch, share: float | None, words: list[str]) -> None:
    watch.note(AlertNotes(memory_share=share))
    watch.look(snapshot())
    assert [alert.message for alert in watch.open] == words


def test_a_threshold_of_zero_switches_a_rule_off(fresh_redis: str) -> None:
    off = {rule.setting: 0 for rule in RULES.values()}
    watch = Watch(load_settings(redis_url=fresh_redis, **off), patient=False)
    watch.note(AlertNotes(memory_share=1.0))
    watch.gone("Redis does not answer.", "", START_MS)
    watch.look(failing(0, 50))
    watch.look(email(1, waiting=9, workers=0, oldest_waiting_ms=999 * MINUTE_MS))
    assert watch.open == ()


def test_a_redis_that_is_gone_is_an_alert_until_it_is_back_and_the_others_stay(watch: Watch) -> None:
    watch.look(failing(0, 1))
    assert watch.gone("Redis does not answer.", "Start it.", START_MS + 1_000).begun == ()
    (alert,) = watch.gone("Redis does not answer.", "Start it.", START_MS + 11_000).begun
    assert (alert.key, alert.remedy, alert.severity) == ("redis-gone", "Start it.", Severity.CRITICAL)
    assert keys_of(watch.open) == ["redis-gone", f"job-failed:{EMAIL}"]
    assert keys_of(watch.look(failing(12, 1)).ended) == ["redis-gone"]


def test_workers_that_are_not_heard_of_after_redis_was_gone_have_time_to_come_back(watch: Watch) -> None:
    watch.look(email(0, **UNSERVED))
    watch.gone("Redis does not answer.", "", START_MS + 20_000)
    assert watch.look(email(31, **UNSERVED)).begun == ()


def test_what_others_see_is_open_since_they_saw_it(watch: Watch) -> None:
    watch.note(AlertNotes(open_since_ms={NO_WORKER: START_MS - 90_000}))
    (alert,) = watch.look(email(0, **UNSERVED)).begun
    assert alert.began_at_ms == START_MS - 90_000


# --- silences ---


def opened(watch: Watch) -> None:
    """Let the email queue be without a worker for long enough."""
    for second in (0, 15, 30):
        watch.look(email(second, **UNSERVED))


def test_an_acknowledged_alert_is_quiet_until_it_ends(watch: Watch) -> None:
    watch.note(AlertNotes({NO_WORKER: Silence(START_MS, "anna")}))
    opened(watch)
    (alert,) = watch.open
    assert alert.silence == Silence(START_MS, "anna")
    assert watch.look(email(31, **UNSERVED)).news == ()
    changes = watch.look(email(50))
    assert (keys_of(changes.ended), changes.lapsed) == ([NO_WORKER], (NO_WORKER,))
    assert keys_of(watch.ended) == [NO_WORKER]


def test_a_snooze_that_runs_out_tells_of_the_alert_again(watch: Watch) -> None:
    watch.note(AlertNotes({NO_WORKER: Silence(START_MS, "anna", until_ms=START_MS + 45_000)}))
    opened(watch)
    assert watch.look(email(44, **UNSERVED)).news == ()
    assert keys_of(watch.look(email(45, **UNSERVED)).news) == [NO_WORKER]
    assert watch.look(email(46, **UNSERVED)).news == ()


def test_a_redis_that_is_gone_is_silenced_by_the_watcher_itself(watch: Watch) -> None:
    watch.silence("redis-gone", Silence(START_MS, "anna"))
    for second in (0, 11):
        changes = watch.gone("Redis does not answer.", "", START_MS + second * 1_000)
    assert (keys_of(changes.begun), changes.news) == (["redis-gone"], ())
    watch.look(snapshot(12))
    for second in (20, 31):
        changes = watch.gone("Redis does not answer.", "", START_MS + second * 1_000)
    assert keys_of(changes.news) == ["redis-gone"]


async def test_a_silence_is_seen_by_all_and_stands_in_the_audit_trail(
    admin: Admin, monitor: Monitor, fresh_redis: str, settings: Settings
) -> None:
    await admin.acknowledge_alert(NO_WORKER, actor="anna", reason="new worker comes")
    await admin.snooze_alert(f"job-failed:{EMAIL}", 30, actor="ben")
    other = Store(fresh_redis)
    silences = (await Monitor(other, settings).alert_notes()).silences
    await other.close()
    acknowledged, snoozed = silences[NO_WORKER], silences[f"job-failed:{EMAIL}"]
    assert (acknowledged.actor, acknowledged.until_ms, acknowledged.reason) == ("anna", None, "new worker comes")
    assert snoozed.until_ms == snoozed.at_ms + 30 * MINUTE_MS
    rows = [(row.queue, row.actor, row.action, row.reason, row.arguments) for row in await admin.audit()]
    assert rows == [
        (EMAIL, "ben", "snooze-alert", "", {"alert": f"job-failed:{EMAIL}", "minutes": 30}),
        (EMAIL, "anna", "acknowledge-alert", "new worker comes", {"alert": NO_WORKER}),
    ]


async def test_a_silence_can_be_taken_back(admin: Admin, monitor: Monitor) -> None:
    await admin.snooze_alert(NO_WORKER, 30, actor="anna")
    await admin.unsilence_alert(NO_WORKER, actor="ben")
    assert (await monitor.alert_notes()).silences == {}
    with pytest.raises(NotFoundError):
        await admin.unsilence_alert(NO_WORKER, actor="ben")


async def test_an_alert_of_redis_itself_is_audited_at_no_queue(admin: Admin) -> None:
    await admin.acknowledge_alert("redis-memory", actor="anna")
    assert [(row.queue, row.arguments) for row in await admin.audit()] == [("", {"alert": "redis-memory"})]


async def test_silences_are_kept_on_a_cluster(tmp_path: Path, redis_binary: Path | None) -> None:
    with cluster(redis_binary or find_binary(), tmp_path / "nodes", (5461, 10923)) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        store = Store(url)
        try:
            await add_email(store)
            await Admin(store).acknowledge_alert(NO_WORKER, actor="anna")
            (alert,) = await Monitor(store, load_settings(redis_url=url)).alerts()
        finally:
            await store.close()
    assert (alert.key, alert.silence is not None and alert.silence.actor) == (NO_WORKER, "anna")


@pytest.mark.parametrize("key", ["", "no-worker", "no-worker:attic", "redis-memory:synthesis", "noise:synthesis"])
async def test_what_is_no_alert_cannot_be_silenced(admin: Admin, key: str) -> None:
    with pytest.raises(NotFoundError):
        await admin.acknowledge_alert(key, actor="anna")


@pytest.mark.parametrize("minutes", [0, -1, 100_000])
async def test_a_snooze_has_an_end(admin: Admin, minutes: int) -> None:
    with pytest.raises(BadInputError):
        await admin.snooze_alert(NO_WORKER, minutes, actor="anna")


@pytest.mark.parametrize(
    "fields",
    [
        {f"silence:{NO_WORKER}": "junk", "open": "junk"},
        {f"silence:{NO_WORKER}": '{"at_ms": "now", "actor": 1}', "open": "[]"},
        {f"silence:{NO_WORKER}": "[" * 9999, "open": '{"at_ms": 1e400, "since_ms": 1}'},
    ],
)
async def test_spoilt_notes_are_none(monitor: Monitor, fresh_redis: str, fields: dict[str, str]) -> None:
    with redis.Redis.from_url(fresh_redis) as client:
        client.hset(keys.ALERTS, mapping=fields)
    assert await monitor.alert_notes() == AlertNotes()


async def test_notes_that_are_another_thing_altogether_are_none(monitor: Monitor, fresh_redis: str) -> None:
    with redis.Redis.from_url(fresh_redis) as client:
        client.set(keys.ALERTS, "text")
    assert await monitor.alert_notes() == AlertNotes()
    await monitor.tell_alerts(())


async def test_how_full_redis_is_comes_with_the_notes(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory", "1gb")
    store = Store(url)
    share = (await Monitor(store, load_settings(redis_url=url)).alert_notes()).memory_share
    await store.close()
    assert share is not None
    assert 0 < share < 0.5


# --- in the workers' logs ---


def alive(worker: str, started_at_ms: int = 0, *, embedded: bool = False) -> dict[str, str]:
    """The sign of life of a worker that serves only the synthesis queue."""
    now_ms = int(time.time() * 1000)
    info = WorkerInfo(worker, "desk", 1, ("synthesis",), started_at_ms, now_ms, 0, embedded=embedded)
    return {worker: sign_of_life(info)}


@pytest.fixture
def impatient(fresh_redis: str) -> Settings:
    """So that a test waits a second for an alert, not half a minute."""
    return load_settings(redis_url=fresh_redis, alert_no_worker_s=1, alert_redis_gone_s=1)


async def test_a_job_that_fails_again_after_a_retry_by_hand_is_not_told_as_two_jobs(
    store: Store, admin: Admin, monitor: Monitor, watch: Watch
) -> None:
    await add_email(store)
    for token in ("first", "second"):
        (job,) = (await store.take(EMAIL, 1, lease_ms=60_000, token=token, worker="w")).jobs
        await store.fail(job, "no")
        await admin.retry(EMAIL, ["letter"], actor="ada")
    watch.look(await monitor.snapshot())
    (alert,) = [alert for alert in watch.open if alert.key == f"job-failed:{EMAIL}"]
    assert alert.message == "Jobs of Email failed for good 2 times in the last 10 minutes."


async def add_email(store: Store) -> None:
    await store.add(EMAIL, [NewJob("letter", "send-email", "{}", 3, 1, "fixed", 0, 1_000)])


def has_sampled(url: str) -> bool:
    """Whether somebody has looked at the queues."""
    with redis.Redis.from_url(url) as client:
        return bool(client.exists(keys.SNAPSHOT))


async def looked(log: AlertLog, monitor: Monitor, until: Callable[[], bool]) -> None:
    """Look as a worker does, until something is so."""
    deadline_s = time.monotonic() + 20
    while not until():
        assert time.monotonic() < deadline_s, "it did not come to that"
        await monitor.snapshot()
        await log.look()


async def test_an_alert_is_one_line_at_its_begin_and_one_at_its_end(
    store: Store, admin: Admin, monitor: Monitor, impatient: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hark.alerts")
    log = AlertLog(store, impatient, "w1")
    log.heard(alive("w1"), int(time.time() * 1000))
    await store.tell_alive("w1", alive("w1")["w1"])
    await add_email(store)
    await looked(log, monitor, lambda: bool(caplog.records))
    for _ in range(3):
        await log.look()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"alert {NO_WORKER}: Nothing runs on Email: no worker serves this queue, 1 job waits. "
        "Start a worker: open Hark, or run `hark worker` on any machine."
    )
    assert NO_WORKER in (await monitor.alert_notes()).open_since_ms


async def test_an_acknowledged_alert_is_no_warning(
    store: Store, admin: Admin, monitor: Monitor, impatient: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hark.alerts")
    await admin.acknowledge_alert(NO_WORKER, actor="anna")
    log = AlertLog(store, impatient, "w1")
    log.heard(alive("w1"), int(time.time() * 1000))
    await add_email(store)
    await looked(log, monitor, lambda: bool(caplog.records))
    (record,) = caplog.records
    assert (record.levelno, "silenced by anna" in record.getMessage()) == (logging.INFO, True)


@pytest.mark.parametrize(("other", "started_at_ms", "speaks"), [("w0", 0, False), ("w2", 9, True)])
async def test_of_several_headless_workers_the_longest_running_speaks(
    store: Store, settings: Settings, fresh_redis: str, other: str, started_at_ms: int, speaks: bool
) -> None:
    log = AlertLog(store, settings, "w1")
    log.heard(alive("w1", 5) | alive(other, started_at_ms), int(time.time() * 1000))
    for _ in range(2):  # the first sample of a viewer has an hour of minutes, and is not shared
        await log.look()
    assert has_sampled(fresh_redis) == speaks


async def test_an_apps_own_worker_speaks_only_where_it_is_alone(
    store: Store, settings: Settings, fresh_redis: str
) -> None:
    log = AlertLog(store, settings, "app")
    own = alive("app", 0, embedded=True)
    log.heard(own | alive("server", 5), int(time.time() * 1000))
    await log.look()
    assert not has_sampled(fresh_redis)
    log.heard(own, int(time.time() * 1000))
    for _ in range(2):
        await log.look()
    assert has_sampled(fresh_redis)


async def test_a_redis_that_is_gone_is_logged_by_each_worker_for_itself(
    private_redis: PrivateRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hark.alerts")
    url = private_redis.ensure()
    store = Store(url)
    log = AlertLog(store, load_settings(redis_url=url, alert_redis_gone_s=1), "w1")
    await log.look()
    with redis.Redis.from_url(url) as client:
        client.shutdown(nosave=True)
    deadline_s = time.monotonic() + 20
    while not caplog.records:
        assert time.monotonic() < deadline_s
        await log.look()
    private_redis.ensure()
    await log.look()
    await store.close()
    assert [record.getMessage()[:17] for record in caplog.records] == ["alert redis-gone:", "alert redis-gone "]
    assert caplog.records[1].levelno == logging.INFO


# --- on the command line ---


async def test_what_is_open_is_listed_acknowledged_and_snoozed(
    store: Store, fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    await add_email(store)

    async def said(*argv: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, argv)
        return code, *capsys.readouterr()

    code, out, _ = await said("alerts")
    assert code == 0
    assert f"CRITICAL  {NO_WORKER}\n" in out
    assert "-> Start a worker: open Hark, or run `hark worker` on any machine." in out
    code, out, _ = await said("alerts", "ack", NO_WORKER, "--reason", "I know")
    assert (code, out) == (0, f"{NO_WORKER} is acknowledged: nobody is told of it until it ends.\n")
    [alert] = json.loads((await said("alerts", "--json"))[1])
    assert set(alert) == {
        "key", "rule", "queue", "severity", "message", "remedy", "began_at_ms", "ended_at_ms", "silence",
    }  # fmt: skip
    assert (alert["silence"]["until_ms"], alert["silence"]["reason"]) == (None, "I know")
    code, out, _ = await said("alerts", "snooze", f"job-failed:{EMAIL}", "--minutes", "5")
    assert (code, out.startswith(f"job-failed:{EMAIL} is snoozed until ")) == (0, True)
    code, _, err = await said("alerts", "ack", f"job-failed:{EMAIL}")
    assert (code, err) == (1, f"hark: The alert 'job-failed:{EMAIL}' is not open. Open are: {NO_WORKER}.\n")
    assert (await said("alerts", "unsilence", NO_WORKER))[0] == 0
