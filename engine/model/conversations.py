"""What is remembered of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType
from urllib.parse import quote, unquote

_LOCAL, _MARK = "local", "\x1f"

MemoryName = NewType("MemoryName", str)
"""What a user's conversation is remembered under; see `memory_name`."""


def memory_name(user_id: str, conversation_id: str) -> MemoryName:
    """Under which name Redis has a conversation: two users may call theirs the same.

    That of the local user is the conversation's id, as it was before users had their own.
    """
    if user_id == _LOCAL and not conversation_id.startswith(_MARK):
        return MemoryName(conversation_id)
    return MemoryName(f"{_MARK}{quote(user_id, safe='', errors='replace')}{_MARK}{conversation_id}")


def user_and_id(name: MemoryName) -> tuple[str, str]:
    """Whose conversation has this name, and its id."""
    if not name.startswith(_MARK):
        return _LOCAL, name
    user, _, conversation_id = name[1:].partition(_MARK)
    return unquote(user), conversation_id


@dataclass(frozen=True, slots=True)
class MemoryBounds:
    """How much is remembered of one conversation: turns, bytes, and how long each turn is (ms)."""

    turns: int
    size_bytes: int
    keep_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A user's conversation that is remembered. `queue` is that of its commands: by voice and text, or by mail."""

    id: str
    queue: str
    turns: int
    last_at_ms: int
    user_id: str = _LOCAL


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """One exchange of a conversation; `at_ms` is 0 for one from before times were kept."""

    said: str
    replied: str
    at_ms: int
