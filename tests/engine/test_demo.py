"""Demo traffic: real jobs on real queues, harmless, of many fates, and gone again when they are cleaned."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import subprocess
import sys
from collections import Counter

import pytest

from engine.admin import Admin
from engine.cli import main as hark
from engine.client import Client
from engine.demo import DemoTraffic, demo_jobs
from engine.errors import BadInputError, WriteLockedError
from engine.job_types import DEMO_PREFIX, DEMO_TYPES, JOB_TYPES, CreateTask
from engine.model import JobOptions, JobState
from engine.monitor import Monitor
from engine.queues import QUEUES, TASK_PROCESSING
from engine.store import Store
from engine.write_lock import WriteLock
from tests.engine.worker_process import LIMIT_S, worker_process


@pytest.fixture
def traffic(client: Client, admin: Admin) -> DemoTraffic:
    """Demo traffic on the emptied server."""
    return DemoTraffic(client, admin)


def test_every_queue_has_a_demo_job_that_its_name_tells() -> None:
    assert set(DEMO_TYPES) == set(QUEUES)
    assert {name for name in JOB_TYPES if name.startswith(DEMO_PREFIX)} == {f"demo-{queue}" for queue in QUEUES}
    assert all(kind.queue == queue for queue, kind in DEMO_TYPES.items())


def test_the_traffic_is_of_many_kinds() -> None:
    payloads, options = demo_jobs(3000, 10, random.Random(1))
    faults = Counter(payload.fault for payload in payloads)
    assert set(faults) == {"", "refused", "flaky", "slow", "rate-limit", "bad-input", "bug"}
    assert 200 < sum(faults.values()) - faults[""] - faults["flaky"] < 400
    assert {payload.queue for payload in payloads} == set(QUEUES)
    assert any(payload.then for payload in payloads)
    assert any(one is not None and one.delay_ms for one in options)
    assert any(one is not None and one.priority for one in options)


async def test_it_adds_jobs_at_the_rate_and_ends_by_itself(traffic: DemoTraffic, monitor: Monitor) -> None:
    told = [added async for added in traffic.run(40, 0.6, seed=1)]
    assert told == sorted(told)
    queues = (await monitor.snapshot()).queues
    assert sum(queue.waiting + queue.delayed for queue in queues) == told[-1] >= 20


async def test_it_is_stopped_from_anywhere(traffic: DemoTraffic, client: Client, admin: Admin) -> None:
    async with asyncio.timeout(LIMIT_S):
        async for _ in traffic.run(20, 600, seed=1):
            await DemoTraffic(client, admin).stop()


async def test_an_earlier_stop_stops_nothing_later(traffic: DemoTraffic) -> None:
    await traffic.stop()
    assert [added async for added in traffic.run(20, 1.6, seed=1)][-1] > 20


async def test_cleaning_takes_demo_jobs_away_and_no_others(
    traffic: DemoTraffic, client: Client, monitor: Monitor
) -> None:
    await client.add(CreateTask(title="Milk"), JobOptions(job_id="mine"))
    payloads, options = demo_jobs(200, 10, random.Random(1))
    await client.add_bulk(payloads, options)
    assert await traffic.clean(actor="ada") == 200
    assert sum(queue.waiting + queue.delayed for queue in (await monitor.snapshot()).queues) == 1
    assert (await monitor.job("mine")).state is JobState.WAITING


@pytest.mark.parametrize(("rate", "seconds", "failing"), [(0, 1, 0), (501, 1, 0), (1, 0, 0), (1, 3601, 0), (1, 1, 101)])
async def test_numbers_that_make_no_sense_are_refused(
    traffic: DemoTraffic, rate: float, seconds: float, failing: float
) -> None:
    with pytest.raises(BadInputError, match="There is no such demo traffic"):
        await anext(traffic.run(rate, seconds, failing))


async def test_production_has_no_demo_traffic_even_unlocked(client: Client, store: Store) -> None:
    admin = Admin(store, WriteLock(True, "orders"))
    await admin.unlock(1, actor="ada", reason="try")
    traffic = DemoTraffic(client, admin)
    with pytest.raises(WriteLockedError, match="production: orders: no demo traffic here"):
        await anext(traffic.run())
    with pytest.raises(WriteLockedError):
        await traffic.clean(actor="ada")


async def test_a_worker_runs_them_each_to_its_fate(
    client: Client, fresh_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    kind = DEMO_TYPES[TASK_PROCESSING]
    once = JobOptions(attempts=1)
    with worker_process("-m", "engine", "worker"):
        fine = await client.add(kind(duration_ms=300, then=("notification",)), JobOptions(job_id="chain"))
        flaky = await client.add(kind(duration_ms=1, fault="flaky"), JobOptions(backoff="fixed", backoff_ms=1))
        failing = {
            fault: await client.add(kind(duration_ms=1, fault=fault), once)
            for fault in ("refused", "rate-limit", "bad-input", "bug")
        }
        slow = await client.add(kind(duration_ms=1, fault="slow"), JobOptions(attempts=1, timeout_ms=100))
        assert await fine.result(LIMIT_S) == {"demo": True}
        assert await flaky.result(LIMIT_S) == {"demo": True}
        for handle in (*failing.values(), slow):
            with pytest.raises(Exception, match=r"demo|slow"):
                await handle.result(LIMIT_S)
        follower = await client.add(DEMO_TYPES["notification"](), JobOptions(job_id="chain.demo0"))
        assert not follower.added
        assert await follower.result(LIMIT_S) == {"demo": True}
    assert (await fine.job()).progress == 100
    assert (await flaky.job()).attempts_made == 2
    words = {fault: (await handle.job()).error or "" for fault, handle in failing.items()}
    assert "refused the connection" in words["refused"]
    assert "429" in words["rate-limit"]
    assert words["bug"] == "KeyError: 'demo'"
    assert "took longer than its time-out" in ((await slow.job()).error or "")


def test_the_command_line_makes_stops_and_cleans_it(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    assert hark(["demo", "--rate", "50", "--seconds", "0.3"]) == 0
    assert "Take them away with `hark demo --clean`." in capsys.readouterr().out
    assert hark(["demo", "--stop"]) == 0
    assert hark(["demo", "--clean"]) == 0
    assert "Removed" in capsys.readouterr().out


def test_ctrl_c_tells_how_many_there_are_and_how_they_go(fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    with subprocess.Popen([sys.executable, "-m", "engine", "demo"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Added 1 demo job.\n"
        process.send_signal(signal.SIGINT)
        lines = process.stdout.read().splitlines()
    assert process.returncode == 130
    assert re.fullmatch(r"Added \d+ demo jobs?\. Take them away with `hark demo --clean`\.", lines[-1])
