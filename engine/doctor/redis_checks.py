"""Redis itself: can it be reached, has it room, will it keep the jobs; then what is done with them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from engine.doctor.findings import Check, Finding, Level, Limits, run_checks
from engine.doctor.work import work_findings
from engine.errors import HarkError, causes
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.connect import without_password

OLDEST_REDIS = (6, 2)
NAMES = ("redis", "redis memory", "redis storage", "clock", "workers", "queues", "stalled jobs")
"""The checks made here; all but the first are skipped where Redis cannot be reached."""

_TIMES = 5
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
        found.append(Finding("redis", Level.ERROR, f"{where} did not answer within {limits.check_s:g} seconds.", _HANG))
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
    if any("MISCONF" in str(cause) for cause in causes(error)):
        return Finding("redis storage", Level.ERROR, error.message, _DISK_REMEDY)
    return Finding("redis", Level.ERROR, error.message, error.remedy)


async def _examine(store: Store, settings: Settings, limits: Limits) -> list[Finding]:
    return await run_checks(
        [
            Check("redis", lambda: _server(store, settings, limits), limits.check_s, hang_remedy=_HANG),
            Check("queues", lambda: work_findings(store, settings), limits.check_s, hang_remedy=_HANG),
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


# --- inside ---


def _place(settings: Settings) -> str:
    url = settings.external_redis_url
    return "Hark's own Redis" if url is None else f"Redis at {without_password(url)}"


def _lacks_rights(error: HarkError) -> bool:
    return any("no permissions" in str(cause).lower() or "NOPERM" in str(cause) for cause in causes(error))


def _now_ms() -> int:
    return int(time.time() * 1000)


def _mb(count: int) -> str:
    return f"{count / 1024**2:,.0f} MB"
