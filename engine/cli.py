"""The command line: `hark ask`, `status`, `jobs`, `pause` and the rest.

Hides click. Nothing heavy is imported before a command needs it, so that `--help` and the app's
start stay fast. Commands print their outcome on standard output; whatever goes wrong is one line on
standard error that says what to do, with exit code 1 (2 for wrong usage, 130 for Ctrl-C).

What `--json` prints is a contract for scripts; fields may be added, never renamed:

    status   {"taken_at_ms", "redis", "workers": [a WorkerInfo], "queues": [a queue]}; a queue has
             "name", "title", "paused", "concurrency", the counts "waiting", "delayed", "active",
             "completed" and "failed", "oldest_waiting_ms" (or null), "workers", "jobs_per_minute"
             (ended jobs a minute, mean of the last 5 full minutes), "failure_rate" (0 to 1, of the
             jobs ended within the last hour; null where none did), "completed_total", "failed_total"
    jobs     a list of jobs, each with the fields of `engine.model.Job`
    job      one such job
    ask      {"transcript", "reply" (or null), "actions": [an Action], "stages": [{"queue",
             "waited_ms", "ran_ms"}], "spoken" (the file written, or null), "error" (or null)}
    schedules
             a list of recurring jobs, each with the fields of `engine.model.Schedule`
    doctor   a list of findings, the worst first: {"check" (a name such as "redis", "workers" or
             "disk"; a check may have several findings), "level" ("error", "warning", "note", "ok"
             or "skipped"), "message", "remedy" ("" where nothing is to be done)}
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import log
from engine.errors import BadInputError, HarkError, NotFoundError
from engine.figures import failure_rate, jobs_per_minute, status_json
from engine.model import Job, JobState, Schedule
from engine.queues import QUEUES, require_queue

if TYPE_CHECKING:
    from engine import Engine
    from engine.audio import Recording
    from engine.doctor import Check
    from engine.settings import Settings

_log = log.get_logger("cli")
_T = TypeVar("_T")

_PAGE = 500
_WORKER_START_S = 30.0
"""The longest wait for the first sign of life of a worker that `ask` has started."""
_CLEANABLE = [state.value for state in JobState if state is not JobState.ACTIVE]


def main(argv: Sequence[str] | None = None, doctor_checks: Callable[[], Sequence[Check]] = tuple) -> int:
    """Run one command line (`sys.argv` where None) and return its exit code; errors are printed here.

    `doctor_checks` makes checks of what the engine does not know, such as the microphone, for `doctor` to run.
    """
    switches = _Switches(doctor_checks)
    try:
        code = hark.main(None if argv is None else list(argv), prog_name="hark", standalone_mode=False, obj=switches)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        # click's word for Ctrl-C, or the end of input at a question.
        return 130
    except HarkError as error:
        return _fail(str(error), switches)
    except Exception as error:  # noqa: BLE001 - the outermost frame: a bug is told in one line, too
        return _fail(f"Hark met an error of its own ({type(error).__name__}: {error}). See it with --debug.", switches)
    return code if isinstance(code, int) else 0


class _Switches:
    """What holds for the whole command line."""

    def __init__(self, doctor_checks: Callable[[], Sequence[Check]]) -> None:
        self.debug = False
        self.doctor_checks = doctor_checks


def _fail(message: str, switches: _Switches) -> int:
    if switches.debug:
        import traceback

        traceback.print_exc()
    _complain(message)
    return 1


def _turn_on_debug(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_object(_Switches).debug = True  # type: ignore[union-attr]
        log.configure(debug=True)


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_turn_on_debug, help="Debug logs, and tracebacks."
    )


class _Command(click.Command):
    """A command that takes --debug, so that it may stand at the end of the line as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_debug_option())


class _Group(click.Group):
    command_class = _Command


