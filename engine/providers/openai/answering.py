"""General requests to a chat model: a prompt up, an answer back, nothing remembered on either side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.errors import BadInputError, RetryableError
from engine.providers import Answer
from engine.providers.openai.chat import completion_of, words_of
from engine.providers.openai.failures import Purpose
from engine.providers.openai.service import Service

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam


class OpenAIAnswerer:
    """`providers.Answerer` over `/chat/completions`; one answer may take `timeout_s`."""

    def __init__(self, service: Service, model: str, timeout_s: float) -> None:
        self._service = service
        self._purpose = Purpose("answer", model, "HARK_CHAT_MODEL")
        self._timeout_s = timeout_s

    async def answer(self, prompt: str, instructions: str = "", model: str | None = None) -> Answer:
        """Answer one prompt. Raises as `providers.Answerer` says."""
        if not prompt.strip():
            raise BadInputError("The prompt is empty.", "Write what is to be answered.")
        purpose = self._purpose if model is None else replace(self._purpose, model=model, setting="the job's model")
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": prompt}]
        if instructions:
            messages.insert(0, {"role": "system", "content": instructions})
        # Only what a server surely knows is sent to it: some answer 400 to a field that they do not know.
        extras: dict[str, Any] = {"store": False} if self._service.is_openai else {}
        async with self._service.asking(purpose, self._timeout_s) as client:
            given: object = await client.chat.completions.create(model=purpose.model, messages=messages, **extras)
        told = completion_of(given, purpose, self._service)
        if told.message.refusal and not told.message.content:
            raise BadInputError(f"{purpose.model} refused to answer this.", "Say it in other words.")
        text = words_of(told.message)
        if not text:
            raise RetryableError(f"{self._service.name} gave an empty answer.")
        return Answer(text, told.model, told.cut, told.prompt_tokens, told.answer_tokens)
