"""What the arguments of tools have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from engine.queues import QUEUES


class Arguments(BaseModel):
    """Base of all tools' arguments: what a tool does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Arguments):
    """No arguments."""


class QueueOrAll(Arguments):
    """Arguments of a tool for one queue, or for all where none is named."""

    queue: str = Field("", description=f"One of: {', '.join(QUEUES)}; empty for all of them")
