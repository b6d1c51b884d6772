"""The gate before whatever sends or destroys: it is held, read back, and done after the person's yes.

It stands around the tools themselves, so that whoever understands a command, the grammar or a model, can only have
them held. What is held lies in Redis under its conversation; the next command there takes it, whatever it says.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.errors import NotFoundError, PermanentError
from engine.providers import NotDone, Reply, Tool, acted
from engine.store.records import dumps

_HELD = "Held back: Hark asks the person for a yes first. It is not done yet; say nothing about it."

_FILLERS = re.compile(r"\b(?:please|hark|thanks|thank you)\b|[^\w\s']")
_AGREED = (
    r"(?:y|yes|yeah|yep|yup|sure|all ?right|ok|okay|of course|certainly|absolutely|correct|exactly"
    r"|that's (?:right|correct))"
)
_DO_IT = r"(?:do(?: it| so| that)?|i do|send it|go (?:ahead|for it)|confirm(?:ed)?|i confirm)"
_THIS_TOO = r"(?:(?:send|delete|remove|cancel|move|change|finish|run|make|create) (?:it|that|them|this))"
_YES = re.compile(rf"(?:i said )?(?:{_AGREED} )*(?:{_AGREED}|{_DO_IT}|{_AGREED} {_THIS_TOO})")
_NO = re.compile(
    r"(?:i said )?(?:(?:n|no|nope|nah|no way|nothing|not yet|(?:absolutely|certainly|of course) not|i don't"
    r"|stop|wait|cancel|abort|not now|never ?mind|forget (?:it|that)|leave (?:it|that)"
    r"|rather not|(?:cancel|stop) (?:it|that)|(?:don't|do not)(?: \w+(?: (?:it|that|them|this|so))?)?)(?: |$))+"
)


def answer_of(text: str) -> bool | None:
    """Whether `text` is a plain yes (True) or no (False); None where it says anything else or more."""
    plain = " ".join(_FILLERS.sub(" ", text.casefold().replace("’", "'")).split())
    if _YES.fullmatch(plain):
        return True
    return False if _NO.fullmatch(plain) else None


class Gate:
    """One command's tools, with those that need a yes held back. `tools` are what an assistant may be given."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self.tools = {name: tool if tool.confirm is None else self._held_back(tool) for name, tool in tools.items()}
        self._calls: list[dict[str, Any]] = []
        self._questions: list[str] = []

    @property
    def calls(self) -> str:
        """What was held, as JSON text for `do_held`; "" where nothing was."""
        return dumps(self._calls) if self._calls else ""

    def asked(self, reply: Reply) -> Reply:
        """The answer that reads back what was held, instead of the assistant's own words; with what was done."""
        done = tuple(action for action in reply.actions if action.outcome != _HELD)
        return Reply(" ".join([*(action.outcome for action in done), *self._questions]), done, asks=True)

    def _held_back(self, tool: Tool) -> Tool:
        async def hold(arguments: Any) -> str:
            assert tool.confirm is not None
            try:
                question = tool.confirm(arguments)
                words = await question if inspect.isawaitable(question) else question
            except NotFoundError as error:
                return NotDone(error)  # nothing to ask about: that it is not there is the answer
            if not words:
                return await tool.call(arguments)
            call = {"tool": tool.name, "arguments": arguments.model_dump(mode="json")}
            if call not in self._calls:
                self._calls.append(call)
                self._questions.append(words)
            return _HELD

        return replace(tool, call=hold, confirm=None)


async def do_held(calls: str, tools: Mapping[str, Tool]) -> Reply:
    """Make the calls that were held. Raises HarkError as the tools do; the job then runs again as any other."""
    actions = []
    for call in json.loads(calls):
        tool = tools.get(call["tool"])
        if tool is None:
            raise PermanentError(
                f"What was confirmed cannot be done: there is no {call['tool']!r} here.", "Say it anew."
            )
        arguments = tool.arguments.model_validate(call["arguments"])
        actions.append(acted(tool, arguments, await tool.call(arguments)))
    return Reply(" ".join(action.outcome for action in actions), tuple(actions))
