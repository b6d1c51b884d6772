"""What an operator does to queues and single jobs: `hark pause`, `concurrency`, `retry`, `cancel` and the like."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import click

from engine.cli.frame import actor, chosen, hark, reasoned, with_engine, with_queues
from engine.cli.output import complain, jobs_text, note, tell
from engine.errors import BadInputError, NotFoundError
from engine.job_filter import JobFilter, parse_filter
from engine.model import JobState, RetryProgress
from engine.queues import require_queue

if TYPE_CHECKING:
    import asyncio

    from engine import Engine

_CANARY_RATE_PER_S = 1000.0
"""How fast the rest follows a canary where no --rate is given."""
_TOLD_EVERY_S = 1.0
_FINISHED = [JobState.FAILED.value, JobState.COMPLETED.value]


# --- queues ---


@hark.command()
@with_queues
@reasoned
def pause(queue: str | None, every: bool, reason: str) -> None:
    """Start no more jobs of QUEUE; those that are active finish."""
    _set_paused(chosen(queue, every), True, reason)


@hark.command()
@with_queues
@reasoned
def resume(queue: str | None, every: bool, reason: str) -> None:
    """Let QUEUE run again."""
    _set_paused(chosen(queue, every), False, reason)


def _set_paused(names: list[str], paused: bool, reason: str) -> None:
    async def work(engine: Engine) -> None:
        change = engine.admin.pause if paused else engine.admin.resume
        for name in names:
            done = await change(name, actor=actor(), reason=reason)
            word = "paused" if paused else "running"
            tell(f"{name} is {word}." if done else f"{name} was {word} already.")

    with_engine(work)


@hark.command()
@click.argument("queue")
@click.argument("concurrency", metavar="[N|default]", required=False)
@reasoned
def concurrency(queue: str, concurrency: str | None, reason: str) -> None:
    """Run N jobs of QUEUE at once in each worker process, from now on; "default" undoes it.

    Without N, tell how many it is now.
    """
    require_queue(queue)
    if concurrency is None:
        snapshot = with_engine(lambda engine: engine.monitor.snapshot(), looking=True)
        (now,) = (state.concurrency for state in snapshot.queues if state.name == queue)
        tell(f"Each worker process runs {now} of {queue} at once.")
        return
    from engine.admin import MOST_CONCURRENCY

    number = int(concurrency) if re.fullmatch("[0-9]{1,9}", concurrency) else 0
    if concurrency != "default" and not 1 <= number <= MOST_CONCURRENCY:
        raise BadInputError(
            f"{concurrency!r} is no number of jobs.", f"Give a number from 1 to {MOST_CONCURRENCY}, or default."
        )
    with_engine(lambda engine: engine.admin.set_concurrency(queue, number, actor=actor(), reason=reason))
    if number:
        tell(f"Each worker process runs {number} of {queue} at once from now on.")
    else:
        tell(f"Workers go by their own setting for {queue} again.")


# --- retry ---


@hark.command()
@with_queues
@click.argument("job_ids", metavar="[JOB]...", nargs=-1)
@click.option("--state", type=click.Choice(_FINISHED), default="failed", show_default=True, help="Which jobs.")
@click.option("--where", "query", metavar="QUERY", help="Only jobs that match, such as error:timeout.")
@click.option("--rate", metavar="N/s", help="No more than N a second (or N/m, a minute); Ctrl-C stops it.")
@click.option("--canary", type=click.IntRange(min=1), help="First N; the rest only where none of them fails again.")
@reasoned
def retry(
    queue: str | None,
    every: bool,
    job_ids: tuple[str, ...],
    state: str,
    query: str | None,
    rate: str | None,
    canary: int | None,
    reason: str,
) -> int:
    """Run failed (or completed) jobs of QUEUE again, with all their attempts: all, the named, or those that match."""
    names = chosen(queue, every)
    if job_ids and (query is not None or rate is not None or canary is not None):
        raise click.UsageError("Named jobs are retried at once: leave out --where, --rate and --canary.")
    where = None if query is None else parse_filter(query)
    which = JobState(state)
    if rate is not None or canary is not None:
        per_s = _CANARY_RATE_PER_S if rate is None else _rate_per_s(rate)
        gradually = _Gradually(which, where, per_s, canary or 0, reason)
        return with_engine(lambda engine: gradually.run(engine, names))

    ids = list(dict.fromkeys(job_ids)) or None

    async def work(engine: Engine) -> int:
        retried = 0
        for name in names:
            count = await engine.admin.retry(name, ids, state=which, where=where, actor=actor(), reason=reason)
            if count or ids is None:
                tell(f"{jobs_text(count, which)} of {name} {'runs' if count == 1 else 'run'} again.")
            retried += count
        return retried

    missing = len(ids or ()) - with_engine(work)
    if ids is not None and missing:
        few = f"{missing} of the {len(ids)} named jobs {'is' if missing == 1 else 'are'}"
        raise NotFoundError(
            f"{f'Job {ids[0]} is' if len(ids) == 1 else few} not among the {which} jobs of {names[0]}.",
            f"List those with `hark jobs {names[0]} --state {which}`.",
        )
    return 0


def _rate_per_s(rate: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(?:/(s|m|min))?", rate)
    if found is None or not float(found[1]):
        raise BadInputError(f"{rate!r} is no rate.", "Write it like 50/s, or 30/m for a minute.")
    return float(found[1]) / (1 if found[2] in (None, "s") else 60)


class _Gradually:
    """A retry at a set rate, told line by line, that Ctrl-C stops between two steps."""

    def __init__(self, state: JobState, where: JobFilter | None, per_s: float, canary: int, reason: str) -> None:
        self._state = state
        self._where = where
        self._per_s = per_s
        self._canary = canary
        self._reason = reason

    async def run(self, engine: Engine, queues: Sequence[str]) -> int:
        """Do it queue by queue; the exit code: 0, 1 where a canary failed, 130 where it was stopped."""
        import asyncio
        import signal
        from contextlib import suppress

        stop = asyncio.Event()
        with suppress(NotImplementedError, ValueError):  # Windows' loop, or no main thread: Ctrl-C ends the command
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
        codes = []
        for queue in queues:
            codes.append(await self._run(engine, queue, stop))
            if stop.is_set():
                break
        return max(codes)

    async def _run(self, engine: Engine, queue: str, stop: asyncio.Event) -> int:
        import asyncio

        loop = asyncio.get_running_loop()
        last = RetryProgress(0, 0)
        told_at_s = 0.0
        async for last in engine.admin.retry_gradually(
            queue,
            rate_per_s=self._per_s,
            canary=self._canary,
            state=self._state,
            where=self._where,
            stop=stop,
            actor=actor(),
            reason=self._reason,
        ):
            first_of_canary = self._canary and last.canary_completed is None
            if first_of_canary:
                tell(f"Retried {last.retried} of {last.total} as a canary; waiting for their end.")
            elif loop.time() - told_at_s >= _TOLD_EVERY_S and last.retried < last.total and not last.stopped:
                tell(f"Retried {last.retried} of {last.total} {self._state} jobs of {queue}.")
                told_at_s = loop.time()
        if stop.is_set() and last.stopped:
            note(f"Stopped: {last.retried} of {last.total} {self._state} jobs of {queue} were retried.")
            return 130
        if last.canary_failed:
            left = last.total - last.retried
            birds = "The canary" if last.retried == 1 else f"{last.canary_failed} of the {last.retried} canaries"
            complain(f"{birds} failed again: the other {left} stay as they are. See why with `hark failures {queue}`.")
            return 1
        tell(f"Retried {last.retried} of {last.total} {self._state} jobs of {queue}.")
        return 0


# --- single jobs ---


@hark.command()
@click.argument("queue")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@reasoned
def cancel(queue: str, job_ids: tuple[str, ...], reason: str) -> int:
    """End jobs of QUEUE that have not ended: they fail. A running one ends within about a second."""

    async def work(engine: Engine, job_id: str) -> str:
        state = await engine.admin.cancel(queue, job_id, actor=actor(), reason=reason)
        return f"{job_id} is told to end." if state is JobState.ACTIVE else f"{job_id} is cancelled."

    return _each(queue, job_ids, work)


@hark.command()
@click.argument("queue")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@reasoned
def promote(queue: str, job_ids: tuple[str, ...], reason: str) -> int:
    """Run delayed jobs of QUEUE now."""

    async def work(engine: Engine, job_id: str) -> str:
        await engine.admin.promote(queue, job_id, actor=actor(), reason=reason)
        return f"{job_id} waits to run now."

    return _each(queue, job_ids, work)


@hark.command()
@click.argument("queue")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True)
@reasoned
def remove(queue: str, job_ids: tuple[str, ...], reason: str) -> int:
    """Take jobs of QUEUE away, into the quarantine. One that runs must be cancelled first."""

    async def work(engine: Engine, job_id: str) -> str:
        removed = await engine.admin.remove(queue, job_id, actor=actor(), reason=reason)
        return f"Removed {job_id}. Undo it with `hark restore {queue} {removed.batch}`."

    return _each(queue, job_ids, work)


def _each(queue: str, job_ids: tuple[str, ...], work: Callable[[Engine, str], Awaitable[str]]) -> int:
    """Do it to each job, whatever becomes of the others; 1 where one was refused."""
    require_queue(queue)

    async def all_of_them(engine: Engine) -> int:
        refused = 0
        for job_id in dict.fromkeys(job_ids):
            try:
                tell(await work(engine, job_id))
            except (BadInputError, NotFoundError) as error:
                complain(str(error))
                refused = 1
        return refused

    return with_engine(all_of_them)
