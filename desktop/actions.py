"""Every operator action, once: its words, key, icon, danger, and why it may be disabled.

Buttons, tooltips and shortcuts are made from these rows; pressing one calls `Actions.do`, which
emits the request that the application hands to the bridge. Nothing here carries a request out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from engine.model import QueueState

REDIS_GONE = "Redis does not answer; this works again when it does."
RETRY_ASKED_ABOVE = 100
"""More failed jobs than this run again only after a question."""


@dataclass(frozen=True, slots=True)
class QueueAction:
    """One thing that an operator can do to a queue.

    `tooltip` says what would happen, and `refusal` why it cannot be done now (empty: it can), both
    for the queue's present state. `shortcut` works on the selected queue. A `dangerous` one cannot be
    undone and asks first.
    """

    key: str
    text: str
    shortcut: str
    tooltip: Callable[[QueueState], str]
    refusal: Callable[[QueueState], str]
    dangerous: bool = False

    @property
    def icon(self) -> str:
        """The name of its icon."""
        return self.key


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


PAUSE = QueueAction(
    "pause",
    "Pause",
    "P",
    tooltip=lambda queue: f"Start no more {queue.title} jobs. Active ones finish, new ones wait. (P)",
    refusal=lambda queue: f"{queue.title} is paused already." if queue.paused else "",
)
RESUME = QueueAction(
    "resume",
    "Resume",
    "P",
    tooltip=lambda queue: f"Start {queue.title} jobs again: {_jobs(queue.waiting)} waiting. (P)",
    refusal=lambda queue: "" if queue.paused else f"{queue.title} is not paused.",
)
CLEAN = QueueAction(
    "clean",
    "Clean…",
    "C",
    tooltip=lambda queue: f"Remove old {queue.title} jobs; you see how many before anything goes. (C)",
    refusal=lambda queue: (
        ""
        if queue.completed or queue.failed or queue.waiting or queue.delayed
        else f"{queue.title} has no jobs to remove."
    ),
    dangerous=True,
)
RETRY = QueueAction(
    "retry",
    "Retry",
    "R",
    tooltip=lambda queue: f"Run all failed {queue.title} jobs again: {_jobs(queue.failed)}. (R)",
    refusal=lambda queue: "" if queue.failed else f"{queue.title} has no failed jobs.",
)


def pause_or_resume(queue: QueueState) -> QueueAction:
    """The one of the two that fits the queue's state: they share a button and a key."""
    return RESUME if queue.paused else PAUSE


class Actions(QObject):
    """Where pages send what a person wants; the application connects the signals to the bridge."""

    pause_requested = Signal(str)
    resume_requested = Signal(str)
    retry_requested = Signal(str)
    preview_requested = Signal(str, object, object, int)
    """Queue, JobState, grace in ms, limit."""
    clean_requested = Signal(str, object, object, int)
    """Queue, JobState, grace in ms, and the count that was shown: no more than that goes."""
    clean_dialog_requested = Signal(str)
    retry_dialog_requested = Signal(str, int)
    """Queue, and how many failed jobs it has: ask before so many run again."""
    jobs_requested = Signal(str, object)
    """Queue and JobState: show these jobs."""
    failures_requested = Signal(str)
    """Queue: show why its jobs failed."""
    ask_requested = Signal(str)
    refusal_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.refusal = ""
        """Why nothing at all may be changed now, such as that the connection is production; "" where it may."""

    def forbid(self, reason: str) -> None:
        """From now on no page lets anything be changed, and tells `reason`; "" allows it again."""
        if reason != self.refusal:
            self.refusal = reason
            self.refusal_changed.emit()

    def do(self, action: QueueAction, queue: QueueState) -> bool:
        """Request `action` for `queue`; False where it is forbidden, or the queue's state refuses it."""
        if self.refusal or action.refusal(queue):
            return False
        match action.key:
            case "pause":
                self.pause_requested.emit(queue.name)
            case "resume":
                self.resume_requested.emit(queue.name)
            case "retry":
                if queue.failed > RETRY_ASKED_ABOVE:
                    self.retry_dialog_requested.emit(queue.name, queue.failed)
                else:
                    self.retry_requested.emit(queue.name)
            case _:
                self.clean_dialog_requested.emit(queue.name)
        return True
