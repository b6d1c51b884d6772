"""`hark status`, `jobs`, `job` and `doctor`: looking at what is there, nothing changed."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from engine.cli.frame import Switches, hark, with_engine
from engine.cli.output import compact, moment, note, print_json, print_table, tell, tell_beside
from engine.figures import failure_rate, jobs_per_minute, status_json
from engine.job_filter import parse_filter
from engine.model import Job, JobState, LogLine
from engine.queues import QUEUES, require_queue

if TYPE_CHECKING:
    from engine import Engine

_MOST_LOOKED_AT = 100_000
"""Jobs that one `hark jobs` reads of a state before it stops and says where to go on."""
_TOLD_EVERY_S = 1.0
_FOLLOW_S = 0.5


@hark.command()
@click.argument("queue", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(queue: str | None, as_json: bool) -> None:
    """Show counts, rates and workers, of all queues or of QUEUE.

    "jobs/min" is the mean of the last 5 full minutes, "failing" the share of the last hour's jobs.
    """
    if queue is not None:
        require_queue(queue)
    snapshot = with_engine(lambda engine: engine.monitor.snapshot())
    states = [state for state in snapshot.queues if queue in (None, state.name)]
    if as_json:
        print_json(status_json(snapshot, queue))
        return
    heads = "QUEUE STATE WAITING DELAYED ACTIVE COMPLETED FAILED JOBS/MIN FAILING WORKERS"
    rows: list[Sequence[str]] = [heads.split()]
    for state in states:
        share = failure_rate([state]).share
        rows.append(
            (
                state.name,
                "paused" if state.paused else "running",
                *(str(n) for n in (state.waiting, state.delayed, state.active, state.completed, state.failed)),
                f"{jobs_per_minute(state):.1f}",
                "-" if share is None else f"{share:.1%}",
                str(state.workers),
            )
        )
    print_table(rows, left=2)
    tell("")
    for worker in snapshot.workers:
        served = "all queues" if len(worker.queues) == len(QUEUES) else ", ".join(worker.queues)
        doing = f"{worker.active} active, {'stopping' if worker.stopping else served}"
        tell(f"Worker {worker.id} on {worker.host}, process {worker.pid}: {doing}")
    if not snapshot.workers:
        tell("No worker is running. Start one with `hark worker`.")
    tell(f"Redis: {snapshot.redis}")


@hark.command()
@click.argument("queue")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs of this state.")
@click.option("--search", "--where", "query", metavar="QUERY", default="", help="Only jobs that match.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The most jobs to show.")
@click.option("--after", metavar="POSITION", help="Go on where an earlier search stopped; needs --state.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def jobs(queue: str, state: str | None, query: str, limit: int, after: str | None, as_json: bool) -> None:
    """List the jobs of QUEUE: the next to run first, of the ended ones the newest first.

    A QUERY is words that must all match: name:create-task, error:timeout, args.to:anna, older:2h,
    signature:1f2e..., any other text; -word means not. How far a search came is told on standard error.
    """
    require_queue(queue)
    if after is not None and state is None:
        raise click.UsageError("--after needs the --state that it goes on in.")
    states = tuple(JobState) if state is None else (JobState(state),)
    where = parse_filter(query)

    async def work(engine: Engine) -> tuple[list[Job], list[str]]:
        found: list[Job] = []
        notes: list[str] = []
        told_at_s = time.monotonic()
        for one in states:
            wanted = limit - len(found)
            if not wanted:
                break
            async for page in engine.monitor.search(queue, one, where, wanted, after):
                found += page.found
                if page.position is None:
                    continue
                progress = f"searched {page.looked:,} of {page.total:,} {one} jobs"
                if len(found) == limit or page.looked >= _MOST_LOOKED_AT:
                    notes.append(f"{progress}; go on with --state {one} --after {page.position}")
                    break
                if sys.stderr.isatty() and time.monotonic() - told_at_s >= _TOLD_EVERY_S:
                    note(progress)
                    told_at_s = time.monotonic()
        return found, notes

    found, notes = with_engine(work)
    if as_json:
        print_json([dataclasses.asdict(job) for job in found])
    elif not found:
        tell("There are no such jobs.")
    else:
        rows = [("ID", "NAME", "STATE", "ATTEMPTS", "CREATED", "ERROR")]
        for job in found:
            attempts = f"{job.attempts_made}/{job.attempts}"
            error = (job.error or "").partition("\n")[0]
            rows.append((job.id, job.name, job.state.value, attempts, moment(job.created_at_ms), error))
        print_table(rows, left=len(rows[0]))
    for text in notes:
        note(text)


@hark.command()
@click.argument("job_id", metavar="ID")
@click.option("--follow", is_flag=True, help="Show its log and progress until it ends; exit code 1 where it fails.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def job(job_id: str, follow: bool, as_json: bool) -> int:
    """Show everything that is known about one job: its record, failed attempts and log."""
    if follow and as_json:
        raise click.UsageError("Give either --follow or --json.")

    async def work(engine: Engine) -> tuple[Job, tuple[LogLine, ...]]:
        found = await engine.monitor.job(job_id)
        log_lines = await engine.monitor.log(found.queue, job_id)
        if follow:
            _show(found, log_lines)
            found = await _follow(engine, found, log_lines)
        return found, log_lines

    found, log_lines = with_engine(work)
    if as_json:
        print_json(dataclasses.asdict(found) | {"log": [dataclasses.asdict(line) for line in log_lines]})
    elif not follow:
        _show(found, log_lines)
    return 1 if follow and found.state is JobState.FAILED else 0


def _show(found: Job, log_lines: Sequence[LogLine]) -> None:
    for name, value in dataclasses.asdict(found).items():
        if value is None or name == "history":
            continue
        if name.endswith("_at_ms"):
            name, value = name.removesuffix("_ms"), moment(value)
        text = value if isinstance(value, str) else compact(value)
        separator = "\n" if "\n" in text else ""
        tell(f"{name + ':':<15} {separator}{text}")
    for attempt in found.history:
        took_s = max(0, attempt.ended_at_ms - attempt.started_at_ms) / 1000
        where = f"{moment(attempt.started_at_ms)} for {took_s:.3f} s on {attempt.worker or '-'}"
        tell(f"attempt {attempt.number}: {where}: {attempt.error}".rstrip())
    _tell_log(log_lines)


def _tell_log(lines: Sequence[LogLine]) -> None:
    for line in lines:
        tell(f"log {moment(line.at_ms)} {line.text}")


async def _follow(engine: Engine, found: Job, known: Sequence[LogLine]) -> Job:
    """Tell what is new in the job's log and of its progress until it has ended; gives its last record."""
    import asyncio

    progress = found.progress
    while found.state not in (JobState.COMPLETED, JobState.FAILED):
        await asyncio.sleep(_FOLLOW_S)
        now = await engine.monitor.job(found.id)
        lines = await engine.monitor.log(now.queue, now.id)
        # Only the last thousand lines are kept: what is new begins behind the last one known.
        place = max((at for at, line in enumerate(lines) if known and line == known[-1]), default=-1)
        _tell_log(lines[place + 1 :])
        known = lines or known
        if now.progress != progress:
            progress = now.progress
            tell(f"progress {compact(progress)}")
        if now.state is not found.state:
            tell(f"It is {now.state}." + (f" {now.error}" if now.error and now.state is not JobState.ACTIVE else ""))
        found = now
    return found


@hark.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def doctor(switches: Switches, as_json: bool) -> int:
    """Look for what is wrong, and say what to do about it.

    Looks at the settings, Redis, workers, queues, stalled jobs, speech, keys, the microphone, disk and
    memory. Ends with exit code 1 where something needed does not work. Where no Redis is set, Hark's own
    is started for it, as by every command.
    """
    import asyncio

    from engine.doctor import Level, examine, verdict

    findings = asyncio.run(examine(switches.doctor_checks()))
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = finding.level.value if finding.level in (Level.OK, Level.SKIPPED) else finding.level.value.upper()
            told = [" ".join(finding.message.split()), *([f"-> {finding.remedy}"] if finding.remedy else [])]
            tell_beside(f"{mark:<8} {finding.check + ':':<16}", *told)
        tell("")
        tell_beside("", verdict(findings))
    return 1 if any(finding.level is Level.ERROR for finding in findings) else 0
