"""The HTTP API over real sockets and a real Redis: what it answers, whom it refuses, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.admin import Admin
from engine.api import app, guard, serving_api
from engine.client import Client
from engine.errors import SettingsError
from engine.figures import status_json
from engine.job_types import CreateTask
from engine.model import AuditEntry, JobOptions, JobState
from engine.monitor import Monitor
from engine.queues import QUEUES
from engine.settings import Settings, load_settings
from engine.store import FinishedJob, Store
from engine.store.server import PrivateRedis

HARK = [sys.executable, "-m", "engine"]
TASKS = "task-processing"
TOKEN = "planted-token-0123456789"
BEARER = {"authorization": f"Bearer {TOKEN}"}
ACTIONS = ("pause", "resume", "clean", "retry")
LIMIT_S = 40


@asynccontextmanager
async def _calling(settings: Settings, **more: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API that serves in this loop, on a free port; `more` are further settings."""
    told: list[str] = []
    wanted = settings.model_copy(update={"api_port": 0} | more)
    async with serving_api(wanted, told.append):
        address = re.findall(r"http://\S+:\d+", told[0])[0].replace("0.0.0.0", "127.0.0.1")
        async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=LIMIT_S) as client:
            yield client


@pytest.fixture
def settings(fresh_redis: str) -> Settings:
    """Settings that name the emptied server and an admin token."""
    return load_settings(redis_url=fresh_redis, api_token=TOKEN)


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API that has an admin token; it does not send it by itself."""
    async with _calling(settings) as client:
        yield client


@pytest.fixture
async def private_settings(private_redis: PrivateRedis) -> Settings:
    """Settings that name a server of the test's own, by a URL with a password."""
    return load_settings(redis_url=await asyncio.to_thread(private_redis.ensure), api_token=TOKEN)


async def _ended(store: Store, settings: Settings, state: JobState, *ids: str) -> None:
    """Jobs on the tasks queue that ended in `state`."""
    await Client(store, settings).add_bulk([CreateTask(title=one) for one in ids], [JobOptions(one) for one in ids])
    for job in (await store.take(TASKS, len(ids), lease_ms=30_000, token=uuid4().hex, worker="w")).jobs:
        if state is JobState.COMPLETED:
            await store.finish(TASKS, [FinishedJob(job, "{}", 1, ())])
        else:
            await store.fail(job, "The list is full.", permanent=True)


async def _state_of(store: Store, job_id: str) -> JobState:
    return (await store.find(job_id)).state


async def _last_audit(store: Store) -> AuditEntry:
    return (await Admin(store).audit(TASKS))[0]


async def _is_paused(store: Store, settings: Settings) -> bool:
    return next(queue.paused for queue in (await Monitor(store, settings).snapshot()).queues if queue.name == TASKS)


# --- looking ---


