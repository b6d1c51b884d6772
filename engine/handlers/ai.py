"""General requests to a model, one or many, each answer kept as soon as it is there.

No prompt that was answered is asked a second time, whatever becomes of the job in between: a retry, a cancel and a
later retry by hand, or a worker that died. One window is left: an answer that reaches a worker in the moment it dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from engine.errors import BadInputError, HarkError, PermanentError, RetryableError
from engine.handlers.context import JobContext
from engine.job_types import AskAI, AskAIBatch
from engine.store.patience import until_heard


async def ask_ai(payload: AskAI, context: JobContext) -> dict[str, Any]:
    """Ask one prompt."""
    asked = _Asking(context, [payload.prompt], payload.instructions, payload.model)
    (answer,) = await asked.all(at_once=1)
    if "error" in answer:
        raise BadInputError(answer["error"])
    return {**_shown(answer), "tokens": _tokens([answer])}


async def ask_ai_batch(payload: AskAIBatch, context: JobContext) -> dict[str, Any]:
    """Ask many, some at the same time; what is refused is told beside what was answered."""
    asked = _Asking(context, payload.prompts, payload.instructions, payload.model)
    answers = await asked.all(context.services.settings.ai_at_once)
    refused = [answer["error"] for answer in answers if "error" in answer]
    if len(refused) == len(answers):
        raise BadInputError(f"None of the {len(answers)} prompts was answered. {refused[0]}")
    return {
        "answers": [_shown(answer) for answer in answers],
        "answered": len(answers) - len(refused),
        "refused": len(refused),
        "tokens": _tokens(answers),
    }


class _Asking:
    """The prompts of one job. An answer is the kept JSON object: `answer` and what belongs to it, or `error`."""

    def __init__(self, context: JobContext, prompts: Sequence[str], instructions: str, model: str | None) -> None:
        self._context = context
        self._prompts = prompts
        self._instructions = instructions
        self._model = model
        self._answers: dict[int, dict[str, Any]] = {}
        self._stopped: list[Exception] = []
        """Why no more prompts are asked."""

    async def all(self, at_once: int) -> list[dict[str, Any]]:
        """Every prompt's answer, in order; asks for those that are not kept, `at_once` at the same time.

        After an error that another prompt would meet, too, it asks no more, waits for what is under way, and raises it.
        """
        job = self._context.job
        for number, answer in (await self._context.services.store.answers(job.queue, job.id)).items():
            # What was refused is asked again when somebody runs the job again, but not at each attempt.
            if number < len(self._prompts) and ("error" not in answer or job.attempt > 1):
                self._answers[number] = answer
        if self._answers:
            await self._context.log(f"{len(self._answers)} of {len(self._prompts)} were answered before.")
        left = iter([number for number in range(len(self._prompts)) if number not in self._answers])
        ended = await asyncio.gather(*(self._ask_each(left) for _ in range(at_once)), return_exceptions=True)
        self._stopped += [error for error in ended if isinstance(error, Exception)]
        if self._stopped:
            raise self._why_stopped()
        return [self._answers[number] for number in range(len(self._prompts))]

    async def _ask_each(self, left: Iterator[int]) -> None:
        """Ask one of the prompts that are left after the other."""
        for number in left:
            try:
                await self._keep(number, await self._ask(number))
            except Exception as error:  # noqa: BLE001 - what others have under way was paid for: it is waited for first
                self._stopped.append(error)
                await self._context.log(f"Prompt {number + 1}: {error} No more are asked in this attempt.")
            if self._stopped:
                return

    async def _ask(self, number: int) -> dict[str, Any]:
        answerer = self._context.services.providers().answerer
        try:
            told = await answerer.answer(self._prompts[number], self._instructions, self._model)
        except BadInputError as error:
            await self._context.log(f"Prompt {number + 1} was refused: {error}")
            return {"error": str(error)}
        answer: dict[str, Any] = {"answer": told.text, "cut": told.cut, "model": told.model}
        return answer | {"tokens": [told.prompt_tokens, told.answer_tokens]}

    async def _keep(self, number: int, answer: dict[str, Any]) -> None:
        """Keep an answer, however long Redis is away: it was paid for."""
        store, job = self._context.services.store, self._context.job
        if not await until_heard(lambda: store.keep_answer(job, number, answer, len(self._prompts))):
            raise RetryableError("Another worker has taken over this job.")
        self._answers[number] = answer

    def _why_stopped(self) -> Exception:
        """Of several errors the one that no other attempt can mend, else the longest wait."""
        for error in self._stopped:
            if not isinstance(error, RetryableError):
                return self._with_count(error) if isinstance(error, HarkError) else error
        waits = [error.retry_after_ms for error in self._stopped if isinstance(error, RetryableError)]
        first = self._stopped[0]
        assert isinstance(first, RetryableError)
        first.retry_after_ms = max((wait for wait in waits if wait is not None), default=None)
        return self._with_count(first)

    def _with_count(self, error: HarkError) -> HarkError:
        """The same, saying how much is done, where anything is."""
        if not self._answers:
            return error
        message = f"{error.message} {len(self._answers)} of {len(self._prompts)} prompts are done, and kept."
        if isinstance(error, RetryableError):
            return RetryableError(message, error.remedy, error.retry_after_ms)
        return PermanentError(message, error.remedy)


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as results tell it."""
    return {name: value for name, value in answer.items() if name != "tokens"}


def _tokens(answers: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = [answer.get("tokens", [0, 0]) for answer in answers]
    return {"prompt": sum(count[0] for count in counts), "answer": sum(count[1] for count in counts)}
