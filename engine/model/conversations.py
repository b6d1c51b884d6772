"""What is remembered of conversations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryBounds:
    """How much is remembered of one conversation: turns, bytes, and how long each turn is (ms)."""

    turns: int
    size_bytes: int
    keep_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation that is remembered. `queue` is that of its commands: those by voice and text, or those by mail."""

    id: str
    queue: str
    turns: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """One exchange of a conversation; `at_ms` is 0 for one from before times were kept."""

    said: str
    replied: str
    at_ms: int
