"""General requests to the chat model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from engine import queues
from engine.job_types.base import JobType
from engine.queues import QueueSpec

Prompt = Annotated[str, Field(min_length=1, max_length=20_000)]
MOST_PROMPTS, MOST_PROMPT_CHARACTERS = 1000, 1_000_000
"""What one batch may hold."""
_BATCH_ATTEMPTS = 10


class AskAI(JobType):
    """A general request to the chat model, without tools or memory. Result: `{"answer", "cut", "model", "tokens"}`.

    `model` None is the one of the settings. With `cut` the model stopped before its end, at the most that it may say.
    `tokens` is `{"prompt", "answer"}`, as the server counts them. What was answered is not asked a second time when the
    job runs again after its worker died.
    """

    queue: ClassVar[str] = queues.AI_PROCESSING
    job_name: ClassVar[str] = "ask-ai"

    user_id: str = "local"
    prompt: Prompt
    instructions: Annotated[str, Field(max_length=20_000)] = ""
    model: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class AskAIBatch(JobType):
    """Many such requests. Result: `{"answers", "answered", "refused", "tokens"}`; progress: `{"done", "of"}`.

    `answers` has, in the prompts' order, `{"answer", "cut", "model"}`, or `{"error"}` for a prompt that was refused for
    good. Where all were, the job fails. Answers are kept as they come (`Client.ai_answers`), and none is asked for
    twice: a job that is tried again, or whose worker died, goes on where it was. One that is run again after it has
    completed asks everything anew.
    """

    queue: ClassVar[str] = queues.AI_PROCESSING
    job_name: ClassVar[str] = "ask-ai-batch"

    user_id: str = "local"
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=MOST_PROMPTS)]
    instructions: Annotated[str, Field(max_length=20_000)] = ""
    model: Annotated[str | None, Field(min_length=1, max_length=200)] = None

    @field_validator("prompts")
    @classmethod
    def _within_reason(cls, prompts: tuple[str, ...]) -> tuple[str, ...]:
        if (size := sum(map(len, prompts))) > MOST_PROMPT_CHARACTERS:
            raise ValueError(f"the prompts have {size} characters together, {MOST_PROMPT_CHARACTERS} are allowed")
        return prompts

    def own_spec(self, spec: QueueSpec) -> QueueSpec:
        """There is time for all prompts, and more attempts: each goes on where the last one ended."""
        limit_ms = math.ceil(len(self.prompts) / spec.parts_at_once) * spec.part_ms
        timeout_ms, attempts = max(spec.timeout_ms, limit_ms), max(spec.attempts, _BATCH_ATTEMPTS)
        return replace(spec, timeout_ms=timeout_ms, attempts=attempts)
