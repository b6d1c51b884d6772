"""Real worker processes: killed, drained, stock; no job is lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.client import Client
from engine.job_types import CreateTask
from engine.model import JobOptions, JobState
from engine.monitor import Monitor
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.worker.broker import create_broker
from tests.engine.worker_process import LIMIT_S, TASKS, add_job, until_state, worker_process


@pytest.fixture
async def store(fresh_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on the emptied server; workers started by the test find the same server and leave a trail."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setenv("HARK_TEST_TRAIL", str(tmp_path / "trail"))
    opened = Store(fresh_redis)
    yield opened
    await opened.close()


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that hold a job for 600 ms at a time; on a busy machine they may lose one that they run."""
    monkeypatch.setenv("HARK_LEASE_MS", "600")


async def _until_started(trail: Path, times: int) -> None:
    def poll() -> None:
        end_s = time.monotonic() + LIMIT_S
        while not trail.exists() or trail.read_text().count("start") < times:
            assert time.monotonic() < end_s, "no job was started"
            time.sleep(0.02)

    await asyncio.to_thread(poll)


async def _exit_code(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait, LIMIT_S)


@pytest.mark.usefixtures("short_leases")
async def test_a_job_whose_worker_is_killed_runs_again_and_is_not_lost(store: Store, tmp_path: Path) -> None:
    await add_job(store, "a", "held", '{"name":"a"}')
    with worker_process() as victim:
        await _until_started(tmp_path / "trail", 1)
        victim.send_signal(signal.SIGKILL)
        await _exit_code(victim)
    (tmp_path / "trail.go").touch()
    with worker_process():
        job = await until_state(store, "a", JobState.COMPLETED, JobState.FAILED)
    assert (job.state, job.result, job.stalled, job.attempts_made) == (JobState.COMPLETED, "a", 1, 1)
    assert (tmp_path / "trail").read_text().splitlines() == ["start a", "start a", "end a"]


async def test_a_stopping_worker_finishes_its_job_and_exits_with_0(store: Store, tmp_path: Path) -> None:
    await add_job(store, "a", "held", '{"name":"a"}')
    with worker_process() as worker:
        await _until_started(tmp_path / "trail", 1)
        worker.send_signal(signal.SIGTERM)
        (tmp_path / "trail.go").touch()
        assert await _exit_code(worker) == 0
    assert (await store.find("a")).state is JobState.COMPLETED
    assert await store.workers() == {}


async def test_a_job_that_outlasts_the_drain_goes_back_unharmed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARK_DRAIN_MS", "100")
    await add_job(store, "a", "held", '{"name":"a"}')
    with worker_process() as worker:
        await _until_started(tmp_path / "trail", 1)
        worker.send_signal(signal.SIGTERM)
        assert await _exit_code(worker) == 0
    job = await store.find("a")
    assert (job.state, job.attempts_made, job.stalled) == (JobState.WAITING, 0, 0)