@click.group(cls=_Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def hark(context: click.Context) -> None:
    """Talk to Hark, and operate its queues."""
    switches = context.find_object(_Switches)
    log.configure(debug=switches is not None and switches.debug)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


hark.params.append(_debug_option())


# --- ask ---


@hark.command()
@click.argument("text", required=False)
@click.option("--audio", type=click.Path(path_type=Path), help="A wav, flac, mp3 or ogg file to take the words from.")
@click.option("--speak", type=click.Path(path_type=Path), help="Write the spoken answer to this wav file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def ask(text: str | None, audio: Path | None, speak: Path | None, as_json: bool) -> int:
    """Send one command, typed (TEXT) or recorded (--audio), through the queues.

    Where no worker runs anywhere, one is started for the time of the command.
    """
    if (text is None) == (audio is None):
        raise click.UsageError("Give the words, or --audio FILE.")
    if speak is not None and (speak.is_dir() or not speak.absolute().parent.is_dir()):
        raise BadInputError(f"{speak} cannot be written.", "Give a file name in a folder that exists.")
    said = _read_recording(audio) if audio is not None else _checked_words(text or "")

    async def work(engine: Engine) -> int:
        async with _some_worker(engine):
            return await _ask(engine, said, speak, as_json)

    return _with_engine(work)


async def _ask(engine: Engine, said: str | Recording, speak: Path | None, as_json: bool) -> int:
    from engine.audio import Recording
    from engine.model import CommandFailed, Heard, Replied, Spoken, StageTimed, Waiting

    answer: dict[str, Any] = {
        "transcript": said if isinstance(said, str) else None,
        "reply": None,
        "actions": [],
        "stages": [],
        "spoken": None,
        "error": None,
    }
    if isinstance(said, str):
        _tell(f"Heard:  {said}", as_json)
    async for event in engine.client.ask(said, speak=speak is not None):
        match event:
            case Heard(text=text):
                answer["transcript"] = text
                _tell(f"Heard:  {text}", as_json)
            case Replied(text=text, actions=actions):
                answer["reply"] = text
                answer["actions"] = [dataclasses.asdict(action) for action in actions]
                _tell(f"Hark:   {text}", as_json)
                for action in actions:
                    mark = "Did" if action.ok else "Failed"
                    _tell(f"{mark + ':':<8}{action.name} {_compact(action.arguments)}: {action.outcome}", as_json)
            case Spoken(flac=flac) if speak is not None:
                _write(speak, Recording.decode(flac, "the spoken answer").to_wav())
                answer["spoken"] = str(speak)
                _tell(f"Spoken: {speak}", as_json)
            case StageTimed():
                answer["stages"].append({"queue": event.queue, "waited_ms": event.waited_ms, "ran_ms": event.ran_ms})
            case Waiting(message=message):
                _complain(message)
            case CommandFailed(message=message):
                answer["error"] = message
                _complain(message)
            case _:
                _log.debug("unused event: %s", event)
    if as_json:
        _print_json(answer)
    elif answer["stages"]:
        stages = (f"{one['queue']} {one['ran_ms']} ms (waited {one['waited_ms']} ms)" for one in answer["stages"])
        _tell("Times:  " + ", ".join(stages))
    return 0 if answer["error"] is None else 1


def _checked_words(text: str) -> str:
    if not text.strip():
        raise BadInputError("There are no words in the command.", 'Ask like this: hark ask "what time is it".')
    if len(text) > 20_000:
        raise BadInputError(f"The command has {len(text)} characters.", "Hark takes 20000 at most.")
    return text


def _read_recording(path: Path) -> Recording:
    from engine.audio import MAX_AUDIO_BYTES, Recording

    try:
        with path.open("rb") as file:
            # One more than is allowed: enough to see that it is too much.
            data = file.read(MAX_AUDIO_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}.", "Give a sound file.") from error
    if len(data) > MAX_AUDIO_BYTES:
        raise BadInputError(f"{path} has more than {MAX_AUDIO_BYTES // 1024**2} MB.", "Cut it into shorter parts.")
    try:
        return Recording.decode(data, str(path)).require_speech()
    except BadInputError as error:
        if str(path) in error.message:
            raise
        # Said of a microphone's recording; here it is a file's.
        raise BadInputError(f"{path}: {error.message}", "Give a file in which somebody speaks.") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror or error}.", "Choose another file.") from error


@asynccontextmanager
async def _some_worker(engine: Engine) -> AsyncIterator[None]:
    """Start a worker for the time of the block, unless one runs somewhere already."""
    import asyncio

    if (await engine.monitor.snapshot()).workers:
        yield
        return
    from engine.worker.embedded import EmbeddedPool, worker_command

    _log.debug("no worker runs: starting one for this command")
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell_change() -> None:
        loop.call_soon_threadsafe(changed.set)

    # What goes wrong with the command is told by its events: the worker's log would say it twice.
    volume = "--debug" if _log.isEnabledFor(logging.DEBUG) else "--quiet"
    pool = EmbeddedPool(engine.settings, tell_change, [*worker_command(), volume])
    pool.start()
    try:
        deadline = loop.time() + _WORKER_START_S
        while not (await engine.monitor.snapshot()).workers:
            if pool.restarts or pool.state == "waiting" or loop.time() > deadline:
                why = f" ({pool.error_lines[-1]})" if pool.error_lines else ""
                raise HarkError(f"A worker for this command did not start{why}.", "Start `hark worker` to see why.")
            changed.clear()
            # The child's end is seen at once, its first sign of life in Redis within 50 ms.
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), 0.05)
        yield
    finally:
        await asyncio.to_thread(pool.stop, engine.settings.drain_ms / 1000 + 1)


