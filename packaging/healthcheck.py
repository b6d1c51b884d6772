"""The container's health check: exit code 0 where what runs in it does its work, else 1 and a line that says why.

An API must answer under /health, on $PORT or the port of the settings. Where nothing listens there, a worker of this
host must have given Redis a sign of life.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from http.client import HTTPConnection, HTTPException

from engine import open_engine
from engine.errors import HarkError
from engine.settings import Settings, load_settings

ANSWER_WITHIN_S = 6.0


def fault() -> str | None:
    """What is wrong, in one line, or None. Raises HarkError as `load_settings` and `open_engine` do."""
    settings = load_settings()
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or settings.api_port), ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return None if answer.status == 200 else f"/health answers with status {answer.status}"
    except ConnectionRefusedError:
        return asyncio.run(_worker_fault(settings))
    finally:
        connection.close()


async def _worker_fault(settings: Settings) -> str | None:
    host = socket.gethostname()
    async with asyncio.timeout(ANSWER_WITHIN_S), open_engine(settings) as engine:
        workers = (await engine.monitor.snapshot()).workers
    return None if any(worker.host == host for worker in workers) else f"no API and no worker of {host} lives"


if __name__ == "__main__":
    try:
        found = fault()
    except (HarkError, HTTPException, OSError) as error:  # TimeoutError is an OSError
        found = f"{type(error).__name__}: {error}"
    sys.exit(found and f"unhealthy: {found}")
