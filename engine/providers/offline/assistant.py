"""Understanding on this machine: the grammar's templates, one tool call a command, no guessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from engine.providers import Reply, Tool, Turn, acted
from engine.providers.offline.grammar import Grammar, SharedGrammar

_OFFERED = 3
"""So many wordings are offered where nothing was understood."""


class OfflineAssistant:
    """Answers what the grammar knows, and says plainly where it knows nothing."""

    def __init__(self, grammar: SharedGrammar) -> None:
        self._grammar = grammar

    async def respond(self, text: str, history: Sequence[Turn], tools: Mapping[str, Tool]) -> Reply:
        """Call the tool that `text` names and reply with its sentence.

        After a question of ours, such as for a task's title, the next words are its answer. A HarkError of the tool is
        let through.
        """
        grammar = await self._grammar.load()
        said = " ".join(text.split())
        if not said:
            return Reply("I heard no words. Please say it again.")
        understood = grammar.understand(said)
        if understood is None and history and (asked := grammar.questions.get(history[-1].replied)):
            understood = grammar.understand(asked.format(said))
        if understood is None:
            return Reply(f"I did not understand “{said}”. {_offer(said, grammar, tools)}")
        if understood.reply:
            return Reply(understood.reply)
        tool = tools.get(understood.tool)
        if tool is None:
            return Reply(f"I heard: “{said}”. I cannot do that here. {_offer(said, grammar, tools)}")
        try:
            arguments = tool.arguments.model_validate(understood.arguments)
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            return Reply(f"I heard: “{said}”, but cannot use it: {reason}.")
        outcome = await tool.call(arguments)
        return Reply(outcome, (acted(tool, arguments, outcome),))


def _offer(said: str, grammar: Grammar, tools: Mapping[str, Tool]) -> str:
    """A few wordings that are understood, those most like what was `said`: the answer is spoken, so it is short."""
    known = {name: wording for name, wording in grammar.examples.items() if name in tools}
    more = known.pop("help", "")
    words = _words(said)
    nearest = sorted(known.values(), key=lambda wording: -sum(map(len, words & _words(wording))))[:_OFFERED]
    if not nearest:
        return "I know no commands here."
    quoted = [f"“{wording}”" for wording in nearest]
    listed = f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else quoted[0]
    return f"You can say {listed}{f'; “{more}” tells you more' if more else ''}."


def _words(text: str) -> set[str]:
    return set(text.casefold().replace("?", " ").replace(".", " ").split())