async def test_the_status_is_what_the_command_line_prints(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    await _ended(store, settings, JobState.FAILED, "a", "b")
    told = (await api.get("/api/queue/status")).json()
    expected = status_json(await Monitor(store, settings).snapshot())
    for document in (told, expected):
        del document["taken_at_ms"]
    assert told == json.loads(json.dumps(expected))
    assert [queue["failed"] for queue in told["queues"] if queue["name"] == TASKS] == [2]


async def test_the_status_of_one_queue_is_the_same_object_with_that_queue_alone(api: httpx2.AsyncClient) -> None:
    told = (await api.get(f"/api/queue/status/{TASKS}")).json()
    assert set(told) == {"taken_at_ms", "redis", "workers", "queues"}
    assert [queue["name"] for queue in told["queues"]] == [TASKS]


@pytest.mark.parametrize("path", ["status", *ACTIONS])
async def test_an_unknown_queue_is_404_and_the_answer_names_the_eight(api: httpx2.AsyncClient, path: str) -> None:
    method, body = ("GET", None) if path == "status" else ("POST", {"status": "failed"} if path == "clean" else {})
    answer = await api.request(method, f"/api/queue/{path}/speling", json=body, headers=BEARER)
    assert answer.status_code == 404
    assert answer.json()["error"] == "There is no queue named 'speling'."
    assert all(queue in answer.json()["remedy"] for queue in QUEUES)


async def test_health_is_good_while_redis_answers(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_head_is_get_without_the_body(api: httpx2.AsyncClient) -> None:
    answer = await api.head("/health")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "15", b"")


async def test_metrics_are_read_by_prometheus_own_parser(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    await _ended(store, settings, JobState.COMPLETED, "a", "b", "c")
    await _ended(store, settings, JobState.FAILED, "d")
    await Client(store, settings).add(CreateTask(title="e"), JobOptions("e"))
    await Admin(store).pause(TASKS, actor="test")
    answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    kinds = ("gauge", "counter", "histogram")
    assert all(family.documentation and family.type in kinds for family in families.values())
    tasks = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in families.values()
        for sample in family.samples
        if sample.labels.get("queue") == TASKS and "job_type" not in sample.labels
    }
    assert tasks.pop(("hark_queue_oldest_waiting_seconds", None)) >= 0
    assert tasks == {
        ("hark_queue_jobs", "waiting"): 1,
        ("hark_queue_jobs", "delayed"): 0,
        ("hark_queue_jobs", "active"): 0,
        ("hark_queue_jobs", "completed"): 3,
        ("hark_queue_jobs", "failed"): 1,
        ("hark_queue_paused", None): 1,
        ("hark_queue_concurrency", None): QUEUES[TASKS].concurrency,
        ("hark_queue_workers", None): 0,
        ("hark_queue_completed_total", None): 3,
        ("hark_queue_failed_total", None): 1,
    }
    assert [sample.value for sample in families["hark_workers"].samples] == [0]


# --- acting ---


async def test_pause_and_resume_change_the_queue_and_say_whether_they_did(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    answers = []
    for action in ("pause", "pause", "resume"):
        answer = await api.post(f"/api/queue/{action}/{TASKS}", headers=BEARER)
        answers.append((answer.json()["paused"], answer.json()["changed"], await _is_paused(store, settings)))
    assert answers == [(True, True, True), (True, False, True), (False, True, False)]


async def test_the_audit_trail_names_the_caller_and_the_reason(api: httpx2.AsyncClient, store: Store) -> None:
    await api.post(f"/api/queue/pause/{TASKS}", headers=BEARER, json={"reason": "the server moves"})
    row = await _last_audit(store)
    assert (row.actor, row.reason) == ("api:127.0.0.1", "the server moves")


async def test_a_forwarded_address_does_not_get_into_the_audit_trail(api: httpx2.AsyncClient, store: Store) -> None:
    await api.post(f"/api/queue/pause/{TASKS}", headers=BEARER | {"x-forwarded-for": "9.9.9.9"})
    assert (await _last_audit(store)).actor == "api:127.0.0.1"


async def test_clean_removes_at_most_the_limit_and_spares_what_is_within_the_grace(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    await _ended(store, settings, JobState.COMPLETED, "a", "b", "c")
    removed = []
    for grace, limit in ((3_600_000, 100), (0, 2), (0, 0)):
        body = {"status": "completed", "grace": grace, "limit": limit}
        removed.append((await api.post(f"/api/queue/clean/{TASKS}", headers=BEARER, json=body)).json()["removed"])
    assert removed == [0, 2, 1]


async def test_cleaned_jobs_come_back_from_the_quarantine_that_the_answer_names(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    await _ended(store, settings, JobState.FAILED, "a")
    cleaned = (await api.post(f"/api/queue/clean/{TASKS}", headers=BEARER, json={"status": "failed"})).json()
    assert await Admin(store).restore(TASKS, cleaned["quarantine"], actor="test") == (1, 0)


async def test_retry_takes_all_failed_jobs_or_the_named_ones(
    api: httpx2.AsyncClient, store: Store, settings: Settings
) -> None:
    await _ended(store, settings, JobState.FAILED, "a", "b", "c")
    named = await api.post(f"/api/queue/retry/{TASKS}", headers=BEARER, json={"ids": ["b", "b", "nobody"]})
    assert (named.json()["retried"], named.json()["skipped"]) == (1, 1)
    assert [await _state_of(store, one) for one in "abc"] == [JobState.FAILED, JobState.WAITING, JobState.FAILED]
    rest = await api.post(f"/api/queue/retry/{TASKS}", headers=BEARER)
    assert (rest.json()["retried"], rest.json()["skipped"]) == (2, 0)


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("clean", {}, "status"),
        ("clean", {"status": "active"}, "status"),
        ("clean", {"status": "failed", "grace": -1}, "grace"),
        ("clean", {"status": "failed", "grace": "1"}, "grace"),
        ("clean", {"status": "failed", "limit": 1.5}, "limit"),
        ("clean", {"status": "failed", "limit": 10**30}, "limit"),
        ("clean", {"status": "failed", "colour": "red"}, "colour"),
        ("retry", {"ids": []}, "ids"),
        ("retry", {"ids": ["a", 7]}, "ids.1"),
        ("retry", {"ids": "a"}, "ids"),
        ("retry", {"id": "a"}, "id"),
        ("pause", {"reason": 7}, "reason"),
        ("resume", [], "body"),
    ],
)
async def test_a_bad_body_is_422_with_the_field_named_and_nothing_done(
    api: httpx2.AsyncClient, store: Store, settings: Settings, action: str, body: Any, field: str
) -> None:
    await _ended(store, settings, JobState.FAILED, "a")
    answer = await api.post(f"/api/queue/{action}/{TASKS}", headers=BEARER, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"{field}: ")
    assert await _state_of(store, "a") is JobState.FAILED
    assert not await _is_paused(store, settings)


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"\xff\xfe", b"[" * 60_000, b'{"\\ud800": 1}'])
async def test_a_body_that_is_no_proper_json_is_422(api: httpx2.AsyncClient, body: bytes) -> None:
    headers = BEARER | {"content-type": "application/json"}
    answer = await api.post(f"/api/queue/retry/{TASKS}", headers=headers, content=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "remedy"}


