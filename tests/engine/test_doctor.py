"""The doctor: each trouble is made for real, and must be found and told with what to do."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from engine.cli import main
from engine.doctor import Check, Finding, Level, Limits, blocking_check, examine, redis_checks, verdict
from engine.doctor.findings import run_check, run_checks
from engine.doctor.machine import disk, machine_checks, memory
from engine.doctor.redis_checks import examine_redis, server_findings
from engine.queues import QUEUES
from engine.settings import Settings, config_file, load_settings
from engine.store import NewJob, Store
from engine.store.server import PrivateRedis, find_binary
from tests.redis_topologies import cluster
from tests.servers import KEY, OpenAIDouble, serving

QUEUE = "task-processing"
LIMITS = Limits()
PATIENT = Limits(check_s=60)
"""For checks that must end by themselves, however slow the machine is."""


def _of(findings: Sequence[Finding], check: str) -> Finding:
    """The one finding of a check."""
    [found] = [finding for finding in findings if finding.check == check]
    return found


def _redis(url: str, limits: Limits = PATIENT) -> list[Finding]:
    return asyncio.run(examine_redis(load_settings(redis_url=url), limits))


async def _add(store: Store, *ids: str) -> None:
    await store.add(
        QUEUE,
        [
            NewJob(
                id=job_id,
                name="create-task",
                data="{}",
                priority=4,
                attempts=3,
                backoff="exponential",
                backoff_ms=1000,
                timeout_ms=1000,
            )
            for job_id in ids
        ],
    )


async def _tell_alive(store: Store, queues: Sequence[str], silent_ms: int = 0) -> None:
    now_ms = int(time.time() * 1000) - silent_ms
    record = {"host": "desk", "pid": 1, "queues": list(queues), "active": 0}
    await store.tell_alive("w1", json.dumps(record | {"started_at_ms": now_ms, "seen_at_ms": now_ms}))


async def _lose(store: Store, settings: Settings, *ids: str) -> None:
    """Let a worker take jobs and die: its leases run out."""
    await _add(store, *ids)
    taken = await store.take(QUEUE, len(ids), lease_ms=1, token="t", worker="gone")
    assert len(taken.jobs) == len(ids)
    with redis.Redis.from_url(settings.external_redis_url or "") as client:
        start_ms = _clock_ms(client)
        while _clock_ms(client) < start_ms + 2:
            pass


def _as_user(url: str, user: str) -> str:
    """The same server, asked by another user with the password "pw"."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:pw@{rest.rpartition('@')[2]}"


