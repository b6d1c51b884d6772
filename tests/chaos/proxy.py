"""The network between workers and Redis, as bad as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CHUNK = 65536


class Proxy:
    """Forwards connections to a port. While it is `stalled` bytes wait; while it is `deaf` requests go through and
    their answers are thrown away; while it is `closed` new connections end at once.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._flows: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._moving = asyncio.Event()
        self._moving.set()
        self.port = 0
        self.deaf = False
        self.closed = False

    @property
    def stalled(self) -> bool:
        """Whether bytes wait."""
        return not self._moving.is_set()

    @stalled.setter
    def stalled(self, value: bool) -> None:
        if value:
            self._moving.clear()
        else:
            self._moving.set()

    def cut(self) -> None:
        """Reset every connection; what was under way is lost."""
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def heal(self) -> None:
        """Be a good network again. Connections whose answers were thrown away cannot go on: they are cut."""
        self.stalled = self.closed = False
        if self.deaf:
            self.deaf = False
            self.cut()

    async def _serve(self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        self._writers.add(near_writer)
        try:
            if self.closed:
                return
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            except OSError:
                return  # the server is away: so is this connection
            self._writers.add(far_writer)
            try:
                flows = {
                    asyncio.create_task(self._flow(near_reader, far_writer, answers=False)),
                    asyncio.create_task(self._flow(far_reader, near_writer, answers=True)),
                }
                self._flows |= flows
                _, rest = await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
                for flow in rest:
                    flow.cancel()
                await asyncio.wait(flows)
                self._flows -= flows
            finally:
                self._writers.discard(far_writer)
                far_writer.close()
        finally:
            self._writers.discard(near_writer)
            near_writer.close()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._moving.wait()
                if not (answers and self.deaf):
                    writer.write(data)
                    await writer.drain()


@asynccontextmanager
async def proxied(target_port: int) -> AsyncIterator[Proxy]:
    """A proxy to a loopback port, listening on a port of its own."""
    proxy = Proxy(target_port)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        proxy.cut()
        flows = set(proxy._flows)
        for flow in flows:
            flow.cancel()
        if flows:
            await asyncio.wait(flows)
        await server.wait_closed()