# --- the admin token ---


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": b"Bearer \xff\xfe"},
    ],
)
@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_without_the_right_token_is_401_and_does_nothing(
    api: httpx2.AsyncClient, store: Store, settings: Settings, action: str, headers: dict[str, Any]
) -> None:
    await _ended(store, settings, JobState.FAILED, "a")
    # Nobody without the token learns from the body's errors either.
    body = {"status": "failed"} if action == "clean" else {"nonsense": 1}
    answer = await api.post(f"/api/queue/{action}/{TASKS}", headers=headers, json=body)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await _state_of(store, "a") is JobState.FAILED
    assert not await _is_paused(store, settings)


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, BEARER])
async def test_where_no_token_is_set_nobody_is_an_admin(
    settings: Settings, store: Store, token: str | None, headers: dict[str, str]
) -> None:
    without = load_settings(redis_url=settings.redis_url, api_token=token)
    async with _calling(without) as api:
        answer = await api.post(f"/api/queue/pause/{TASKS}", headers=headers)
        looked = await api.get("/api/queue/status")
    assert answer.status_code == 403
    assert "HARK_API_TOKEN" in answer.json()["remedy"]
    assert not await _is_paused(store, settings)
    assert looked.status_code == 200


# --- foreign pages ---


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3210", "localhost.evil.example", "10.0.0.1", "", "[::"])
@pytest.mark.parametrize("path", ["/health", "/api/queue/status", "/openapi.json"])
async def test_a_call_by_a_foreign_name_is_421(api: httpx2.AsyncClient, host: str, path: str) -> None:
    assert (await api.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "127.1.2.3", "[::1]:3210", "hark.lan."])
async def test_loopback_names_and_those_of_the_settings_are_its_own(settings: Settings, host: str) -> None:
    async with _calling(settings, api_hosts=("Hark.lan",)) as api:
        assert (await api.get("/health", headers={"host": host})).status_code == 200


async def test_on_every_network_it_answers_to_addresses_but_not_to_foreign_names(settings: Settings) -> None:
    async with _calling(settings, api_host="0.0.0.0") as api:
        codes = [
            (await api.get("/health", headers={"host": host})).status_code
            for host in ("10.0.0.1:3210", "[fe80::1]", "localhost", "evil.example")
        ]
    assert codes == [200, 200, 200, 421]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_what_comes_from_another_sites_page_is_403_whatever_token_it_has(
    api: httpx2.AsyncClient, store: Store, settings: Settings, method: str, headers: dict[str, str]
) -> None:
    path = "/api/queue/status" if method == "GET" else f"/api/queue/pause/{TASKS}"
    answer = await api.request(method, path, headers=BEARER | headers)
    assert answer.status_code == 403
    assert "HARK" not in answer.text
    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert not await _is_paused(store, settings)


async def test_a_request_of_the_same_origin_is_served(api: httpx2.AsyncClient) -> None:
    own = str(api.base_url).rstrip("/")
    headers = {"origin": own, "sec-fetch-site": "same-origin"}
    assert (await api.get("/api/queue/status", headers=headers)).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_body_of_a_kind_that_a_form_can_send_is_415(api: httpx2.AsyncClient, kind: str) -> None:
    headers = BEARER | {"content-type": kind}
    answer = await api.post(f"/api/queue/retry/{TASKS}", headers=headers, content=b'{"ids": ["a"]}')
    assert answer.status_code == 415


