"""What is remembered of conversations, for the person to see and to erase.

Commands by voice and text are remembered on one queue, those by mail on another; an id such as "default" or
"mail:ada@example.org" is a conversation of either.
"""

from __future__ import annotations

import json
from contextlib import suppress

from engine.errors import NotFoundError
from engine.model import Conversation, ConversationTurn, MemoryBounds
from engine.queues import EMAIL_PROCESSING, VOICE_PROCESSING
from engine.store import Store

_QUEUES = (VOICE_PROCESSING, EMAIL_PROCESSING)


async def remembered_conversations(store: Store) -> tuple[Conversation, ...]:
    """All that are remembered, the one with the latest turn first."""
    found = [
        Conversation(conversation_id, queue, turns, at_ms)
        for queue in _QUEUES
        for conversation_id, at_ms, turns in await store.conversations(queue)
    ]
    return tuple(sorted(found, key=lambda one: one.last_at_ms, reverse=True))


async def conversation_turns(store: Store, conversation_id: str, bounds: MemoryBounds) -> tuple[ConversationTurn, ...]:
    """What is remembered of a conversation, oldest first; nothing of one that is not."""
    found = [turn for queue in _QUEUES for turn in await store.recall(queue, conversation_id, bounds)]
    return tuple(sorted(map(_turn, found), key=lambda turn: turn.at_ms))


async def erase_conversation(store: Store, conversation_id: str) -> None:
    """Forget one. Raises NotFoundError where nothing of it is remembered."""
    erased = [await store.erase_conversation(queue, conversation_id) for queue in _QUEUES]
    if not any(erased):
        raise not_remembered(conversation_id)


async def erase_all(store: Store) -> int:
    """Forget all that are remembered; returns how many ids that were."""
    ids = {one.id for one in await remembered_conversations(store)}
    for conversation_id in ids:
        with suppress(NotFoundError):  # it has just ended by itself
            await erase_conversation(store, conversation_id)
    return len(ids)


def not_remembered(conversation_id: str) -> NotFoundError:
    """The error for an id of which nothing is remembered."""
    return NotFoundError(
        f"No conversation {conversation_id!r} is remembered.", "See `hark conversations` for those that are."
    )


def _turn(text: str) -> ConversationTurn:
    turn = json.loads(text)  # the script gives JSON objects only
    return ConversationTurn(str(turn.get("said", "")), str(turn.get("replied", "")), int(turn.get("at_ms", 0)))
