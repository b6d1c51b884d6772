"""What is remembered of conversations, for the person to see and to erase.

Commands by voice and text are remembered on one queue, those by mail on another; an id such as "default" or
"mail:ada@example.org" is a conversation of either. Each user has conversations of their own.
"""

from __future__ import annotations

import json
from contextlib import suppress

from engine.errors import NotFoundError
from engine.model import Conversation, ConversationTurn, MemoryBounds, MemoryName, memory_name, user_and_id
from engine.queues import EMAIL_PROCESSING, VOICE_PROCESSING
from engine.store import Store

_QUEUES = (VOICE_PROCESSING, EMAIL_PROCESSING)


async def remembered_conversations(store: Store, user_id: str | None) -> tuple[Conversation, ...]:
    """All that are remembered of a user, or of everybody, the one with the latest turn first."""
    found = [
        Conversation(conversation_id, queue, turns, at_ms, owner)
        for queue in _QUEUES
        for memory, at_ms, turns in await store.conversations(queue)
        for owner, conversation_id in (user_and_id(memory),)
        if user_id in (None, owner)
    ]
    return tuple(sorted(found, key=lambda one: one.last_at_ms, reverse=True))


async def conversation_turns(store: Store, memory: MemoryName, bounds: MemoryBounds) -> tuple[ConversationTurn, ...]:
    """What is remembered of a conversation, oldest first; nothing of one that is not."""
    found = [turn for queue in _QUEUES for turn in await store.recall(queue, memory, bounds)]
    return tuple(sorted(map(_turn, found), key=lambda turn: turn.at_ms))


async def erase_conversation(store: Store, memory: MemoryName) -> None:
    """Forget one. Raises NotFoundError where nothing of it is remembered."""
    erased = [await store.erase_conversation(queue, memory) for queue in _QUEUES]
    if not any(erased):
        raise not_remembered(*user_and_id(memory))


async def erase_all(store: Store, user_id: str | None) -> int:
    """Forget all that are remembered of a user, or of everybody; returns how many conversations that were."""
    memories = {memory_name(one.user_id, one.id) for one in await remembered_conversations(store, user_id)}
    for memory in memories:
        with suppress(NotFoundError):  # it has just ended by itself
            await erase_conversation(store, memory)
    return len(memories)


def not_remembered(user_id: str, conversation_id: str) -> NotFoundError:
    """The error for a user's conversation of which nothing is remembered."""
    return NotFoundError(
        f"No conversation {conversation_id!r} of {user_id} is remembered.",
        "See `hark conversations` for those that are.",
    )


def _turn(text: str) -> ConversationTurn:
    turn = json.loads(text)  # the script gives JSON objects only
    return ConversationTurn(str(turn.get("said", "")), str(turn.get("replied", "")), int(turn.get("at_ms", 0)))
