"""What is measured. Each case empties the server, runs one peer, and returns its figures by name."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tests.bench.bench import Bench
from tests.bench.install import REPOSITORY, Peer
from tests.bench.peers.protocol import PAYLOAD_BYTES

JOBS = 20_000
ADDED_ONE_BY_ONE = 2_000
MILLION = 1_000_000
LIMIT_S = 15.0
"""Slow libraries are stopped after so long: their rates are those of the jobs added, or done, by then."""
LOAD_PER_S = 100
LOAD_S = 8
BEHIND = 5_000
JOB_MS = 20
PROBES = 10
IDLE_S = 10.0
WATCH_S = 12.0
VIEWERS = 5
WINDOW_STARTS = 5
PAGE_S = 4.0

Figures = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A case by its name; `peers` where only some can run it, `full` where it runs only when asked for."""

    name: str
    run: Callable[[Bench, Peer], Figures]
    peers: tuple[str, ...] | None = None
    full: bool = False


def _drain(bench: Bench, peer: Peer, concurrency: int, jobs: int = JOBS) -> float:
    """Jobs a second, from the first start to the last end."""
    with bench.running(peer, "work", concurrency=concurrency, count=jobs, limit_s=LIMIT_S) as worker:
        worker.answer(60)
        result = worker.answer(LIMIT_S + 60)
    return float(result["done"] / (result["ended"] - result["started"]) * 1e9)


def _drain_with(concurrency: int) -> Callable[[Bench, Peer], Figures]:
    def run(bench: Bench, peer: Peer) -> Figures:
        bench.empty()
        added = bench.call(peer, "add-bulk", count=JOBS, limit_s=LIMIT_S)["added"]
        return {f"drain_{concurrency}_per_s": _drain(bench, peer, concurrency, added)}

    return run


def _add_bulk(bench: Bench, peer: Peer) -> Figures:
    bench.empty()
    before = bench.data_bytes()
    result = bench.call(peer, "add-bulk", count=JOBS, limit_s=LIMIT_S)
    per_job = (bench.data_bytes() - before) / result["added"] - PAYLOAD_BYTES
    return {"add_bulk_per_s": result["added"] / result["seconds"], "bytes_per_job": per_job}


def _add_one(bench: Bench, peer: Peer) -> Figures:
    bench.empty()
    result = bench.call(peer, "add-one", count=ADDED_ONE_BY_ONE, limit_s=LIMIT_S)
    return {"add_one_per_s": result["added"] / result["seconds"]}


