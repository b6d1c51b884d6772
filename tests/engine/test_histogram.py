"""Mergeable histograms: what they tell against the exact figures, and the Lua side's buckets against ours."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.histogram import Histogram, bounds_ms

WORST = 2 ** (1 / 8)
"""From the middle of a bucket to its edge, as a factor: 9.1 %."""

times_ms = st.lists(st.integers(0, 600_000), min_size=1, max_size=300)


def bucket_of(ms: int) -> int:
    """The bucket that holds a time."""
    return next(bucket for bucket in range(200) if bounds_ms(bucket)[0] <= ms < bounds_ms(bucket)[1])


def histogram_of(times: list[int]) -> Histogram:
    """The histogram of exact times."""
    return Histogram.merged(Histogram({bucket_of(ms): 1}, ms) for ms in times)


def exact_percentile(times: list[int], percent: float) -> int:
    """The smallest of the times that `percent` of them do not exceed."""
    return sorted(times)[max(0, math.ceil(len(times) * percent / 100) - 1)]


@given(times_ms, st.sampled_from([0, 1, 50, 95, 99, 99.9, 100]))
def test_a_percentile_is_within_nine_percent_of_the_exact_one(times: list[int], percent: float) -> None:
    told = histogram_of(times).percentile_ms(percent)
    exact = exact_percentile(times, percent)
    assert told is not None
    if exact == 0:
        assert told == 0.5
    else:
        assert exact / WORST <= told * (1 + 1e-9)
        assert told <= exact * WORST * (1 + 1e-9)


@given(times_ms)
def test_mean_and_total_are_exact(times: list[int]) -> None:
    found = histogram_of(times)
    assert (found.total, found.sum_ms) == (len(times), sum(times))
    assert found.mean_ms == pytest.approx(sum(times) / len(times))


@given(times_ms, times_ms)
def test_histograms_of_parts_add_up_to_that_of_the_whole(some: list[int], others: list[int]) -> None:
    whole = histogram_of(some + others)
    assert histogram_of(some) + histogram_of(others) == whole
    assert hash(histogram_of(some) + histogram_of(others)) == hash(whole)


@given(times_ms)
def test_percentiles_never_fall_as_the_percentage_rises(times: list[int]) -> None:
    found = histogram_of(times)
    told = [found.percentile_ms(percent) or 0.0 for percent in range(0, 101, 5)]
    assert told == sorted(told)


def test_nothing_recorded_has_no_mean_and_no_percentile() -> None:
    assert (Histogram().mean_ms, Histogram().percentile_ms(50), Histogram().total) == (None, None, 0)


def test_buckets_follow_each_other_without_gap() -> None:
    edges = [bounds_ms(bucket) for bucket in range(120)]
    assert all(one[1] == pytest.approx(other[0]) for one, other in pairwise(edges))
