"""The actions on many jobs of the Jobs page: each shows how far it is, and stops when the page says so."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from desktop.pages.jobs import JobsPage
from desktop.widgets.job_actions import JobScope
from engine import Engine, bulk
from engine.queues import QUEUES


async def retry(page: JobsPage, scope: JobScope, engine: Engine, actor: str) -> str:
    """Run the jobs again; the words that tell of it, as for all here."""
    title = QUEUES[scope.queue].title
    if scope.ids is not None:
        count = await engine.admin.retry(scope.queue, scope.ids, state=scope.state, actor=actor)
        return f"{_jobs(count)} of {title} will run again."
    steps = bulk.retry(engine.admin, scope.queue, scope.state, scope.query, actor=actor)
    done, rest = await _follow(page, "Retrying", steps)
    return f"{_jobs(done.done)} of {title} will run again.{rest}"


async def remove(page: JobsPage, scope: JobScope, batches: list[str], engine: Engine, actor: str) -> str:
    """Take the jobs away; the quarantine's batches go into `batches`."""
    admin = engine.admin

    async def one(job_id: str) -> None:
        batch = (await admin.remove(scope.queue, job_id, actor=actor)).batch
        batches.extend([batch] if batch else [])

    if scope.ids is None:
        steps = bulk.clean(admin, engine.monitor, scope.queue, scope.state, scope.query, batches, actor=actor)
    else:
        steps = bulk.each(scope.ids, one)
    done, rest = await _follow(page, "Removing", steps)
    title = QUEUES[scope.queue].title
    return f"Removed {_jobs(done.done)} from {title}. The quarantine keeps them for 24 hours.{rest}"


async def promote(page: JobsPage, scope: JobScope, engine: Engine, actor: str) -> str:
    """Let delayed jobs run now."""
    steps = _each(scope, engine, lambda job_id: engine.admin.promote(scope.queue, job_id, actor=actor))
    done, rest = await _follow(page, "Promoting", steps)
    return f"{_jobs(done.done)} of {QUEUES[scope.queue].title} can run now.{rest}"


async def cancel(page: JobsPage, scope: JobScope, engine: Engine, actor: str) -> str:
    """End jobs that have not ended."""
    steps = _each(scope, engine, lambda job_id: engine.admin.cancel(scope.queue, job_id, actor=actor))
    done, rest = await _follow(page, "Cancelling", steps)
    return f"Cancelled {_jobs(done.done)} of {QUEUES[scope.queue].title}.{rest}"


async def export(page: JobsPage, scope: JobScope, path: Path, engine: Engine, actor: str) -> str:
    """Write the jobs to a file; one that is stopped leaves none."""
    steps = bulk.export(
        engine.admin, engine.monitor, scope.queue, scope.state, scope.ids, scope.query, path, actor=actor
    )
    done, rest = await _follow(page, "Exporting", steps)
    return f"The export was stopped: {path} is not written." if rest else f"Wrote {_jobs(done.done)} to {path}."


def _each(
    scope: JobScope, engine: Engine, act: Callable[[str], Awaitable[object]]
) -> AsyncGenerator[bulk.Progress, None]:
    if scope.ids is not None:
        return bulk.each(scope.ids, act)
    return bulk.each_matching(engine.monitor, scope.queue, scope.state, scope.query, act)


async def _follow(page: JobsPage, what: str, steps: AsyncGenerator[bulk.Progress, None]) -> tuple[bulk.Progress, str]:
    """Show the steps until they end or are stopped: the last one, and words on what was not done."""
    progress, stopped, ended = bulk.Progress(0, 0), False, False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    page.show_work(what, 0, 0)
    page.stop_wanted.connect(stop)
    try:
        async with aclosing(steps):
            async for progress in steps:
                page.show_work(what, progress.done + progress.refused, progress.total)
                if stopped:
                    break
            else:
                ended = True
    finally:
        page.stop_wanted.disconnect(stop)
        page.end_work()
    words = f" {_jobs(progress.refused)} could not be: {progress.reason}" if progress.refused else ""
    if ended:
        return progress, words
    left = progress.total - progress.done - progress.refused
    return progress, f"{words} It was stopped: {_jobs(left)} left as they are." if left else f"{words} It was stopped."


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"
