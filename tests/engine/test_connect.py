"""Connections end with their store, whatever was under way."""

from __future__ import annotations

import asyncio

from engine.store import Store


async def test_a_command_under_way_while_the_store_is_closed_leaves_no_connection_behind() -> None:
    asked, closed = asyncio.Event(), asyncio.Event()
    connections: list[asyncio.Task[None] | None] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hang up on the first PING once the store is closed, and answer the one that comes again."""
        connections.append(asyncio.current_task())
        while heard := await reader.read(1024):
            if b"PING" in heard and not closed.is_set():
                asked.set()
                await closed.wait()
                break
            writer.write(b"+PONG\r\n" if b"PING" in heard else b"+OK\r\n" * heard.count(b"*"))
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    store = Store(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}?protocol=2")
    async with asyncio.timeout(30):
        ping = asyncio.create_task(store.ping())
        await asked.wait()
        await store.close()
        closed.set()
        await ping
        assert len(connections) > 1
        await asyncio.wait(filter(None, connections))
    server.close()
