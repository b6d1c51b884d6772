"""What the Failures page asks of the engine."""

from __future__ import annotations

import asyncio
import time

from PySide6.QtCore import QObject

from desktop.actions import REDIS_GONE
from desktop.bridge import Bridge
from desktop.console.undo import offer_undo
from desktop.pages.failures import FailuresPage
from desktop.pages.retry_bar import progress_words
from desktop.window import Window
from engine import Engine
from engine.errors import HarkError
from engine.job_filter import JobFilter, parse_filter
from engine.model import CleanPreview, FailureGroup, Job, JobState, RetryProgress
from engine.queues import QUEUES

_GROUPS, _SAMPLE, _PREVIEW = "failures", "failures.sample", "failures.preview"


def connect(page: FailuresPage, bridge: Bridge, window: Window) -> None:
    """Connect the page's signals to the bridge, and the bridge's answers to the page."""
    _Wiring(page, bridge, window)


class _Wiring(QObject):
    """Lives as long as its page."""

    def __init__(self, page: FailuresPage, bridge: Bridge, window: Window) -> None:
        super().__init__(page)
        self._page, self._bridge, self._window = page, bridge, window
        self._stop = asyncio.Event()
        page.groups_wanted.connect(self._read)
        page.sample_wanted.connect(self._read_sample)
        page.retry_wanted.connect(self._retry)
        page.gradual_retry_wanted.connect(self._retry_gradually)
        page.stop_wanted.connect(lambda: self._stop.set())
        page.preview_wanted.connect(self._preview)
        page.clean_wanted.connect(self._clean)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        bridge.gone.connect(lambda *_: page.show_gone())

    # Reading

    def _read(self) -> None:
        self._bridge.request(_GROUPS, lambda engine: engine.monitor.failures())

    def _read_sample(self, job_id: str) -> None:
        self._bridge.request(_SAMPLE, lambda engine: engine.monitor.job(job_id))

    def _preview(self, group: FailureGroup) -> None:
        self._bridge.request(
            _PREVIEW,
            lambda engine: engine.admin.preview_clean(group.queue, JobState.FAILED, where=_all_of(group)),
        )

    def _on_answered(self, topic: str, answer: object) -> None:
        now_ms = int(time.time() * 1000)
        if topic == _GROUPS and isinstance(answer, tuple):
            self._page.show_groups(answer, now_ms)
        elif topic == _SAMPLE and isinstance(answer, Job):
            self._page.show_sample(answer)
        elif topic == _PREVIEW and isinstance(answer, CleanPreview):
            self._page.show_preview(answer, now_ms)

    def _on_refused(self, topic: str, message: str) -> None:
        shown = {
            _GROUPS: lambda words: self._page.show_gone(REDIS_GONE if self._bridge.is_gone else words),
            _SAMPLE: self._page.show_sample_failed,
            _PREVIEW: self._page.show_preview_failed,
        }
        if topic in shown:
            shown[topic](message)

    # Acting

    def _retry(self, group: FailureGroup) -> None:
        async def act(engine: Engine, actor: str) -> str:
            count = await engine.admin.retry(group.queue, where=_all_of(group), actor=actor)
            return f"{_jobs(count)} of {QUEUES[group.queue].title} will run again."

        self._bridge.operate(f"retry a group of {group.queue}", act, then=self._read)

    def _retry_gradually(self, group: FailureGroup, canary: int, rate_per_s: float) -> None:
        self._stop = stop = asyncio.Event()

        async def act(engine: Engine, actor: str) -> str:
            progress = RetryProgress(0, group.failed_now)
            self._page.show_progress(progress)
            try:
                async for progress in engine.admin.retry_gradually(
                    group.queue, rate_per_s=rate_per_s, canary=canary, where=_all_of(group), stop=stop, actor=actor
                ):
                    self._page.show_progress(progress)
            finally:
                self._page.end_progress()
                self._read()
            if progress.canary_failed:
                raise HarkError(progress_words(progress), "Its traceback tells why; clean the group or mend the cause.")
            return progress_words(progress)

        self._bridge.operate(f"retry a group of {group.queue} gradually", act, then=lambda: None)

    def _clean(self, group: FailureGroup, count: int, reason: str) -> None:
        batches: list[str] = []

        async def act(engine: Engine, actor: str) -> str:
            removed = await engine.admin.clean(
                group.queue, JobState.FAILED, 0, count, where=_all_of(group), actor=actor, reason=reason
            )
            batches.extend([removed.batch] if removed.batch else [])
            return f"Cleaned {_jobs(removed.count)} of {QUEUES[group.queue].title}."

        def then() -> None:
            offer_undo(self._bridge, self._window, [(group.queue, batch) for batch in batches], then=self._read)
            self._read()

        self._bridge.operate(f"clean a group of {group.queue}", act, then=then)


def _all_of(group: FailureGroup) -> JobFilter:
    return parse_filter(f"signature:{group.signature}")


def _jobs(count: int) -> str:
    return f"{count:,} failed {'job' if count == 1 else 'jobs'}"
