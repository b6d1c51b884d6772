"""Which failures are alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.failures import folded, last_frames, signature_of


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Timed out after 30.5 s on try 3", "Timed out after <n> s on try <n>"),
        ("No job 3f2b8a10-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "No job <id>"),
        ("Cannot reach https://api.example.com/v1?x=1 now", "Cannot reach <url> now"),
        ("No mailbox for anna.b@example.co.uk", "No mailbox for <address>"),
        ("Busy until 2026-03-01T10:00:00Z", "Busy until <time>"),
        ("Object at 0x7f3a2c is gone", "Object at <id> is gone"),
        ("Token a1b2c3d4e5f6a7b8 is old", "Token <id> is old"),
        ("Cannot open /home/anna/mail/x.txt", "Cannot open <path>"),
        ("KeyError: 'title'", "KeyError: <text>"),
        ("I can't open the user's file", "I can't open the user's file"),
        ("First line\nsecond line 7", "First line"),
        ("  padded  ", "padded"),
    ],
)
def test_what_varies_is_taken_out_of_a_message(message: str, title: str) -> None:
    assert folded(message) == title


def test_failures_that_differ_in_numbers_and_ids_only_are_alike() -> None:
    one = signature_of("TimeoutError", "Job 17 took 30 s at anna@example.com", ("mail.py:send",))
    other = signature_of("TimeoutError", "Job 9 took 4.2 s at bob@example.org", ("mail.py:send",))
    assert one == other


@pytest.mark.parametrize(
    ("kind", "message", "frames"),
    [
        ("OSError", "Job 17 failed", ("mail.py:send",)),
        ("TimeoutError", "Mail 17 failed", ("mail.py:send",)),
        ("TimeoutError", "Job 17 failed", ("mail.py:receive",)),
    ],
)
def test_another_type_message_or_place_is_another_failure(kind: str, message: str, frames: tuple[str, ...]) -> None:
    assert signature_of(kind, message, frames)[0] != signature_of("TimeoutError", "Job 1 failed", ("mail.py:send",))[0]


def test_a_failure_without_words_is_named_by_its_type() -> None:
    assert signature_of("KeyError", "")[1] == "KeyError"


def test_a_title_is_short_however_long_the_message() -> None:
    assert len(folded("a-" * 1_000_000)) == 200


@given(st.text(max_size=300))
def test_any_message_has_a_signature_of_twelve_hex_digits(message: str) -> None:
    signature, title = signature_of("Error", message)
    assert len(bytes.fromhex(signature)) == 6
    assert title
    assert "\n" not in title


def _fail() -> None:
    raise ValueError("here")


def test_the_last_frames_name_file_and_function_without_the_line() -> None:
    try:
        _fail()
    except ValueError as error:
        frames = last_frames(error.__traceback__)
    assert frames[-1] == "test_failures.py:_fail"
    assert len(frames) <= 3


def test_an_error_that_was_never_raised_has_no_frames() -> None:
    assert last_frames(ValueError("never").__traceback__) == ()
