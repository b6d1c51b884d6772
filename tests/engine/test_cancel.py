"""Cancelling jobs that real worker processes run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.admin import Admin
from engine.errors import BadInputError
from engine.model import Job, JobState
from engine.store import NewJob, Store

TASKS = "task-processing"
LIMIT_S = 40


@pytest.fixture
async def store(fresh_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on the emptied server; workers started by the test find it, too, and leave a trail."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setenv("HARK_TEST_TRAIL", str(tmp_path / "trail"))
    opened = Store(fresh_redis)
    yield opened
    await opened.close()


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.engine.worker_jobs"], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _add(store: Store, job_id: str, name: str, data: str) -> None:
    await store.add(TASKS, [NewJob(job_id, name, data, 4, 3, "fixed", 0, 60_000)])


async def _until(store: Store, job_id: str, *states: JobState) -> Job:
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(TASKS)
            job = await store.find(job_id)
            if job.state in states:
                return job
            await store.events({TASKS: position}, 1000)


async def test_a_running_job_ends_soon_after_it_is_cancelled(store: Store, tmp_path: Path) -> None:
    await _add(store, "a", "held", '{"name":"a"}')
    with _worker():
        await _until(store, "a", JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "a", actor="ada")
        job = await _until(store, "a", JobState.FAILED, JobState.COMPLETED, JobState.DELAYED)
        (tmp_path / "trail.go").touch()
        # The worker lives and goes on with the next.
        await _add(store, "b", "held", '{"name":"b"}')
        await _until(store, "b", JobState.COMPLETED)
    assert job.state is JobState.FAILED
    assert "Cancelled" in (job.error or "")
    assert "end a" not in (tmp_path / "trail").read_text()


async def test_a_job_in_a_thread_is_given_up(store: Store) -> None:
    await _add(store, "a", "blocking", '{"seconds":3}')
    with _worker():
        await _until(store, "a", JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "a", actor="ada")
        job = await _until(store, "a", JobState.FAILED, JobState.COMPLETED)
        assert job.state is JobState.FAILED
        assert "Cancelled" in (job.error or "")
        # What the thread brings when it ends changes nothing any more.
        await _add(store, "b", "blocking", '{"seconds":3}')
        await _until(store, "b", JobState.COMPLETED)
    assert (await store.find("a")).state is JobState.FAILED


async def test_only_the_cancelled_one_of_several_running_jobs_ends(store: Store, tmp_path: Path) -> None:
    for name in "abc":
        await _add(store, name, "held", f'{{"name":"{name}"}}')
    with _worker():
        for name in "abc":
            await _until(store, name, JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "b", actor="ada")
        await _until(store, "b", JobState.FAILED)
        (tmp_path / "trail.go").touch()
        states = [(await _until(store, name, JobState.COMPLETED, JobState.FAILED)).state for name in "abc"]
    assert states == [JobState.COMPLETED, JobState.FAILED, JobState.COMPLETED]


async def test_jobs_cancelled_as_they_fail_end_failed_and_none_hangs(store: Store) -> None:
    names = [f"{number}" for number in range(40)]
    admin = Admin(store)
    with _worker():
        for name in names:
            await _add(store, name, "refusing", "{}")
            try:
                await admin.cancel(TASKS, name, actor="ada")
            except BadInputError:
                continue  # it has failed already
        states = {(await _until(store, name, JobState.FAILED, JobState.COMPLETED)).state for name in names}
    assert states == {JobState.FAILED}
    assert await store.depth(TASKS, JobState.ACTIVE) == 0
