"""General requests to a model; the part of `Client` for them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.answers import answers_of
from engine.client.adding import Adding
from engine.handle import JobHandle
from engine.job_types import AskAI, AskAIBatch, checked
from engine.model import Answered, JobOptions


class Asking(Adding):
    """Requests without tools or memory."""

    async def ask_ai(
        self,
        user_id: str,
        prompt: str,
        *,
        instructions: str = "",
        model: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Ask the model something, without tools or memory; see `AskAI`. `model` None is the one of the settings.

        Raises BadInputError for an empty prompt or one of more than 20,000 characters.
        """
        payload = {"user_id": user_id, "prompt": prompt, "instructions": instructions, "model": model}
        return await self.add(checked(AskAI, payload), options)

    async def ask_ai_batch(
        self,
        user_id: str,
        prompts: Sequence[str],
        *,
        instructions: str = "",
        model: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Ask the model many things in one job; see `AskAIBatch`, and `ai_answers` for what has come so far.

        Where the options do not say otherwise, the job has time for all its prompts, and ten attempts: each goes on
        where the last one ended. Raises BadInputError for more than 1,000 prompts, or 1,000,000 characters in all.
        """
        payload = {"user_id": user_id, "prompts": tuple(prompts), "instructions": instructions, "model": model}
        return await self.add(checked(AskAIBatch, payload), options)

    async def ai_answers(self, job: JobHandle | str) -> tuple[Answered, ...]:
        """The answers that an AI job (its handle or id) has got so far, also where it failed or was cancelled.

        Raises NotFoundError where the job is not kept any more.
        """
        return await answers_of(self._store, job if isinstance(job, str) else job.id)
