"""What an operator does to alerts; the part of `Admin` for them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.alerts import queue_of
from engine.errors import BadInputError, NotFoundError
from engine.model import Silence
from engine.store import Store

MOST_MINUTES = 7 * 24 * 60


class Silencing:
    """Silences hold for all who watch. Methods raise NotFoundError for a key that no alert can have.

    They change no job, so a write lock does not forbid them: who is called must be able to say that they know.
    """

    _store: Store

    async def acknowledge_alert(self, key: str, *, actor: str, reason: str = "") -> Silence:
        """The alert is known: nobody is told of it any more until it ends."""
        return await self._store.silence_alert(
            key, queue_of(key), "acknowledge-alert", minutes=None, actor=actor, reason=reason
        )

    async def snooze_alert(self, key: str, minutes: int, *, actor: str, reason: str = "") -> Silence:
        """Nobody is told of the alert for so long, however often it begins. Raises BadInputError."""
        if not 1 <= minutes <= MOST_MINUTES:
            raise BadInputError(f"An alert is snoozed for 1 to {MOST_MINUTES:,} minutes (a week).")
        return await self._store.silence_alert(
            key, queue_of(key), "snooze-alert", minutes=minutes, actor=actor, reason=reason
        )

    async def unsilence_alert(self, key: str, *, actor: str, reason: str = "") -> None:
        """Take an acknowledgement or a snooze back. Raises NotFoundError where there is none."""
        if not await self._store.unsilence_alert(key, queue_of(key), "unsilence-alert", actor=actor, reason=reason):
            raise NotFoundError(f"The alert {key} is neither acknowledged nor snoozed.")

    async def forget_silences(self, keys: Sequence[str]) -> None:
        """Take acknowledgements away whose alerts have ended (`Changes.lapsed`): no operator's action, so no audit."""
        await self._store.forget_silences(keys)
