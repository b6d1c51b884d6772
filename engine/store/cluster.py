"""One client for a whole Redis Cluster, which behaves like the client of a single Redis.

Hides what redis-py leaves to its callers there: streams on several nodes are read together, a script is
loaded where it is wanted (not on every primary, of which one may be down), and closing closes everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

_MOST_COMMANDS = 100
"""Commands under way at once; redis-py would open a connection for each, and fail beyond a number."""


class ClusterClient(RedisCluster):
    """redis-py's client of the Cluster that one of `nodes` (host, port) belongs to.

    `redis_connect_func` is what is said on each new connection.
    """

    def __init__(self, nodes: Iterable[tuple[str, int]], *, redis_connect_func: Any, **options: Any) -> None:
        super().__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in nodes],
            # The queues of the living nodes go on where one is down.
            require_full_coverage=False,
            # A moved slot is noted by itself. To begin anew would cut every command under way.
            reinitialize_steps=0,
            max_connections=10 * _MOST_COMMANDS,
            **options,
        )
        # redis-py takes this option for a single Redis only.
        for known in (
            self.connection_kwargs,
            *(node.connection_kwargs for node in self.nodes_manager.startup_nodes.values()),
        ):
            known["redis_connect_func"] = redis_connect_func
        self._turn = asyncio.Semaphore(_MOST_COMMANDS)
        self._reads: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._under_way = 0
        self._ended = False

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its keys are."""
        async with self._turn:
            self._under_way += 1
            try:
                if self._initialize:
                    # redis-py sends the first commands to a node by chance.
                    await self.initialize()
                return await super().execute_command(*args, **options)
            finally:
                self._under_way -= 1
                if self._ended and not self._under_way:  # it may have connected anew: nobody else would close that
                    await self._disconnect()

    def register_script(self, script: Any) -> AsyncScript:  # type: ignore[override]  # redis-py's is annotated twice
        """A script to be called with keys of one slot."""
        return _Script(self, script)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        """Commands in one go, in order for each node; redis-py's transactions here start a thread and a loop each."""
        return super().pipeline(transaction=False)

    async def xread(  # type: ignore[override]  # Hark needs no other limits
        self, streams: Any, count: int | None = None, block: int | None = None
    ) -> Any:
        """Entries of streams wherever they are; waits up to `block` ms for the first.

        Each stream has a read of its own, and one that is still waiting when another brings something goes on
        in wait for the next call: cut short it would cost its connection.
        """
        reads = {self._read(stream, position, count, block) for stream, position in streams.items()}
        done, _ = await asyncio.wait(
            reads, timeout=None if block is None else block / 1000, return_when=asyncio.FIRST_COMPLETED
        )
        entries: dict[Any, Any] = {}
        for read in done:
            reply = None if read.cancelled() else read.result()  # cancelled: the client was closed meanwhile
            entries |= reply if isinstance(reply, dict) else {stream: [found] for stream, found in reply or []}
        return entries

    def _read(self, stream: str, position: str, count: int | None, block: int | None) -> asyncio.Task[Any]:
        key = (stream, position)
        read = self._reads.get(key)
        if read is None or read.done():
            read = asyncio.create_task(self._read_one(stream, position, count, block), name=f"read {stream}")
            self._reads[key] = read
            read.add_done_callback(lambda done: self._forget(key, done))
        return read

    async def _read_one(self, stream: str, position: str, count: int | None, block: int | None) -> Any:
        return await super().xread({stream: position}, count, block)

    def _forget(self, key: tuple[str, str], read: asyncio.Task[Any]) -> None:
        if self._reads.get(key) is read:
            del self._reads[key]
        if not read.cancelled():
            read.exception()  # seen: perhaps nobody waits for it any more

    async def aclose(self) -> None:
        """Close every connection; the next command opens new ones. redis-py calls it, too, in a Cluster's crisis."""
        reads = [read for read in self._reads.values() if read is not asyncio.current_task()]
        for read in reads:
            read.cancel()
        if reads:
            await asyncio.wait(reads)
        await self._disconnect()

    async def end(self) -> None:
        """Close every connection for good: those, too, that a command under way opens after this."""
        self._ended = True
        await self.aclose()

    async def _disconnect(self) -> None:
        # redis-py's own leaves them open where the nodes are to be looked at anew.
        self._initialize = True
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")


class _Script(AsyncScript):
    """A script that is loaded by the very node that runs it."""

    async def __call__(
        self, keys: Sequence[Any] | None = None, args: Iterable[Any] | None = None, client: Any = None
    ) -> Any:
        """Run it where its keys are."""
        keys, args = keys or [], list(args or [])
        try:
            return await self.registered_client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self.registered_client.eval(str(self.script), len(keys), *keys, *args)
