"""One connection on which many scripts are under way at once.

redis-py lends a connection to each command and gets it back after the reply; that costs more than the command.
Here each call is sent as it comes and replies are handed out in order, which halves what a call costs and lets
calls that come together share a packet. Only short commands go here: a blocking one would hold up the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.concurrency import TimeLimit


class Lane:
    """Runs scripts on one connection of `pool`'s kind, made when first needed and again when it is lost.

    A call is tried again as `retry` says; one without a reply within `timeout_s` seconds ends the connection. Raises
    redis-py's exceptions.
    """

    def __init__(self, pool: ConnectionPool, retry: Retry, timeout_s: float) -> None:
        self._pool = pool
        self._retry = retry
        self._timeout_s = timeout_s
        self._opening = asyncio.Lock()
        self._closed = False
        self._connection: AbstractConnection | None = None
        self._pending: deque[asyncio.Future[Any]] = deque()
        self._reading: asyncio.Task[None] | None = None

    async def run(self, script: AsyncScript, keys: Sequence[str], args: Sequence[str]) -> Any:
        """The script's reply; it is loaded where the server does not know it yet."""
        try:
            return await self._tried("EVALSHA", script.sha, str(len(keys)), *keys, *args)
        except NoScriptError:
            return await self._tried("EVAL", str(script.script), str(len(keys)), *keys, *args)

    async def close(self) -> None:
        """End the connection for good; calls that wait for a reply fail."""
        self._closed = True
        if self._connection is not None:
            await self._lose(self._connection, RedisConnectionError("The connection was closed."))
        if self._reading is not None:
            await asyncio.wait({self._reading})

    async def _tried(self, *command: str) -> Any:
        # Half a surrogate pair in somebody's text must not end a worker.
        parts = tuple(part.encode("utf-8", "replace") for part in command)
        packed = pack_command(parts)  # type: ignore[arg-type]  # annotated as a tuple of one
        return await self._retry.call_with_retry(lambda: self._call(packed), self._nothing)

    async def _nothing(self, _error: Exception) -> None:
        """What redis-py wants to be done after a failure: the lost connection is put away already."""

    async def _call(self, packed: bytes) -> Any:
        connection = self._connection
        if connection is None or not connection.is_connected:
            connection = await self._open()
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending.append(reply)
        limit = TimeLimit(self._timeout_s)
        try:
            # Runs to the write without a break, so replies come in the order of `_pending`.
            await connection.send_packed_command([packed], check_health=False)
            return await reply
        except asyncio.CancelledError:
            if not limit.is_cause():
                raise
            error = RedisTimeoutError("No reply in time")
            await self._lose(connection, error)
            raise error from None
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            await self._lose(connection, error)
            raise
        finally:
            limit.lift()

    async def _open(self) -> AbstractConnection:
        async with self._opening:
            if self._connection is not None and not self._connection.is_connected:
                await self._lose(self._connection, RedisConnectionError("The connection was lost."))
            if self._connection is None:
                connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
                connection.retry = Retry(NoBackoff(), 0)  # `_tried` does that
                if not self._closed:
                    await connection.connect()
                if self._closed:  # also where that was while it connected: nobody would end this connection any more
                    await connection.disconnect(nowait=True)
                    raise RedisConnectionError("The connection was closed.")
                # Replies are awaited by their callers, each with its own limit; the reader waits as long as it takes.
                connection.socket_timeout = None
                self._connection = connection
                self._reading = asyncio.create_task(self._read(connection), name="redis lane")
            return self._connection

    async def _read(self, connection: AbstractConnection) -> None:
        """Hand out replies until the connection ends."""
        while True:
            try:
                value = await connection.read_response()
            except ResponseError as error:
                value = error
            except (RedisError, OSError) as error:
                await self._lose(connection, error)
                return
            except asyncio.CancelledError:  # by `_lose`, or with all tasks of its loop, of which some have yet to write
                await self._lose(connection, RedisConnectionError("The connection was closed."))
                raise
            if self._pending:
                reply = self._pending.popleft()
                if reply.done():
                    continue  # its caller was cancelled
                if isinstance(value, ResponseError):
                    reply.set_exception(value)
                else:
                    reply.set_result(value)

    async def _lose(self, connection: AbstractConnection, error: Exception) -> None:
        """Give a connection up, once, and tell those who wait on it."""
        if connection is not self._connection:
            return
        self._connection = None
        pending, self._pending = self._pending, deque()
        for reply in pending:
            if not reply.done():
                reply.set_exception(RedisConnectionError(str(error) or type(error).__name__))
                reply.exception()  # seen, also where its caller has gone
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        await connection.disconnect(nowait=True)
