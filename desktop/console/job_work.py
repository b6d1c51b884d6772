"""The actions on many jobs of the Jobs page: each shows how far it is, and stops when the page says so."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from desktop.pages.job_list import JobList
from desktop.widgets.job_actions import JobScope
from engine import Engine, bulk
from engine.job_filter import JobFilter, parse_filter
from engine.queues import QUEUES

Act = Callable[[JobList, JobScope, Engine, str], Awaitable[str]]
"""Does something to the jobs of one scope, in somebody's name; the words that tell of it."""


async def on_each(act: Act, page: JobList, scopes: Sequence[JobScope], engine: Engine, actor: str) -> str:
    """Do `act` to one scope after the other, until all are done or the page says stop; all their words."""
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    told = ""
    page.stop_wanted.connect(stop)
    try:
        for scope in scopes:
            if not stopped and (len(scopes) == 1 or await _has_some(scope, engine)):
                told += " " + await act(page, scope, engine, actor)
    finally:
        page.stop_wanted.disconnect(stop)
    return told.strip() or "There were no such jobs any more."


async def _has_some(scope: JobScope, engine: Engine) -> bool:
    if scope.ids is not None:
        return bool(scope.ids)
    return bool((await engine.admin.preview_clean(scope.queue, scope.state, where=where(scope))).count)


def where(scope: JobScope) -> JobFilter | None:
    """What jobs a scope without ids is meant for; None for all of its state."""
    return parse_filter(scope.query) if scope.ids is None and scope.query else None


async def retry(page: JobList, scope: JobScope, engine: Engine, actor: str) -> str:
    """Run the jobs again; the words that tell of it, as for all here."""
    title = QUEUES[scope.queue].title
    if scope.ids is not None:
        count = await engine.admin.retry(scope.queue, scope.ids, state=scope.state, actor=actor)
        return f"{_jobs(count)} of {title} will run again."
    steps = bulk.retry(engine.admin, scope.queue, scope.state, scope.query, actor=actor)
    done, rest = await _follow(page, "Retrying", steps)
    return f"{_jobs(done.done)} of {title} will run again.{rest}"


async def remove(batches: list[tuple[str, str]], page: JobList, scope: JobScope, engine: Engine, actor: str) -> str:
    """Take the jobs away; the quarantine's batches go into `batches`, each with its queue."""
    admin = engine.admin
    own: list[str] = []

    async def one(job_id: str) -> None:
        batch = (await admin.remove(scope.queue, job_id, actor=actor)).batch
        own.extend([batch] if batch else [])

    if scope.ids is None:
        steps = bulk.clean(admin, engine.monitor, scope.queue, scope.state, scope.query, own, actor=actor)
    else:
        steps = bulk.each(scope.ids, one)
    try:
        done, rest = await _follow(page, "Removing", steps)
    finally:
        batches.extend((scope.queue, batch) for batch in own)
    title = QUEUES[scope.queue].title
    return f"Removed {_jobs(done.done)} from {title}. The quarantine keeps them for 24 hours.{rest}"


async def promote(page: JobList, scope: JobScope, engine: Engine, actor: str) -> str:
    """Let delayed jobs run now."""
    steps = _each(scope, engine, lambda job_id: engine.admin.promote(scope.queue, job_id, actor=actor))
    done, rest = await _follow(page, "Promoting", steps)
    return f"{_jobs(done.done)} of {QUEUES[scope.queue].title} can run now.{rest}"


async def cancel(page: JobList, scope: JobScope, engine: Engine, actor: str) -> str:
    """End jobs that have not ended."""
    steps = _each(scope, engine, lambda job_id: engine.admin.cancel(scope.queue, job_id, actor=actor))
    done, rest = await _follow(page, "Cancelling", steps)
    return f"Cancelled {_jobs(done.done)} of {QUEUES[scope.queue].title}.{rest}"


async def export(path: Path, one_of_many: bool, page: JobList, scope: JobScope, engine: Engine, actor: str) -> str:
    """Write the jobs to a file, the queue in its name if it is `one_of_many`; one that is stopped leaves none."""
    if one_of_many:
        path = path.with_name(f"{path.stem}-{scope.queue}{path.suffix}")
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


async def _follow(page: JobList, what: str, steps: AsyncGenerator[bulk.Progress, None]) -> tuple[bulk.Progress, str]:
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
