"""What became of queues over minutes, hours and days; the part of `Monitor` for the past."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from engine.concurrency import together
from engine.errors import BadInputError
from engine.figures import summed
from engine.model import JobState, Period
from engine.queues import require_queue
from engine.store import Store
from engine.store.records import figures_by_type

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_RECORDS_AT_ONCE = 8
"""Of each queue; more would stop a loop for longer than a frame."""


class Histories:
    """Reads what the queues' scripts have counted, minute by minute and hour by hour."""

    _store: Store

    async def history(self, queue: str, *, periods: int, span_ms: int = _MINUTE_MS) -> tuple[Period, ...]:
        """The last `periods` spans of a queue, oldest first, the running one last; empty ones are there, too.

        `span_ms` is a multiple of a minute (kept 48 hours) or of an hour (kept 90 days). Raises BadInputError.
        """
        require_queue(queue)
        unit_ms, name = _unit(periods, span_ms)
        each = span_ms // unit_ms
        last = int(time.time() * 1000) // span_ms
        numbers = range((last - periods + 1) * each, (last + 1) * each)
        parts = [
            _period(number * unit_ms, unit_ms, record)
            for number, record in zip(numbers, await self._store.figures(queue, name, numbers), strict=True)
        ]
        return tuple(_joined(parts[start : start + each], span_ms) for start in range(0, len(parts), each))

    async def histories(
        self, queues: Sequence[str], *, periods: int, span_ms: int = _MINUTE_MS, since_ms: int = 0
    ) -> AsyncGenerator[tuple[Period, ...]]:
        """As `history`, of several queues added up, in parts of a few spans: the newest part first.

        No part is long to read or to add up, so that a loop which also draws does not stand still. Spans that
        ended before `since_ms` are left out: who has seen them asks only for what can have changed.
        """
        for queue in queues:
            require_queue(queue)
        unit_ms, name = _unit(periods, span_ms)
        each = span_ms // unit_ms
        last = int(time.time() * 1000) // span_ms
        first = max(last - periods + 1, since_ms // span_ms)

        async def read(queue: str, numbers: range) -> list[Period]:
            periods: list[Period] = []
            for start in range(0, len(numbers), _RECORDS_AT_ONCE):
                some = numbers[start : start + _RECORDS_AT_ONCE]
                records = await self._store.figures(queue, name, some)
                periods += [_period(number * unit_ms, unit_ms, one) for number, one in zip(some, records, strict=True)]
            return periods

        spans_at_once = max(1, _RECORDS_AT_ONCE // each)
        for until in range(last + 1, first, -spans_at_once):
            numbers = range(max(first, until - spans_at_once) * each, until * each)
            found = await together(*(read(queue, numbers) for queue in queues))
            parts = [_together(list(same)) for same in zip(*found, strict=True)]
            yield tuple(_joined(parts[start : start + each], span_ms) for start in range(0, len(parts), each))

    async def window(self, queue: str, window_ms: int) -> Period:
        """The last `window_ms` of a queue as one period, up to now; in whole minutes, beyond 48 hours in whole hours.

        Raises BadInputError for less than a minute and more than 90 days.
        """
        if not _MINUTE_MS <= window_ms <= 90 * 24 * _HOUR_MS:
            raise BadInputError("A window is a minute to 90 days long.", "Ask for one such as 30m, 24h or 7d.")
        unit_ms = _MINUTE_MS if window_ms <= 48 * _HOUR_MS else _HOUR_MS
        parts = await self.history(queue, periods=window_ms // unit_ms, span_ms=unit_ms)
        span_ms = max(1, int(time.time() * 1000) - parts[0].start_ms)
        return replace(_joined(list(parts), span_ms), span_ms=span_ms)


def _unit(periods: int, span_ms: int) -> tuple[int, str]:
    """The records that a history is made of: their length and name. Raises BadInputError."""
    unit_ms, name = (_HOUR_MS, "1h") if span_ms % _HOUR_MS == 0 else (_MINUTE_MS, "1m")
    if periods < 1 or span_ms < unit_ms or span_ms % unit_ms:
        raise BadInputError("A history has 1 or more periods, each of whole minutes or hours.")
    if periods * (span_ms // unit_ms) > (90 * 24 if name == "1h" else 48 * 60):
        raise BadInputError("Minutes are kept for 48 hours, hours for 90 days.", "Ask for longer or fewer periods.")
    return unit_ms, name


def _period(start_ms: int, span_ms: int, record: dict[str, str]) -> Period:
    by_type = figures_by_type(record)
    depths = {state: int(record[f"depth:{state}"]) for state in JobState if f"depth:{state}" in record}
    groups: dict[str, int] = {}
    for field, number in record.items():
        if field.startswith("group:"):
            signature = field.removeprefix("group:").partition("@")[0]
            groups[signature] = groups.get(signature, 0) + int(number)
    oldest = record.get("oldest")
    return Period(
        start_ms, span_ms, summed(by_type.values()), by_type, depths or None, int(oldest) if oldest else None, groups
    )


def _joined(parts: list[Period], span_ms: int) -> Period:
    """Periods of one queue that follow each other, as one: with the depths that were seen last."""
    if len(parts) == 1:
        return parts[0]
    seen = next((part for part in reversed(parts) if part.depths is not None), parts[-1])
    return _added_up(parts, span_ms, seen.depths, seen.oldest_waiting_ms)


def _together(parts: list[Period]) -> Period:
    """The same period of several queues, as one: depths added up as far as they are known."""
    if len(parts) == 1:
        return parts[0]
    seen = [part.depths for part in parts if part.depths is not None]
    depths = {state: sum(found.get(state, 0) for found in seen) for state in JobState} if seen else None
    ages = [part.oldest_waiting_ms for part in parts if part.oldest_waiting_ms is not None]
    return _added_up(parts, parts[0].span_ms, depths, max(ages, default=None))


def _added_up(parts: list[Period], span_ms: int, depths: dict[JobState, int] | None, oldest_ms: int | None) -> Period:
    names = sorted({name for part in parts for name in part.by_type})
    by_type = {name: summed(part.by_type[name] for part in parts if name in part.by_type) for name in names}
    groups: dict[str, int] = {}
    for part in parts:
        for signature, number in part.failures_by_group.items():
            groups[signature] = groups.get(signature, 0) + number
    return replace(
        parts[0],
        span_ms=span_ms,
        total=summed(by_type.values()),
        by_type=by_type,
        depths=depths,
        oldest_waiting_ms=oldest_ms,
        failures_by_group=groups,
    )
