"""What is remembered of notifications: the notices that wait for a window, and who has got which notification.

All under the notification queue's hash tag. Anybody may have spoilt it: what cannot be read is not there.
"""

from __future__ import annotations

from engine.queues import NOTIFICATION
from engine.store import keys
from engine.store.base import StoreBase

DESKTOP = "desktop"
"""The target whose deliveries are notices."""
NOTICES_KEPT_S = 30 * 86_400
MOST_NOTICES = 200
"""A user's notices wait for so long, and so many of them, for a window that shows them."""


class Notices(StoreBase):
    """The part of `Store` for notifications. A notice is a JSON text."""

    async def leave_notice(self, user_id: str, notification: str, notice: str) -> None:
        """Leave a notice for the user's next window, and remember the desktop's delivery, in one step."""
        waiting, ledger = keys.notices(NOTIFICATION, user_id), keys.notified(NOTIFICATION, notification)

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(waiting, notice)
                pipe.ltrim(waiting, -MOST_NOTICES, -1)
                pipe.expire(waiting, NOTICES_KEPT_S)
                pipe.sadd(ledger, DESKTOP)
                pipe.expire(ledger, NOTICES_KEPT_S)
                await pipe.execute()

        await self._guarded(write)

    async def take_notices(self, user_id: str) -> list[str]:
        """The notices that wait for a window of the user's, oldest first; each is given once."""
        taken = await self._guarded(lambda: self._redis.lpop(keys.notices(NOTIFICATION, user_id), MOST_NOTICES))
        return list(taken or [])

    async def notified(self, notification: str) -> set[str]:
        """The targets that have acknowledged a notification."""
        found: set[str] = await self._guarded(lambda: self._redis.smembers(keys.notified(NOTIFICATION, notification)))
        return found

    async def mark_notified(self, notification: str, target: str) -> None:
        """A target has acknowledged it."""
        key = keys.notified(NOTIFICATION, notification)

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(key, target)
                pipe.expire(key, NOTICES_KEPT_S)
                await pipe.execute()

        await self._guarded(write)
