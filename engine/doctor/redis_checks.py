"""Redis and what runs on it: can it be reached, will it keep the jobs, does anybody work on them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from engine.doctor.findings import Check, Finding, Level, Limits, run_checks
from engine.errors import HarkError
from engine.model import JobState, QueueState, Snapshot
from engine.monitor import Monitor
from engine.queues import QUEUES
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.connect import without_password

OLDEST_REDIS = (6, 2)
NAMES = ("redis", "redis memory", "redis storage", "clock", "workers", "queues", "stalled jobs")
"""The checks made here; all but the first are skipped where Redis cannot be reached."""

_TIMES = 5
_MOST_ACTIVE = 1000
_HANG = "Is REDIS_URL right, and does a firewall lie between? A Redis that reads a large file at its start needs time."
_DISK_REMEDY = "Free space on the disk that Redis writes to, and look at its rights there and at the server's log."


async def examine_redis(settings: Settings, limits: Limits) -> list[Finding]:
    """Everything about the Redis that the settings name, else about Hark's own, which is started where it is not."""
    found: list[Finding] = []
    reached = False
    try:
        async with AsyncExitStack() as held:
            async with asyncio.timeout(limits.check_s):
                store = await held.enter_async_context(open_store(settings))
            reached = True
            found += await _examine(store, settings, limits)
    except TimeoutError:
        where = _place(settings)
        found.append(
            Finding("redis", Level.ERROR, f"{where} did not answer within {limits.check_s:g} seconds.", _HANG)
        )
    except HarkError as error:
        found.append(explained(error))
    if not reached:
        told = {"redis", *(finding.check for finding in found)}
        found += [
            Finding(name, Level.SKIPPED, "It cannot be looked at while Redis cannot be used.")
            for name in NAMES
            if name not in told
        ]
    return found


def explained(error: HarkError) -> Finding:
    """Why Redis cannot be used, as the store tells it; a full disk has a check of its own."""
    if any("MISCONF" in str(cause) for cause in _chain(error)):
        return Finding("redis storage", Level.ERROR, error.message, _DISK_REMEDY)
    return Finding("redis", Level.ERROR, error.message, error.remedy)


async def _examine(store: Store, settings: Settings, limits: Limits) -> list[Finding]:
    return await run_checks(
        [
            Check("redis", lambda: _server(store, settings, limits), limits.check_s, hang_remedy=_HANG),
            Check("queues", lambda: _work(store, settings), limits.check_s, hang_remedy=_HANG),
        ]
    )


# --- the server ---


async def _server(store: Store, settings: Settings, limits: Limits) -> list[Finding]:
    times_ms = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        await store.reach()
        times_ms.append((time.perf_counter() - start) * 1000)
    # The quickest: the others may have waited for this process, which has more to look at.
    answer_ms = min(times_ms)
    whose = "Redis" if settings.external_redis_url is not None else "Hark's own Redis"
    before_ms = _now_ms()
    try:
        servers = await store.server_info()
    except HarkError as error:
        if not _lacks_rights(error):
            raise
        message = f"{whose} at {store.address} answers, but does not let this user ask for its memory and its disk."
        return [Finding("redis", Level.NOTE, message, "Allow the ACL user +info to have them checked.")]
    here_ms = (before_ms + _now_ms()) // 2
    slow = answer_ms > limits.latency_ms
    found = [
        Finding(
            "redis",
            Level.WARNING if slow else Level.OK,
            f"{whose} at {store.address} answers in {answer_ms:.1f} ms.",
            "Every command waits for it: use a Redis that is nearer, or look what keeps it busy." if slow else "",
        )
    ]
    for address, info in servers.items():
        found += server_findings(whose if len(servers) == 1 else f"Redis at {address}", info, limits)
        found += _clock(info, here_ms, limits)
    return found


