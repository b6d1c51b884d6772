"""What is remembered of conversations: what was said and answered, and what waits for a yes."""

from __future__ import annotations

from typing import Any

from engine.model import HELD_MS, MemoryBounds, MemoryName
from engine.store import keys
from engine.store.base import StoreBase

MOST_CONVERSATIONS = 1000
"""So many are remembered on a queue; the one that rested longest goes first."""


class Conversations(StoreBase):
    """The part of `Store` for conversations, each under the name that `model.memory_name` gives it.

    A turn is a JSON text: `{"trace", "said", "replied", "at_ms"}`.
    """

    async def remember(
        self, queue: str, memory: MemoryName, trace: str, said: str, replied: str, bounds: MemoryBounds
    ) -> None:
        """Add what the command `trace` said and was answered, once however often it runs; keep to the bounds.

        The last turn stays even where it is larger than they allow, but both its texts are cut to half of that.
        """
        half = bounds.size_bytes // 2
        turn = {"trace": trace, "said": _cut(said, half), "replied": _cut(replied, half)}
        await self._remember(queue, memory, bounds, {"turn": turn})

    async def recall(self, queue: str, memory: MemoryName, bounds: MemoryBounds) -> list[str]:
        """A conversation's turns within the bounds, oldest first."""
        return await self._remember(queue, memory, bounds, {})

    async def _remember(self, queue: str, memory: MemoryName, bounds: MemoryBounds, more: dict[str, Any]) -> list[str]:
        arguments = {
            "conversation": memory,
            "keep_turns": bounds.turns,
            "keep_bytes": bounds.size_bytes,
            "keep_ms": bounds.keep_ms,
            "keep_conversations": MOST_CONVERSATIONS,
        }
        turns: list[str] = await self._run("remember", queue, arguments | more)
        return turns

    async def conversations(self, queue: str) -> list[tuple[MemoryName, int, int]]:
        """Each conversation that is remembered: its name, when it was last added to (Unix ms), and its number of turns.

        The one that was added to last comes first.
        """
        index = keys.conversations(queue)
        found = await self._guarded(lambda: self._redis.zrange(index, 0, -1, desc=True, withscores=True))

        async def count() -> list[int]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for memory, _ in found:
                    pipe.llen(keys.conversation(queue, memory))
                return list(await pipe.execute())

        counts = await self._guarded(count) if found else []
        listed = zip(found, counts, strict=True)
        return [(MemoryName(memory), int(at_ms), turns) for (memory, at_ms), turns in listed if turns]

    async def erase_conversation(self, queue: str, memory: MemoryName) -> bool:
        """Forget a conversation, and what waits for a yes in it; False where nothing was remembered."""

        async def erase() -> bool:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(keys.conversation(queue, memory))
                pipe.delete(keys.held(queue, memory))
                pipe.zrem(keys.conversations(queue), memory)
                return bool((await pipe.execute())[0])

        erased: bool = await self._guarded(erase)
        return erased

    async def hold(self, queue: str, memory: MemoryName, trace: str, calls: str) -> bool:
        """Keep what the command `trace` would do (JSON text) until the conversation's next command.

        It is forgotten after five minutes. False where this very question has been answered or passed over already.
        """
        arguments = {"conversation": memory, "trace": trace, "calls": calls, "keep_ms": HELD_MS}
        return bool(await self._run("hold", queue, arguments))

    async def take_held(self, queue: str, memory: MemoryName, trace: str, asked: str | None = None) -> str | None:
        """What the conversation holds (JSON text); from now on for the command `trace` alone, however often it runs.

        With `asked`, only what that command holds.
        """
        arguments = {"conversation": memory, "trace": trace}
        if asked is not None:
            arguments["asked"] = asked
        calls: str | None = await self._run("answer", queue, arguments)
        return calls


def _cut(text: str, most_bytes: int) -> str:
    """As much of the beginning as fits."""
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")
