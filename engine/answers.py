"""What AI jobs have got from their model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model import Answered, JobState
from engine.queues import AI_PROCESSING
from engine.store import Store


async def answers_of(store: Store, job_id: str) -> tuple[Answered, ...]:
    """The answers of an AI job so far, in the prompts' order. Raises NotFoundError for a job that is not kept."""
    kept = await store.answers(AI_PROCESSING, job_id)
    # Looked at after the answers: those of a job that completes in between are in its record by then.
    job = await store.find(job_id, (AI_PROCESSING,))
    if job.state is JobState.COMPLETED and isinstance(job.result, dict):
        answers = job.result.get("answers", [job.result])
        kept = {number: answer for number, answer in enumerate(answers) if isinstance(answer, dict)}
    return tuple(_answered(number, answer) for number, answer in kept.items())


def _answered(number: int, answer: Mapping[str, Any]) -> Answered:
    return Answered(number, str(answer.get("answer", "")), str(answer.get("error", "")), bool(answer.get("cut")))