# --- looking ---


@hark.command()
@click.argument("queue", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(queue: str | None, as_json: bool) -> None:
    """Show counts, rates and workers, of all queues or of QUEUE.

    "jobs/min" is the mean of the last 5 full minutes, "failing" the share of the last hour's jobs.
    """
    if queue is not None:
        require_queue(queue)
    snapshot = _with_engine(lambda engine: engine.monitor.snapshot())
    states = [state for state in snapshot.queues if queue in (None, state.name)]
    if as_json:
        _print_json(status_json(snapshot, queue))
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
    _print_table(rows, left=2)
    _tell("")
    for worker in snapshot.workers:
        served = "all queues" if len(worker.queues) == len(QUEUES) else ", ".join(worker.queues)
        _tell(f"Worker {worker.id} on {worker.host}, process {worker.pid}: {worker.active} active, {served}")
    if not snapshot.workers:
        _tell("No worker is running. Start one with `hark worker`.")
    _tell(f"Redis: {snapshot.redis}")


@hark.command()
@click.argument("queue")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs of this state.")
@click.option("--search", metavar="TEXT", help="Only jobs with TEXT in id, name, arguments or error.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The most jobs to show.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def jobs(queue: str, state: str | None, search: str | None, limit: int, as_json: bool) -> None:
    """List the jobs of QUEUE: the next to run first, of the ended ones the newest first."""
    require_queue(queue)
    states = tuple(JobState) if state is None else (JobState(state),)

    async def work(engine: Engine) -> list[Job]:
        found: list[Job] = []
        async for job in _all_jobs(engine, queue, states):
            if search is None or _mentions(job, search):
                found.append(job)
            if len(found) == limit:
                break
        return found

    found = _with_engine(work)
    if as_json:
        _print_json([dataclasses.asdict(job) for job in found])
    elif not found:
        _tell("There are no such jobs.")
    else:
        rows = [("ID", "NAME", "STATE", "ATTEMPTS", "CREATED", "ERROR")]
        for job in found:
            attempts = f"{job.attempts_made}/{job.attempts}"
            error = (job.error or "").partition("\n")[0]
            rows.append((job.id, job.name, job.state.value, attempts, _moment(job.created_at_ms), error))
        _print_table(rows, left=len(rows[0]))


async def _all_jobs(engine: Engine, queue: str, states: Iterable[JobState]) -> AsyncIterator[Job]:
    for state in states:
        start = 0
        while page := await engine.monitor.jobs(queue, state, start, _PAGE):
            for job in page:
                yield job
            start += _PAGE


def _mentions(job: Job, words: str) -> bool:
    where = (job.id, job.name, _compact(job.arguments), job.error or "")
    return any(words.casefold() in text.casefold() for text in where)


@hark.command()
@click.argument("job_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def job(job_id: str, as_json: bool) -> None:
    """Show everything that is known about one job."""
    found = _with_engine(lambda engine: engine.monitor.job(job_id))
    if as_json:
        _print_json(dataclasses.asdict(found))
        return
    for name, value in dataclasses.asdict(found).items():
        if value is None:
            continue
        if name.endswith("_at_ms"):
            name, value = name.removesuffix("_ms"), _moment(value)
        text = value if isinstance(value, str) else _compact(value)
        separator = "\n" if "\n" in text else ""
        _tell(f"{name + ':':<15} {separator}{text}")


@hark.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def doctor(switches: _Switches, as_json: bool) -> int:
    """Look for what is wrong, and say what to do about it.

    Looks at the settings, Redis, workers, queues, stalled jobs, speech, keys, the microphone, disk and
    memory. Ends with exit code 1 where something needed does not work. Where no Redis is set, Hark's own
    is started for it, as by every command.
    """
    import asyncio

    from engine.doctor import Level, examine, verdict

    findings = asyncio.run(examine(switches.doctor_checks()))
    if as_json:
        _print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = finding.level.value if finding.level in (Level.OK, Level.SKIPPED) else finding.level.value.upper()
            _tell(f"{mark:<8} {finding.check + ':':<16}{' '.join(finding.message.split())}")
            if finding.remedy:
                _tell(f"{'':25}-> {finding.remedy}")
        _tell(f"\n{verdict(findings)}")
    return 1 if any(finding.level is Level.ERROR for finding in findings) else 0


# --- operating ---


def _with_queues(function: Callable[..., Any]) -> Callable[..., Any]:
    """QUEUE or --all, for the commands that act on one queue or on each."""
    function = click.option("--all", "every", is_flag=True, help="All eight queues.")(function)
    return click.argument("queue", required=False)(function)


def _chosen(queue: str | None, every: bool) -> list[str]:
    if (queue is None) != every:
        raise click.UsageError("Name one queue, or give --all.")
    return list(QUEUES) if queue is None else [require_queue(queue)]


@hark.command()
@_with_queues
def pause(queue: str | None, every: bool) -> None:
    """Start no more jobs of QUEUE; those that are active finish."""
    _set_paused(_chosen(queue, every), True)


@hark.command()
@_with_queues
def resume(queue: str | None, every: bool) -> None:
    """Let QUEUE run again."""
    _set_paused(_chosen(queue, every), False)


def _set_paused(names: list[str], paused: bool) -> None:
    async def work(engine: Engine) -> None:
        change = engine.admin.pause if paused else engine.admin.resume
        for name in names:
            done = await change(name, actor=_actor())
            word = "paused" if paused else "running"
            _tell(f"{name} is {word}." if done else f"{name} was {word} already.")

    _with_engine(work)


@hark.command()
@_with_queues
@click.option("--status", "status_name", type=click.Choice(_CLEANABLE), required=True, help="Which jobs to remove.")
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
@click.option("--yes", is_flag=True, help="Do not ask first.")
def clean(queue: str | None, every: bool, status_name: str, grace_ms: int, limit: int, yes: bool) -> int:
    """Remove old jobs of QUEUE for good. Asks first on a terminal, never in a script."""
    names = _chosen(queue, every)
    state = JobState(status_name)

    async def preview(engine: Engine) -> int:
        return sum([(await engine.admin.preview_clean(name, state, grace_ms, limit)).count for name in names])

    async def work(engine: Engine) -> None:
        for name in names:
            removed = await engine.admin.clean(name, state, grace_ms, limit, actor=_actor())
            _tell(f"Removed {_jobs(removed.count, state)} from {name}.")

    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        count = _with_engine(preview)
        where = f"the {names[0]} queue" if len(names) == 1 else "all queues"
        if not click.confirm(f"Remove {_jobs(count, state)} from {where} for good?"):
            _tell("Nothing was removed.")
            return 1
    _with_engine(work)
    return 0


@hark.command()
@_with_queues
@click.argument("job_ids", metavar="[JOB]...", nargs=-1)
def retry(queue: str | None, every: bool, job_ids: tuple[str, ...]) -> int:
    """Run failed jobs of QUEUE again, all or the named ones, with all their attempts."""
    names = _chosen(queue, every)

    async def work(engine: Engine) -> int:
        retried = 0
        for name in names:
            count = await engine.admin.retry(name, list(dict.fromkeys(job_ids)) or None, actor=_actor())
            _tell(f"{_jobs(count, JobState.FAILED)} of {name} {'runs' if count == 1 else 'run'} again.")
            retried += count
        return retried

    missing = len(set(job_ids)) - _with_engine(work)
    if job_ids and missing:
        raise NotFoundError(
            f"{missing} of the {len(set(job_ids))} named jobs did not fail, or not on {names[0]}.",
            f"List those that did with `hark jobs {names[0]} --state failed`.",
        )
    return 0


@hark.command()
@click.option("--queue", "names", metavar="NAME", multiple=True, help="Serve only this queue; may be repeated.")
@click.option("--api", "with_api", is_flag=True, help="Serve the HTTP API as well.")
@click.option("--embedded", is_flag=True, hidden=True, help="End with the standard input: for the app's child.")
@click.option("--quiet", is_flag=True, hidden=True, help="Log nothing but the program's own end.")
def worker(names: tuple[str, ...], with_api: bool, embedded: bool, quiet: bool) -> None:
    """Run jobs until SIGTERM or Ctrl-C, then finish what is active."""
    if quiet:
        log.configure(level=logging.CRITICAL)
    for name in names:
        require_queue(name)
    from engine.worker.lean import without_fastapi

    with without_fastapi():
        from engine.worker.pool import run_worker

    settings = _settings()
    beside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    if with_api:
        from engine.api import serving_api

        beside = functools.partial(serving_api, settings, _tell)
    run_worker(settings, names or None, embedded, beside)


@hark.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen, 127.0.0.1 by default; 0.0.0.0: on every network.")
@click.option("--port", type=int, help="The port, 3210 by default; 0: any free one.")
def api(host: str | None, port: int | None) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from engine.api import run_api

    given = {"api_host": host, "api_port": port}
    run_api(_settings(**{name: value for name, value in given.items() if value is not None}), _tell)


# --- recurring jobs ---


@hark.group(cls=_Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def schedules(context: click.Context, as_json: bool) -> None:
    """List recurring jobs, add or remove them, switch them on and off, run one now.

    Times are shown in each schedule's own time zone.
    """
    if context.invoked_subcommand is not None:
        return
    found = _with_engine(lambda engine: engine.admin.schedules())
    if as_json:
        _print_json([dataclasses.asdict(schedule) for schedule in found])
    elif not found:
        _tell("There are no recurring jobs. A worker installs Hark's own when it starts.")
    else:
        rows = [("ID", "JOB", "STATE", "WHEN", "NEXT", "LAST", "LAST JOB")]
        for one in found:
            state = "on" if one.enabled else "off"
            times = (_slot(one, one.next_at_ms), _slot(one, one.last_at_ms))
            rows.append((one.id, one.job_name, state, _when(one), *times, one.last_job or "-"))
        _print_table(rows, left=len(rows[0]))


schedules.params.append(_debug_option())


@schedules.command("add")
@click.argument("schedule_id", metavar="ID")
@click.option("--job", "job_name", metavar="NAME", required=True, help="The kind of job, such as sync-inbox.")
@click.option("--args", "arguments", metavar="JSON", default="{}", show_default=True, help="Its arguments.")
@click.option("--cron", metavar="CRON", help='Minute, hour, day, month, day of week, such as "*/30 * * * *".')
@click.option("--timezone", metavar="ZONE", help="Whose clock the cron means; this machine's where none is given.")
@click.option("--every", metavar="TIME", help="An interval in place of a cron, such as 10m or 1h30m.")
def add_schedule(
    schedule_id: str, job_name: str, arguments: str, cron: str | None, timezone: str | None, every: str | None
) -> None:
    """Add a recurring job named ID, by --cron or by --every."""
    if (cron is None) == (every is None):
        raise click.UsageError('Give either --cron "*/30 * * * *" or --every 30m.')
    from engine.job_types import job_payload
    from engine.schedules import parse_interval_ms

    try:
        values = json.loads(arguments)
    except ValueError as error:
        raise BadInputError(f"--args is not JSON: {error}.", """Write it like '{"title": "Milk"}'.""") from error
    if not isinstance(values, dict):
        raise BadInputError("--args is not a JSON object.", """Write it like '{"title": "Milk"}'.""")
    payload = job_payload(job_name, values)
    every_ms = None if every is None else parse_interval_ms(every)
    added = _with_engine(
        lambda engine: engine.admin.add_schedule(
            schedule_id, payload, cron=cron, timezone=timezone, every_ms=every_ms, actor=_actor()
        )
    )
    _tell(f"{schedule_id} is added to {added.queue}. It runs next at {_slot(added, added.next_at_ms)}.")


@schedules.command("on")
@click.argument("schedule_id", metavar="ID")
def enable_schedule(schedule_id: str) -> None:
    """Switch ID on; what it missed is not made up for."""
    one = _with_engine(lambda engine: engine.admin.set_schedule_enabled(schedule_id, True, actor=_actor()))
    _tell(f"{schedule_id} is on. It runs next at {_slot(one, one.next_at_ms)}.")


@schedules.command("off")
@click.argument("schedule_id", metavar="ID")
def disable_schedule(schedule_id: str) -> None:
    """Switch ID off without removing it."""
    _with_engine(lambda engine: engine.admin.set_schedule_enabled(schedule_id, False, actor=_actor()))
    _tell(f"{schedule_id} is off.")


@schedules.command("run")
@click.argument("schedule_id", metavar="ID")
def run_schedule(schedule_id: str) -> None:
    """Add the job of ID now; its times stay."""
    job_id = _with_engine(lambda engine: engine.admin.run_schedule_now(schedule_id, actor=_actor()))
    _tell(f"Added job {job_id}.")


@schedules.command("remove")
@click.argument("schedule_id", metavar="ID")
def remove_schedule(schedule_id: str) -> None:
    """Remove ID; jobs that it added stay."""
    _with_engine(lambda engine: engine.admin.remove_schedule(schedule_id, actor=_actor()))
    _tell(f"{schedule_id} is removed.")


def _when(schedule: Schedule) -> str:
    from engine.schedules import interval_text

    if schedule.cron is not None:
        return f"{schedule.cron} ({schedule.timezone})"
    return "-" if schedule.every_ms is None else f"every {interval_text(schedule.every_ms)}"


def _slot(schedule: Schedule, at_ms: int | None) -> str:
    from engine.schedules import in_zone

    if at_ms is None:
        return "-"
    try:
        return in_zone(at_ms, schedule.timezone).isoformat(" ", "seconds")
    except BadInputError:
        # Added on a machine that knows more zones, or a spoilt record: the list must be shown nevertheless.
        return f"{at_ms} ms"


# --- inside ---


def _with_engine(work: Callable[[Engine], Awaitable[_T]]) -> _T:
    """Open the engine, do `work` with it and return what that returns."""
    import asyncio

    from engine import open_engine

    async def run() -> _T:
        async with open_engine(_settings()) as engine:
            return await work(engine)

    return asyncio.run(run())


def _settings(**given: Any) -> Settings:
    from engine.settings import load_settings

    return load_settings(**given)


def _actor() -> str:
    """Who the audit trail names."""
    import getpass
    import os

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):
        # A container may run under a user id that has no name.
        return f"cli:{os.getuid()}"


def _jobs(count: int, state: JobState) -> str:
    return f"{count} {state.value} job{'' if count == 1 else 's'}"


def _moment(at_ms: int) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(" ", "seconds")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """`text` without control characters: what a job or a mail says must not steer the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _tell(text: str, quiet: bool = False) -> None:
    if not quiet:
        click.echo(_printable(text))


def _complain(message: str) -> None:
    """One line on standard error."""
    click.echo(_printable("hark: " + " ".join(message.split())), err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _print_table(rows: Sequence[Sequence[str]], left: int) -> None:
    """Columns as wide as their widest cell; the first `left` of them flush left, numbers right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        _tell("  ".join(cells).rstrip())
