"""One chat completion of an OpenAI-compatible server, and what becomes of an answer that is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import BadInputError, RetryableError
from engine.providers.openai.failures import Purpose, unreadable
from engine.providers.openai.service import Service

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessage

_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's message; `cut` where it had to stop before its end."""

    message: ChatCompletionMessage
    model: str
    cut: bool
    prompt_tokens: int
    answer_tokens: int


def completion_of(answer: object, purpose: Purpose, service: Service) -> Completion:
    """What the SDK gave as the answer to `chat.completions.create`, checked: it may be anything.

    Raises RetryableError for something unreadable or broken off, BadInputError for a refusal by content or a
    prompt that left no room for an answer.
    """
    choices = getattr(answer, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        raise unreadable(purpose, service)
    message: ChatCompletionMessage = choices[0].message
    reason = choices[0].finish_reason
    if reason is None:
        raise RetryableError(f"{service.name} broke off the answer.")
    if reason == "content_filter":
        raise BadInputError(f"{service.name} refused to answer this.", "Say it in other words.")
    if reason == "length" and not message.content:
        raise BadInputError(
            f"The text is too long for {purpose.model}, with all that goes along with it.",
            f"Make it shorter, or choose a model with a longer memory by {purpose.setting}.",
        )
    model, usage = getattr(answer, "model", None), getattr(answer, "usage", None)
    return Completion(
        message,
        model if isinstance(model, str) and model else purpose.model,
        reason == "length",
        _count(getattr(usage, "prompt_tokens", None)),
        _count(getattr(usage, "completion_tokens", None)),
    )


def words_of(message: ChatCompletionMessage) -> str:
    """What the message says; some local models think aloud between tags, which nobody should hear or read."""
    return _THOUGHTS.sub("", message.content or message.refusal or "").strip()


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