def server_findings(server: str, info: Mapping[str, Any], limits: Limits) -> list[Finding]:
    """What one server's INFO says of its version, its memory and its files; `server` is how messages call it."""
    found = []
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers and numbers < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        message = f"{server} is {version}, too old for Hark."
        found.append(Finding("redis", Level.ERROR, message, f"Use Redis {oldest} or newer, or Valkey."))
    if info.get("role") == "slave":
        message = f"{server} is a replica and takes no jobs."
        found.append(Finding("redis", Level.ERROR, message, "Point REDIS_URL at the primary."))
    return [*found, _memory(server, info, limits), *_policy(server, info), *_storage(server, info)]


def _memory(server: str, info: Mapping[str, Any], limits: Limits) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    whole = most or int(info.get("total_system_memory", 0))
    if not whole:
        return Finding("redis memory", Level.NOTE, f"{server} uses {_mb(used)}; its limit is not known.")
    share = used / whole
    message = (
        f"{server} uses {_mb(used)}, {share:.0%} of "
        f"{'its maxmemory' if most else 'the memory of its machine'} of {_mb(whole)}."
    )
    if share < limits.redis_memory_warning:
        return Finding("redis memory", Level.OK, message)
    return Finding(
        "redis memory",
        Level.ERROR if share >= limits.redis_memory_error else Level.WARNING,
        f"{message} When it is full, it takes no new jobs.",
        "Clean finished jobs (`hark clean --all --status completed`), "
        + ("or raise its maxmemory." if most else "or give the machine more memory."),
    )


def _policy(server: str, info: Mapping[str, Any]) -> list[Finding]:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return []
    losing = policy.startswith("allkeys") and int(info.get("maxmemory", 0)) > 0
    return [
        Finding(
            "redis memory",
            Level.ERROR if losing else Level.WARNING,
            f"{server} throws keys away when it is full (maxmemory-policy {policy}): jobs would be lost.",
            "Set maxmemory-policy to noeviction, on the server or in its provider's settings.",
        )
    ]


def _storage(server: str, info: Mapping[str, Any]) -> list[Finding]:
    troubles = {
        "rdb_last_bgsave_status": "its last snapshot failed",
        "aof_last_write_status": "its append-only file could not be written",
        "aof_last_bgrewrite_status": "its append-only file could not be rewritten",
    }
    failed = [words for field, words in troubles.items() if info.get(field, "ok") != "ok"]
    if failed:
        return [
            Finding(
                "redis storage",
                Level.ERROR,
                f"{server} cannot save to disk ({', '.join(failed)}): it may refuse new jobs.",
                _DISK_REMEDY,
            )
        ]
    if not int(info.get("aof_enabled", 1)):
        return [
            Finding(
                "redis storage",
                Level.WARNING,
                f"{server} keeps no append-only file: a crash of it loses the latest jobs.",
                "Set appendonly to yes, on the server or in its provider's settings.",
            )
        ]
    return [Finding("redis storage", Level.OK, f"{server} saves every job to its append-only file.")]


def _clock(info: Mapping[str, Any], here_ms: int, limits: Limits) -> list[Finding]:
    if "server_time_usec" not in info:
        return []
    ahead_ms = here_ms - int(info["server_time_usec"]) // 1000
    if abs(ahead_ms) <= limits.clock_skew_ms:
        return [Finding("clock", Level.OK, "This machine's clock and Redis's agree.")]
    return [
        Finding(
            "clock",
            Level.WARNING,
            f"This machine's clock is {abs(ahead_ms) / 1000:.0f} s {'ahead of' if ahead_ms > 0 else 'behind'} "
            "Redis's, which times all jobs.",
            "Turn on network time (NTP) on both machines.",
        )
    ]


# --- the work ---


async def _work(store: Store, settings: Settings) -> list[Finding]:
    monitor = Monitor(store, settings)
    snapshot = await monitor.snapshot()
    return [*worker_findings(snapshot), *queue_findings(snapshot), *await _stalled(store, monitor, snapshot)]


