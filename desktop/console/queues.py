"""What the Queues page asks of the engine."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console.undo import offer_undo
from desktop.pages.queues import QueuesPage
from desktop.window import Window
from engine import Engine
from engine.model import CleanPreview, JobState, Snapshot
from engine.queues import QUEUES

_PREVIEW, _PAUSED_BY = "queues.preview", "queues.paused_by"
_LOOKED_AT = 50
"""So many of a queue's newest audit entries are looked through for who paused it."""


def connect(page: QueuesPage, actions: Actions, bridge: Bridge, window: Window) -> None:
    """Connect the page's wishes to the bridge and to other pages, and the answers to the page."""
    _Wiring(page, actions, bridge, window)


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: QueuesPage, actions: Actions, bridge: Bridge, window: Window) -> None:
        super().__init__(page)
        self._page, self._bridge, self._window = page, bridge, window
        self._paused: frozenset[tuple[str, int | None]] = frozenset()
        actions.pause_requested.connect(self._pause)
        actions.resume_requested.connect(self._resume)
        actions.retry_requested.connect(self._retry)
        actions.clean_requested.connect(self._clean)
        actions.preview_requested.connect(self._preview)
        actions.jobs_requested.connect(self._open_jobs)
        actions.failures_requested.connect(self._open_failures)
        bridge.sampled.connect(self._on_sampled)
        bridge.gone.connect(lambda *_: page.show_gone())
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)

    # Reading

    def _preview(self, queue: str, state: JobState, grace_ms: int, limit: int) -> None:
        self._bridge.request(_PREVIEW, lambda engine: engine.admin.preview_clean(queue, state, grace_ms, limit))

    def _on_sampled(self, snapshot: Snapshot) -> None:
        self._page.show_snapshot(snapshot)
        paused = frozenset((queue.name, queue.paused_since_ms) for queue in snapshot.queues if queue.paused)
        if paused != self._paused:
            self._paused = paused
            names = sorted(name for name, _ in paused)
            self._bridge.request(_PAUSED_BY, lambda engine: _paused_by(engine, names))

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _PREVIEW and isinstance(answer, CleanPreview):
            self._page.show_preview(answer)
        elif topic == _PAUSED_BY and isinstance(answer, dict):
            self._page.show_paused_by(answer)

    def _on_refused(self, topic: str, message: str) -> None:
        if topic == _PREVIEW:
            self._page.show_preview_failed(message)
        elif topic == _PAUSED_BY:
            self._paused = frozenset()  # asked again with the next snapshot

    # Leading elsewhere

    def _open_jobs(self, queue: str, state: JobState) -> None:
        self._window.jobs.choose(queue, state)
        self._window.open_page(self._window.jobs)

    def _open_failures(self, queue: str) -> None:
        self._window.failures.choose(queue)
        self._window.open_page(self._window.failures)

    # Acting. The bridge takes a fresh snapshot after each action: nothing else is to be read.

    def _pause(self, queue: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.pause(queue, actor=actor)
            return f"{QUEUES[queue].title} is paused. Active jobs finish, new ones wait."

        self._bridge.operate(f"pause {queue}", act, then=_nothing)

    def _resume(self, queue: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            await engine.admin.resume(queue, actor=actor)
            return f"{QUEUES[queue].title} runs again."

        self._bridge.operate(f"resume {queue}", act, then=_nothing)

    def _retry(self, queue: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            count = await engine.admin.retry(queue, actor=actor)
            return f"{_jobs(count, JobState.FAILED)} of {QUEUES[queue].title} will run again."

        self._bridge.operate(f"retry {queue}", act, then=_nothing)

    def _clean(self, queue: str, state: JobState, grace_ms: int, limit: int) -> None:
        batches: list[str] = []

        async def act(engine: Engine, actor: str) -> str:
            removed = await engine.admin.clean(queue, state, grace_ms, limit, actor=actor)
            batches.extend([removed.batch] if removed.batch else [])
            return f"Removed {_jobs(removed.count, state)} from {QUEUES[queue].title}."

        self._bridge.operate(
            f"clean {queue}",
            act,
            then=lambda: offer_undo(self._bridge, self._window, [(queue, batch) for batch in batches], then=_nothing),
        )


async def _paused_by(engine: Engine, queues: list[str]) -> dict[str, str]:
    """Who paused each of the queues last, as the audit trail tells."""
    found: dict[str, str] = {}
    for queue in queues:
        entries = await engine.admin.audit(queue, _LOOKED_AT)
        actor = next((entry.actor for entry in entries if entry.action == "pause"), "")
        if actor:
            found[queue] = actor
    return found


def _jobs(count: int, state: JobState) -> str:
    return f"{count:,} {state.value} {'job' if count == 1 else 'jobs'}"


def _nothing() -> None:
    """There is nothing to do after it."""
