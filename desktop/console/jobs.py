"""The Jobs page's reads and actions."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from functools import partial
from pathlib import Path

from desktop.bridge import Bridge
from desktop.console.undo import offer_undo
from desktop.pages.jobs import JobsPage
from desktop.widgets.job_actions import JobScope
from desktop.widgets.job_table import PAGE
from desktop.window import Window
from engine import Engine
from engine.errors import BadInputError, HarkError
from engine.job_filter import JobFilter, parse_filter
from engine.job_types import job_payload
from engine.model import Job, JobState, Searched
from engine.queues import QUEUES

_STEP = 2_000
_FOUND = 200
_EXPORTED_AT_ONCE = 500


def connect(page: JobsPage, bridge: Bridge, window: Window) -> None:
    """Answer what the page wants from the bridge's engine."""

    def act(key: str, scope: JobScope) -> None:
        if key == "remove":
            remove(scope)
        else:
            bridge.operate(f"{key} jobs", partial(_ACTS[key], scope), then=page.show_changed)

    def remove(scope: JobScope) -> None:
        batches: list[str] = []

        def then() -> None:
            offer_undo(bridge, window, scope.queue, batches, then=page.show_changed)
            page.show_changed()

        bridge.operate("remove jobs", partial(_remove, scope, batches), then=then)

    def rerun(name: str, arguments: dict[str, object]) -> None:
        # A request and no operation: what is wrong with the arguments belongs into the dialog, not above the page.
        bridge.request("jobs.rerun", lambda engine: _add(engine, name, arguments))

    bridge.sampled.connect(page.show_snapshot)
    bridge.gone.connect(lambda *_: page.show_gone())
    bridge.answered.connect(partial(_answer, page, window))
    bridge.refused.connect(partial(_refuse, page))
    page.page_wanted.connect(
        lambda queue, state, number: bridge.request(
            f"jobs.page.{number}", lambda engine: _page(engine, queue, state, number)
        )
    )
    page.search_wanted.connect(
        lambda number, queue, state, query, after: bridge.request(
            "jobs.search", lambda engine: _search(engine, number, queue, state, query, after)
        )
    )
    page.job_wanted.connect(
        lambda queue, job_id: bridge.request("jobs.job", lambda engine: _job(engine, queue, job_id))
    )
    page.trace_wanted.connect(lambda trace: bridge.request("jobs.trace", lambda engine: engine.monitor.trace(trace)))
    page.count_wanted.connect(lambda scope: bridge.request("jobs.count", lambda engine: _count(engine, scope)))
    page.act_wanted.connect(act)
    page.export_wanted.connect(
        lambda scope, path: bridge.operate("export jobs", partial(_export, scope, Path(path)), then=lambda: None)
    )
    page.rerun_wanted.connect(rerun)


def _answer(page: JobsPage, window: Window, topic: str, answer: object) -> None:
    match topic.split("."):
        case ["jobs", "page", _]:
            page.show_page(*answer)  # type: ignore[misc]
        case ["jobs", "search"]:
            page.show_searched(*answer)  # type: ignore[misc]
        case ["jobs", "job"]:
            page.show_job(*answer)  # type: ignore[misc]
        case ["jobs", "trace"]:
            page.show_trace(answer)  # type: ignore[arg-type]
        case ["jobs", "count"]:
            page.show_count(answer)  # type: ignore[arg-type]
        case ["jobs", "rerun"]:
            page.show_rerun()
            window.notices.show_notice("success", str(answer))


def _refuse(page: JobsPage, topic: str, words: str) -> None:
    match topic.split("."):
        case ["jobs", "page", number]:
            page.miss_page(int(number), words)
        case ["jobs", "search"]:
            page.show_search_failed(words)
        case ["jobs", "job"]:
            page.show_job_missing(words)
        case ["jobs", "trace"]:
            page.show_trace_missing(words)
        case ["jobs", "count"]:
            page.show_count_failed(words)
        case ["jobs", "rerun"]:
            page.show_rerun_failed(words)


# Reads


async def _page(engine: Engine, queue: str, state: JobState, number: int) -> tuple[str, JobState, int, tuple[Job, ...]]:
    return queue, state, number, await engine.monitor.jobs(queue, state, number * PAGE, PAGE)


async def _search(
    engine: Engine, number: int, queue: str, state: JobState, query: str, after: str | None
) -> tuple[int, Searched]:
    """One step: at most 2,000 jobs looked at, so that the page can tell of it and stop it."""
    found: list[Job] = []
    step = Searched((), 0, 0, after)
    looking = engine.monitor.search(queue, state, parse_filter(query), _FOUND, after)
    async with aclosing(looking) as parts:
        async for step in parts:
            found += step.found
            if step.looked >= _STEP:
                break
    return number, Searched(tuple(found), step.looked, step.total, step.position)


