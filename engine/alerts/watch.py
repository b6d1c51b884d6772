"""One watcher's alerts over time: which are open, which have ended, and of which a person is to be told now.

Hides patience, calm, silences and the wording's refreshment. Any number of watchers look at the same queues, each with
a `Watch` of its own; what they share lies in Redis and comes in as `AlertNotes`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.alerts.rules import (
    FAILURE_RATE,
    JOB_FAILED,
    QUEUE_RULES,
    REDIS_GONE,
    REDIS_MEMORY,
    Rule,
    Words,
    alert_key,
    broken,
    memory_broken,
)
from engine.model import Alert, Severity, Silence, Snapshot

if TYPE_CHECKING:
    from engine.settings import Settings

AGAIN_MS = 60_000
"""Of more jobs that failed a person is told after so long, not for each."""
GAP_MS = 40_000
"""Who has not looked for so long knows not what was meanwhile: patience begins anew."""
STALE_ACKNOWLEDGEMENT_MS = 3_600_000
REMEMBERED = 50
_ORDER = list(Severity)


@dataclass(frozen=True, slots=True)
class AlertNotes:
    """What watchers share: operators' silences by key, since when others see an alert, and how full Redis is."""

    silences: Mapping[str, Silence] = field(default_factory=dict)
    open_since_ms: Mapping[str, int] = field(default_factory=dict)
    memory_share: float | None = None
    """0 to 1 of its maxmemory; None where it has none, or does not tell."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since the last look."""

    begun: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()
    news: tuple[Alert, ...] = ()
    """Open alerts of which a person is to be told now: those that begin, come out of a snooze, or have grown."""
    lapsed: tuple[str, ...] = ()
    """Keys of acknowledgements that have served their time: whoever watches takes them away."""


@dataclass(slots=True)
class _Watched:
    """A rule that is broken, or was lately."""

    rule: Rule
    alert: Alert
    since_ms: int
    """When this watcher saw it first."""
    broken_at_ms: int
    """When it was broken last."""
    is_open: bool = False
    told_at_ms: int | None = None
    """When a person was last told, or could have been; None while silenced."""
    failed_total: int = 0
    told_failed_total: int = 0


