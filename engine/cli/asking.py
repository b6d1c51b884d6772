"""`hark ask`: one command through the queues, from here."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine import log
from engine.cli.frame import hark, read_input, require_text, with_engine
from engine.cli.output import compact, complain, is_terminal, print_json, tell
from engine.errors import BadInputError, HarkError

if TYPE_CHECKING:
    from engine import Engine
    from engine.audio import Recording

_log = log.get_logger("cli")

_WORKER_START_S = 30.0
"""The longest wait for the first sign of life of a worker that `ask` has started."""


@hark.command()
@click.argument("text", nargs=-1)
@click.option(
    "--audio",
    type=click.Path(path_type=Path),
    help="A sound file to take the words from: wav, flac, mp3, ogg; m4a and webm with a server or ffmpeg.",
)
@click.option("--speak", type=click.Path(path_type=Path), help="Write the spoken answer to this wav file.")
@click.option(
    "--conversation", metavar="ID", default="default", show_default=True, help="The conversation to go on with."
)
@click.option("--yes", is_flag=True, help="Say yes to what Hark asks before it sends or destroys something.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def ask(
    text: tuple[str, ...], audio: Path | None, speak: Path | None, conversation: str, yes: bool, as_json: bool
) -> int:
    """Send one command, typed (TEXT) or recorded (--audio), through the queues; "-" reads it from the input.

    What sends or destroys is asked about first: at a terminal you are asked here, else it waits five minutes for
    another `hark ask yes`, and nothing is done without it.

    Where no worker runs anywhere, one is started for the time of the command.
    """
    if bool(text) == (audio is not None):
        raise click.UsageError("Give the words, or --audio FILE.")
    if speak is not None and (speak.is_dir() or not speak.absolute().parent.is_dir()):
        raise BadInputError(f"{speak} cannot be written.", "Give a file name in a folder that exists.")
    said = (
        _read_recording(audio)
        if audio is not None
        else _checked_words(read_input().strip() if text == ("-",) else " ".join(text))
    )

    async def work(engine: Engine) -> int:
        async with some_worker(engine):
            return await _ask(engine, said, speak, yes, as_json, conversation)

    return with_engine(work)


async def _ask(
    engine: Engine,
    said: str | Recording | bytes,
    speak: Path | None,
    yes: bool,
    as_json: bool,
    conversation: str = "default",
) -> int:
    if isinstance(said, bytes):
        said = _checked_words((await (await engine.client.transcribe_audio("local", said)).result())["text"])
    answer: dict[str, Any] = {
        "transcript": said if isinstance(said, str) else None,
        "reply": None,
        "actions": [],
        "asks": False,
        "stages": [],
        "spoken": None,
        "error": None,
    }
    if isinstance(said, str):
        tell(f"Heard:  {said}", as_json)
    question = await _follow(engine, said, None, speak, conversation, answer, as_json)
    if question is not None and (decision := _decision(yes, as_json)) is not None:
        await _follow(engine, decision, question, speak, conversation, answer, as_json)
    if as_json:
        print_json(answer)
    elif answer["stages"]:
        stages = (f"{one['queue']} {one['ran_ms']} ms (waited {one['waited_ms']} ms)" for one in answer["stages"])
        tell("Times:  " + ", ".join(stages))
    return 0 if answer["error"] is None else 1


def _decision(yes: bool, as_json: bool) -> str | None:
    """What is answered to a question of Hark's; None where nobody is here to ask."""
    if yes:
        return "yes"
    if as_json or not is_terminal(sys.stdin):
        tell("Asks:   nothing is done yet. Say yes within five minutes: hark ask yes", as_json)
        return None
    return "yes" if click.confirm("Do it?") else "no"


async def _follow(
    engine: Engine,
    said: str | Recording,
    answers: str | None,
    speak: Path | None,
    conversation: str,
    answer: dict[str, Any],
    as_json: bool,
) -> str | None:
    """Tell of one command as it goes, and note it in `answer`. Returns its trace where it ended in a question."""
    from engine.audio import Recording
    from engine.model import CommandFailed, Heard, Replied, Spoken, StageTimed, Waiting

    question: str | None = None
    async for event in engine.client.ask(said, conversation_id=conversation, speak=speak is not None, answers=answers):
        match event:
            case Heard(text=text):
                answer["transcript"] = text
                tell(f"Heard:  {text}", as_json)
            case Replied(text=text, actions=actions, asks=asks):
                answer["reply"], answer["asks"] = text, asks
                question = event.trace if asks else None
                answer["actions"] = [dataclasses.asdict(action) for action in actions]
                tell(f"Hark:   {text}", as_json)
                for action in actions:
                    mark = "Did" if action.ok else "Failed"
                    # What the answer says already is not said twice.
                    outcome = "" if action.outcome == text else f": {action.outcome}"
                    tell(f"{mark + ':':<8}{action.name} {compact(action.arguments)}{outcome}", as_json)
            case Spoken(flac=flac) if speak is not None:
                _write(speak, Recording.decode(flac, "the spoken answer").to_wav())
                answer["spoken"] = str(speak)
                tell(f"Spoken: {speak}", as_json)
            case StageTimed():
                answer["stages"].append({"queue": event.queue, "waited_ms": event.waited_ms, "ran_ms": event.ran_ms})
            case Waiting(message=message) if message:
                complain(message)
            case CommandFailed(message=message):
                answer["error"] = message
                complain(message)
            case _:
                _log.debug("unused event: %s", type(event).__name__)
    return question


def _checked_words(text: str) -> str:
    if not text.strip():
        raise BadInputError("There are no words in the command.", 'Ask like this: hark ask "what time is it".')
    if len(text) > 20_000:
        raise BadInputError(f"The command has {len(text)} characters.", "Hark takes 20000 at most.")
    return require_text(text, "The command")


def _read_recording(path: Path) -> Recording | bytes:
    """The sound of a file, or all of it where only a server can open it."""
    from engine.audio import Recording, unopened_kind

    with suppress(OSError), path.open("rb") as file:
        if unopened_kind(file.read(12)):
            file.seek(0)
            return file.read()
    try:
        return Recording.read(path).require_speech()
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
async def some_worker(engine: Engine) -> AsyncIterator[None]:
    """Start a worker for the time of the block, unless one runs somewhere already."""
    import asyncio

    if await _worker_runs(engine):
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
        while not await _worker_runs(engine):
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


async def _worker_runs(engine: Engine) -> bool:
    """Whether somebody will take the command; a worker that is stopping takes no more."""
    return any(not worker.stopping for worker in (await engine.monitor.snapshot()).workers)
