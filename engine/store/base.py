"""What the parts of `Store` stand on: one client, the scripts, and errors explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from redis.asyncio import Redis

from engine.queues import QueueSpec
from engine.store import keys


class StoreBase(ABC):
    """The speaker of Redis; `store.Store` completes it."""

    _redis: Redis
    _spread: bool
    _specs: Mapping[str, QueueSpec]

    @property
    @abstractmethod
    def address(self) -> str:
        """Where Redis is, without any password."""

    @abstractmethod
    async def _run(self, script: str, queue: str, arguments: Mapping[str, Any]) -> Any:
        """Call one of the scripts on a queue."""

    @abstractmethod
    async def _call(self, script: str, keys: list[str], args: list[str]) -> Any:
        """Call one of the scripts on keys that are no queue's."""

    # redis-py's types tell decoded and raw replies apart nowhere: what a reply is, each caller says.
    @abstractmethod
    async def _guarded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call whose failure becomes a HarkError; Hark's own Redis is started again where it is gone."""

    async def outdate_snapshot(self) -> None:
        """No viewer may take what was seen before now for the present, nor leave what it is just sampling."""
        await self._guarded(lambda: self._redis.delete(keys.SNAPSHOT))

    async def _hashes(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Several hashes in one round trip; empty where a key does not exist, or somebody made it another thing."""
        wanted = list(names)
        if not wanted:
            return []

        async def read() -> list[dict[str, str]]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in wanted:
                    pipe.hgetall(name)
                replies = await pipe.execute(raise_on_error=False)
            for reply in replies:
                if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
                    raise reply
            return [{} if isinstance(reply, Exception) else reply for reply in replies]

        found: list[dict[str, str]] = await self._guarded(read)
        return found


def failed_retention(spec: QueueSpec) -> dict[str, int]:
    """How long (ms) and how many failed jobs are kept, as the scripts read it."""
    kept = {"keep_ms": spec.keep_failed_ms}
    return kept if spec.keep_failed_count is None else kept | {"keep_count": spec.keep_failed_count}
