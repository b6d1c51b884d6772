"""Redis full, its disk full, the network bad, everything killed at random: a clear word, and no job lost."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import RedisGoneError
from engine.model import JobState
from engine.store import Claimed, NewJob, Store, keys
from tests.chaos.jobs import CHILDREN, PARENTS
from tests.chaos.proxy import proxied
from tests.chaos.server import Server
from tests.chaos.storm import rage

LIMIT_S = 40
LONG_MS = 60_000
LEASE_MS = 600


@pytest.fixture
def server(tmp_path: Path, redis_binary: Path | None) -> Iterator[Server]:
    """A server of the test's own, set up to save as Hark's own is."""
    own = Server(tmp_path / "redis", redis_binary, appendfsync="everysec")
    own.start()
    yield own
    own.kill()


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """A store on that server."""
    opened = Store(server.url)
    yield opened
    await opened.close()


@contextmanager
def _worker(server: Server, folder: Path, concurrency: int = 5) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on that server, with short leases."""
    queues = {queue: {"concurrency": concurrency, "keep_completed_count": 10_000} for queue in (PARENTS, CHILDREN)}
    environment = os.environ | {
        "REDIS_URL": server.url,
        "HARK_LEASE_MS": str(LEASE_MS),
        "HARK_QUEUES": json.dumps(queues),
        "HARK_TEST_TRAIL": str(folder / "trail"),
    }
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.jobs"], stdin=subprocess.DEVNULL, stderr=log, env=environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _job(job_id: str, name: str = "steady", data: str = '{"pause_s":0}') -> NewJob:
    return NewJob(job_id, name, data, 4, 3, "fixed", 0, LONG_MS)


