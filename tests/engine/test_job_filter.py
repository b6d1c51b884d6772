"""The search's small language."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInputError
from engine.job_filter import parse_filter
from engine.model import Job, JobState

NOW_MS = 10_000_000
HOUR_MS = 3_600_000


def job(**fields: Any) -> Job:
    """A failed job, an hour old, with what a test wants to be different."""
    told: dict[str, Any] = {
        "id": "ab12",
        "queue": "email-processing",
        "name": "send-email",
        "arguments": {"to": "Anna@example.com", "event": {"title": "Lunch"}, "tags": ["red", "blue"], "count": 7},
        "state": JobState.FAILED,
        "priority": 3,
        "attempts": 3,
        "attempts_made": 3,
        "timeout_ms": 1,
        "created_at_ms": NOW_MS - HOUR_MS,
        "error": "TimeoutError: the mail server took too long",
        "trace": "cafe",
        "worker": "host:1",
        "signature": "1f2e3d4c5b6a",
    }
    return Job(**told | fields)


def matches(query: str, **fields: Any) -> bool:
    """Whether the job is found by the query."""
    return parse_filter(query).matches(job(**fields), NOW_MS)


@pytest.mark.parametrize(
    "query",
    [
        "", "name:send-email", "name:SEND", "id:ab", "trace:cafe", "state:failed", "worker:host:1",
        "signature:1f2e3d4c5b6a", "error:timeout", "args:anna", "args.to:anna", "args.event.title:lunch",
        "args.tags.1:blue", "args.count:7", "older:1h", "older:60m", "newer:3601s", "older:1ms newer:1d",
        "anna", "TIMEOUTERROR", '"mail server"', 'error:"mail server"', "-error:refused", "-bob",
        "name:send args.to:anna", "-12:30", "-http://nowhere",
    ],
)  # fmt: skip
def test_these_queries_find_the_job(query: str) -> None:
    assert matches(query)


@pytest.mark.parametrize(
    "query",
    [
        "name:sync", "id:zz", "state:completed", "error:refused", "args.to:bob", "args.nobody:anna", "args.tags.9:red",
        "args.to.deeper:anna", "older:2h", "newer:59m", "-anna", "bob", "name:send args.to:bob", "https://example.com",
    ],
)  # fmt: skip
def test_these_queries_do_not(query: str) -> None:
    assert not matches(query)


def test_a_job_without_the_field_is_not_found_by_it() -> None:
    assert not matches("error:none", error=None)
    assert not matches("worker:none", worker=None)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("priority:3", "knows no 'priority'"),
        ("older:2", "gives no time"),
        ("older:", "gives no time"),
        ("newer:" + "9" * 5000 + "h", "gives no time"),
        ('error:"open', "a quote without its partner"),
        ("-older:yesterday", "gives no time"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_with_the_reason(query: str, why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        parse_filter(query)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_refused(query: str) -> None:
    with contextlib.suppress(BadInputError):
        assert parse_filter(query).matches(job(), NOW_MS) in (True, False)


@given(st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
def test_a_word_and_its_negation_share_all_jobs_out(word: str) -> None:
    assert matches(word) != matches(f"-{word}")
