"""The Jobs page's reads and actions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from desktop.bridge import Bridge
from desktop.console import job_work
from desktop.console.job_search import search
from desktop.console.undo import offer_undo
from desktop.pages.jobs import JobsPage
from desktop.widgets.job_actions import JobScope
from desktop.widgets.job_table_model import PAGE
from desktop.window import Window
from engine import Engine
from engine.job_types import job_payload
from engine.model import CleanPreview, Job, JobState
from engine.queues import QUEUES

_SAMPLES = 5
_ACTS = {
    "retry": job_work.retry,
    "promote": job_work.promote,
    "cancel": job_work.cancel,
}


def connect(page: JobsPage, bridge: Bridge, window: Window) -> None:
    """Answer what the page wants from the bridge's engine."""

    def act(key: str, scopes: tuple[JobScope, ...]) -> None:
        if key == "remove":
            remove(scopes)
        else:
            bridge.operate(
                f"{key} jobs", partial(job_work.on_each, _ACTS[key], page.list, scopes), then=page.show_changed
            )

    def remove(scopes: tuple[JobScope, ...]) -> None:
        batches: list[tuple[str, str]] = []

        def then() -> None:
            offer_undo(bridge, window, batches, then=page.show_changed)
            page.show_changed()

        act_on = partial(job_work.remove, batches)
        bridge.operate("remove jobs", partial(job_work.on_each, act_on, page.list, scopes), then=then)

    def export(scopes: tuple[JobScope, ...], path: str) -> None:
        act_on = partial(job_work.export, Path(path), len(scopes) > 1)
        bridge.operate("export jobs", partial(job_work.on_each, act_on, page.list, scopes), then=lambda: None)

    def rerun(name: str, arguments: dict[str, object]) -> None:
        # A request and no operation: what is wrong with the arguments belongs into the dialog, not above the page.
        like = page.detail.job.id if page.detail.job is not None else ""
        bridge.request("jobs.rerun", lambda engine: _add(engine, name, arguments, like, bridge.actor))

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
            "jobs.search", lambda engine: search(engine, number, queue, state, query, after)
        )
    )
    page.job_wanted.connect(
        lambda queue, job_id: bridge.request("jobs.job", lambda engine: _job(engine, queue, job_id))
    )
    page.trace_wanted.connect(lambda trace: bridge.request("jobs.trace", lambda engine: engine.monitor.trace(trace)))
    page.list.count_wanted.connect(lambda scopes: bridge.request("jobs.count", lambda engine: _count(engine, scopes)))
    page.list.act_wanted.connect(act)
    page.list.export_wanted.connect(export)
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
            page.list.show_count(answer)  # type: ignore[arg-type]
        case ["jobs", "rerun"]:
            page.show_rerun()
            window.notices.show_notice("success", str(answer))


def _refuse(page: JobsPage, topic: str, words: str) -> None:
    match topic.split("."):
        case ["jobs", "page", number]:
            page.miss_page(int(number), words)
        case ["jobs", "search"]:
            page.search.show_failed(words)
        case ["jobs", "job"]:
            page.show_job_missing(words)
        case ["jobs", "trace"]:
            page.show_trace_missing(words)
        case ["jobs", "count"]:
            page.list.show_count_failed(words)
        case ["jobs", "rerun"]:
            page.show_rerun_failed(words)


# Reads


async def _page(engine: Engine, queue: str, state: JobState, number: int) -> tuple[str, JobState, int, tuple[Job, ...]]:
    return queue, state, number, await engine.monitor.jobs(queue, state, number * PAGE, PAGE)


async def _job(engine: Engine, queue: str, job_id: str) -> tuple[Job, object]:
    job = await engine.monitor.job(job_id, queue)
    return job, await engine.monitor.log(job.queue, job_id)


async def _count(engine: Engine, scopes: tuple[JobScope, ...]) -> CleanPreview:
    """How many jobs all the scopes mean together, with a few of them."""
    parts = [await engine.admin.preview_clean(one.queue, one.state, where=job_work.where(one)) for one in scopes]
    samples = tuple(job for part in parts for job in part.samples)[:_SAMPLES]
    return replace(parts[0], count=sum(part.count for part in parts), samples=samples)


async def _add(engine: Engine, name: str, arguments: dict[str, object], like: str, actor: str) -> str:
    """Add a job with other arguments than the job `like` had. Raises WriteLockedError on a locked connection."""
    engine.admin.write_lock.check()
    handle = await engine.client.add(job_payload(name, arguments))
    await engine.admin.note(handle.queue, "rerun", {"job": handle.id, "like": like}, actor=actor)
    return f"Added {name} job {handle.id} to {QUEUES[handle.queue].title}."
