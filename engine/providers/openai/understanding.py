"""Understanding by a chat model: from words to tool calls and a short answer.

Speaks Chat Completions, the call that every compatible server has, and keeps no state on the server:
the history goes along each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import tzlocal
from pydantic import BaseModel, ValidationError

from engine.errors import HarkError, RetryableError
from engine.log import get_logger
from engine.model import Action
from engine.providers import Reply, Tool, Turn, acted
from engine.providers.openai.chat import completion_of, words_of
from engine.providers.openai.failures import Purpose
from engine.providers.openai.service import Service

if TYPE_CHECKING:
    from openai.types.chat import (
        ChatCompletionFunctionToolParam,
        ChatCompletionMessage,
        ChatCompletionMessageParam,
    )

MAX_TOOL_ROUNDS = 5
_log = get_logger("providers.openai")


class OpenAIAssistant:
    """`providers.Assistant` over `/chat/completions`; each round may take `timeout_s`."""

    def __init__(self, service: Service, model: str, timeout_s: float = 30.0) -> None:
        self._service = service
        self._purpose = Purpose("answer", model, "HARK_CHAT_MODEL")
        self._timeout_s = timeout_s
        # With reasoning, gpt-6-luna calls no tools over Chat Completions; compatible servers may not know the word.
        self._without_reasoning = service.is_openai

    async def respond(self, text: str, history: Sequence[Turn], tools: Mapping[str, Tool]) -> Reply:
        """Answer `text`, running the tools that the model asks for, in at most five rounds.

        A tool's HarkError goes back to the model and is recorded as a failed action. Raises
        PermanentError or RetryableError, but not after a tool has done something: running the command
        again could do that twice, so the answer is then what the tools said.
        """
        messages = _conversation(text, history)
        calls = _ToolCalls(tools)
        try:
            while True:
                offered = calls.schemas() if calls.may_go_on else []
                message = await self._ask(messages, offered)
                if not message.tool_calls or not offered:
                    return Reply(words_of(message) or self._without_words(calls), tuple(calls.actions))
                messages.append(_echo(message))
                messages.extend(await calls.run(message))
        except HarkError as error:
            if not calls.anything_done:
                raise
            _log.warning("The model failed after %d action(s): %s", len(calls.actions), error.message)
            return Reply(calls.outcomes, tuple(calls.actions))

    async def _ask(
        self, messages: list[ChatCompletionMessageParam], offered: list[ChatCompletionFunctionToolParam]
    ) -> ChatCompletionMessage:
        # Only what a server surely knows is sent to it: some answer 400 to a field that they do not know.
        extras: dict[str, Any] = {"store": False} if self._service.is_openai else {}
        if self._without_reasoning:
            extras["reasoning_effort"] = "none"
        if offered:
            # As a part of the body the SDK sends them as they are: else it walks through them all, each time.
            extras["extra_body"] = {"tools": offered, "parallel_tool_calls": False}
        async with self._service.asking(self._purpose, self._timeout_s) as client:
            from openai import BadRequestError

            send = partial(client.chat.completions.create, model=self._purpose.model, messages=messages)
            try:
                answer: object = await send(**extras)
            except BadRequestError as error:
                if error.param != "reasoning_effort" or not self._without_reasoning:
                    raise
                # An older model, named by the user, that always reasons.
                self._without_reasoning = False
                extras.pop("reasoning_effort")
                answer = await send(**extras)
        return completion_of(answer, self._purpose, self._service).message

    def _without_words(self, calls: _ToolCalls) -> str:
        if not calls.actions:
            raise RetryableError(f"{self._service.name} gave an empty answer.")
        return calls.outcomes


class _ToolCalls:
    """The tool calls of one command: runs them, counts them, and keeps what they did."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._rounds = 0
        self._repaired = False
        self._given_up = False
        self.actions: list[Action] = []

    @property
    def may_go_on(self) -> bool:
        """Whether the model may call another tool."""
        return self._rounds < MAX_TOOL_ROUNDS and not self._given_up

    @property
    def anything_done(self) -> bool:
        """Whether a tool has succeeded."""
        return any(action.ok for action in self.actions)

    @property
    def outcomes(self) -> str:
        """What the tools said, in order."""
        return " ".join(action.outcome for action in self.actions)

    def schemas(self) -> list[ChatCompletionFunctionToolParam]:
        """The tools as strict functions: no other arguments, none left out, no defaults."""
        return [_function(name, tool.description, tool.arguments) for name, tool in self._tools.items()]

    async def run(self, message: ChatCompletionMessage) -> list[ChatCompletionMessageParam]:
        """Run one round of calls; return the results as messages for the model."""
        self._rounds += 1
        return [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": await self._run_one(call.function.name, call.function.arguments)
                if call.type == "function"
                else "There is no such tool.",
            }
            for call in message.tool_calls or ()
        ]

    async def _run_one(self, name: str, raw: str) -> str:
        tool = self._tools.get(name)
        if tool is None:
            return self._unusable(name, f"There is no tool {name!r}; the tools are: {', '.join(self._tools)}.")
        try:
            arguments = tool.arguments.model_validate_json(raw or "{}")
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            return self._unusable(
                name, "; ".join(f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in problems)
            )
        try:
            outcome, ok = await tool.call(arguments), True
        except HarkError as error:
            outcome, ok = str(error), False
        self.actions.append(acted(tool, arguments, outcome, ok=ok))
        return outcome if ok else f"This failed: {outcome}"

    def _unusable(self, name: str, problem: str) -> str:
        if not self._repaired:
            self._repaired = True
            return f"The call was not made. {problem} Correct it and call again."
        self._given_up = True
        self.actions.append(Action(name, {}, "The request could not be understood.", ok=False))
        return f"The call was not made. {problem} Tell the person that it could not be done."


@cache
def _function(name: str, description: str, arguments: type[BaseModel]) -> ChatCompletionFunctionToolParam:
    """A tool as a model is told of it; made once, for that takes longer than the rest of a request."""
    from openai import pydantic_function_tool

    function = pydantic_function_tool(arguments, name=name, description=description)
    _drop_defaults(function["function"].get("parameters"))
    return function


def _conversation(text: str, history: Sequence[Turn]) -> list[ChatCompletionMessageParam]:
    zone = tzlocal.get_localzone()
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": _instructions(datetime.now(zone), str(zone))}
    ]
    for turn in history:
        messages.append({"role": "user", "content": turn.said})
        messages.append({"role": "assistant", "content": turn.replied})
    messages.append({"role": "user", "content": text})
    return messages


def _instructions(now: datetime, zone: str) -> str:
    return (
        "You are Hark, a voice assistant. Your answers are spoken aloud: one or two short plain sentences, "
        "without lists, markup or web addresses, in the person's language. What you hear is a transcript and may "
        "hold mishearings. Use a tool whenever one does what is asked, and say something is done only after its "
        "tool said so. Where something needed is missing, ask for it. "
        f"It is {now:%A, %d %B %Y, %H:%M} ({now:%z}), time zone {zone}."
    )


def _echo(message: ChatCompletionMessage) -> ChatCompletionMessageParam:
    """The model's own message as the next request needs it: without fields that some servers refuse."""
    return {
        "role": "assistant",
        "content": message.content,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls or ()
            if call.type == "function"
        ],
    }


def _drop_defaults(schema: object) -> None:
    """Remove `default` in place: with strict functions every argument is given, and the API refuses the word."""
    if not isinstance(schema, dict):
        return
    schema.pop("default", None)
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        _drop_defaults(inner)
    _drop_defaults(schema.get("items"))
    for inner in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        _drop_defaults(inner)
