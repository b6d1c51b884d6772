"""What is remembered of conversations: what was said and answered, and what waits for a yes."""

from __future__ import annotations

from engine.model import HELD_MS
from engine.store.base import StoreBase


class Conversations(StoreBase):
    """The part of `Store` for conversations."""

    async def hold(self, queue: str, conversation_id: str, trace: str, calls: str) -> bool:
        """Keep what the command `trace` would do (JSON text) until the conversation's next command.

        It is forgotten after five minutes. False where this very question has been answered or passed over already.
        """
        arguments = {"conversation": conversation_id, "trace": trace, "calls": calls, "keep_ms": HELD_MS}
        return bool(await self._run("hold", queue, arguments))

    async def take_held(self, queue: str, conversation_id: str, trace: str, asked: str | None = None) -> str | None:
        """What the conversation holds (JSON text); from now on for the command `trace` alone, however often it runs.

        With `asked`, only what that command holds.
        """
        arguments = {"conversation": conversation_id, "trace": trace}
        if asked is not None:
            arguments["asked"] = asked
        calls: str | None = await self._run("answer", queue, arguments)
        return calls
