"""One storm: jobs, workers, a server and a network; faults at random from a seed; what must hold in spite of them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from engine.errors import RedisGoneError
from engine.model import JobState
from engine.store import NewJob, Store, keys
from tests.chaos.jobs import CHILDREN, PARENTS, QUEUES, Child
from tests.chaos.proxy import Proxy, proxied
from tests.chaos.server import Server

LEASE_MS = 1_000
WORKERS = 3
_NO_PROGRESS_S = 60.0
_KEPT = {"keep_completed_ms": 10**9, "keep_completed_count": 10**7, "keep_failed_ms": 10**9}

_CHECK = """
local problems, seen = {}, {}
local function problem(text) if #problems < 20 then problems[#problems + 1] = text end end
local zsets = { wait = 'waiting', delayed = 'delayed', active = 'active', completed = 'completed', failed = 'failed' }
for zset, state in pairs(zsets) do
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. zset, 0, -1)) do
    if seen[id] then problem(id .. ' is in ' .. zset .. ' and in ' .. seen[id]) end
    seen[id] = zset
    local job = redis.call('HMGET', KEYS[1] .. 'job:' .. id, 'state', 'token')
    if job[1] ~= state then problem(id .. ' is in ' .. zset .. ' with the state ' .. tostring(job[1])) end
    if (job[2] ~= false and job[2] ~= '') ~= (zset == 'active') then
      problem(id .. ' is in ' .. zset .. ' with the token ' .. tostring(job[2]))
    end
  end
