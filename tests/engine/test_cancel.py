"""Cancelling jobs that real worker processes run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.admin import Admin
from engine.errors import BadInputError
from engine.model import JobState
from engine.store import Store
from tests.engine.worker_process import TASKS, add_job, until_state, worker_process


@pytest.fixture
async def store(fresh_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on the emptied server; workers started by the test find it, too, and leave a trail."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setenv("HARK_TEST_TRAIL", str(tmp_path / "trail"))
    opened = Store(fresh_redis)
    yield opened
    await opened.close()


async def test_a_running_job_ends_soon_after_it_is_cancelled(store: Store, tmp_path: Path) -> None:
    await add_job(store, "a", "held", '{"name":"a"}')
    with worker_process():
        await until_state(store, "a", JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "a", actor="ada")
        job = await until_state(store, "a", JobState.FAILED, JobState.COMPLETED, JobState.DELAYED)
        (tmp_path / "trail.go").touch()
        # The worker lives and goes on with the next.
        await add_job(store, "b", "held", '{"name":"b"}')
        await until_state(store, "b", JobState.COMPLETED)
    assert job.state is JobState.FAILED
    assert "Cancelled" in (job.error or "")
    assert "end a" not in (tmp_path / "trail").read_text()


async def test_a_job_in_a_thread_is_given_up(store: Store) -> None:
    await add_job(store, "a", "blocking", '{"seconds":3}')
    with worker_process():
        await until_state(store, "a", JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "a", actor="ada")
        job = await until_state(store, "a", JobState.FAILED, JobState.COMPLETED)
        assert job.state is JobState.FAILED
        assert "Cancelled" in (job.error or "")
        # What the thread brings when it ends changes nothing any more.
        await add_job(store, "b", "blocking", '{"seconds":3}')
        await until_state(store, "b", JobState.COMPLETED)
    assert (await store.find("a")).state is JobState.FAILED


async def test_only_the_cancelled_one_of_several_running_jobs_ends(store: Store, tmp_path: Path) -> None:
    for name in "abc":
        await add_job(store, name, "held", f'{{"name":"{name}"}}')
    with worker_process():
        for name in "abc":
            await until_state(store, name, JobState.ACTIVE)
        await Admin(store).cancel(TASKS, "b", actor="ada")
        await until_state(store, "b", JobState.FAILED)
        (tmp_path / "trail.go").touch()
        states = [(await until_state(store, name, JobState.COMPLETED, JobState.FAILED)).state for name in "abc"]
    assert states == [JobState.COMPLETED, JobState.FAILED, JobState.COMPLETED]


async def test_jobs_cancelled_as_they_fail_end_failed_and_none_hangs(store: Store) -> None:
    names = [f"{number}" for number in range(40)]
    admin = Admin(store)
    with worker_process():
        for name in names:
            await add_job(store, name, "refusing", "{}")
            try:
                await admin.cancel(TASKS, name, actor="ada")
            except BadInputError:
                continue  # it has failed already
        states = {(await until_state(store, name, JobState.FAILED, JobState.COMPLETED)).state for name in names}
    assert states == {JobState.FAILED}
    assert await store.depth(TASKS, JobState.ACTIVE) == 0