def _light(bench: Bench, peer: Peer) -> Figures:
    bench.empty()
    jobs = LOAD_PER_S * LOAD_S
    with bench.running(peer, "work", concurrency=10, count=10 * jobs, limit_s=60 + LOAD_S, watch=True) as worker:
        worker.answer(60)
        bench.call(peer, "load", rate=LOAD_PER_S, seconds=LOAD_S)
        time.sleep(1.5)  # the last ones start; arq looks every half a second
        worker.terminate()
        starts = worker.answer(60)["starts"]
    waits = sorted((started - int(tag[1:])) / 1e6 for tag, started in starts if tag.startswith("L"))
    waits_known = waits + [float("inf")] * (jobs - len(waits))
    return {"light_p50_ms": waits_known[jobs // 2], "light_p99_ms": waits_known[jobs * 99 // 100]}


def _priority(bench: Bench, peer: Peer) -> Figures:
    """How long urgent jobs wait, in units of the time between two starts of the worker's other jobs."""
    bench.empty()
    bench.call(peer, "add-bulk", count=BEHIND, limit_s=LIMIT_S)
    with bench.running(peer, "work", concurrency=1, count=BEHIND * 2, limit_s=120, watch=True, job_ms=JOB_MS) as worker:
        worker.answer(60)
        added = bench.call(peer, "probe", count=PROBES, every_s=0.3)["added"]
        time.sleep(5 * JOB_MS / 1000)
        worker.terminate()
        starts = worker.answer(60)["starts"]
    times = [started for _, started in starts]
    cycle_ms = statistics.median(later - former for former, later in itertools.pairwise(times)) / 1e6
    started = dict(starts)
    waits = [(started[tag] - since) / 1e6 if tag in started else float("inf") for tag, since in added.items()]
    return {
        "urgent_p50_job_times": statistics.median(waits) / cycle_ms,
        "urgent_max_job_times": max(waits) / cycle_ms,
        "job_time_ms": cycle_ms,
    }


def _idle(bench: Bench, peer: Peer) -> Figures:
    bench.empty()
    with bench.running(peer, "idle") as worker:
        worker.answer(60)
        time.sleep(4)  # starting is over
        process = psutil.Process(worker.pid)
        before, server_before, since = process.cpu_times(), bench.server_cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        after, server_after, spent_s = process.cpu_times(), bench.server_cpu_s(), time.monotonic() - since
    used_s = after.user + after.system - before.user - before.system
    return {
        "idle_cpu_percent": 100 * used_s / spent_s,
        "idle_server_cpu_percent": 100 * (server_after - server_before) / spent_s,
    }


def _watch(bench: Bench, peer: Peer) -> Figures:
    """What looking at all queues costs: one viewer's process, and several, beside a worker's busy minute.

    Commands are counted as clients send them, by MONITOR without what scripts call in turn; the server's CPU in a
    time of its own, because MONITOR costs some.
    """
    figures: Figures = {}
    for viewers in (1, VIEWERS):
        bench.empty()
        added = bench.call(peer, "add-bulk", count=JOBS // 10, limit_s=LIMIT_S)["added"]
        _drain(bench, peer, 10, added)
        with contextlib.ExitStack() as stack:
            for _ in range(viewers):
                stack.enter_context(bench.running(peer, "watch")).answer(60)
            time.sleep(2)  # starting is over
            before, since = bench.server_cpu_s(), time.monotonic()
            time.sleep(WATCH_S)
            used_s, spent_s = bench.server_cpu_s() - before, time.monotonic() - since
            figures[f"watch_{viewers}_commands_per_s"] = bench.commands_sent(WATCH_S) / WATCH_S
        figures[f"watch_{viewers}_server_cpu_percent"] = 100 * used_s / spent_s
    return figures


def _depth(bench: Bench, peer: Peer) -> Figures:
    bench.empty()
    with bench.running(peer, "batches", concurrency=100, count=1_000, batches=21) as worker:
        worker.answer(60)
        shallow = worker.answer(300)["jobs_per_s"]
    bench.empty()
    bench.call(peer, "add-bulk", count=MILLION, limit_s=600)
    waiting = _drain(bench, peer, 100)
    bench.empty()
    bench.call(peer, "add-bulk", count=MILLION, limit_s=600, delay_ms=86_400_000)
    bench.call(peer, "add-bulk", count=JOBS, limit_s=LIMIT_S)
    delayed = _drain(bench, peer, 100)
    return {
        "shallow_per_s": shallow,
        "million_waiting_per_s": waiting,
        "million_delayed_per_s": delayed,
        "million_waiting_share": waiting / shallow,
        "million_delayed_share": delayed / shallow,
    }


@dataclass(frozen=True)
class _VoiceProgram(Peer):
    """The recogniser, and a worker that is spoken to."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.bench.voice"]


def _voice(bench: Bench, peer: Peer) -> Figures:
    """How well speech is heard without a network, and what Hark takes of a spoken command's time."""
    bench.empty()
    program = _VoiceProgram(peer.name, f"{peer.title} voice", "")
    with bench.running(program, "follow") as running:
        figures = running.answer(120)
    with bench.running(program, "hear") as running:
        figures |= running.answer(1200)
        print(running.errors(), file=sys.stderr, end="")
    return figures


@dataclass(frozen=True)
class _WindowProgram(Peer):
    """The real window on a virtual display."""

    def command(self) -> list[str]:
        return [str(REPOSITORY / "packaging" / "with-display.sh"), sys.executable, "-m", "tests.bench.window"]


def _window(bench: Bench, peer: Peer) -> Figures:
    """How smooth the window is beside its embedded worker at full load, and how soon it is there."""
    bench.empty()
    program = _WindowProgram(peer.name, f"{peer.title} window", "")
    paints = []
    for _ in range(WINDOW_STARTS + 1):
        with bench.running(program, "start") as running:
            paints.append(running.answer(60))
    bench.call(program, "fill", count=MILLION)
    with bench.running(program, "walk", page_s=PAGE_S) as running:
        walked = running.answer(120)
    for page, figures in walked["pages"].items():
        print(f"    {page}: {figures}", file=sys.stderr)
    return {
        # The first start warms up.
        "window_paint_ms": statistics.median(start["paint_ms"] for start in paints[1:]),
        "window_paint_cpu_ms": statistics.median(start["paint_cpu_ms"] for start in paints[1:]),
        "window_late_p99_ms": walked["late_p99_ms"],
        "window_late_max_ms": walked["late_max_ms"],
        "window_busy_p99_ms": walked["busy_p99_ms"],
        "window_busy_max_ms": walked["busy_max_ms"],
        "window_cpu_percent": walked["cpu_percent"],
        "window_commands_per_s": walked["commands_per_s"],
        "window_active": walked["active"],
    }


CASES = (
    Case("drain-100", _drain_with(100)),
    Case("drain-10", _drain_with(10)),
    Case("add-bulk", _add_bulk),
    Case("add-one", _add_one),
    Case("light", _light),
    Case("priority", _priority, ("hark", "bullmq")),
    Case("idle", _idle, ("hark", "bullmq")),
    Case("watch", _watch, ("hark",)),
    Case("window", _window, ("hark",)),
    Case("voice", _voice, ("hark",)),
    Case("depth", _depth, ("hark",), full=True),
)
