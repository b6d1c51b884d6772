"""`hark ai`: general requests to the model, one or a file of them, through the queues."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.asking import some_worker
from engine.cli.frame import Group, actor, debug_option, hark, read_input, require_text, unlocking, with_engine
from engine.cli.output import note, print_json, tell
from engine.errors import BadInputError, NotFoundError
from engine.model import JobState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine import Engine
    from engine.handle import JobHandle
    from engine.model import Answered, Job

_LOOK_S = 1.0
"""How often it is looked at how a request goes, in seconds."""


@hark.group(cls=Group)
def ai() -> None:
    """Ask the model something without tools or memory, one prompt or a file of them.

    It needs a model: OPENAI_API_KEY, or OPENAI_BASE_URL for a compatible server. Where no worker runs anywhere, one is
    started for the time of the request.
    """


ai.params.append(debug_option())
_instructions = click.option("--instructions", metavar="TEXT", default="", help="How the model is to answer.")
_model = click.option("--model", metavar="NAME", help="The model; the one of the settings where none is given.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@ai.command("ask")
@click.argument("prompt", nargs=-1, required=True)
@_instructions
@_model
@_as_json
def ask_one(prompt: tuple[str, ...], instructions: str, model: str | None, as_json: bool) -> int:
    """Ask PROMPT and print the answer; "-" reads it from the input."""
    from engine.model import JobOptions

    words = read_input() if prompt == ("-",) else require_text(" ".join(prompt), "The prompt")
    options = JobOptions(awaited=True)
    result = _run(
        lambda engine: engine.client.ask_ai("local", words, instructions=instructions, model=model, options=options)
    )
    if as_json:
        print_json(result)
    else:
        tell(result["answer"])
        if result["cut"]:
            note("The answer is cut: the model may not say more.")
    return 0


@ai.command("batch")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--job", "job_id", metavar="ID", help="The job's id; the same again goes on with it.")
@_instructions
@_model
@_as_json
@unlocking
def ask_many(file: Path, job_id: str | None, instructions: str, model: str | None, as_json: bool) -> int:
    """Ask all prompts of FILE: one a line, or a JSON list of texts; "-" reads the input.

    Answers are kept as they come: `hark ai answers JOB` shows them, also of a job that failed or was cancelled.
    """
    from engine.model import JobOptions

    prompts = _prompts(file)
    options = JobOptions(job_id=job_id, awaited=True)

    async def add(engine: Engine) -> JobHandle:
        handle = await engine.client.ask_ai_batch(
            "local", prompts, instructions=instructions, model=model, options=options
        )
        if not handle.added:
            await _take_up(engine, handle, prompts)
        note(f"This is job {handle.id}; `hark ai answers {handle.id}` shows what has come so far.")
        return handle

    result = _run(add, told=True)
    if as_json:
        print_json(result)
    else:
        for number, answer in enumerate(result["answers"]):
            _tell_answer(number, answer.get("answer", ""), answer.get("error", ""))
    return 0 if not result["refused"] else 1


@ai.command("answers")
@click.argument("job_id", metavar="JOB")
@_as_json
def answers(job_id: str, as_json: bool) -> None:
    """Print the answers that JOB has got so far."""

    async def work(engine: Engine) -> tuple[Answered, ...]:
        return await engine.client.ai_answers(job_id)

    found = with_engine(work, looking=True)
    if as_json:
        print_json([dataclasses.asdict(answer) for answer in found])
    elif not found:
        tell(f"{job_id} has no answers yet.")
    for answer in found if not as_json else ():
        _tell_answer(answer.number, answer.text, answer.error)


def _run(add: Callable[[Engine], Awaitable[JobHandle]], told: bool = False) -> Any:
    """Add the job, wait for its end and give the result; tell how it goes where it is to be `told`."""

    async def work(engine: Engine) -> Any:
        async with some_worker(engine):
            handle = await add(engine)
            return await _followed(engine, handle, told)

    return with_engine(work)


async def _take_up(engine: Engine, handle: JobHandle, prompts: list[str]) -> None:
    """Go on with a batch that was there already. Raises BadInputError for one of other prompts."""
    job = await handle.job()
    if job.arguments.get("prompts") != prompts:
        raise BadInputError(f"The job {job.id} has other prompts.", "Give another --job, or none.")
    if job.state is JobState.FAILED:
        await engine.admin.retry(handle.queue, [job.id], actor=actor(), reason="asked for again")


async def _followed(engine: Engine, handle: JobHandle, told: bool) -> Any:
    """The result. Until it is there, it is noted why the job waits and, where that is `told`, how far it is."""
    progress_before, reason_before = None, ""
    while True:
        try:
            return await handle.result(_LOOK_S)
        except TimeoutError:
            pass
        try:
            job = await handle.job()
        except NotFoundError:  # it has ended just now and is not kept; if it is gone, the result says so
            continue
        if told and isinstance(job.progress, dict) and job.progress != progress_before:
            note(f"{job.progress.get('done')} of {job.progress.get('of')}")
            progress_before = job.progress
        reason = await _why_waiting(engine, job)
        if reason and reason != reason_before:
            note(reason)
        reason_before = reason


async def _why_waiting(engine: Engine, job: Job) -> str:
    """Words for a job that nothing moves, or "" where it runs or its turn comes."""
    if job.state is JobState.DELAYED:
        return f"{job.error} Trying again." if job.error else ""
    if job.state is not JobState.WAITING:
        return ""
    (queue,) = [one for one in (await engine.monitor.snapshot()).queues if one.name == job.queue]
    if queue.paused:
        return f"The {queue.name} queue is paused: the request waits in it. Run `hark resume {queue.name}` to go on."
    if not queue.workers:
        return f"No worker serves the {queue.name} queue: the request is kept. Start one with `hark worker`."
    return ""


def _prompts(file: Path) -> list[str]:
    """The prompts of a file, at least one. Raises BadInputError."""
    name = "The input" if str(file) == "-" else str(file)
    try:
        text = read_input() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise BadInputError(f"{name} cannot be read: {why}.", "Give a text file in UTF-8.") from error
    if not text.lstrip().startswith("["):
        prompts: list[Any] = [line.strip() for line in text.splitlines() if line.strip()]
    else:
        try:
            prompts = json.loads(text)
        except ValueError as error:
            raise BadInputError(f"{name} is no JSON: {error}.", 'Write a list, like ["one", "two"].') from error
        if not all(isinstance(prompt, str) for prompt in prompts):
            raise BadInputError(f"{name} holds other things than texts.", 'Write a list, like ["one", "two"].')
    if not prompts:
        raise BadInputError(f"{name} holds no prompts.", "Write one a line.")
    return prompts


def _tell_answer(number: int, text: str, error: str) -> None:
    tell(f"{number + 1}: {text}" if not error else f"{number + 1} was refused: {error}")
