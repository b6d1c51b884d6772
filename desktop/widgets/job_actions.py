"""What can be done to jobs: each action with its words and its refusal, and the jobs it is meant for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.model import JobState

_ENDED = (JobState.FAILED, JobState.COMPLETED)


@dataclass(frozen=True, slots=True)
class JobScope:
    """The jobs that an action is for: those named, or (`ids` None) all in the state that match `query` ("": all)."""

    queue: str
    state: JobState
    ids: tuple[str, ...] | None
    query: str = ""


@dataclass(frozen=True, slots=True)
class JobAction:
    """One thing to do to jobs: its words, and why it cannot be done in a state (empty: it can)."""

    key: str
    text: str
    tip: str
    refusal: Callable[[JobState], str]
    asks: bool = False


def _unless(states: tuple[JobState, ...], words: str) -> Callable[[JobState], str]:
    return lambda state: "" if state in states else words


_LIVE = (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE)
RETRY, PROMOTE, CANCEL, REMOVE = ACTIONS = (
    JobAction(
        "retry",
        "Retry",
        "Back to waiting, with all attempts. (R)",
        _unless(_ENDED, "Only jobs that failed or completed can be retried."),
    ),
    JobAction(
        "promote", "Run now", "Do not wait for the time it is due.", _unless((JobState.DELAYED,), "Not a delayed job.")
    ),
    JobAction(
        "cancel",
        "Cancel…",
        "End it: it fails, with you as the reason.",
        _unless(_LIVE, "It has ended: nothing is left to cancel."),
        asks=True,
    ),
    JobAction(
        "remove",
        "Remove…",
        "Take it away; the quarantine keeps it for 24 hours. (Del)",
        lambda state: "A running job cannot be removed: cancel it first." if state is JobState.ACTIVE else "",
        asks=True,
    ),
)
