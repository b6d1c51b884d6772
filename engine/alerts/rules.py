"""The rules by which alerts are raised, as data: what each looks at, its threshold in the settings, its words.

A rule sees one queue's state and its threshold. Where its alert is open already it is asked more gently (four fifths
of the threshold), so that a figure that swings about the threshold makes one alert of it, not many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import NotFoundError
from engine.model import QueueState, Severity
from engine.queues import require_queue

if TYPE_CHECKING:
    from engine.settings import Settings

FEWEST_ENDED = 20
"""A share of fewer jobs than these says nothing."""
RATE_MINUTES = 5
CALM_MS = 15_000
"""An alert is over when its rule was kept for so long."""
_EASED = 0.8
_MINUTE_MS = 60_000


class Words(NamedTuple):
    """What is wrong, and what to do about it."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of alert. `setting` names its threshold in `Settings`, where 0 switches it off."""

    name: str
    title: str
    severity: Severity
    setting: str
    calm_ms: int = CALM_MS
    patient: bool = False
    """The threshold is in seconds: the alert begins when the rule was broken for so long."""

    def limit(self, settings: Settings) -> int:
        """Its threshold; 0 where it is off."""
        return int(getattr(settings, self.setting))

    def patience_ms(self, settings: Settings) -> int:
        """How long it must be broken before the alert begins."""
        return self.limit(settings) * 1000 if self.patient else 0


NO_WORKER = Rule("no-worker", "No worker", Severity.CRITICAL, "alert_no_worker_s", patient=True)
OLDEST_AGE = Rule("oldest-age", "Jobs wait too long", Severity.WARNING, "alert_oldest_min")
FAILURE_RATE = Rule("failure-rate", "Many failures", Severity.CRITICAL, "alert_failure_percent")
JOB_FAILED = Rule("job-failed", "Job failed", Severity.WARNING, "alert_job_failed_min", calm_ms=0)
REDIS_GONE = Rule("redis-gone", "Redis gone", Severity.CRITICAL, "alert_redis_gone_s", calm_ms=0, patient=True)
REDIS_MEMORY = Rule("redis-memory", "Redis nearly full", Severity.CRITICAL, "alert_redis_memory_percent")
RULES = {rule.name: rule for rule in (NO_WORKER, OLDEST_AGE, FAILURE_RATE, JOB_FAILED, REDIS_GONE, REDIS_MEMORY)}


def alert_key(rule: Rule, queue: str | None) -> str:
    """The name of an alert, the same whoever sees it."""
    return rule.name if queue is None else f"{rule.name}:{queue}"


def queue_of(key: str) -> str | None:
    """The queue that an alert is about, None where it is about Redis. Raises NotFoundError for a key that is none."""
    name, _, queue = key.partition(":")
    if name not in RULES or (RULES[name] in QUEUE_RULES) != bool(queue):
        keys = [f"{name}:QUEUE" if rule in QUEUE_RULES else name for name, rule in RULES.items()]
        raise NotFoundError(f"There is no alert {key[:100]!r}.", f"Alerts are called {', '.join(keys)}.")
    return require_queue(queue) if queue else None


def _no_worker(queue: QueueState, limit: float, is_open: bool) -> Words | None:
    if queue.workers or queue.paused or not queue.waiting:
        return None
    wait = "1 job waits" if queue.waiting == 1 else f"{queue.waiting:,} jobs wait"
    message = f"Nothing runs on {queue.title}: no worker serves this queue, {wait}."
    return Words(message, "Start a worker: open Hark, or run `hark worker` on any machine.")


def _oldest_age(queue: QueueState, limit: float, is_open: bool) -> Words | None:
    age_ms = queue.oldest_waiting_ms or 0
    # A queue that nobody serves has an alert of its own: one cause, one alert.
    if queue.paused or age_ms <= limit * _MINUTE_MS or not (queue.workers or is_open):
        return None
    waiting = f"{queue.waiting:,} {'waits' if queue.waiting == 1 else 'wait'}"
    message = f"A job of {queue.title} has waited for {age_ms // _MINUTE_MS:,} min; {waiting}, {queue.active:,} run."
    return Words(
        message,
        "Start another `hark worker`, or let each run more at once: on the Workers page, or with "
        f"`hark concurrency {queue.name} N`.",
    )


def _failure_rate(queue: QueueState, limit: float, is_open: bool) -> Words | None:
    failed, completed = queue.recent.failed, queue.recent.completed
    ended = failed + completed
    if ended < FEWEST_ENDED * (_EASED if is_open else 1) or 100 * failed <= limit * ended:
        return None
    return Words(
        f"{100 * failed / ended:.0f} % of the jobs of {queue.title} fail: "
        f"{failed:,} of the {ended:,} that ended in the last {RATE_MINUTES} minutes.",
        f"See why on the Failures page or with `hark failures {queue.name}`; to keep the others from it, pause the "
        f"queue there or with `hark pause {queue.name}`.",
    )


def _job_failed(queue: QueueState, limit: float, is_open: bool) -> Words | None:
    minutes = round(limit)
    failed = sum(minute.failed for minute in queue.minutes[-minutes - 1 :])
    if not failed:
        return None
    # Failures are counted: a job that was retried by hand may be behind several of them.
    what, often = ("1 job", "") if failed == 1 else ("Jobs", f" {failed:,} times")
    return Words(
        f"{what} of {queue.title} failed for good{often} in the last {minutes} minutes.",
        f"See why on the Failures page or with `hark failures {queue.name}`.",
    )


QUEUE_RULES: dict[Rule, Callable[[QueueState, float, bool], Words | None]] = {
    NO_WORKER: _no_worker,
    OLDEST_AGE: _oldest_age,
    FAILURE_RATE: _failure_rate,
    JOB_FAILED: _job_failed,
}
"""The rules about queues; each is asked with its threshold and whether its alert is open."""


def broken(rule: Rule, queue: QueueState, limit: int, is_open: bool) -> Words | None:
    """What is wrong with a queue by this rule, None where nothing is."""
    eased = is_open and rule in (OLDEST_AGE, FAILURE_RATE)
    return QUEUE_RULES[rule](queue, limit * _EASED if eased else limit, is_open)


def memory_broken(share: float | None, limit: int, is_open: bool) -> Words | None:
    """Whether Redis uses more of its maxmemory than it should; `share` is 0 to 1, None where it has no limit."""
    if share is None or 100 * share <= limit * (0.95 if is_open else 1):
        return None
    return Words(
        f"Redis uses {100 * share:.0f} % of its maxmemory. When it is full, it takes no new jobs.",
        "Clean finished jobs, on the Queues page or with `hark clean --all --status completed`, or raise its "
        "maxmemory.",
    )
