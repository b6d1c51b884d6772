"""A worker's watch over all queues: alerts, in the words of `engine/alerts`, in its log.

Of many workers one speaks, or each alert would be in every log: the headless one that has run longest (an app's own
worker, whose log nobody keeps, only where it is alone). Who does not speak asks Redis nothing but whether it is there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from engine.alerts import Changes, Watch
from engine.errors import RedisGoneError
from engine.log import get_logger
from engine.model import Alert
from engine.monitor import Monitor
from engine.settings import Settings
from engine.store import Store
from engine.store.presence import alive

_log = get_logger("alerts")

LOOK_S = 15.0
_TOLD_BY_ITSELF = "job-failed"
"""The worker that ran such a job has logged it with all its details."""


class AlertLog:
    """One worker's part in it: `heard` with the signs of life of all, and `look` each LOOK_S seconds."""

    def __init__(self, store: Store, settings: Settings, worker: str) -> None:
        self._store = store
        self._settings = settings
        self._worker = worker
        self._speaks = False
        self._monitor = Monitor(store, settings)
        self._watch = Watch(settings)

    def heard(self, records: Mapping[str, str], now_ms: int) -> None:
        """Decide who speaks; `records` are the signs of life by worker id."""
        there = [worker for worker in alive(records, now_ms) if not worker.stopping]
        headless = [worker for worker in there if not worker.embedded]
        speaks = (headless or there)[:1]
        was, self._speaks = self._speaks, bool(speaks) and speaks[0].id == self._worker
        if was and not self._speaks:
            self._watch = Watch(self._settings)

    async def look(self) -> None:
        """Log what has begun and ended since the last look."""
        try:
            changes = await self._changes()
        except RedisGoneError as error:
            changes = self._watch.gone(error.message, error.remedy, int(time.time() * 1000))
        for alert in changes.begun:
            if alert.rule != _TOLD_BY_ITSELF:
                _log_begin(alert)
        for alert in changes.ended:
            if alert.rule != _TOLD_BY_ITSELF:
                lasted_s = ((alert.ended_at_ms or alert.began_at_ms) - alert.began_at_ms) / 1000
                _log.info("alert %s is over after %.0f s", alert.key, lasted_s)

    async def _changes(self) -> Changes:
        if not self._speaks:
            await self._store.ping()
            return self._watch.back(int(time.time() * 1000))
        snapshot = await self._monitor.snapshot(fresh=False)
        self._watch.note(await self._monitor.alert_notes())
        changes = self._watch.look(snapshot)
        # Told again at each look while there are some: what nobody tells any more is not believed.
        if self._watch.open or changes.ended:
            await self._monitor.tell_alerts(self._watch.open)
        await self._store.forget_silences(changes.lapsed)
        return changes


def _log_begin(alert: Alert) -> None:
    if alert.silence is None:
        _log.warning("alert %s: %s %s", alert.key, alert.message, alert.remedy)
    else:
        _log.info("alert %s, silenced by %s: %s", alert.key, alert.silence.actor, alert.message)
