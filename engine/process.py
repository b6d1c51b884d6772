"""How a program that serves until it is told to stop runs: its event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any


def run_until_stopped(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run `serve` to its end, on uvloop where there is one; SIGTERM and SIGINT set the event that it is given."""
    with contextlib.suppress(ImportError):
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(serve))
        return
    asyncio.run(_serve(serve))


def keep_what_is_loaded() -> None:
    """Spare the garbage collector what there is by now, modules above all, which lasts as long as the process.

    It looked through all of that, for up to a tenth of a second in which nothing else runs, each time that it went
    through everything. To be called after something big was loaded, not over and over: what is garbage then, and was
    not found to be, stays.
    """
    gc.collect()
    gc.freeze()


async def _serve(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows' loop has none
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await serve(stop)
