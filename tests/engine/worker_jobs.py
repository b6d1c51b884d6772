"""A worker process for tests: a broker of its own with jobs that a test can watch and hold up.

Each job leaves a line in the file that HARK_TEST_TRAIL names, and `held` ends when the file `<trail>.go` exists.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

from engine.errors import BadInputError
from engine.settings import load_settings
from engine.worker.broker import QueueBroker
from engine.worker.pool import serve

broker = QueueBroker()
_leaving = threading.Event()


def _leave(line: str) -> None:
    with Path(os.environ["HARK_TEST_TRAIL"]).open("a") as trail:
        trail.write(line + "\n")


def _until_let_go() -> None:
    while not _leaving.is_set() and not Path(os.environ["HARK_TEST_TRAIL"] + ".go").exists():
        time.sleep(0.01)


@broker.task(task_name="held", queue="task-processing")
async def held(name: str) -> str:
    """Start, wait to be let go, end."""
    _leave(f"start {name}")
    await asyncio.to_thread(_until_let_go)
    _leave(f"end {name}")
    return name


@broker.task(task_name="blocking", queue="task-processing")
def blocking(seconds: float) -> str:
    """A plain function; it runs in a thread."""
    time.sleep(seconds)
    return "done"


@broker.task(task_name="refusing", queue="task-processing")
async def refusing() -> None:
    """Running it again cannot help."""
    raise BadInputError("The title is empty.", "Give one.")


async def _main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(broker, load_settings(), stop)
    _leaving.set()


if __name__ == "__main__":
    asyncio.run(_main())
