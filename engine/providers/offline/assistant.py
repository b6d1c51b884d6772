"""Understanding on this machine: the grammar's templates, one tool call a command, no guessing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from engine.providers import Reply, Tool, Turn, acted
from engine.providers.offline.grammar import LONGEST, Grammar, SharedGrammar, Understood

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
    r"\b(?:what|when|where|many|much|have|with|that|does|your|right|everything|back|next|tomorrow)\b", re.IGNORECASE
)
"""Words of the wordings that are offered which are in all sorts of sentences."""
_QUOTED = 80
"""So many characters of what was not understood are said back."""
_TO_BE_DONE = re.compile(
    r"(?:i|we)(?:'ve| have)? (?:(?:really|still|also) )*(?:(?:need|have|ought|got|want) to|must|should) (.+?)[.!]*",
    re.IGNORECASE,
)
"""What somebody has to do, said without wanting anything of us."""
_SHALL_I_ADD = "Shall I put “{}” on your list?"
_OFFERED_TO_ADD = re.compile(_SHALL_I_ADD.format("(.+)").replace("?", r"\?"))
_DID_YOU_MEAN = "Did you mean “{}”?"
_OFFERED_TO_DO = re.compile(_DID_YOU_MEAN.format("(.+)").replace("?", r"\?"))
_ONE_OF_THEM = {
    "finish_task": "title",
    "delete_task": "title",
    "cancel_reminder": "text",
    "cancel_event": "event",
    "move_event": "event",
}
"""Tools that answer "Which one: “buy milk” or “buy bread”?" where several are meant, and the argument that tells."""
_WHICH = ("Which one: ", "Which reminder: ")
_PLACES = ("first", "second", "third", "fourth", "fifth")
_PLACE = re.compile(rf"(?:the )?(?:({'|'.join(_PLACES)})|last)(?: one)?[.!]*", re.IGNORECASE)


class OfflineAssistant:
    """Answers what the grammar knows, and says plainly where it knows nothing."""

    def __init__(self, grammar: SharedGrammar) -> None:
        self._grammar = grammar

    async def respond(self, text: str, history: Sequence[Turn], tools: Mapping[str, Tool]) -> Reply:
        """Call the tool that `text` names and reply with its sentence.

        After a question of ours, such as for a task's title or which one is meant, the next words are its answer.
        A HarkError of the tool is let through.
        """
        grammar = await self._grammar.load()
        said = " ".join(text.split())
        if not re.search(r"\w", said):
            return Reply("I heard no words. Please say it again.")
        if len(said) > LONGEST:
            return Reply(
                f"That is too long for me: without a language model I understand {LONGEST} characters at most."
            )
        understood = grammar.understand(said)
        if history:
            understood = _answered(said, understood, history, grammar)
        if understood is None:
            if "create_task" in tools and (errand := _TO_BE_DONE.fullmatch(said)):
                return Reply(_SHALL_I_ADD.format(errand[1]))
            meant = grammar.mended(said)
            if meant and (command := grammar.understand(meant)) and (command.reply or command.tool in tools):
                return Reply(_DID_YOU_MEAN.format(meant))
            quoted = said if len(said) <= _QUOTED else f"{said[:_QUOTED].rstrip()}…"
            return Reply(
                f"I did not understand “{quoted}”. {_model(said, grammar, tools) or _offer(said, grammar, tools)}"
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


def _answered(said: str, understood: Understood | None, history: Sequence[Turn], grammar: Grammar) -> Understood | None:
    """The command that `said` gives where the last turn may have asked for it; by itself it is `understood`."""
    last = history[-1]
    asked = grammar.questions.get(last.replied)
    tool = understood.tool if understood is not None else ""
    if understood is not None and tool == "say_no" and (asked or last.replied.endswith("?")):
        return replace(understood, reply="All right.")
    if tool == "say_yes" and (offered := _OFFERED_TO_ADD.fullmatch(last.replied)):
        return grammar.understand(f"add a task: {offered[1]}")
    if tool == "say_yes" and (offered := _OFFERED_TO_DO.fullmatch(last.replied)):
        return grammar.understand(offered[1])
    if asked:
        # Any words can be a task; but what fits a command as it is is that command. A queue's name is a question, too.
        answer = grammar.understand(asked.format(said))
        return answer if answer is not None and (understood is None or not answer.free) else understood
    return understood or _chosen(said, history, grammar)


def _chosen(said: str, history: Sequence[Turn], grammar: Grammar) -> Understood | None:
    """The command that was unclear, for the one that `said` names of those that the last turn has asked about."""
    asked = history[-1].replied
    names: list[str] = []
    if asked.startswith(_WHICH[0]):
        names = re.findall("“([^”]+)”", asked)
    elif asked.startswith(_WHICH[1]):
        # With their moments: several may have the same words.
        names = asked.removeprefix(_WHICH[1]).rstrip("?").split("; ")
    # An answer may have left it unclear, and been asked about again.
    turns = itertools.takewhile(lambda turn: turn.replied.startswith(_WHICH), reversed(history))
    commands = (grammar.understand(turn.said) for turn in turns)
    unclear = next((command for command in commands if command and command.tool in _ONE_OF_THEM), None)
    if unclear is None:
        return None
    if place := _PLACE.fullmatch(said):
        number = _PLACES.index(place[1].casefold()) if place[1] else len(names) - 1
        chosen = names[number] if number < len(names) else ""
    else:
        # Where there are many, not all are told.
        is_one = len(names) >= len(_PLACES) or any(_words(said) & _words(name) for name in names)
        chosen = said if is_one else ""
    if not chosen or names.count(chosen) > 1:  # of two with one name, the name tells none
        return None
    return replace(unclear, arguments=unclear.arguments | {_ONE_OF_THEM[unclear.tool]: chosen})


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
