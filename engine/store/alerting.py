"""What the watchers of alerts share: one hash with the operators' silences, and since when alerts are open.

Anybody may have spoilt it: what cannot be read is not there, and nothing fails for it.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from redis.exceptions import ResponseError

from engine.alerts import AlertNotes
from engine.errors import HarkError
from engine.model import Silence
from engine.store import keys
from engine.store.base import StoreBase
from engine.store.records import dumps

OPEN_KEPT_MS = 60_000
"""What was told of open alerts holds so long: who told it may be gone."""
_SILENCE, _OPEN = "silence:", "open"


class Alerting(StoreBase):
    """The part of `Store` for alerts."""

    async def alert_notes(self, now_ms: int) -> AlertNotes:
        """The silences, and since when alerts are open that were told of lately at `now_ms` by Redis's clock."""
        (found,) = await self._hashes([keys.ALERTS])
        silences = {
            field.removeprefix(_SILENCE): silence
            for field, text in found.items()
            if field.startswith(_SILENCE) and (silence := _silence(text)) is not None
        }
        return AlertNotes(silences, _open_since(found.get(_OPEN, ""), now_ms))

    async def tell_open_alerts(self, since_ms: Mapping[str, int], now_ms: int) -> None:
        """Leave for other watchers which alerts are open since when; nothing where Redis takes no writes."""
        try:
            await self._set_alert_field(_OPEN, dumps({"at_ms": now_ms, "since_ms": dict(since_ms)}))
        except HarkError as error:
            if not isinstance(error.__cause__, ResponseError):
                raise

    async def silence_alert(
        self, key: str, queue: str | None, action: str, *, minutes: int | None, actor: str, reason: str = ""
    ) -> Silence:
        """Write an operator's silence, and a row in the audit trail of the queue, or of the connection."""
        asked = {"alert": key} if minutes is None else {"alert": key, "minutes": minutes}
        now_ms = await self._note_action(queue, action, asked, actor, reason)
        silence = Silence(now_ms, actor, None if minutes is None else now_ms + minutes * 60_000, reason)
        await self._set_alert_field(f"{_SILENCE}{key}", dumps(asdict(silence)))
        return silence

    async def unsilence_alert(self, key: str, queue: str | None, action: str, *, actor: str, reason: str = "") -> bool:
        """Take a silence back, and write it into the audit trail; False where there was none."""
        removed = await self.forget_silences([key])
        if removed:
            await self._note_action(queue, action, {"alert": key}, actor, reason)
        return bool(removed)

    async def forget_silences(self, alerts: Sequence[str]) -> int:
        """Take silences away that have served their time; how many there were."""
        fields = [f"{_SILENCE}{key}" for key in alerts]
        return int(await self._guarded(lambda: self._redis.hdel(keys.ALERTS, *fields))) if fields else 0

    @abstractmethod
    async def write_note(self, action: str, arguments: Mapping[str, Any], *, actor: str, reason: str) -> None:
        """An audit row of what concerns no queue."""

    async def _note_action(
        self, queue: str | None, action: str, asked: Mapping[str, Any], actor: str, reason: str
    ) -> int:
        """A row in the audit trail; Redis's time in ms."""
        if queue is not None:
            arguments = {**asked, "action": action, "actor": actor, "reason": reason}
            return int(await self._run("note_action", queue, arguments))
        await self.write_note(action, asked, actor=actor, reason=reason)
        seconds, micros = await self._guarded(self._redis.time)
        return int(seconds * 1000 + micros // 1000)

    async def _set_alert_field(self, field: str, text: str) -> None:
        await self._call("always", [keys.ALERTS], ["HSET", field, text])


def _silence(text: str) -> Silence | None:
    try:
        told = json.loads(text)
        silence = Silence(told["at_ms"], told["actor"], told["until_ms"], told["reason"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fine = (
        _is_time(silence.at_ms)
        and (silence.until_ms is None or _is_time(silence.until_ms))
        and isinstance(silence.actor, str)
        and isinstance(silence.reason, str)
    )
    return silence if fine else None


def _open_since(text: str, now_ms: int) -> dict[str, int]:
    try:
        told = json.loads(text)
        at_ms, since_ms = told["at_ms"], dict(told["since_ms"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    if not _is_time(at_ms) or abs(now_ms - at_ms) > OPEN_KEPT_MS:
        return {}
    return {key: began_ms for key, began_ms in since_ms.items() if _is_time(began_ms)}


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53
