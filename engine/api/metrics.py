"""A snapshot, and what was counted since ever, as Prometheus reads it.

Base units are Prometheus's: seconds, not milliseconds. A new family is one more `yield`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.histogram import Histogram, bounds_ms
from engine.model import Figures, JobState, QueueState, Snapshot

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
    (
        "failed",
        "Final failures since the queue exists; a job retried by hand may fail again.",
        lambda queue: queue.failed_total,
    ),
)
_JOB_COUNTERS: tuple[tuple[str, str, Callable[[Figures], int]], ...] = (
    ("added", "Jobs added.", lambda figures: figures.added),
    ("completed", "Jobs completed.", lambda figures: figures.completed),
    ("failed", "Final failures; attempts that are tried again are none.", lambda figures: figures.failed),
    ("retried", "Attempts that failed and are tried again.", lambda figures: figures.retried),
    ("stalled", "Jobs that lost their worker.", lambda figures: figures.stalled),
)
_JOB_TIMES: tuple[tuple[str, str, Callable[[Figures], Histogram]], ...] = (
    ("processing", "How long completed jobs ran.", lambda figures: figures.processing),
    ("waiting", "How long jobs waited to start, once they could.", lambda figures: figures.waiting),
)
BUCKETS_MS = (1, 4, 16, 64, 256, 512, 1024, 2048, 4096, 16_384, 65_536, 262_144)
"""Where the histograms' buckets end: powers of two, because there a bucket of ours ends, too, and none is torn."""

Totals = Mapping[str, Mapping[str, Figures]]
"""What was counted since ever, by queue and job type."""


def exposition(snapshot: Snapshot, totals: Totals) -> bytes:
    """Both in Prometheus's text format, of type CONTENT_TYPE."""
    return generate_latest(_Families(snapshot, totals))


class _Families(Collector):
    """The metric families of one snapshot and the totals."""

    def __init__(self, snapshot: Snapshot, totals: Totals) -> None:
        self._snapshot = snapshot
        self._totals = totals

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
        yield from self._of_jobs()
        yield GaugeMetricFamily("hark_workers", "Workers that gave a sign of life.", len(self._snapshot.workers))
        yield GaugeMetricFamily(
            "hark_watching_commands_per_second",
            "Redis commands that this API sends to look at the queues, over the last minute.",
            self._snapshot.watching_commands_per_s,
        )

    def _of_jobs(self) -> Iterable[Metric]:
        """The counters and histograms by queue and job type."""
        labels = ["queue", "job_type"]
        found = [
            ([queue, job_type], figures)
            for queue, by_type in self._totals.items()
            for job_type, figures in sorted(by_type.items())
        ]
        for name, text, value in _JOB_COUNTERS:
            counter = CounterMetricFamily(f"hark_jobs_{name}", text, labels=labels)
            for place, figures in found:
                counter.add_metric(place, value(figures))
            yield counter
        for name, text, times in _JOB_TIMES:
            family = HistogramMetricFamily(f"hark_job_{name}_seconds", text, labels=labels)
            for place, figures in found:
                histogram = times(figures)
                family.add_metric(place, _cumulative(histogram), histogram.sum_ms / 1000)
            yield family


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    """How many times were below each of BUCKETS_MS, as Prometheus's buckets (in seconds)."""
    ends = {bucket: bounds_ms(bucket)[1] for bucket in histogram.counts}
    counts = [
        (str(end_ms / 1000), float(sum(count for bucket, count in histogram.counts.items() if ends[bucket] <= end_ms)))
        for end_ms in BUCKETS_MS
    ]
    return [*counts, ("+Inf", float(histogram.total))]
