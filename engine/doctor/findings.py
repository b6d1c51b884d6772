"""A check and what it finds; how one is run so that it can neither hang nor break the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from engine.concurrency import together
from engine.errors import HarkError
from engine.log import get_logger

_log = get_logger("doctor")
_T = TypeVar("_T")

CHECK_S = 5.0


class Level(StrEnum):
    """How much a finding matters, the worst first."""

    ERROR = "error"
    """Something that Hark needs does not work."""
    WARNING = "warning"
    """It works, but not as well as it should, or not for long."""
    NOTE = "note"
    OK = "ok"
    SKIPPED = "skipped"
    """It could not be looked at, or nothing here needs it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` says what to do about it and is empty where nothing is to be done."""

    check: str
    level: Level
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where fine ends: what lies below (or above, for shares, times and delays) is told."""

    check_s: float = CHECK_S
    """The longest that a check may take; those that start programs have three times as much."""
    disk_warning_bytes: int = 2 * 1024**3
    disk_error_bytes: int = 200 * 1024**2
    memory_warning_bytes: int = 500 * 1024**2
    memory_error_bytes: int = 100 * 1024**2
    redis_memory_warning: float = 0.8
    """Share of what Redis may use."""
    redis_memory_error: float = 0.95
    clock_skew_ms: int = 5_000
    latency_ms: float = 50.0


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `look` may raise HarkError: its message becomes a finding of level `failure`."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    limit_s: float = CHECK_S
    failure: Level = Level.ERROR
    hang_remedy: str = ""
    """What to do where it does not end in time."""


def blocking_check(
    name: str,
    look: Callable[[], Sequence[Finding]],
    *,
    limit_s: float = CHECK_S,
    failure: Level = Level.ERROR,
    hang_remedy: str = "",
) -> Check:
    """A check by a plain function, which is called in a thread of its own."""
    return Check(name, lambda: in_thread(look), limit_s, failure, hang_remedy)


async def run_check(check: Check) -> list[Finding]:
    """What `check` finds within its time; whatever goes wrong in it is a finding, too."""
    try:
        async with asyncio.timeout(check.limit_s):
            return list(await check.look())
    except TimeoutError:
        message = f"The check did not end within {check.limit_s:g} seconds."
        return [Finding(check.name, check.failure, message, check.hang_remedy)]
    except HarkError as error:
        return [Finding(check.name, check.failure, error.message, error.remedy)]
    except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others have found
        _log.debug("check %s failed", check.name, exc_info=error)
        message = f"The check itself failed ({type(error).__name__}: {error})."
        return [Finding(check.name, check.failure, message, "See more with `hark doctor --debug`.")]


async def run_checks(checks: Sequence[Check]) -> list[Finding]:
    """What all of them find, looked at together, in their order."""
    return [finding for found in await together(*map(run_check, checks)) for finding in found]


async def in_thread(call: Callable[[], _T]) -> _T:
    """Call it in a thread that nobody waits for: a disk or a sound device that hangs must not hold up the end."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[_T] = loop.create_future()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not outcome.done():
            setter(value)

    def work() -> None:
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - carried over to the one who awaits
            settled: tuple[Callable[[Any], None], Any] = (outcome.set_exception, error)
        else:
            settled = (outcome.set_result, result)
        with suppress(RuntimeError):  # the loop is closed: it came too late
            loop.call_soon_threadsafe(settle, *settled)

    threading.Thread(target=work, name="hark-doctor", daemon=True).start()
    return await outcome
