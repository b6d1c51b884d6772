"""How jobs are added, one or many; what every part of `Client` does it with."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable, Sequence

from engine.errors import BadInputError
from engine.handle import JobHandle
from engine.job_types import JobType
from engine.model import JobOptions
from engine.settings import Settings
from engine.store import NewJob, Store
from engine.store.new_job import NO_OPTIONS, new_job

_BULK = 500
"""Jobs that one call adds."""
_PARTS_UNDER_WAY = 2


class Adding:
    """Adds jobs to one Redis."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def prepare(self, payload: JobType, options: JobOptions | None = None) -> NewJob:
        """The job that `add` would add: the defaults filled in, the id chosen."""
        spec = self._settings.queue_specs[payload.queue]
        return new_job(payload.job_name, payload.model_dump_json(exclude_defaults=True), spec, options or NO_OPTIONS)

    async def add(self, payload: JobType, options: JobOptions | None = None) -> JobHandle:
        """Add one job. Adding an id that exists changes nothing and gives the first one's handle."""
        job = self.prepare(payload, options)
        (added,) = await self._store.add(payload.queue, [job])
        return JobHandle(job.id, payload.queue, added, self._store)

    async def add_bulk(
        self, payloads: Iterable[JobType], options: Sequence[JobOptions | None] | None = None
    ) -> list[JobHandle]:
        """Add many jobs, in batches a queue; handles come back in the order given.

        `payloads` may be a generator: it is asked for the next ones while Redis takes the last ones in. One that raises
        ends the adding; those that it gave before may have been added.
        """
        if options is not None:
            payloads = list(payloads)
            if len(options) != len(payloads):
                raise BadInputError(f"There are {len(payloads)} jobs and {len(options)} options.", "Give one for each.")
        chosen = zip(payloads, itertools.repeat(None) if options is None else options, strict=False)
        handles: list[JobHandle] = []
        sending: deque[asyncio.Task[list[JobHandle]]] = deque()
        try:
            while prepared := [
                (payload.queue, self.prepare(payload, option)) for payload, option in itertools.islice(chosen, _BULK)
            ]:
                # While Redis takes one part in, the next is on its way, and the one after that is prepared.
                if len(sending) == _PARTS_UNDER_WAY:
                    handles += await sending.popleft()
                sending.append(asyncio.create_task(self._add_prepared(prepared)))
                await asyncio.sleep(0)
            while sending:
                handles += await sending.popleft()
        finally:
            for unheard in sending:
                unheard.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        return handles

    async def _add_prepared(self, prepared: Sequence[tuple[str, NewJob]]) -> list[JobHandle]:
        by_queue: dict[str, list[NewJob]] = {}
        for queue, job in prepared:
            by_queue.setdefault(queue, []).append(job)
        added = {queue: iter(await self._store.add(queue, jobs)) for queue, jobs in by_queue.items()}
        return [JobHandle(job.id, queue, next(added[queue]), self._store) for queue, job in prepared]
