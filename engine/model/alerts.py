"""What is wrong now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad an alert is: `critical` means that work stands still or is lost."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Silence:
    """An operator's word that an alert is known: nobody is told of it until it ends, or until a time."""

    at_ms: int
    actor: str
    until_ms: int | None = None
    """The end of a snooze; None where it was acknowledged, which holds until the alert ends."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that is broken (see `engine/alerts`): what is wrong, since when, and what to do about it."""

    key: str
    """The rule, and the queue behind a colon where it is about one: "no-worker:email-processing"."""
    rule: str
    queue: str | None
    severity: Severity
    message: str
    remedy: str
    began_at_ms: int
    ended_at_ms: int | None = None
    silence: Silence | None = None
