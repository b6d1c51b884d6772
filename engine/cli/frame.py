"""What every command of `hark` stands in: the group, --debug, QUEUE or --all, the engine, and who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import __version__, log
from engine.errors import BadInputError, WriteLockedError
from engine.queues import QUEUES, require_queue

if TYPE_CHECKING:
    from engine import Engine
    from engine.doctor import Check
    from engine.settings import Settings

_T = TypeVar("_T")


class Switches:
    """What holds for the whole command line."""

    def __init__(self, doctor_checks: Callable[[], Sequence[Check]]) -> None:
        self.debug = False
        self.unlock: str | None = None
        """Why this command may change a connection that is marked as production."""
        self.doctor_checks = doctor_checks


def _turn_on_debug(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_object(Switches).debug = True  # type: ignore[union-attr]
        log.configure(debug=True)


def debug_option() -> click.Option:
    """--debug, as a parameter of a group."""
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_turn_on_debug, help="Debug logs, and tracebacks."
    )


class Command(click.Command):
    """A command that takes --debug, so that it may stand at the end of the line as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command's first sentence, whole: click would cut it off at the line's end."""
        commands = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        rows = [(name, command.get_short_help_str(200)) for name, command in commands if command and not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="Hark %(version)s")
@click.pass_context
def hark(context: click.Context) -> None:
    """Talk to Hark, and operate its queues."""
    switches = context.find_object(Switches)
    log.configure(debug=switches is not None and switches.debug)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


hark.params.append(debug_option())


def with_queues(function: Callable[..., Any]) -> Callable[..., Any]:
    """QUEUE or --all, for the commands that act on one queue or on each."""
    function = click.option("--all", "every", is_flag=True, help="All eight queues.")(function)
    return click.argument("queue", required=False)(function)


def chosen(queue: str | None, every: bool) -> list[str]:
    """The queues that `with_queues` was given. Raises NotFoundError."""
    if (queue is None) != every:
        raise click.UsageError("Name one queue, or give --all.")
    return list(QUEUES) if queue is None else [require_queue(queue)]


def reasoned(function: Callable[..., Any]) -> Callable[..., Any]:
    """--reason and --unlock, for the commands that the audit trail records."""
    function = unlocking(function)
    return click.option("--reason", metavar="TEXT", default="", help="Why; kept in the audit trail.")(function)


def unlocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """--unlock, for the commands that change anything."""
    return click.option(
        "--unlock",
        metavar="REASON",
        expose_value=False,
        callback=_keep_unlock,
        help="Do it although the connection is marked as production; kept in the audit trail.",
    )(function)


def _keep_unlock(context: click.Context, _option: click.Parameter, reason: str | None) -> None:
    switches = context.find_object(Switches)
    if switches is not None:
        switches.unlock = reason


def with_engine(work: Callable[[Engine], Awaitable[_T]], *, looking: bool = False) -> _T:
    """Open the engine, do `work` with it and return what that returns; what only looks unlocks nothing."""
    import asyncio
    from dataclasses import replace

    from engine import open_engine

    context = click.get_current_context(silent=True)
    switches = None if context is None else context.find_object(Switches)
    unlock = None if looking or switches is None else switches.unlock

    async def run() -> _T:
        async with open_engine(read_settings()) as engine:
            if unlock is None:
                return await _telling_how(work(engine))
            from engine.write_lock import MOST_MINUTES

            # It ends with the command.
            admin = await engine.admin.unlocked(MOST_MINUTES, actor=actor(), reason=unlock)
            return await work(replace(engine, admin=admin))

    return asyncio.run(run())


async def _telling_how(work: Awaitable[_T]) -> _T:
    """A command that the write lock refuses says how to go on from here."""
    try:
        return await work
    except WriteLockedError as error:
        if not error.remedy:  # what no unlocking allows
            raise
        raise WriteLockedError(error.message, "Say why with --unlock REASON.") from error


def read_settings(**given: Any) -> Settings:
    """The settings, `given` ones before all others. Raises BadInputError."""
    from engine.settings import load_settings

    return load_settings(**given)


def read_input() -> str:
    """All of the standard input. Raises BadInputError where there is none, or no text."""
    import sys

    if sys.stdin is None:  # closed before the start
        raise BadInputError("There is no input.", "Pipe a text into the command, or give the words themselves.")
    try:
        return require_text(sys.stdin.read(), "The input")
    except UnicodeDecodeError as error:
        raise _no_text("The input") from error


def require_text(text: str, what: str) -> str:
    """Return it. Raises BadInputError where bytes that are no text came through as halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _no_text(what) from error
    return text


def _no_text(what: str) -> BadInputError:
    return BadInputError(f"{what} cannot be read: it is no text.", "Give one in UTF-8.")


def actor() -> str:
    """Who the audit trail names."""
    import getpass
    import os

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):
        # A container may run under a user id that has no name.
        return f"cli:{os.getuid()}"
