"""`hark conversations`: what Hark remembers of what was said and answered."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from engine.cli.frame import Group, debug_option, hark, unlocking, with_engine
from engine.cli.output import moment, on_terminal, print_json, print_table, tell

if TYPE_CHECKING:
    from engine import Engine
    from engine.model import ConversationTurn


_user = click.option(
    "--user", "user_id", metavar="NAME", help="Whose, as a program that added the commands has named them."
)


@hark.group(cls=Group, invoke_without_command=True)
@_user
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def conversations(context: click.Context, user_id: str | None, as_json: bool) -> None:
    """List the conversations that Hark remembers, show one, erase one or all.

    `hark ask --conversation ID` goes on with one. Those of the window and of this command line belong to the user
    "local".
    """
    if context.invoked_subcommand is not None:
        return
    found = with_engine(lambda engine: engine.client.conversations(user_id), looking=True)
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
    elif not found:
        tell("No conversation is remembered.")
    else:
        rows = [("CONVERSATION", "USER", "QUEUE", "LAST", "TURNS")]
        rows += [(one.id, one.user_id, one.queue, moment(one.last_at_ms), str(one.turns)) for one in found]
        print_table(rows, left=4)


conversations.params.append(debug_option())


@conversations.command("show")
@click.argument("conversation_id", metavar="ID")
@_user
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show_conversation(conversation_id: str, user_id: str | None, as_json: bool) -> None:
    """Print what was said and answered in ID, as far as it is remembered."""
    owner = user_id or "local"

    async def work(engine: Engine) -> tuple[ConversationTurn, ...]:
        return await engine.client.conversation(conversation_id, user_id=owner)

    turns = with_engine(work, looking=True)
    if not turns:
        from engine.conversations import not_remembered

        raise not_remembered(owner, conversation_id)
    if as_json:
        print_json([dataclasses.asdict(turn) for turn in turns])
    for turn in turns if not as_json else ():
        tell(f"{moment(turn.at_ms)}  You:  {turn.said}" if turn.at_ms else f"You:  {turn.said}")
        tell(f"Hark: {turn.replied}")


@conversations.command("erase")
@click.argument("conversation_id", metavar="ID", required=False)
@click.option("--all", "every", is_flag=True, help="All conversations: everybody's, where no --user is named.")
@_user
@click.option("--yes", is_flag=True, help="Do not ask first.")
@unlocking
def erase(conversation_id: str | None, every: bool, user_id: str | None, yes: bool) -> int:
    """Forget ID for good: there is no way back. Asks first on a terminal, never in a script."""
    if (conversation_id is None) != every:
        raise click.UsageError("Name one conversation, or give --all.")
    what = "all conversations" if conversation_id is None else f"the conversation {conversation_id}"
    what = what if user_id is None else f"{what} of {user_id}"
    if not yes and on_terminal() and not click.confirm(f"Forget {what} for good?"):
        tell("Nothing was forgotten.")
        return 1

    async def work(engine: Engine) -> int:
        engine.admin.write_lock.check()
        if conversation_id is not None:
            await engine.client.erase_conversation(conversation_id, user_id=user_id or "local")
            return 1
        return await engine.client.erase_conversations(user_id)

    count = with_engine(work)
    tell(f"Forgot {count} conversation{'' if count == 1 else 's'}.")
    return 0
