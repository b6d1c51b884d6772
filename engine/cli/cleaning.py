"""Taking jobs away and bringing them back: `hark clean`, `drain`, `quarantine`, `restore` and `export`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from engine.cli.frame import actor, chosen, hark, reasoned, with_engine, with_queues
from engine.cli.output import compact, jobs_text, moment, note, on_terminal, print_json, print_table, tell
from engine.errors import BadInputError
from engine.job_filter import JobFilter, parse_filter
from engine.model import CleanPreview, Job, JobState, QuarantineBatch
from engine.queues import QUEUES, require_queue

if TYPE_CHECKING:
    from engine import Engine

_TYPED_ABOVE = 1000
"""Beyond so many jobs a yes is not enough: the queue's name is to be typed."""
_STATES = [state.value for state in JobState]


@hark.command()
@with_queues
@click.option("--status", "--state", "status_name", type=click.Choice(_STATES), required=True, help="Which jobs.")
@click.option(
    "--grace",
    "grace_ms",
    metavar="MS",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Keep jobs that ended (or, not yet run, were added) within so many milliseconds.",
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Remove at most N of a queue, the oldest first; 0: all.",
)
@click.option("--where", "query", metavar="QUERY", help="Only jobs that match, such as error:timeout.")
@click.option("--purge", is_flag=True, help="Remove them for good, not into the quarantine.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@reasoned
def clean(
    queue: str | None,
    every: bool,
    status_name: str,
    grace_ms: int,
    limit: int,
    query: str | None,
    purge: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
) -> int:
    """Remove jobs of QUEUE, into the quarantine, where they can be restored for 24 hours.

    Of active jobs only those go whose worker has died. Asks first on a terminal, never in a script.
    """
    names = chosen(queue, every)
    state = JobState(status_name)
    where = None if query is None else parse_filter(query)

    async def work(engine: Engine) -> None:
        for name in names:
            removed = await engine.admin.clean(
                name, state, grace_ms, limit, where=where, purge=purge, actor=actor(), reason=reason
            )
            undo = f" Undo it with `hark restore {name} {removed.batch}`." if removed.batch else ""
            tell(f"Removed {jobs_text(removed.count, state)} from {name}.{undo}")

    if dry_run or (not yes and on_terminal()):
        found = with_engine(lambda engine: _previews(engine, names, [state], grace_ms, limit, where), looking=True)
        if dry_run:
            return _shown(found, every)
        ended = _asked(found, every, purge)
        if ended is not None:
            return ended
    with_engine(work)
    return 0


@hark.command()
@with_queues
@click.option("--delayed", is_flag=True, help="The delayed jobs, too.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@reasoned
def drain(queue: str | None, every: bool, delayed: bool, dry_run: bool, yes: bool, reason: str) -> int:
    """Remove all waiting jobs of QUEUE, into the quarantine; what is active finishes."""
    names = chosen(queue, every)
    states = [JobState.WAITING, JobState.DELAYED] if delayed else [JobState.WAITING]

    async def work(engine: Engine) -> None:
        for name in names:
            parts = await engine.admin.drain(name, delayed=delayed, actor=actor(), reason=reason)
            for state, removed in zip(states, parts, strict=True):
                undo = f" Undo it with `hark restore {name} {removed.batch}`." if removed.batch else ""
                tell(f"Removed {jobs_text(removed.count, state)} from {name}.{undo}")

    if dry_run or (not yes and on_terminal()):
        found = with_engine(lambda engine: _previews(engine, names, states, 0, 0, None), looking=True)
        if dry_run:
            return _shown(found, every)
        ended = _asked(found, every, purge=False)
        if ended is not None:
            return ended
    with_engine(work)
    return 0


async def _previews(
    engine: Engine, names: Sequence[str], states: Sequence[JobState], grace_ms: int, limit: int, where: JobFilter | None
) -> list[CleanPreview]:
    return [
        await engine.admin.preview_clean(name, state, grace_ms, limit, where=where)
        for name in names
        for state in states
    ]


def _shown(previews: Sequence[CleanPreview], every: bool) -> int:
    """Tell what would go, and no more; the exit code."""
    _show(previews)
    if not any(preview.count for preview in previews):
        tell(_nothing(previews, every))
    return 0


def _nothing(previews: Sequence[CleanPreview], every: bool) -> str:
    return f"There is nothing to remove from {'any queue' if every else f'the {previews[0].queue} queue'}."


def _show(previews: Sequence[CleanPreview]) -> None:
    for preview in previews:
        if not preview.count:
            continue
        tell(f"{preview.queue}: {jobs_text(preview.count, preview.state)}")
        if preview.oldest_at_ms is not None and preview.newest_at_ms is not None:
            tell(f"  from {moment(preview.oldest_at_ms)} to {moment(preview.newest_at_ms)}")
        for job in preview.samples:
            error = (job.error or "").partition("\n")[0]
            tell(f"  {job.id} {job.name} {compact(job.arguments)[:100]} {error}".rstrip())


def _asked(previews: Sequence[CleanPreview], every: bool, purge: bool) -> int | None:
    """Show what would go, and ask; None to go on, else the exit code to end with."""
    _show(previews)
    count = sum(preview.count for preview in previews)
    place = "all queues" if every else f"the {previews[0].queue} queue"
    states = {preview.state for preview in previews if preview.count}
    what = jobs_text(count, states.pop()) if len(states) == 1 else f"{count} jobs"
    how = "for good" if purge else "into the quarantine"
    if not count:
        tell(_nothing(previews, every))
        return 0
    if count > _TYPED_ABOVE:
        name = "all" if every else previews[0].queue
        question = f"Remove {what} from {place} {how}? Type {name} to do it"
        agreed = click.prompt(question, default="", show_default=False) == name
    else:
        agreed = click.confirm(f"Remove {what} from {place} {how}?")
    if agreed:
        return None
    tell("Nothing was removed.")
    return 1


@hark.command()
@click.argument("queue", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def quarantine(queue: str | None, as_json: bool) -> None:
    """List what was removed within 24 hours and can be restored, of all queues or of QUEUE, newest first."""
    names = list(QUEUES) if queue is None else [require_queue(queue)]

    async def work(engine: Engine) -> list[QuarantineBatch]:
        found = [batch for name in names for batch in await engine.admin.quarantined(name)]
        return sorted(found, key=lambda batch: batch.at_ms, reverse=True)

    batches = with_engine(work)
    if as_json:
        print_json([dataclasses.asdict(batch) for batch in batches])
    elif not batches:
        tell("The quarantine is empty.")
    else:
        rows = [("BATCH", "QUEUE", "REMOVED", "UNTIL", "BY", "JOBS", "REASON")]
        for batch in batches:
            counts = ", ".join(f"{count} {state}" for state, count in batch.counts.items())
            times = (moment(batch.at_ms), moment(batch.until_ms))
            rows.append((batch.id, batch.queue, *times, batch.actor, counts, batch.reason))
        print_table(rows, left=len(rows[0]))
        tell("\nBring one back with `hark restore QUEUE BATCH`.")


@hark.command()
@click.argument("queue")
@click.argument("batch")
@reasoned
def restore(queue: str, batch: str, reason: str) -> int:
    """Bring the removed jobs of a BATCH back to where they were; `hark quarantine` lists batches."""
    require_queue(queue)
    came, stayed = with_engine(lambda engine: engine.admin.restore(queue, batch, actor=actor(), reason=reason))
    tell(f"Restored {came} job{'' if came == 1 else 's'} of {queue}.")
    if stayed:
        note(f"{stayed} stay in the quarantine: new jobs have their ids. Remove those first.")
    return 1 if stayed else 0


@hark.command()
@click.argument("queue")
@click.option("--batch", metavar="BATCH", help="Jobs of this batch of the quarantine.")
@click.option("--state", type=click.Choice(_STATES), help="Jobs of this state.")
@click.option("--where", "query", metavar="QUERY", default="", help="Only jobs that match.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file in place of the output.")
def export(queue: str, batch: str | None, state: str | None, query: str, output: Path | None) -> None:
    """Write jobs of QUEUE as JSON lines, one job a line, as `hark job --json` shows it without its log."""
    if (batch is None) == (state is None):
        raise click.UsageError("Give either --batch or --state.")
    require_queue(queue)
    where = parse_filter(query)

    async def work(engine: Engine) -> int:
        if batch is not None:
            jobs = _of_batch(engine, queue, batch, where)
        else:
            jobs = _of_state(engine, queue, JobState(state or ""), where)
        count = 0
        with _written(output) as file:
            async for job in jobs:
                line = json.dumps(dataclasses.asdict(job))
                if file is None:
                    tell(line)
                else:
                    file.write(f"{line}\n")
                count += 1
        return count

    count = with_engine(work)
    if output is None and not count:
        note("There are no such jobs.")
    elif output is not None:
        tell(f"Wrote {count} job{'' if count == 1 else 's'} to {output}.")


async def _of_batch(engine: Engine, queue: str, batch: str, where: JobFilter) -> AsyncIterator[Job]:
    import time

    now_ms = int(time.time() * 1000)
    async for job in engine.admin.quarantined_jobs(queue, batch):
        if where.matches(job, now_ms):
            yield job


async def _of_state(engine: Engine, queue: str, state: JobState, where: JobFilter) -> AsyncIterator[Job]:
    async for page in engine.monitor.search(queue, state, where, 2**53):
        for job in page.found:
            yield job


@contextmanager
def _written(path: Path | None) -> Iterator[IO[str] | None]:
    """A file that is there only once all is in it; None for the output."""
    if path is None:
        yield None
        return
    if not path.name or path.is_dir():
        raise BadInputError(f"{path} is a folder.", "Give a file name.")
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror or error}.", "Choose another file.") from error
    finally:
        unfinished.unlink(missing_ok=True)