class Watch:
    """Give it each snapshot by `look`, or `gone` where there is none; it tells the changes.

    With `patient=False` alerts begin at the first look: for who looks only once.
    """

    def __init__(self, settings: Settings, *, patient: bool = True) -> None:
        self._settings = settings
        self._patient = patient
        self._notes = AlertNotes()
        self._own_silences: dict[str, Silence] = {}
        self._watched: dict[str, _Watched] = {}
        self._ended: deque[Alert] = deque(maxlen=REMEMBERED)
        self._looked_at_ms = 0

    @property
    def open(self) -> tuple[Alert, ...]:
        """The open alerts: the worst first, then the oldest."""
        found = [self._silenced(one.alert, self._looked_at_ms) for one in self._watched.values() if one.is_open]
        return tuple(sorted(found, key=lambda alert: (_ORDER.index(alert.severity), alert.began_at_ms, alert.key)))

    @property
    def ended(self) -> tuple[Alert, ...]:
        """The last alerts that ended, the newest first."""
        return tuple(self._ended)

    def note(self, notes: AlertNotes) -> None:
        """What is shared is now this."""
        self._notes = notes

    def use(self, settings: Settings) -> None:
        """Judge by these thresholds from now on."""
        self._settings = settings

    def silence(self, key: str, silence: Silence) -> None:
        """Silence an alert for this watcher alone: for that of a Redis that is gone, which cannot keep it."""
        self._own_silences[key] = silence

    def unsilence(self, key: str) -> None:
        """Take such a silence back."""
        self._own_silences.pop(key, None)

    def look(self, snapshot: Snapshot) -> Changes:
        """Judge what is there now."""
        now_ms = snapshot.taken_at_ms
        if now_ms - self._looked_at_ms > GAP_MS:
            self._forget_unopened()
        begun: list[Alert] = []
        ended: list[Alert] = []
        for queue in snapshot.queues:
            for rule in QUEUE_RULES:
                key = alert_key(rule, queue.name)
                limit = rule.limit(self._settings)
                words = broken(rule, queue, limit, self._is_open(key)) if limit else None
                self._step(rule, queue.name, words, now_ms, begun, ended)
                if rule is JOB_FAILED and key in self._watched:
                    self._watched[key].failed_total = queue.failed_total
        limit = REDIS_MEMORY.limit(self._settings)
        full = memory_broken(self._notes.memory_share, limit, self._is_open(REDIS_MEMORY.name)) if limit else None
        self._step(REDIS_MEMORY, None, full, now_ms, begun, ended)
        self._step(REDIS_GONE, None, None, now_ms, begun, ended)
        self._looked_at_ms = now_ms
        return Changes(tuple(begun), tuple(ended), self._news(now_ms), self._lapsed(ended, now_ms))

    def gone(self, message: str, remedy: str, now_ms: int) -> Changes:
        """Redis does not answer at `now_ms` by this machine's clock; the other alerts stay as they are."""
        if not REDIS_GONE.limit(self._settings):
            return Changes()
        begun: list[Alert] = []
        self._step(REDIS_GONE, None, Words(message, remedy), now_ms, begun, [])
        # What was broken before may have been mended when Redis is back: workers must first be heard of again.
        self._forget_unopened(but=REDIS_GONE.name)
        self._looked_at_ms = now_ms
        return Changes(begun=tuple(begun), news=self._news(now_ms))

    def back(self, now_ms: int) -> Changes:
        """Redis answers again, for a watcher that looks at nothing else."""
        ended: list[Alert] = []
        self._step(REDIS_GONE, None, None, now_ms, [], ended)
        self._looked_at_ms = now_ms
        return Changes(ended=tuple(ended))

    # --- inside ---

    def _is_open(self, key: str) -> bool:
        return key in self._watched and self._watched[key].is_open

    def _forget_unopened(self, but: str = "") -> None:
        self._watched = {key: one for key, one in self._watched.items() if one.is_open or key == but}

    def _step(
        self, rule: Rule, queue: str | None, words: Words | None, now_ms: int, begun: list[Alert], ended: list[Alert]
    ) -> None:
        key = alert_key(rule, queue)
        one = self._watched.get(key)
        if words is None:
            if one is not None and (not one.is_open or now_ms - one.broken_at_ms >= rule.calm_ms):
                del self._watched[key]
                if one.is_open:
                    over = replace(self._silenced(one.alert, now_ms), ended_at_ms=now_ms)
                    if over.silence is not None and over.silence.until_ms is None:
                        self._own_silences.pop(key, None)
                    self._ended.appendleft(over)
                    ended.append(over)
            return
        known_ms = self._notes.open_since_ms.get(key)
        if one is None:
            began_ms = now_ms if known_ms is None else min(known_ms, now_ms)
            alert = Alert(key, rule.name, queue, rule.severity, words.message, words.remedy, began_ms)
            one = self._watched[key] = _Watched(rule, alert, now_ms, now_ms)
        one.broken_at_ms = now_ms
        one.alert = replace(one.alert, message=words.message, remedy=words.remedy)
        patience_ms = rule.patience_ms(self._settings) if self._patient else 0
        if not one.is_open and (known_ms is not None or now_ms - one.since_ms >= patience_ms):
            one.is_open = True
            begun.append(self._silenced(one.alert, now_ms))

    def _silence_of(self, key: str, now_ms: int) -> Silence | None:
        silence = self._own_silences.get(key) or self._notes.silences.get(key)
        if silence is None or (silence.until_ms is not None and silence.until_ms <= now_ms):
            return None
        return silence

    def _silenced(self, alert: Alert, now_ms: int) -> Alert:
        return replace(alert, silence=self._silence_of(alert.key, now_ms))

    def _news(self, now_ms: int) -> tuple[Alert, ...]:
        news = []
        for key, one in self._watched.items():
            if not one.is_open:
                continue
            if self._silence_of(key, now_ms) is not None:
                one.told_at_ms = None
                one.told_failed_total = one.failed_total
                continue
            # Where so many fail that this is told by itself, one job more is no news.
            grown = one.failed_total > one.told_failed_total and not self._is_open(
                alert_key(FAILURE_RATE, one.alert.queue)
            )
            if one.told_at_ms is None or (grown and now_ms - one.told_at_ms >= AGAIN_MS):
                one.told_at_ms, one.told_failed_total = now_ms, one.failed_total
                news.append(one.alert)
        return tuple(news)

    def _lapsed(self, ended: list[Alert], now_ms: int) -> tuple[str, ...]:
        over = {alert.key for alert in ended}
        return tuple(
            key
            for key, silence in self._notes.silences.items()
            if silence.until_ms is None
            and key not in self._watched
            and (key in over or now_ms - silence.at_ms > STALE_ACKNOWLEDGEMENT_MS)
        )
