"""What was last seen of the calendars: the mirror that answers at once, and while the calendar server is away.

All under the calendar queue's hash tag. Anybody may have spoilt it: what cannot be read is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.queues import CALENDAR_SYNC
from engine.store import keys
from engine.store.base import StoreBase

CALENDAR_KEPT_S = 30 * 86_400
"""How long a mirror that nothing is written to stays, in seconds."""


class CalendarMemory(StoreBase):
    """The part of `Store` for calendars. Values are JSON texts; `href` is an object's path on its server."""

    async def kept_calendars(self, account: str) -> dict[str, str]:
        """The calendars of an account that were synced, by their paths."""
        (found,) = await self._hashes([keys.calendars(CALENDAR_SYNC, account)])
        return found

    async def calendar_index(self, account: str) -> dict[str, str]:
        """What is known of each calendar object but its text, by its href."""
        (found,) = await self._hashes([keys.calendar_index(CALENDAR_SYNC, account)])
        return found

    async def calendar_texts(self, account: str, hrefs: Sequence[str]) -> dict[str, str]:
        """The texts (iCalendar) of those of `hrefs` that are kept."""
        if not hrefs:
            return {}
        key = keys.calendar_texts(CALENDAR_SYNC, account)
        texts = await self._guarded(lambda: self._redis.hmget(key, list(hrefs)))
        return {href: text for href, text in zip(hrefs, texts, strict=True) if text is not None}

    async def keep_calendar_objects(
        self,
        account: str,
        index: Mapping[str, str],
        texts: Mapping[str, str],
        *,
        gone: Iterable[str] = (),
        calendars: Mapping[str, str] | None = None,
        gone_calendars: Iterable[str] = (),
    ) -> None:
        """Write objects and calendars and drop what is gone, in one step. An object without a text loses its old."""
        index_key, texts_key, calendars_key = (
            keys.calendar_index(CALENDAR_SYNC, account),
            keys.calendar_texts(CALENDAR_SYNC, account),
            keys.calendars(CALENDAR_SYNC, account),
        )
        dropped, dropped_calendars = list(gone), list(gone_calendars)
        textless = dropped + [href for href in index if href not in texts]

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                if dropped:
                    pipe.hdel(index_key, *dropped)
                if textless:
                    pipe.hdel(texts_key, *textless)
                if index:
                    pipe.hset(index_key, mapping=_written(index))
                if texts:
                    pipe.hset(texts_key, mapping=_written(texts))
                if dropped_calendars:
                    pipe.hdel(calendars_key, *dropped_calendars)
                if calendars:
                    pipe.hset(calendars_key, mapping=_written(calendars))
                for key in (index_key, texts_key, calendars_key):
                    pipe.expire(key, CALENDAR_KEPT_S)
                await pipe.execute()

        await self._guarded(write)


def _written(texts: Mapping[str, str]) -> dict[Any, Any]:
    return dict(texts)