def worker_findings(snapshot: Snapshot) -> list[Finding]:
    """Whether somebody works at all, and on every queue."""
    waiting = sum(state.waiting for state in snapshot.queues)
    if not snapshot.workers:
        return [
            Finding(
                "workers",
                Level.ERROR if waiting else Level.WARNING,
                f"No worker runs; waiting for one: {_count(waiting, 'job')}." if waiting else "No worker runs.",
                "Start `hark worker`, or open Hark.",
            )
        ]
    idle = [state for state in snapshot.queues if not state.workers]
    if idle:
        names = ", ".join(f"{state.name} ({state.waiting} waiting)" for state in idle)
        return [
            Finding(
                "workers",
                Level.ERROR if any(state.waiting for state in idle) else Level.WARNING,
                f"No worker serves {names}.",
                f"Start `hark worker {' '.join(f'--queue {state.name}' for state in idle)}`.",
            )
        ]
    hosts = ", ".join(sorted({worker.host for worker in snapshot.workers}))
    count = len(snapshot.workers)
    message = f"{_count(count, 'worker')} on {hosts} {'serves' if count == 1 else 'serve'} all queues."
    return [Finding("workers", Level.OK, message)]


def queue_findings(snapshot: Snapshot) -> list[Finding]:
    """Which queues are paused."""
    paused = [_paused(state) for state in snapshot.queues if state.paused]
    return paused or [Finding("queues", Level.OK, "No queue is paused.")]


def _paused(state: QueueState) -> Finding:
    since = ""
    if state.paused_since_ms is not None:
        moment = datetime.fromtimestamp(state.paused_since_ms / 1000).astimezone()
        since = f" since {moment.isoformat(' ', 'minutes')}"
    return Finding(
        "queues",
        Level.WARNING if state.waiting else Level.NOTE,
        f"The queue {state.name} is paused{since}, with {_count(state.waiting, 'job')} waiting.",
        f"Let it run again with `hark resume {state.name}`.",
    )


async def _stalled(store: Store, monitor: Monitor, snapshot: Snapshot) -> list[Finding]:
    active = await asyncio.gather(
        *(store.jobs_from(queue, JobState.ACTIVE, None, _MOST_ACTIVE) for queue in QUEUES)
    )
    workless = {
        queue: sum(lease_end_ms <= snapshot.taken_at_ms for _, lease_end_ms in jobs)
        for queue, jobs in zip(QUEUES, active, strict=True)
    }
    given_up: dict[str, int] = {}
    for group in await monitor.failures(count=_MOST_ACTIVE):
        if group.kind == "Stalled":
            given_up[group.queue] = given_up.get(group.queue, 0) + group.failed_now
    found = []
    for queue, count in workless.items():
        if count:
            message = f"{_count(count, 'active job')} of {queue} lost {_its(count)} worker: the lease ran out."
            remedy = (
                "The workers put such jobs back to waiting within seconds; look again then."
                if snapshot.workers
                else "Start `hark worker`: it puts them back to waiting and runs them again."
            )
            found.append(Finding("stalled jobs", Level.WARNING, message, remedy))
    for queue, count in given_up.items():
        if count:
            message = f"{_count(count, 'job')} of {queue} failed: {_its(count)} worker died more often than allowed."
            remedy = f"Look in the worker's log whether such a job crashes it, then run `hark retry {queue}`."
            found.append(Finding("stalled jobs", Level.WARNING, message, remedy))
    return found or [Finding("stalled jobs", Level.OK, "No job has lost its worker.")]


# --- inside ---


def _place(settings: Settings) -> str:
    url = settings.external_redis_url
    return "Hark's own Redis" if url is None else f"Redis at {without_password(url)}"


def _lacks_rights(error: HarkError) -> bool:
    return any("no permissions" in str(cause).lower() or "NOPERM" in str(cause) for cause in _chain(error))


def _chain(error: BaseException) -> Sequence[BaseException]:
    """`error` and what caused it, outermost first."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        current = current.__cause__ or current.__context__
    return causes


def _now_ms() -> int:
    return int(time.time() * 1000)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _its(count: int) -> str:
    return "its" if count == 1 else "their"


def _mb(count: int) -> str:
    return f"{count / 1024**2:,.0f} MB"
