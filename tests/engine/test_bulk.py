"""Work on many jobs goes in steps that tell how far it is, and closing it stops it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from engine import bulk
from engine.admin import Admin
from engine.errors import NotFoundError
from engine.model import JobState
from engine.monitor import Monitor
from engine.settings import load_settings
from engine.store import NewJob, Store

QUEUE, COUNT = "synthesis", 2_100


@pytest.fixture
async def filled(fresh_redis: str) -> AsyncIterator[Store]:
    """A store with waiting jobs."""
    store = Store(fresh_redis)
    await store.add(QUEUE, [NewJob(f"j{n}", "synthesize-speech", "{}", 2, 1, "fixed", 0, 1_000) for n in range(COUNT)])
    yield store
    await store.close()


def monitor(store: Store, url: str) -> Monitor:
    return Monitor(store, load_settings(redis_url=url))


async def test_cleaning_goes_in_thousands_and_is_one_action_and_one_batch(filled: Store, fresh_redis: str) -> None:
    admin, batches = Admin(filled), list[str]()
    steps = bulk.clean(admin, monitor(filled, fresh_redis), QUEUE, JobState.WAITING, "", batches, actor="anna")
    assert [(step.done, step.total) async for step in steps] == [(1_000, COUNT), (2_000, COUNT), (COUNT, COUNT)]
    assert len(batches) == 1
    (entry,) = await admin.audit(QUEUE)
    assert (entry.action, entry.touched) == ("clean", COUNT)
    assert await admin.restore(QUEUE, batches[0], actor="anna") == (COUNT, 0)


async def test_closed_in_the_middle_it_leaves_the_rest(filled: Store, fresh_redis: str) -> None:
    steps = bulk.clean(Admin(filled), monitor(filled, fresh_redis), QUEUE, JobState.WAITING, "", [], actor="anna")
    async with aclosing(steps):
        await anext(steps)
    assert await filled.depth(QUEUE, JobState.WAITING) == COUNT - 1_000


async def test_what_could_not_be_done_is_counted_with_the_first_reason(filled: Store) -> None:
    admin = Admin(filled)
    steps = bulk.each(["j1", "gone", "j2"], lambda job_id: admin.remove(QUEUE, job_id, actor="anna"))
    (last,) = [step async for step in steps]
    assert (last.done, last.refused, last.reason) == (2, 1, f"The {QUEUE} queue has no job 'gone'.")


async def test_where_nothing_could_be_done_the_reason_is_raised(filled: Store) -> None:
    admin = Admin(filled)
    with pytest.raises(NotFoundError):
        [step async for step in bulk.each(["gone"], lambda job_id: admin.remove(QUEUE, job_id, actor="anna"))]


async def test_an_export_that_is_stopped_leaves_no_file(filled: Store, fresh_redis: str, tmp_path: Path) -> None:
    reader = monitor(filled, fresh_redis)
    path = tmp_path / "jobs.jsonl"
    steps = bulk.export(Admin(filled), reader, QUEUE, JobState.WAITING, None, "", path, actor="anna")
    async with aclosing(steps):
        assert (await anext(steps)).total == COUNT
    assert os.listdir(tmp_path) == []


async def test_an_export_has_every_job_that_matches(filled: Store, fresh_redis: str, tmp_path: Path) -> None:
    reader = monitor(filled, fresh_redis)
    path = tmp_path / "jobs.jsonl"
    steps = bulk.export(Admin(filled), reader, QUEUE, JobState.WAITING, None, "id:j20", path, actor="anna")
    *_, last = [step async for step in steps]
    lines = path.read_text("utf-8").splitlines()
    assert last.done == len(lines) == 111
    assert all("j20" in json.loads(line)["id"] for line in lines)