async def test_no_more_jobs_of_a_queue_run_at_once_than_it_allows(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARK_QUEUES", '{"task-processing": {"concurrency": 2}}')
    for name in "abcde":
        await add_job(store, name, "held", f'{{"name":"{name}"}}')
    with worker_process():
        await _until_started(tmp_path / "trail", 2)
        assert len(await store.jobs(TASKS, JobState.ACTIVE, 0, 10)) == 2
        (tmp_path / "trail.go").touch()
        await asyncio.gather(*(until_state(store, name, JobState.COMPLETED) for name in "abcde"))
    running = most = 0
    for line in (tmp_path / "trail").read_text().splitlines():
        running += 1 if line.startswith("start") else -1
        most = max(most, running)
    assert most == 2


async def test_failures_end_with_their_reasons(store: Store) -> None:
    await add_job(store, "slow", "held", '{"name":"a"}', timeout_ms=100, attempts=1)
    await add_job(store, "unknown", "no-such-job", "{}")
    await add_job(store, "refused", "refusing", "{}")
    await add_job(store, "wrong", "held", '{"nome":"a"}', attempts=1)
    await add_job(store, "unreadable", "held", "not json")
    names = ("slow", "unknown", "refused", "wrong", "unreadable")
    with worker_process():
        jobs = await asyncio.gather(*(until_state(store, name, JobState.FAILED, JobState.COMPLETED) for name in names))
    errors = {job.id: job.error or "" for job in jobs if job.state is JobState.FAILED}
    assert errors["slow"] == "held took longer than its time-out of 0.1 s."
    assert errors["unknown"].startswith("This worker knows no job named 'no-such-job'.")
    assert errors["refused"] == "The title is empty. Give one."
    assert "nome" in errors["wrong"]
    assert "could not be read" in errors["unreadable"]


@pytest.mark.usefixtures("short_leases")
async def test_a_plain_function_that_blocks_keeps_its_lease(store: Store) -> None:
    await add_job(store, "a", "blocking", '{"seconds":1.5}')
    with worker_process():
        job = await until_state(store, "a", JobState.COMPLETED, JobState.FAILED)
    assert (job.state, job.stalled) == (JobState.COMPLETED, 0)


async def test_taskiqs_own_worker_runs_harks_jobs(store: Store) -> None:
    client = Client(store, load_settings())
    handle = await client.add(CreateTask(title="milk"), JobOptions("a"))
    with worker_process("-m", "taskiq", "worker", "engine.worker.broker:broker", "-w", "1") as worker:
        result = await handle.result(LIMIT_S)
        worker.send_signal(signal.SIGTERM)
        await _exit_code(worker)
    assert result["title"] == "milk"


async def test_what_a_job_came_to_can_be_awaited_by_taskiqs_own_means(store: Store, settings: Settings) -> None:
    adding = create_broker(settings)
    await adding.startup()
    task = adding.find_task("create-task")
    assert task is not None
    with worker_process("-m", "engine", "worker", "--quiet", "--queue", TASKS):
        good = await (await task.kiq(title="milk")).wait_result(timeout=30)
        bad = await (await task.kiq(titel="milk")).wait_result(timeout=30)
    assert (good.is_err, good.return_value["title"]) == (False, "milk")
    assert bad.is_err
    assert "titel: Extra inputs are not permitted" in str(bad.error)
    await adding.shutdown()


async def test_a_stopping_worker_says_so_and_counts_no_more(store: Store, settings: Settings, tmp_path: Path) -> None:
    monitor = Monitor(store, settings)
    await add_job(store, "a", "held", '{"name":"a"}')
    with worker_process() as worker:
        await _until_started(tmp_path / "trail", 1)
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            while not any(one.stopping for one in (await monitor.snapshot()).workers):
                pass
        assert all(queue.workers == 0 for queue in (await monitor.snapshot()).queues)
        (tmp_path / "trail.go").touch()
        assert await _exit_code(worker) == 0


async def test_harks_own_command_runs_jobs_of_the_named_queues_only(store: Store) -> None:
    client = Client(store, load_settings())
    handle = await client.create_task("local", "milk")
    other = await client.process_voice_command("local", "hello")
    program = "import sys; from engine.settings import load_settings; from engine.worker.pool import run_worker; "
    with worker_process("-c", program + "run_worker(load_settings(), sys.argv[1:])", TASKS) as worker:
        assert (await handle.result(LIMIT_S))["title"] == "milk"
        worker.send_signal(signal.SIGTERM)
        assert await _exit_code(worker) == 0
    assert await other.state() is JobState.WAITING


async def test_a_worker_told_to_stop_at_once_exits_with_0(store: Store) -> None:
    # Regression: a stop in the first half second was taken for a lost connection, and the worker stayed.
    for _ in range(3):
        with worker_process("-m", "engine", "worker", "--embedded") as process:
            assert await _exit_code(process) == 0