async def _until_ended(store: Store, queue: str, count: int) -> None:
    """Until so many jobs of the queue have ended; the test's own time-out ends a wait in vain."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            position = await store.last_event(queue)
            sample = await store.sample(queue, 0)
            if sample[4] + sample[5] >= count:
                return
            await store.events({queue: position}, 500)


async def _until_running(store: Store, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while (await store.sample(PARENTS, 0))[3] < count:
            await store.events({PARENTS: await store.last_event(PARENTS)}, 100)


async def _until_refused(store: Store, word: str) -> str:
    """Add jobs until Redis takes no more; returns what was said. `word` must be in it."""
    async with asyncio.timeout(LIMIT_S):
        number = 0
        while True:
            try:
                await store.add(CHILDREN, [_job(f"filler{number}-{i}", "child", "{}") for i in range(200)])
            except RedisGoneError as error:
                if word not in str(error):
                    raise
                return str(error)
            number += 1


def _runs(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "trail").read_text().splitlines()]


async def _take(store: Store, token: str, count: int = 1, lease_ms: int = LONG_MS) -> list[Claimed]:
    return (await store.take(PARENTS, count, lease_ms=lease_ms, token=token, worker="w")).jobs


# --- everything at once ---


async def test_no_job_is_lost_while_workers_redis_and_the_network_fail_at_random(
    tmp_path: Path, redis_binary: Path | None
) -> None:
    seed = int(os.environ.get("HARK_TEST_SEED") or secrets.randbelow(10**6))
    report = await rage(tmp_path, 1200, 14, seed, redis_binary)
    print(report)
    assert report.problems == [], str(report)
    assert report.faults.total() >= 14


# --- the network ---


async def test_a_worker_waits_for_a_redis_that_is_away_at_its_start(
    server: Server, store: Store, tmp_path: Path
) -> None:
    await store.add(PARENTS, [_job("a")])
    server.kill()
    with _worker(server, tmp_path):
        log = tmp_path / "worker.log"
        async with asyncio.timeout(LIMIT_S):
            while b"waits for Redis" not in log.read_bytes():  # noqa: ASYNC110 - a file tells of nothing
                await asyncio.sleep(0.02)
        server.start()
        await _until_ended(store, PARENTS, 1)
    assert _runs(tmp_path) == ["a"]


async def test_a_claim_whose_answer_was_lost_is_answered_with_the_same_jobs_when_repeated(store: Store) -> None:
    await store.add(PARENTS, [_job(f"j{number}") for number in range(4)])
    first = await _take(store, "t1", 2)
    again = await _take(store, "t1", 2)
    assert [job.id for job in again] == [job.id for job in first]


async def test_adding_over_a_network_that_loses_answers_adds_each_job_once(server: Server, store: Store) -> None:
    async with proxied(server.port) as network:
        far = Store(f"redis://127.0.0.1:{network.port}/0")
        try:
            await far.add(PARENTS, [_job("first")])  # the script is loaded, the connection made
            network.deaf = True
            adding = asyncio.create_task(far.add(PARENTS, [_job("a"), _job("b")]))
            async with asyncio.timeout(LIMIT_S):
                position = "0-0"
                while (await store.sample(PARENTS, 0))[1] < 3:
                    position = (await store.events({PARENTS: position}, 1000))[-1].position
            network.heal()
            assert await adding == [False, False]  # the second try found both there
        finally:
            await far.close()
    assert (await store.sample(PARENTS, 0))[1] == 3


async def test_jobs_are_not_called_stalled_because_redis_itself_was_stopped(server: Server, store: Store) -> None:
    await store.add(PARENTS, [_job("a")])
    held = await _take(store, "t1", lease_ms=500)
    assert await store.recover(PARENTS, 1, gap_ms=1000, lease_ms=LONG_MS) == ([], [])
    server.pause()
    await asyncio.sleep(1.5)  # three leases long
    server.go_on()
    assert await store.recover(PARENTS, 1, gap_ms=1000, lease_ms=LONG_MS) == ([], [])
    assert await store.extend(PARENTS, held, LONG_MS) == []


async def test_a_worker_told_to_end_does_so_while_redis_never_answers(
    server: Server, store: Store, tmp_path: Path
) -> None:
    await store.add(PARENTS, [_job("a", data='{"pause_s":1}')])
    with _worker(server, tmp_path) as worker:
        await _until_running(store, 1)
        server.pause()
        worker.send_signal(signal.SIGTERM)
        try:
            assert await asyncio.to_thread(worker.wait, 2 * LIMIT_S) == 0
        finally:
            server.go_on()


# --- memory full ---


async def test_adding_to_a_full_redis_says_so_and_what_to_do(server: Server, store: Store) -> None:
    with server.client() as client:
        used = client.info("memory")["used_memory"]  # type: ignore[index]
    server.configure("maxmemory", used + 2_000_000)
    said = await _until_refused(store, "is full and takes no new jobs")
    assert said.endswith("Clean finished jobs or raise its maxmemory.")


async def test_jobs_keep_their_leases_and_end_while_redis_is_full(server: Server, store: Store, tmp_path: Path) -> None:
    await store.add(PARENTS, [_job(f"j{number}", data='{"pause_s":1.5}') for number in range(10)])
    with _worker(server, tmp_path):
        await _until_running(store, 5)
        server.configure("maxmemory", 1)
        with pytest.raises(RedisGoneError, match="is full"):
            await store.add(PARENTS, [_job("one more")])
        await _until_ended(store, PARENTS, 10)
    jobs = await store.jobs(PARENTS, JobState.COMPLETED, 0, 100)
    assert [job.stalled for job in jobs] == [0] * 10
    assert sorted(_runs(tmp_path)) == sorted(f"j{number}" for number in range(10))


async def test_failing_and_recovering_work_while_redis_is_full(server: Server, store: Store) -> None:
    await store.add(PARENTS, [_job(f"j{number}") for number in range(4)])
    failing, releasing = await _take(store, "t1", 2)
    await _take(store, "t2", 1, lease_ms=0)
    server.configure("maxmemory", 1)
    assert (await store.fail(failing, "broken", permanent=True))[0] == "failed"
    assert await store.release(PARENTS, [releasing]) == 1
    assert (await store.recover(PARENTS, 1))[0] == ["j2"]
    assert len(await _take(store, "t3", 9)) == 3


async def test_an_operator_can_pause_and_clean_a_full_redis(server: Server, store: Store) -> None:
    await store.add(PARENTS, [_job(f"j{number}") for number in range(4)])
    server.configure("maxmemory", 1)
    assert await store.set_paused(PARENTS, True, actor="op") is True
    assert (await store.clean(PARENTS, JobState.WAITING, actor="op"))[0].count == 4


async def test_follow_ups_wait_while_redis_is_full_and_hold_up_no_other_job(
    server: Server, store: Store, tmp_path: Path
) -> None:
    await store.add(PARENTS, [_job(f"p{number}", "parent", "{}") for number in range(3)])
    await store.add(PARENTS, [_job(f"j{number}", data='{"pause_s":0.5}') for number in range(10)])
    server.configure("maxmemory", 1)
    with _worker(server, tmp_path):
        try:
            async with asyncio.timeout(12):
                await _until_ended(store, PARENTS, 13)
        finally:
            server.configure("maxmemory", 0)
        await _until_ended(store, CHILDREN, 3)
    assert sorted(name for name in _runs(tmp_path) if "child" in name) == ["p0.child", "p1.child", "p2.child"]


async def test_a_worker_still_gives_signs_of_life_while_redis_is_full(
    server: Server, store: Store, tmp_path: Path
) -> None:
    await store.add(PARENTS, [_job("a")])
    server.configure("maxmemory", 1)
    with _worker(server, tmp_path):
        await _until_ended(store, PARENTS, 1)
        assert await store.workers() != {}


async def test_a_worker_told_to_end_does_so_while_redis_is_full(server: Server, store: Store, tmp_path: Path) -> None:
    await store.add(PARENTS, [_job("a", data='{"pause_s":1}')])
    with _worker(server, tmp_path) as worker:
        await _until_running(store, 1)
        server.configure("maxmemory", 1)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, LIMIT_S) == 0
    assert (await store.find("a")).state is JobState.COMPLETED


# --- disk full ---


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A file system of four megabytes on `folder`."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system of its own can be mounted by root alone; the next test does without")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
async def test_a_full_disk_is_told_and_everything_goes_on_once_there_is_room(
    tmp_path: Path, redis_binary: Path | None
) -> None:
    folder = tmp_path / "small"
    with _small_disk(folder):
        server = Server(folder, redis_binary, appendfsync="everysec")
        server.start()
        try:
            ballast = folder / "ballast"
            ballast.write_bytes(b"x" * 3_900_000)
            await _through_a_full_disk(server, tmp_path, ballast.unlink)
        finally:
            server.kill()


@pytest.mark.skipif(not hasattr(__import__("resource"), "prlimit"), reason="limits a running process (Linux)")
async def test_a_server_that_cannot_write_is_told_and_everything_goes_on_once_it_can(
    server: Server, tmp_path: Path
) -> None:
    server.limit_files(200_000)
    await _through_a_full_disk(server, tmp_path, lambda: server.limit_files(-1))


async def _through_a_full_disk(server: Server, folder: Path, make_room: object) -> None:
    assert callable(make_room)
    store = Store(server.url)
    try:
        await store.add(PARENTS, [_job(f"j{number}", data='{"pause_s":1}') for number in range(20)])
        with _worker(server, folder):
            await _until_running(store, 5)
            said = await _until_refused(store, "cannot write its file to disk")
            assert said.endswith("Is its disk full?")
            make_room()
            await _until_ended(store, PARENTS, 20)
        jobs = await store.jobs(PARENTS, JobState.COMPLETED, 0, 100)
        assert {job.id for job in jobs} == {f"j{number}" for number in range(20)}
    finally:
        await store.close()


async def test_what_was_answered_before_the_disk_was_full_outlives_the_server(server: Server, store: Store) -> None:
    await store.add(PARENTS, [_job(f"j{number}") for number in range(20)])
    server.limit_files(0)
    await _until_refused(store, "cannot write its file to disk")
    server.kill()
    server.start()
    with server.client() as client:
        ids: list[str] = client.zrange(keys.state(PARENTS, JobState.WAITING), 0, -1)  # type: ignore[assignment]
    assert ids == [f"j{number}" for number in range(20)]