async def _job(engine: Engine, queue: str, job_id: str) -> tuple[Job, object]:
    job = await engine.monitor.job(job_id, queue)
    return job, await engine.monitor.log(job.queue, job_id)


async def _count(engine: Engine, scope: JobScope) -> object:
    return await engine.admin.preview_clean(scope.queue, scope.state, where=_where(scope))


async def _add(engine: Engine, name: str, arguments: dict[str, object]) -> str:
    handle = await engine.client.add(job_payload(name, arguments))
    return f"Added {name} job {handle.id} to {QUEUES[handle.queue].title}."


# Actions


async def _retry(scope: JobScope, engine: Engine, actor: str) -> str:
    count = await engine.admin.retry(scope.queue, scope.ids, state=scope.state, where=_where(scope), actor=actor)
    return f"{_jobs(count)} of {QUEUES[scope.queue].title} will run again."


async def _remove(scope: JobScope, batches: list[str], engine: Engine, actor: str) -> str:
    """Put the quarantine's batches into `batches`."""
    title = QUEUES[scope.queue].title

    async def remove(job_id: str) -> None:
        batches.append((await engine.admin.remove(scope.queue, job_id, actor=actor)).batch or "")

    if scope.ids is None:
        removed = await engine.admin.clean(scope.queue, scope.state, where=_where(scope), actor=actor)
        done, failed = removed.count, ""
        batches.append(removed.batch or "")
    else:
        done, failed = await _each(scope.ids, remove)
    batches[:] = [batch for batch in batches if batch]
    return f"Removed {_jobs(done)} from {title}. The quarantine keeps them for 24 hours.{failed}"


async def _promote(scope: JobScope, engine: Engine, actor: str) -> str:
    ids = await _ids(scope, engine)
    done, failed = await _each(ids, lambda job_id: engine.admin.promote(scope.queue, job_id, actor=actor))
    return f"{_jobs(done)} of {QUEUES[scope.queue].title} can run now.{failed}"


async def _cancel(scope: JobScope, engine: Engine, actor: str) -> str:
    ids = await _ids(scope, engine)
    done, failed = await _each(ids, lambda job_id: engine.admin.cancel(scope.queue, job_id, actor=actor))
    return f"Cancelled {_jobs(done)} of {QUEUES[scope.queue].title}.{failed}"


_ACTS: dict[str, Callable[[JobScope, Engine, str], Awaitable[str]]] = {
    "retry": _retry,
    "promote": _promote,
    "cancel": _cancel,
}


async def _export(scope: JobScope, path: Path, engine: Engine, _actor: str) -> str:
    """Write the jobs as JSON lines, in the order of their state; a started file of an export that failed is removed."""
    unfinished = path.with_name(path.name + ".part")
    count = 0
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            async for jobs in _in_parts(scope, engine):
                file.writelines(json.dumps(asdict(job), ensure_ascii=False) + "\n" for job in jobs)
                count += len(jobs)
        unfinished.replace(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return f"Wrote {_jobs(count)} to {path}."


async def _in_parts(scope: JobScope, engine: Engine) -> AsyncIterator[tuple[Job, ...]]:
    if scope.ids is None:
        async for step in engine.monitor.search(scope.queue, scope.state, parse_filter(scope.query), sys.maxsize):
            yield step.found
    else:
        for start in range(0, len(scope.ids), _EXPORTED_AT_ONCE):
            yield await engine.monitor.named(scope.queue, scope.ids[start : start + _EXPORTED_AT_ONCE])


def _where(scope: JobScope) -> JobFilter | None:
    return parse_filter(scope.query) if scope.ids is None and scope.query else None


async def _ids(scope: JobScope, engine: Engine) -> list[str]:
    if scope.ids is not None:
        return list(scope.ids)
    return await engine.admin.matching(scope.queue, scope.state, parse_filter(scope.query))


async def _each(ids: list[str] | tuple[str, ...], act: Callable[[str], Awaitable[object]]) -> tuple[int, str]:
    """Do it to each; how many it was done to, and words for the rest, with the first reason.

    Raises the reason where it was done to none: between the look and the order they may have gone elsewhere.
    """
    done = 0
    refused: HarkError | None = None
    for job_id in ids:
        try:
            await act(job_id)
        except HarkError as error:
            refused = refused or error
        else:
            done += 1
    if refused is not None and not done:
        raise refused
    return done, f" {_jobs(len(ids) - done)} could not be: {refused.message}" if refused is not None else ""


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"
