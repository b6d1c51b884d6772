"""What a handler is given besides its payload: its job, and the ways to act on the world."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.admin import Admin
from engine.client import Client
from engine.job_types import JobType
from engine.model import JobOptions
from engine.monitor import Monitor
from engine.providers import Providers
from engine.providers.mail import MailAccount
from engine.providers.tasks_local import LocalTasks
from engine.settings import Settings
from engine.spoken_commands import is_taken_back
from engine.store import Claimed, Store
from engine.store.records import dumps


@dataclass(frozen=True, slots=True)
class Services:
    """One worker's parts, shared by its jobs. `providers()` opens them when a job first needs them.

    `mail()` is the account of the settings; it raises SettingsError for one that cannot be used.
    """

    store: Store
    client: Client
    admin: Admin
    monitor: Monitor
    tasks: LocalTasks
    providers: Callable[[], Providers]
    mail: Callable[[], MailAccount]
    settings: Settings


@dataclass(frozen=True, slots=True)
class JobContext:
    """One running job."""

    job: Claimed
    services: Services
    outbox: list[str] = field(default_factory=list)
    """Follow-ups so far; they are handed over in the step that finishes the job, or never."""
    started_s: float = field(default_factory=time.monotonic)
    """When it began here, by this process's monotonic clock."""

    def follow_up(self, payload: JobType, stage: str, *, delay_ms: int = 0) -> None:
        """Add a job of the same trace when this one is finished; `stage` makes its id, so twice is once."""
        options = JobOptions(
            job_id=self.child_id(stage),
            trace=self.job.trace,
            parent=self.job.id,
            delay_ms=delay_ms,
        )
        job = self.services.client.prepare(payload, options)
        self.outbox.append(dumps({"queue": payload.queue, "job": job.as_argument()}))

    def child_id(self, stage: str) -> str:
        """The id of this trace's job at `stage`; the same whenever this job runs again."""
        return f"{self.job.trace or self.job.id}.{stage}"

    def child_options(self, stage: str) -> JobOptions:
        """Options of a job that this one adds and waits for."""
        return JobOptions(job_id=self.child_id(stage), trace=self.job.trace, parent=self.job.id, awaited=True)

    async def is_taken_back(self) -> bool:
        """Whether the person has taken back the command that this job belongs to: nothing more is to be done."""
        return await is_taken_back(self.services.store, self.job.trace or self.job.id)

    async def progress(self, value: Any) -> None:
        """Tell how far the job is: a number or any JSON value."""
        await self.services.store.progress(self.job, value)

    async def log(self, line: str) -> None:
        """Leave a line in the job's log, to be read while it runs and after; its last 1,000 lines are kept."""
        await self.services.store.write_log(self.job, line)
