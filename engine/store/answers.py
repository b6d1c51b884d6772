"""What jobs of many requests have got so far, so that the next run of one asks for nothing twice.

A job's answers live as long as its record, through retries, cancels and the quarantine; once it has completed they are
in its result, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.store import keys
from engine.store.base import StoreBase
from engine.store.records import Claimed, dumps, json_or


class Answers(StoreBase):
    """The part of `Store` for them. An answer is a JSON object with `answer` or `error`, by its request's number."""

    async def keep_answer(self, job: Claimed, number: int, answer: Mapping[str, Any], of: int) -> bool:
        """Keep an answer and tell the progress (`{"done", "of"}`) in one step; False if the job is not ours any more.

        The answer is kept all the same: the run that has the job now may read it.
        """
        arguments = {"id": job.id, "token": job.token, "number": str(number), "answer": dumps(answer), "of": of}
        return bool(await self._run("keep_answer", job.queue, arguments))

    async def answers(self, queue: str, job_id: str) -> dict[int, dict[str, Any]]:
        """The answers that a job which has not completed has got, by the number of the request, ascending.

        Somebody may have spoilt one: it is not there.
        """
        (found,) = await self._hashes([keys.answers(queue, job_id)])
        read = {int(number): json_or(text, None) for number, text in found.items() if number.isdecimal()}
        return {number: read[number] for number in sorted(read) if _is_answer(read[number])}


def _is_answer(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(name), str) for name in ("answer", "error"))
