"""What a person is told, now or at a time of their own choice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification for a window to show. `id` is the notification's."""

    id: str
    title: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder that has not fired."""

    id: str
    text: str
    due_at_ms: int
