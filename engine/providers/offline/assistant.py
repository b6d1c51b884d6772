"""Understanding on this machine: the grammar's templates, one tool call a command, no guessing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from engine.providers import Reply, Tool, Turn, acted
from engine.providers.offline.grammar import Grammar, SharedGrammar

_OFFERED = 3
"""So many wordings are offered where nothing was understood."""
_ASKS = re.compile(
    r"(?:(?:please|can you|could you|hark|hey)\W+)*"
    r"(?:who|whose|what|when|where|which|why|how|is|are|was|were|do|does|did"
    r"|can|could|should|will|would|has|have|tell me|explain|translate|define|describe|calculate|write|summari[sz]e"
    r"|suggest|recommend|give me|name)(?:'s|’s)?\b",
    re.IGNORECASE,
)
"""How begins what a model could answer."""
_SHORT = 3
_SAYS_NOTHING = re.compile(
    r"\b(?:what|when|where|many|much|have|with|that|does|your|right|everything|back|next)\b", re.IGNORECASE
)
"""Words of the wordings that are offered which are in all sorts of sentences."""


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
            return Reply(
                f"I did not understand “{said}”. {_model(said, grammar, tools) or _offer(said, grammar, tools)}"
            )
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


def _model(said: str, grammar: Grammar, tools: Mapping[str, Tool]) -> str:
    """Where a question is answered that is about nothing of ours; "" for any other sentence."""
    known = {word for name, wording in grammar.examples.items() if name in tools for word in _words(wording)}
    ours = {word for word in known if len(word) > _SHORT and not _SAYS_NOTHING.fullmatch(word)}
    if not _ASKS.match(said) or ours & _words(said):
        return ""
    more = f" “{grammar.examples['help']}” tells you what I can do without one." if "help" in tools else ""
    return f"A language model could answer that: you can set one up in the settings.{more}"


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