def _clock_ms(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


# --- Redis cannot be reached ---


def test_a_port_without_a_server_is_told_and_hides_nothing_else() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        findings = _redis(f"redis://127.0.0.1:{taken.getsockname()[1]}")
    found = _of(findings, "redis")
    assert found.level is Level.ERROR
    assert "does not answer" in found.message
    assert "REDIS_URL" in found.remedy
    assert {finding.level for finding in findings if finding is not found} == {Level.SKIPPED}


def test_a_server_that_never_answers_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = _of(_redis(f"redis://127.0.0.1:{mute.getsockname()[1]}", Limits(check_s=0.2)), "redis")
    assert found.level is Level.ERROR
    assert "did not answer within 0.2 seconds" in found.message
    assert "firewall" in found.remedy


def test_a_wrong_password_is_told_and_not_shown(private_redis: PrivateRedis) -> None:
    url = redis.connection.parse_url(private_redis.ensure())
    found = _of(_redis(f"unix://:opensesame@{url['path']}"), "redis")
    assert found.level is Level.ERROR
    assert "refused the password" in found.message
    assert "opensesame" not in found.message + found.remedy


def test_an_acl_user_without_rights_learns_which_it_needs(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    with redis.Redis.from_url(url) as client:
        client.acl_setuser("poor", enabled=True, passwords=["+pw"], commands=["+auth"], keys=["other:*"])
    found = _of(_redis(_as_user(url, "poor")), "redis")
    assert found.level is Level.ERROR
    assert "does not allow this user" in found.message
    assert "ACL SETUSER" in found.remedy


def test_a_user_that_may_not_ask_for_info_still_learns_about_the_queues(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    with redis.Redis.from_url(url) as client:
        all_but = {"categories": ["+@all"], "commands": ["-info"], "keys": ["*"]}
        client.acl_setuser("plain", enabled=True, passwords=["+pw"], **all_but)
    findings = _redis(_as_user(url, "plain"))
    assert _of(findings, "redis").level is Level.NOTE
    assert "+info" in _of(findings, "redis").remedy
    assert _of(findings, "queues").level is Level.OK


@asynccontextmanager
async def _tls_server(folder: Path) -> AsyncIterator[int]:
    """A TLS server with a certificate that nobody knows; gives its port."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    made = await asyncio.create_subprocess_exec(
        *command, "-keyout", key, "-out", certificate, stderr=asyncio.subprocess.DEVNULL
    )
    assert await made.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_that_cannot_be_trusted_is_told(tmp_path: Path) -> None:
    async with _tls_server(tmp_path) as port:
        findings = await examine_redis(load_settings(redis_url=f"rediss://localhost:{port}"), PATIENT)
    found = _of(findings, "redis")
    assert found.level is Level.ERROR
    assert "cannot be trusted: self" in found.message
    assert "HARK_REDIS_CA_FILE" in found.remedy


async def test_tls_to_a_server_without_it_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"-ERR Protocol error\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as plain:
        url = f"rediss://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        found = _of(await examine_redis(load_settings(redis_url=url), PATIENT), "redis")
    assert found.level is Level.ERROR
    assert "does not speak TLS" in found.message
    assert "redis://" in found.remedy


# --- what the server is like ---


@pytest.fixture
def server(private_redis: PrivateRedis) -> Iterator[redis.Redis]:
    """A server of the test's own, to spoil; `address(server)` is its URL."""
    with redis.Redis.from_url(private_redis.ensure(), decode_responses=True) as client:
        yield client


@pytest.fixture
def seen(private_redis: PrivateRedis) -> Callable[..., list[Finding]]:
    """What the doctor finds on that server, which it takes for somebody else's."""
    url = private_redis.ensure()
    return lambda limits=PATIENT: _redis(url, limits)


Seen = Callable[..., list[Finding]]


def test_a_healthy_server_is_fine(seen: Seen) -> None:
    findings = seen(Limits(check_s=60, latency_ms=60_000))
    assert {_of(findings, name).level for name in ("redis", "redis memory", "redis storage", "clock")} == {Level.OK}
    assert "answers in" in _of(findings, "redis").message


def test_a_slow_server_is_told(seen: Seen) -> None:
    found = _of(seen(Limits(check_s=60, latency_ms=0)), "redis")
    assert found.level is Level.WARNING
    assert "nearer" in found.remedy


def test_a_server_that_is_nearly_full_is_told(server: redis.Redis, seen: Seen) -> None:
    server.config_set("maxmemory", int(server.info("memory")["used_memory"] * 1.15))
    found = _of(seen(Limits(check_s=60, redis_memory_error=5)), "redis memory")
    assert found.level is Level.WARNING
    assert "of its maxmemory of" in found.message
    assert "hark clean" in found.remedy


def test_a_server_that_is_full_is_an_error(server: redis.Redis, seen: Seen) -> None:
    server.config_set("maxmemory", int(server.info("memory")["used_memory"] * 0.9))
    found = _of(seen(), "redis memory")
    assert found.level is Level.ERROR
    assert "takes no new jobs" in found.message


def test_without_a_maxmemory_the_machine_is_the_limit(seen: Seen) -> None:
    found = _of(seen(Limits(check_s=60, redis_memory_warning=0)), "redis memory")
    assert found.level is Level.WARNING
    assert "of the memory of its machine" in found.message


@pytest.mark.parametrize(
    ("maxmemory", "policy", "level"),
    [("1gb", "allkeys-lru", Level.ERROR), ("0", "allkeys-lru", Level.WARNING), ("1gb", "volatile-ttl", Level.WARNING)],
)
def test_a_server_that_throws_keys_away_is_told(
    server: redis.Redis, seen: Seen, maxmemory: str, policy: str, level: Level
) -> None:
    server.config_set("maxmemory", maxmemory)
    server.config_set("maxmemory-policy", policy)
    [found] = [one for one in seen() if one.check == "redis memory" and one.level is not Level.OK]
    assert found.level is level
    assert policy in found.message
    assert "noeviction" in found.remedy


def test_a_server_without_an_append_only_file_is_a_warning(server: redis.Redis, seen: Seen) -> None:
    server.config_set("appendonly", "no")
    found = _of(seen(), "redis storage")
    assert found.level is Level.WARNING
    assert "appendonly" in found.remedy


def test_a_server_that_cannot_save_is_an_error(server: redis.Redis, seen: Seen, tmp_path: Path) -> None:
    # A folder where the snapshot should go: not even root can write a file there.
    (tmp_path / "redis" / "dump.rdb" / "in the way").mkdir(parents=True)
    server.bgsave()
    while server.info("persistence")["rdb_bgsave_in_progress"]:
        pass
    findings = seen()
    found = _of(findings, "redis storage")
    assert found.level is Level.ERROR
    assert "its last snapshot failed" in found.message
    assert "Free space" in found.remedy
    assert _of(findings, "queues").level is Level.OK


def test_harks_own_redis_that_refuses_to_work_because_of_its_disk_is_an_error(
    server: redis.Redis, tmp_path: Path
) -> None:
    (tmp_path / "redis" / "dump.rdb" / "in the way").mkdir(parents=True)
    server.config_set("save", "3600 1")
    server.bgsave()
    while server.info("persistence")["rdb_bgsave_in_progress"]:
        pass
    with pytest.raises(redis.ResponseError, match="MISCONF"):
        server.ping()
    findings = asyncio.run(examine_redis(load_settings(data_dir=tmp_path), PATIENT))
    server.config_set("save", "")  # or it would refuse to stop
    found = _of(findings, "redis storage")
    assert found.level is Level.ERROR
    assert "unable to persist to disk" in found.message
    assert "Free space" in found.remedy
    assert _of(findings, "queues").level is Level.SKIPPED


def test_an_old_server_is_an_error(server: redis.Redis) -> None:
    told = server.info() | {"redis_version": "5.0.14"}
    found = _of(server_findings("Redis", told, LIMITS), "redis")
    assert found.level is Level.ERROR
    assert "5.0.14, too old" in found.message
    assert "6.2 or newer" in found.remedy


def test_a_replica_is_an_error(server: redis.Redis, seen: Seen) -> None:
    server.replicaof("127.0.0.1", "1")
    found = [one for one in seen() if one.check == "redis"]
    assert any("is a replica" in one.message and "primary" in one.remedy for one in found)


@pytest.mark.parametrize(("offset_ms", "word"), [(60_000, "60 s ahead of"), (-60_000, "60 s behind")])
def test_a_clock_that_is_wrong_is_told(seen: Seen, monkeypatch: pytest.MonkeyPatch, offset_ms: int, word: str) -> None:
    monkeypatch.setattr(redis_checks, "_now_ms", lambda: int(time.time() * 1000) + offset_ms)
    found = _of(seen(), "clock")
    assert found.level is Level.WARNING
    assert word in found.message
    assert "NTP" in found.remedy


def test_every_primary_of_a_cluster_is_looked_at(redis_binary: Path | None, tmp_path: Path) -> None:
    with cluster(redis_binary or find_binary(), tmp_path / "nodes") as nodes:
        with nodes[1].client() as client:
            client.config_set("appendonly", "no")
        findings = _redis(f"redis+cluster://127.0.0.1:{nodes[0].port}")
    levels = {one.message.split(" keeps ")[0]: one.level for one in findings if one.check == "redis storage"}
    assert len(levels) == 3
    assert levels[f"Redis at 127.0.0.1:{nodes[1].port}"] is Level.WARNING
    assert sorted(levels.values()) == [Level.OK, Level.OK, Level.WARNING]


# --- the work ---


async def test_no_worker_is_a_warning_while_nothing_waits(settings: Settings) -> None:
    found = _of(await examine_redis(settings, PATIENT), "workers")
    assert (found.level, found.message) == (Level.WARNING, "No worker runs.")
    assert "hark worker" in found.remedy


async def test_no_worker_is_an_error_while_jobs_wait(store: Store, settings: Settings) -> None:
    await _add(store, "a", "b")
    found = _of(await examine_redis(settings, PATIENT), "workers")
    assert (found.level, found.message) == (Level.ERROR, "No worker runs; waiting for one: 2 jobs.")


async def test_a_worker_that_fell_silent_is_named(store: Store, settings: Settings) -> None:
    await _tell_alive(store, list(QUEUES), silent_ms=3_600_000)
    found = _of(await examine_redis(settings, PATIENT), "workers")
    assert found.level is Level.WARNING
    told = re.fullmatch(r"No worker runs\. The last, process 1 on desk, fell silent (\d+) s ago\.", found.message)
    assert told is not None
    assert int(told[1]) >= 3_600


async def test_workers_of_all_queues_are_fine(store: Store, settings: Settings) -> None:
    await _tell_alive(store, list(QUEUES))
    found = _of(await examine_redis(settings, PATIENT), "workers")
    assert (found.level, found.message) == (Level.OK, "1 worker on desk serves all queues.")


async def test_a_queue_without_a_worker_is_named(store: Store, settings: Settings) -> None:
    await _tell_alive(store, [queue for queue in QUEUES if queue != QUEUE])
    await _add(store, "a")
    found = _of(await examine_redis(settings, PATIENT), "workers")
    assert (found.level, found.message) == (Level.ERROR, "No worker serves task-processing (1 waiting).")
    assert found.remedy == "Start `hark worker --queue task-processing`."


async def test_a_paused_queue_is_told_with_the_jobs_that_wait_and_since_when(store: Store, settings: Settings) -> None:
    await _add(store, "a", "b")
    await store.set_paused(QUEUE, True, actor="test")
    found = _of(await examine_redis(settings, PATIENT), "queues")
    assert found.level is Level.WARNING
    assert f"Tasks is paused since {time.strftime('%Y-')}" in found.message
    assert "with 2 jobs waiting" in found.message
    assert found.remedy == f"Let it run again on the Queues page, or with `hark resume {QUEUE}`."


async def test_a_paused_queue_without_jobs_is_only_noted(store: Store, settings: Settings) -> None:
    await store.set_paused(QUEUE, True, actor="test")
    found = _of(await examine_redis(settings, PATIENT), "queues")
    assert found.level is Level.NOTE


async def test_jobs_whose_worker_is_gone_are_told(store: Store, settings: Settings) -> None:
    await _lose(store, settings, "a", "b")
    found = _of(await examine_redis(settings, PATIENT), "stalled jobs")
    assert found.level is Level.WARNING
    assert "2 active jobs of task-processing lost their worker" in found.message
    assert "Start `hark worker`" in found.remedy


async def test_with_a_worker_there_lost_jobs_need_only_time(store: Store, settings: Settings) -> None:
    await _lose(store, settings, "a")
    await _tell_alive(store, list(QUEUES))
    found = _of(await examine_redis(settings, PATIENT), "stalled jobs")
    assert "1 active job of task-processing lost its worker" in found.message
    assert "within seconds" in found.remedy


async def test_a_job_that_a_worker_holds_is_not_stalled(store: Store, settings: Settings) -> None:
    await _add(store, "a")
    await store.take(QUEUE, 1, lease_ms=600_000, token="t", worker="w1")
    assert _of(await examine_redis(settings, PATIENT), "stalled jobs").level is Level.OK


async def test_jobs_that_failed_because_they_stalled_are_told(store: Store, settings: Settings) -> None:
    await _lose(store, settings, "a")
    assert await store.recover(QUEUE, 0) == ([], ["a"])
    found = _of(await examine_redis(settings, PATIENT), "stalled jobs")
    assert found.level is Level.WARNING
    assert "1 job of task-processing failed: its worker died" in found.message
    assert f"hark retry {QUEUE}" in found.remedy


# --- settings ---


async def test_every_bad_value_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text("lease_ms = 3\nnonsense = true\n")
    monkeypatch.setenv("REDIS_PORT", "99999999")
    findings = await examine()
    errors = [finding.message for finding in findings if finding.level is Level.ERROR]
    assert len(errors) == 3
    assert any("environment variable REDIS_PORT" in message for message in errors)
    assert any(f"{config_file()}: lease_ms" in message for message in errors)
    assert any(f"{config_file()}: nonsense" in message for message in errors)
    assert _of(findings, "redis").level is Level.SKIPPED
    assert _of(findings, "memory").level is not Level.SKIPPED


async def test_a_settings_file_that_is_no_toml_is_told() -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text("lease_ms = = 3\n")
    found = _of(await examine(), "settings")
    assert found.level is Level.ERROR
    assert "not valid TOML" in found.message


# --- this machine ---


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    found = disk(tmp_path, Limits(disk_error_bytes=2**62))
    assert found.level is Level.ERROR
    assert "The disk is full" in found.message
    assert "Free space" in found.remedy


def test_a_disk_that_fills_is_a_warning(tmp_path: Path) -> None:
    found = disk(tmp_path, Limits(disk_warning_bytes=2**62, disk_error_bytes=0))
    assert found.level is Level.WARNING
    assert "nearly full" in found.message


def test_a_data_folder_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    found = disk(tmp_path / "not" / "yet", Limits(disk_warning_bytes=0, disk_error_bytes=0))
    assert (found.level, found.remedy) == (Level.OK, "")


def test_a_file_in_place_of_the_data_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    found = disk(tmp_path / "data", LIMITS)
    assert found.level is Level.ERROR
    assert "may not write" in found.message
    assert "HARK_DATA_DIR" in found.remedy


@pytest.mark.parametrize(
    ("limits", "level"),
    [
        (Limits(memory_error_bytes=2**62), Level.ERROR),
        (Limits(memory_warning_bytes=2**62), Level.WARNING),
        (Limits(memory_warning_bytes=0, memory_error_bytes=0), Level.OK),
    ],
)
def test_memory_is_judged_by_what_is_free(limits: Limits, level: Level) -> None:
    found = memory(limits)
    assert found.level is level
    assert bool(found.remedy) == (level is not Level.OK)


async def _machine(settings: Settings, check: str) -> Finding:
    [wanted] = [one for one in machine_checks(settings, PATIENT) if one.name == check]
    return _of(await run_check(wanted), check)


async def test_offline_speech_that_works_hears_itself() -> None:
    found = await _machine(load_settings(), "offline speech")
    assert (found.level, found.message) == (Level.OK, "This machine speaks, and hears itself say 'What time is it'.")


async def test_offline_speech_that_is_broken_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # A Python that cannot find its own library: the speech programs die at their start.
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    found = await _machine(load_settings(), "offline speech")
    assert found.level is Level.ERROR
    assert "ended unexpectedly" in found.message
    assert "Install Hark again" in found.remedy


async def test_offline_speech_is_skipped_where_a_server_does_it() -> None:
    found = await _machine(load_settings(openai_api_key=SecretStr(KEY)), "offline speech")
    assert found.level is Level.SKIPPED


# --- the OpenAI key ---


@pytest.fixture
def openai() -> Iterator[OpenAIDouble]:
    with serving(OpenAIDouble()) as double:
        yield double


def _at(openai: OpenAIDouble, key: str = KEY) -> Settings:
    return load_settings(openai_api_key=SecretStr(key), openai_base_url=openai.base_url)


async def test_no_key_is_only_noted() -> None:
    found = await _machine(load_settings(), "openai")
    assert found.level is Level.NOTE
    assert "on this machine" in found.message


async def test_a_key_that_works_is_fine(openai: OpenAIDouble) -> None:
    assert (await _machine(_at(openai), "openai")).level is Level.OK


async def test_a_refused_key_is_an_error_and_not_shown(openai: OpenAIDouble) -> None:
    found = await _machine(_at(openai, "sk-wrong"), "openai")
    assert found.level is Level.ERROR
    assert "refused the API key (401)" in found.message
    assert found.remedy == "Set OPENAI_API_KEY to a valid key."
    assert "sk-wrong" not in found.message


async def test_a_model_that_the_server_has_not_is_told(openai: OpenAIDouble) -> None:
    openai.models.remove("gpt-6-luna")
    found = await _machine(_at(openai), "openai")
    assert found.level is Level.WARNING
    assert "gpt-6-luna" in found.message
    assert "HARK_CHAT_MODEL" in found.remedy


async def test_a_server_without_a_list_of_models_is_fine(openai: OpenAIDouble) -> None:
    openai.base_url = openai.base_url.replace("/v1", "/other")
    found = await _machine(_at(openai), "openai")
    assert found.level is Level.NOTE


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        found = await _machine(load_settings(openai_base_url=address), "openai")
    assert found.level is Level.ERROR
    assert "cannot be reached" in found.message


async def test_an_address_that_is_none_is_an_error() -> None:
    found = await _machine(load_settings(openai_base_url="localhost:8080"), "openai")
    assert found.level is Level.ERROR
    assert "OPENAI_BASE_URL" in found.message


# --- the checks themselves ---


async def test_a_check_that_hangs_is_told_and_holds_up_nothing() -> None:
    async def look() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    hanging = Check("hanging", look, 0.05, Level.WARNING, "Give it a kick.")
    quick = blocking_check("quick", lambda: [Finding("quick", Level.OK, "Fine.")])
    first, second = await run_checks([hanging, quick])
    assert first == Finding("hanging", Level.WARNING, "The check did not end within 0.05 seconds.", "Give it a kick.")
    assert second.message == "Fine."


def test_a_check_that_blocks_for_ever_does_not_keep_the_doctor() -> None:
    never = threading.Event()

    def look() -> Sequence[Finding]:
        never.wait()
        return []

    [found] = asyncio.run(run_check(blocking_check("stuck", look, limit_s=0.05)))
    assert "did not end" in found.message
    assert not never.is_set()
    never.set()


async def test_a_check_with_a_bug_is_told_and_the_others_go_on() -> None:
    def look() -> Sequence[Finding]:
        raise ZeroDivisionError("oh")

    fine = Finding("fine", Level.OK, "Fine.")
    first, second = await run_checks([blocking_check("broken", look), blocking_check("fine", lambda: [fine])])
    assert first.level is Level.ERROR
    assert "ZeroDivisionError: oh" in first.message
    assert second is fine


@pytest.mark.parametrize(
    ("levels", "sentence"),
    [
        ([Level.OK, Level.NOTE, Level.SKIPPED], "All is well."),
        ([Level.WARNING], "1 warning: Hark works, but not as well as it could."),
        ([Level.ERROR, Level.ERROR, Level.WARNING], "2 errors and 1 warning: Hark does not work as it should."),
    ],
)
def test_the_verdict_counts_what_matters(levels: list[Level], sentence: str) -> None:
    assert verdict([Finding("x", level, "") for level in levels]) == sentence


# --- the command ---


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """`main` sets log levels; other tests want theirs."""
    loggers = [logging.getLogger("hark"), logging.getLogger("taskiq")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_the_command_tells_the_worst_first_and_ends_with_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{taken.getsockname()[1]}")
        code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[0].startswith("ERROR    redis:")
    assert lines[1].strip().startswith("-> Is it running")
    assert any(line.startswith("ok       offline speech:") for line in lines)
    assert lines[-1].startswith("1 error")


def test_the_command_as_json_keeps_its_documented_shape(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    code = main(["doctor", "--json"])
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {tuple(one) for one in told} == {("check", "level", "message", "remedy")}
    checks = {one["check"] for one in told}
    assert checks >= {*redis_checks.NAMES, "settings", "memory", "disk", "openai", "offline speech", "microphone"}


def test_the_command_runs_the_checks_that_it_is_given(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    deaf = Finding("microphone", Level.ERROR, "It hears nothing.", "Speak up.")
    code = main(["doctor"], doctor_checks=lambda: [blocking_check("microphone", lambda: [deaf])])
    out = capsys.readouterr().out
    assert code == 1
    assert "ERROR    microphone:     It hears nothing." in out
    assert "skipped  microphone" not in out


async def test_harks_own_redis_is_started_and_stopped_again(clean_home: Path) -> None:
    found = _of(await examine_redis(load_settings(), PATIENT), "redis")
    assert "Hark's own Redis" in found.message
    assert not (clean_home / "redis" / "redis.sock").exists()
