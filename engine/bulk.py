"""Long work on many jobs: each kind tells how far it is and can be stopped between two steps.

All are asynchronous generators of `Progress`: close one to stop it. They hide the batches, hold the caller's
loop for a few milliseconds only, and leave one entry in the audit trail where the work is one action.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from engine.errors import BadInputError, HarkError
from engine.job_filter import parse_filter
from engine.model import Job, JobState

if TYPE_CHECKING:
    from engine.admin import Admin
    from engine.monitor import Monitor

_CLEANED_AT_ONCE = 1_000
_READ_AT_ONCE = 40
_TOLD_EVERY = 20
_NO_LIMIT = 2**53
_RATE_PER_S = 100_000.0
"""As fast as it goes, yet in steps."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` jobs; `refused` of them could not be, the first one for `reason`."""

    done: int
    total: int
    refused: int = 0
    reason: str = ""


async def each(job_ids: Sequence[str], act: Callable[[str], Awaitable[object]]) -> AsyncGenerator[Progress, None]:
    """Do `act` to each job. Raises its HarkError where it could be done to none: they may have gone elsewhere."""
    progress = Progress(0, len(job_ids))
    refused: HarkError | None = None
    for number, job_id in enumerate(job_ids, 1):
        try:
            await act(job_id)
        except HarkError as error:
            refused = refused or error
            progress = replace(progress, refused=progress.refused + 1, reason=refused.message)
        else:
            progress = replace(progress, done=progress.done + 1)
        if number % _TOLD_EVERY == 0 or number == len(job_ids):
            if number == len(job_ids) and refused is not None and not progress.done:
                raise refused
            yield progress


async def each_matching(
    monitor: Monitor, queue: str, state: JobState, query: str, act: Callable[[str], Awaitable[object]]
) -> AsyncGenerator[Progress, None]:
    """Do `act` to each job of a state that matches ("": all); see `each`. While it looks for them the total is 0."""
    ids: list[str] = []
    async for step in monitor.search(queue, state, parse_filter(query), _NO_LIMIT):
        ids += [job.id for job in step.found]
        yield Progress(0, 0)
    async with aclosing(each(ids, act)) as steps:
        async for progress in steps:
            yield progress


async def clean(
    admin: Admin, monitor: Monitor, queue: str, state: JobState, query: str, batches: list[str], *, actor: str
) -> AsyncGenerator[Progress, None]:
    """Take away the jobs of a state that match ("": all there are now); the quarantine's batch goes into `batches`.

    While it looks for those that match the total is 0.
    """
    batch = uuid4().hex
    ids: list[str] | None = None
    if query:
        ids = []
        async for step in monitor.search(queue, state, parse_filter(query), _NO_LIMIT):
            ids += [job.id for job in step.found]
            yield Progress(0, 0)
    total = len(ids) if ids is not None else (await admin.preview_clean(queue, state)).count
    progress = Progress(0, total)
    looked = 0
    while looked < total:
        part = ids[looked : looked + _CLEANED_AT_ONCE] if ids is not None else None
        limit = min(_CLEANED_AT_ONCE, total - looked)
        removed = await admin.clean(queue, state, limit=limit, job_ids=part, batch=batch, actor=actor)
        looked += limit
        if removed.batch and removed.batch not in batches:
            batches.append(removed.batch)
        progress = replace(progress, done=progress.done + removed.count)
        yield progress
        if part is None and removed.count < limit:
            return


async def retry(admin: Admin, queue: str, state: JobState, query: str, *, actor: str) -> AsyncGenerator[Progress, None]:
    """Run the finished jobs of a state that match ("": all) again, the oldest first."""
    where = parse_filter(query) if query else None
    steps = admin.retry_gradually(queue, rate_per_s=_RATE_PER_S, state=state, where=where, actor=actor)
    async with aclosing(steps):
        async for step in steps:
            yield Progress(step.retried, step.total)


async def export(
    admin: Admin,
    monitor: Monitor,
    queue: str,
    state: JobState,
    job_ids: Sequence[str] | None,
    query: str,
    path: Path,
    *,
    actor: str,
) -> AsyncGenerator[Progress, None]:
    """Write jobs as JSON lines: those named, or (None) all of the state that match, in the order of the state.

    An export that fails or is stopped leaves no file. Raises BadInputError where it cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    total = len(job_ids) if job_ids is not None else 0
    progress = Progress(0, total)
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            async for jobs, looked, depth in _parts(monitor, queue, state, job_ids, query):
                for start in range(0, len(jobs), _READ_AT_ONCE):
                    some = jobs[start : start + _READ_AT_ONCE]
                    file.writelines(json.dumps(asdict(job), ensure_ascii=False) + "\n" for job in some)
                    await asyncio.sleep(0)
                progress = Progress(looked, depth)
                total += len(jobs) if job_ids is None else 0
                yield progress
        unfinished.replace(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    told = {"state": state.value, "jobs": total, "file": path.name} | ({"query": query} if query else {})
    await admin.note(queue, "export", told, actor=actor)
    yield Progress(total, total)


async def _parts(
    monitor: Monitor, queue: str, state: JobState, job_ids: Sequence[str] | None, query: str
) -> AsyncIterator[tuple[tuple[Job, ...], int, int]]:
    """Jobs, how many were looked at, and of how many."""
    if job_ids is None:
        async for step in monitor.search(queue, state, parse_filter(query), _NO_LIMIT):
            yield step.found, step.looked, step.total
    else:
        for start in range(0, len(job_ids), _READ_AT_ONCE):
            some = job_ids[start : start + _READ_AT_ONCE]
            yield await monitor.named(queue, some), start + len(some), len(job_ids)
