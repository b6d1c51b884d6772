"""What AI jobs have got from their model, and how long a batch may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.model import Answered, JobOptions, JobState
from engine.queues import AI_PROCESSING
from engine.settings import Settings
from engine.store import Store

BATCH_ATTEMPTS = 10
"""A batch goes on where it was, so an attempt that ended early is no loss."""


def batch_options(options: JobOptions, prompts: int, settings: Settings) -> JobOptions:
    """The options of a batch: where they are silent, the time that all its prompts may take, and more attempts."""
    spec = settings.queue_specs[AI_PROCESSING]
    limit_ms = math.ceil(prompts / settings.ai_at_once) * round(settings.ai_timeout_s * 1000)
    return replace(
        options,
        timeout_ms=max(spec.timeout_ms, limit_ms) if options.timeout_ms is None else options.timeout_ms,
        attempts=max(spec.attempts, BATCH_ATTEMPTS) if options.attempts is None else options.attempts,
    )


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