async def test_json_with_a_charset_is_json(api: httpx2.AsyncClient) -> None:
    headers = BEARER | {"content-type": "application/json; charset=utf-8"}
    answer = await api.post(f"/api/queue/retry/{TASKS}", headers=headers, content=b'{"ids": ["a"]}')
    assert answer.status_code == 200


# --- bounds ---


async def test_a_body_declared_too_big_is_413(api: httpx2.AsyncClient) -> None:
    headers = BEARER | {"content-type": "application/json"}
    content = b" " * (guard.MOST_BODY_BYTES + 1)
    answer = await api.post(f"/api/queue/retry/{TASKS}", headers=headers, content=content)
    assert answer.status_code == 413


async def test_a_body_that_grows_too_big_is_413(api: httpx2.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(guard.MOST_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    headers = BEARER | {"content-type": "application/json"}
    answer = await api.post(f"/api/queue/retry/{TASKS}", headers=headers, content=parts())
    assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_not_waited_for(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_WITHIN_S", 0.05)
    reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    head = f"POST /api/queue/pause/{TASKS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: 9\r\n\r\n".encode())
    async with asyncio.timeout(LIMIT_S):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


# --- trouble ---


async def test_while_redis_is_down_all_is_503_and_it_heals_by_itself(
    private_redis: PrivateRedis, private_settings: Settings
) -> None:
    async with _calling(private_settings) as api:
        await asyncio.to_thread(private_redis.release)
        answers = [await api.get(path) for path in ("/health", "/metrics", "/api/queue/status")]
        answers.append(await api.post(f"/api/queue/pause/{TASKS}", headers=BEARER))
        assert [answer.status_code for answer in answers] == [503] * 4
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert all(set(answer.json()) == {"error", "remedy"} for answer in answers)
        await asyncio.to_thread(private_redis.ensure)
        assert (await api.get("/health")).status_code == 200


async def test_a_redis_that_hangs_is_one_that_is_down(
    private_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "LOOK_WITHIN_S", 0.2)
    store = Store(private_settings.external_redis_url or "")
    pid = int((await store._redis.info("server"))["process_id"])
    await store.close()
    async with _calling(private_settings) as api:
        os.kill(pid, signal.SIGSTOP)
        try:
            answer = await api.get("/health")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert answer.status_code == 503
        assert "did not answer" in answer.json()["error"]


@pytest.mark.expect_errors
async def test_an_unexpected_error_is_500_logged_and_shows_nothing_of_the_inside(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_monitor: Monitor, **_: bool) -> None:
        raise RuntimeError("planted-detail")

    monkeypatch.setattr(Monitor, "snapshot", broken)
    answer = await api.get("/api/queue/status")
    assert answer.status_code == 500
    assert answer.json()["error"] == "Hark met an error of its own."
    assert "planted" not in answer.text
    assert "planted-detail" in caplog.text


async def test_no_answer_shows_the_token_or_the_password_of_redis(
    private_redis: PrivateRedis, private_settings: Settings
) -> None:
    password = urlsplit(private_settings.external_redis_url or "").password
    assert password
    paths = ("/health", "/metrics", "/api/queue/status", f"/api/queue/status/{TASKS}", "/openapi.json", "/nothing")
    async with _calling(private_settings) as api:
        answers = [await api.get(path) for path in paths]
        answers += [await api.post(f"/api/queue/{action}/{TASKS}", headers=BEARER) for action in ACTIONS]
        await asyncio.to_thread(private_redis.release)
        answers += [await api.get(path) for path in paths]
    told = "".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert password not in told
    assert TOKEN not in told


async def test_what_is_not_there_is_a_problem_in_json(api: httpx2.AsyncClient) -> None:
    answers = [await api.get("/nothing"), await api.get("/docs"), await api.delete("/health", headers=BEARER)]
    assert [answer.status_code for answer in answers] == [404, 404, 405]
    assert answers[2].headers["allow"] == "GET"
    assert all(set(answer.json()) == {"error", "remedy"} for answer in answers)


# --- OpenAPI ---


async def test_openapi_documents_every_path_with_its_errors(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    told = {
        f"{method.upper()} {path}": set(operation["responses"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    acts = {"200", "401", "403", "404", "408", "413", "415", "421", "422", "423", "500", "503"}
    looks = {"200", "403", "421", "500", "503"}
    assert told == {
        "GET /health": looks,
        "GET /metrics": looks,
        "GET /api/queue/status": looks,
        "GET /api/queue/status/{queue}": looks | {"404", "422"},
        **{f"POST /api/queue/{action}/{{queue}}": acts for action in ACTIONS},
    }
    secured = [path for path, methods in document["paths"].items() if "security" in methods.get("post", {})]
    assert len(secured) == len(ACTIONS)


def test_schemathesis_finds_no_answer_that_openapi_does_not_allow(
    fresh_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _running("api", "--port", "0", REDIS_URL=fresh_redis, HARK_API_TOKEN=TOKEN) as (process, address):
        done = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis",
                *("run", f"{address}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}"),
                *("--max-examples", "15", "--checks", "all", "--seed", "1", "--no-color"),
                *("--generation-database", "none"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "NO_PROXY": "*"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert process.poll() is None


# --- programs ---


@contextmanager
def _running(*command: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`hark` with an API, and the address that it tells; whatever becomes of it, it is gone at the end."""
    process = subprocess.Popen(
        [*HARK, *command],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found, process.communicate(timeout=LIMIT_S)
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hark_api_answers_until_it_is_told_to_stop_and_exits_with_0(fresh_redis: str, number: signal.Signals) -> None:
    with _running("api", "--port", "0", REDIS_URL=fresh_redis) as (process, address):
        assert httpx2.get(f"{address}/health", trust_env=False).status_code == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, errors) == (0, "")


def test_a_port_in_use_is_told_in_one_line_with_exit_1(fresh_redis: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [*HARK, "api", "--port", str(taken.getsockname()[1])],
            env={**os.environ, "REDIS_URL": fresh_redis},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "Address already in use" in line
    assert "--port" in line


async def test_a_host_that_does_not_exist_is_told(settings: Settings) -> None:
    wanted = settings.model_copy(update={"api_host": "no such host"})
    with pytest.raises(
        SettingsError, match=r"cannot listen on 'no such host': no address has this name\. Give .*HARK_API_HOST"
    ):
        async with serving_api(wanted, print):
            pass


async def test_without_a_token_the_start_says_that_admin_calls_are_off(fresh_redis: str) -> None:
    told: list[str] = []
    async with serving_api(load_settings(redis_url=fresh_redis, api_port=0), told.append):
        pass
    assert "HARK_API_TOKEN is not set" in told[0]


async def test_on_every_network_the_start_says_that_the_status_is_readable(settings: Settings) -> None:
    told: list[str] = []
    async with serving_api(settings.model_copy(update={"api_host": "0.0.0.0", "api_port": 0}), told.append):
        pass
    assert told[0].endswith("; everybody who can reach it may read the status")


async def test_it_listens_on_a_name_too(settings: Settings) -> None:
    async with _calling(settings, api_host="localhost") as api:
        assert (await api.get("/health")).status_code == 200


def test_names_of_the_api_come_parted_by_commas_or_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARK_API_HOSTS", "hark.lan, api.example ,")
    assert load_settings().api_hosts == ("hark.lan", "api.example")
    assert load_settings(api_hosts=["a", "b"]).api_hosts == ("a", "b")


@contextmanager
def _held_model() -> Iterator[socket.socket]:
    """A server in the place of a language model, that answers nothing until the test does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        yield listener


async def test_hark_worker_with_api_finishes_its_job_and_answers_until_then(
    store: Store, settings: Settings, fresh_redis: str
) -> None:
    with _held_model() as model:
        model_url = f"http://127.0.0.1:{model.getsockname()[1]}/v1"
        environment = {"REDIS_URL": fresh_redis, "OPENAI_BASE_URL": model_url, "HARK_API_PORT": "0"}
        with _running("worker", "--api", **environment) as (process, address):
            handle = await Client(store, settings).process_voice_command("local", "hello")
            asked, _ = await asyncio.to_thread(model.accept)
            with asked:
                process.send_signal(signal.SIGTERM)
                async with httpx2.AsyncClient(trust_env=False) as client:
                    told = (await client.get(f"{address}/api/queue/status/voice-processing")).json()
                assert (told["queues"][0]["active"], len(told["workers"])) == (1, 1)  # it may count as stopping
                asked.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
                await asyncio.to_thread(process.communicate, None, LIMIT_S)
    assert process.returncode == 0
    # It ended, as the model refused it, and did not go back to waiting: the worker drained.
    assert await handle.state() is JobState.FAILED
    assert await store.workers() == {}


@pytest.mark.parametrize("command", [["status"], ["worker", "--embedded"]])
def test_no_other_command_loads_the_api(fresh_redis: str, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *HARK[1:], *command],
        env={**os.environ, "REDIS_URL": fresh_redis},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "engine.cli" in loaded
    assert {"fastapi.routing", "starlette.routing", "uvicorn.config", "prometheus_client.core"} & loaded == set()
