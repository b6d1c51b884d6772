"""A snapshot as Prometheus reads it.

Base units are Prometheus's: seconds, not milliseconds. A new family is one more `yield`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.model import JobState, QueueState, Snapshot

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_GAUGES: tuple[tuple[str, str, Callable[[QueueState], float]], ...] = (
    ("paused", "1 while the queue starts no jobs.", lambda queue: queue.paused),
    ("concurrency", "Jobs of the queue that one worker runs at once, at most.", lambda queue: queue.concurrency),
    ("workers", "Workers that serve the queue.", lambda queue: queue.workers),
    (
        "oldest_waiting_seconds",
        "Age of the oldest waiting job; 0 where none waits.",
        lambda queue: (queue.oldest_waiting_ms or 0) / 1000,
    ),
)
_COUNTERS: tuple[tuple[str, str, Callable[[QueueState], float]], ...] = (
    ("completed", "Jobs completed since the queue exists.", lambda queue: queue.completed_total),
    ("failed", "Jobs failed for good since the queue exists.", lambda queue: queue.failed_total),
)


def exposition(snapshot: Snapshot) -> bytes:
    """The snapshot in Prometheus's text format, of type CONTENT_TYPE."""
    return generate_latest(_Families(snapshot))


class _Families(Collector):
    """The metric families of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        queues = self._snapshot.queues
        depth = GaugeMetricFamily("hark_queue_jobs", "Jobs of the queue, by state.", labels=["queue", "state"])
        for queue in queues:
            for state in JobState:
                depth.add_metric([queue.name, state.value], getattr(queue, state.value))
        yield depth
        for name, text, value in _GAUGES:
            gauge = GaugeMetricFamily(f"hark_queue_{name}", text, labels=["queue"])
            for queue in queues:
                gauge.add_metric([queue.name], value(queue))
            yield gauge
        for name, text, value in _COUNTERS:
            counter = CounterMetricFamily(f"hark_queue_{name}", text, labels=["queue"])
            for queue in queues:
                counter.add_metric([queue.name], value(queue))
            yield counter
        # The place for histograms of waiting and of processing: HistogramMetricFamily by queue.
        yield GaugeMetricFamily("hark_workers", "Workers that gave a sign of life.", len(self._snapshot.workers))
