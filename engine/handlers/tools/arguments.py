"""What the arguments of tools have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Arguments(BaseModel):
    """Base of all tools' arguments: what a tool does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Arguments):
    """No arguments."""