end
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. 'job:*')) do
  local id = string.sub(key, #KEYS[1] + 5)
  if not seen[id] then problem(id .. ' has a record and is nowhere') end
end
return problems
"""


@dataclass(frozen=True, slots=True)
class Expected:
    """How a job must end: its state, and after how many attempts."""

    state: JobState
    attempts: int


@dataclass(slots=True)
class Report:
    """What a storm did and saw. `again` are the jobs that ran more often than their attempts ask for."""

    seed: int
    jobs: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    needed: int = 0
    again: int = 0
    stalled: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        ended = ", ".join(f"{count} {state}" for state, count in sorted(self.ended.items()))
        text = (
            f"seed {self.seed}: {self.jobs} jobs in {self.seconds:.0f} s: {ended}\n"
            f"{self.runs} runs for {self.needed} attempts; {self.again} jobs "
            f"({self.again / max(1, self.jobs):.2%}) ran more often than asked, {self.stalled} stalls\n"
            f"faults: {faults}"
        )
        return "\n".join([text, *(f"PROBLEM: {problem}" for problem in self.problems)])


class _Workers:
    """Worker processes, each with a log file of its own; those that have ended are replaced by `fill`."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        queues = {queue: {**_KEPT, "concurrency": 20} for queue in QUEUES}
        self._environment = os.environ | {
            "REDIS_URL": url,
            "HARK_LEASE_MS": str(LEASE_MS),
            "HARK_DRAIN_MS": "2000",
            # A fault may hit the same job again and again: here each must run to its end all the same.
            "HARK_MAX_STALLED": "100000",
            "HARK_QUEUES": json.dumps(queues),
            "HARK_TEST_TRAIL": str(folder / "trail"),
        }
        self._started: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._told: set[int] = set()

    def fill(self) -> None:
        """Start as many as are missing."""
        for _ in range(WORKERS - len(self.alive)):
            log_file = self._folder / f"worker-{len(self._started)}.log"
            with log_file.open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.chaos.jobs"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                )
            self._started.append((process, log_file))

    @property
    def alive(self) -> list[subprocess.Popen[bytes]]:
        """Those that run."""
        return [process for process, _ in self._started if process.poll() is None]

    def tell(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """Send a signal that may end it."""
        self._told.add(process.pid)
        process.send_signal(number)

    def deserters(self) -> list[str]:
        """Workers that ended unasked after they had been ready: what ended them."""
        found = []
        for process, log_file in self._started:
            if process.poll() is not None and process.pid not in self._told:
                text = log_file.read_text(errors="replace")
                if "is ready" in text:
                    found.append(f"{log_file} ended with {process.returncode}: {text.strip().splitlines()[-1]}")
        return found

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.alive:
            process.send_signal(signal.SIGCONT)
            self.tell(process, signal.SIGKILL)
        for process, _ in self._started:
            process.wait()


class Storm:
    """Everything that takes part. `run` does it all and returns the report; its problems are empty where all held."""

    def __init__(self, folder: Path, count: int, faults: int, seed: int, binary: Path | None = None) -> None:
        self._folder = folder
        self._count = count
        self._most_faults = faults
        self._random = random.Random(seed)
        self._server = Server(folder / "redis", binary)
        self._expected: dict[str, dict[str, Expected]] = {queue: {} for queue in QUEUES}
        self._report = Report(seed)
        self._proxy: Proxy
        self._workers: _Workers

    async def run(self) -> Report:
        """Add the jobs, let it storm, mend everything, wait for the jobs to end, look at what has become of them."""
        started_s = time.monotonic()
        await asyncio.to_thread(self._server.start)
        try:
            async with proxied(self._server.port) as self._proxy:
                url = f"redis://127.0.0.1:{self._proxy.port}/0"
                self._workers = _Workers(self._folder, url)
                self._workers.fill()
                adding = asyncio.create_task(self._add(url))
                try:
                    await self._storm()
                    await self._mend()
                    await adding
                    await self._until_ended()
                finally:
                    adding.cancel()
                    await asyncio.wait({adding})
                    await asyncio.to_thread(self._workers.end)
            await asyncio.to_thread(self._judge)
        finally:
            self._server.go_on()
            await asyncio.to_thread(self._server.kill)
        self._report.seconds = time.monotonic() - started_s
        return self._report

    # --- jobs ---

    async def _add(self, url: str) -> None:
        """Add the jobs in batches, over the same bad network; a batch that got no answer is added again."""
        jobs = [self._job(number) for number in range(self._count)]
        store = Store(url)
        try:
            size = max(1, self._count // 20)
            for start in range(0, self._count, size):
                while True:
                    try:
                        await store.add(PARENTS, jobs[start : start + size])
                        break
                    except RedisGoneError:
                        await asyncio.sleep(0.1)
                await self._until_run(start // 2, 1.0)
        finally:
            await store.close()

    def _job(self, number: int) -> NewJob:
        draw = self._random
        job_id = f"j{number}"
        kind = draw.choices(
            ["steady", "parent", "flaky", "doomed", "refusing", "endless"], weights=[54, 18, 15, 5, 5, 3]
        )[0]
        attempts, timeout_ms, data = 3, 60_000, "{}"
        expected = Expected(JobState.COMPLETED, 1)
        if kind == "steady":
            data = json.dumps({"pause_s": draw.random() * 0.03})
        elif kind == "flaky":
            failures = draw.randint(1, 2)
            data, expected = json.dumps({"failures": failures}), Expected(JobState.COMPLETED, failures + 1)
        elif kind == "doomed":
            kind, data, expected = "flaky", '{"failures":9}', Expected(JobState.FAILED, attempts)
        elif kind == "refusing":
            expected = Expected(JobState.FAILED, 1)
        elif kind == "endless":
            attempts, timeout_ms, expected = 2, 150, Expected(JobState.FAILED, 2)
        else:
            self._expected[CHILDREN][f"{job_id}.child"] = Expected(JobState.COMPLETED, 1)
        self._expected[PARENTS][job_id] = expected
        delay_ms = draw.randint(1, 3000) if draw.random() < 0.15 else 0
        return NewJob(job_id, kind, data, draw.randint(1, 4), attempts, "fixed", 30, timeout_ms, delay_ms=delay_ms)

    def _runs(self) -> list[str]:
        trail = self._folder / "trail"
        return trail.read_text().splitlines() if trail.exists() else []

    async def _until_run(self, lines: int, limit_s: float) -> None:
        """Until so many runs have begun in all, or the time is over."""
        end_s = time.monotonic() + limit_s
        while len(await asyncio.to_thread(self._runs)) < lines:
            if time.monotonic() > end_s:
                return
            await asyncio.sleep(0.02)

    # --- faults ---

    async def _storm(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self.a_worker_is_killed,
            self.a_worker_is_stopped_for_a_while,
            self.a_worker_is_told_to_end,
            self.redis_is_killed,
            self.redis_is_stopped_for_a_while,
            self.the_network_is_cut,
            self.the_network_is_cut,
            self.the_network_stalls,
            self.answers_are_lost,
            self.nobody_can_connect,
        ]
        await self._until_run(1, 30.0)
        # Each kind comes once before chance has its way.
        order = self._random.sample(faults, len(faults))
        for number in range(self._most_faults):
            chosen = [order[number % len(order)]] if number < len(order) else self._random.sample(faults, 2)
            for fault in chosen:
                self._report.faults[fault.__name__] += 1
            await asyncio.gather(*(fault() for fault in chosen))
            self._workers.fill()
            await self._until_run(len(self._runs()) + self._random.randint(1, 1 + self._count // 20), 1.0)
            await self._look()
            if self._workers.deserters():
                return

    async def _mend(self) -> None:
        self._proxy.heal()
        self._workers.fill()

    async def _pause(self, longest_s: float) -> None:
        await asyncio.sleep(self._random.uniform(0.0, longest_s))

    async def a_worker_is_killed(self) -> None:
        self._workers.tell(self._random.choice(self._workers.alive), signal.SIGKILL)

    async def a_worker_is_told_to_end(self) -> None:
        self._workers.tell(self._random.choice(self._workers.alive), signal.SIGTERM)

    async def a_worker_is_stopped_for_a_while(self) -> None:
        victim = self._random.choice(self._workers.alive)
        victim.send_signal(signal.SIGSTOP)
        await self._pause(LEASE_MS * 2.5 / 1000)
        victim.send_signal(signal.SIGCONT)

    async def redis_is_killed(self) -> None:
        await asyncio.to_thread(self._server.kill)
        await self._pause(1.0)
        await asyncio.to_thread(self._server.start)

    async def redis_is_stopped_for_a_while(self) -> None:
        self._server.pause()
        await self._pause(LEASE_MS * 2.5 / 1000)
        self._server.go_on()

    async def the_network_is_cut(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            self._proxy.cut()
            await self._pause(0.2)

    async def the_network_stalls(self) -> None:
        self._proxy.stalled = True
        await self._pause(LEASE_MS * 2 / 1000)
        self._proxy.heal()

    async def answers_are_lost(self) -> None:
        self._proxy.deaf = True
        await self._pause(0.5)
        self._proxy.heal()

    async def nobody_can_connect(self) -> None:
        self._proxy.closed = True
        self._proxy.cut()
        await self._pause(1.0)
        self._proxy.heal()

    # --- what must hold ---

    async def _look(self) -> None:
        """Every job is in exactly one place, in the middle of it all."""

        def look() -> None:
            with self._server.client() as client:
                for queue in QUEUES:
                    self._report.problems += client.eval(_CHECK, 1, *keys.script_keys(queue))  # type: ignore[misc]

        await asyncio.to_thread(look)

    async def _until_ended(self) -> None:
        """Until no job is left to run; gives up where nothing moves any more."""
        wanted = sum(len(jobs) for jobs in self._expected.values())

        def progress() -> tuple[int, int]:
            with self._server.client() as client:
                ended = sum(
                    client.zcard(keys.state(queue, state))  # type: ignore[misc]
                    for queue in QUEUES
                    for state in (JobState.COMPLETED, JobState.FAILED)
                )
                left = sum(client.llen(keys.outbox(queue)) for queue in QUEUES)  # type: ignore[misc]
            return ended, left

        last, moved_s = (-1, -1), time.monotonic()
        while (now := await asyncio.to_thread(progress)) != (wanted, 0):
            if now != last:
                last, moved_s = now, time.monotonic()
            if time.monotonic() - moved_s > _NO_PROGRESS_S or self._workers.deserters():
                return
            await asyncio.sleep(0.05)

    def _judge(self) -> None:
        report = self._report
        report.problems += self._workers.deserters()
        runs = Counter(line.split()[0] for line in self._runs())
        report.runs = runs.total()
        with self._server.client() as client:
            for queue, expected in self._expected.items():
                report.problems += client.eval(_CHECK, 1, *keys.script_keys(queue))  # type: ignore[misc]
                report.jobs += len(expected)
                records = self._records(client, queue)
                left = client.llen(keys.outbox(queue))
                if left:
                    report.problems.append(f"{left} follow-ups of {queue} were not forwarded")
                for job_id in records.keys() - expected.keys():
                    report.problems.append(f"{job_id} on {queue} was never added")
                for job_id, end in expected.items():
                    report.needed += end.attempts
                    report.again += runs[job_id] > end.attempts
                    if runs[job_id] < end.attempts:
                        report.problems.append(f"{job_id} ran {runs[job_id]} times, of {end.attempts}")
                    record = records.get(job_id)
                    if record is None:
                        report.problems.append(f"{job_id} on {queue} is lost")
                        continue
                    report.stalled += int(record.get("stalled", 0))
                    report.ended[record["state"]] += 1
                    found = Expected(JobState(record["state"]), int(record.get("made", 0)))
                    if found != end:
                        report.problems.append(f"{job_id} ({record['name']}) ended {found}, not {end}")
                totals = client.hmget(keys.script_keys(queue)[0] + "meta", "completed_total", "failed_total")
                counted = Counter(end.state for end in expected.values())
                wanted = [str(counted[state]) for state in (JobState.COMPLETED, JobState.FAILED)]
                if [total or "0" for total in totals] != wanted:  # type: ignore[union-attr]
                    report.problems.append(f"{queue} counted {totals} ends, not {wanted}")

    @staticmethod
    def _records(client: redis.Redis, queue: str) -> dict[str, dict[str, str]]:
        prefix = keys.job(queue, "")
        names: list[Any] = client.keys(prefix + "*")  # type: ignore[assignment]
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(name)
            return {name[len(prefix) :]: record for name, record in zip(names, pipe.execute(), strict=True)}


async def rage(folder: Path, count: int, faults: int, seed: int, binary: Path | None = None) -> Report:
    """Run one storm with `count` jobs (children come on top) and `faults` faults."""
    assert Child.queue == CHILDREN
    return await Storm(folder, count, faults, seed, binary).run()
