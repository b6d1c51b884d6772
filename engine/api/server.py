"""The API's socket and server: alone (`hark api`) or beside a worker's jobs (`hark worker --api`)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from fastapi import FastAPI

from engine import open_engine
from engine.api.app import create_app
from engine.api.guard import Guard
from engine.concurrency import entered_unless_set
from engine.errors import HarkError, SettingsError
from engine.log import get_logger
from engine.process import run_until_stopped
from engine.settings import Settings

_log = get_logger("api")

_LAST_ANSWERS_S = 5
"""So long a stopping server waits for the answers under way."""
_ADDRESS = (
    "Give an address of this machine with --host or HARK_API_HOST; 127.0.0.1 serves this machine alone, 0.0.0.0 means "
    "all addresses."
)


def run_api(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `tell` is given one line when it answers. Raises as `serving_api` does."""

    async def serve(stop: asyncio.Event) -> None:
        async with entered_unless_set(stop, serving_api(settings, tell)):
            await stop.wait()

    run_until_stopped(serve)


@contextlib.asynccontextmanager
async def serving_api(settings: Settings, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Serve for the time of the block, in the running loop, at the address that the settings name.

    Raises SettingsError where that address cannot be had, and as `open_engine` does.
    """
    with contextlib.closing(_bind(settings.api_host, settings.api_port)) as listener:
        address, port = listener.getsockname()[:2]
        async with open_engine(settings) as engine:
            app = create_app(engine)
            app.add_middleware(
                Guard,
                token=settings.api_token,
                hosts=[settings.api_host, *settings.api_hosts],
                any_address=address in ("0.0.0.0", "::"),
            )
            server = _Server(app)
            task = asyncio.create_task(server.serve([listener]), name="api")
            task.add_done_callback(server.tell_end)
            try:
                await server.until_up(task)
                tell(_told(settings, address, port))
                yield
            finally:
                server.should_exit = True
                await task


class _Server(uvicorn.Server):
    """uvicorn, leaving signals to the program that it runs in."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # A client's word for who it is would go into the audit trail.
                proxy_headers=False,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                log_level="error",
                server_header=False,
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
            )
        )
        self._up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._up.set()

    def tell_end(self, _task: asyncio.Task[None]) -> None:
        """The server has ended: say so where nobody asked it to, as the program goes on without it."""
        if not self.should_exit:
            _log.error("the API does not answer any more: its server ended by itself")

    async def until_up(self, task: asyncio.Task[None]) -> None:
        """Return when it answers; `task` is the one that serves."""
        up = asyncio.create_task(self._up.wait(), name="api up")
        await asyncio.wait((up, task), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if task.done():
            task.result()
            raise HarkError("The API's server ended at its start.", "See why with --debug.")


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"The API cannot listen on {host!r}: no address has this name.", _ADDRESS) from error
    # asyncio turns Nagle's algorithm off only on sockets that name TCP: else each answer waits 40 ms.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows this would take a port that another program listens on
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            remedy = _ADDRESS
        else:
            remedy = "Stop the program that has it, or choose another with --port or HARK_API_PORT."
        raise SettingsError(
            f"The API cannot listen on {host} port {port}: {error.strerror or error}.",
            remedy,
        ) from error
    listener.setblocking(False)
    return listener


def _told(settings: Settings, address: str, port: int) -> str:
    where = f"http://{f'[{address}]' if ':' in address else address}:{port}"
    told = f"The API answers at {where}"
    if not ipaddress.ip_address(address).is_loopback:
        told += "; everybody who can reach it may read the status"
    if not settings.api_token:
        told += "; admin calls are off, as HARK_API_TOKEN is not set"
    return told
