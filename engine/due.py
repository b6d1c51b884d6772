"""When a task is due: a day, or a moment.

Both are kept as text of one form each, so that two dues are the same exactly where their texts are: `2026-11-30` for a
day, wherever one is, and `2026-11-30T16:00:00Z` for a moment.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from engine.errors import BadInputError

Due = date | datetime
"""A day, or a moment with its time zone; a `datetime` is a moment, though Python counts it among the dates."""


def due_text(due: Due) -> str:
    """How a due is kept. Raises BadInputError for a moment without a time zone."""
    if not isinstance(due, datetime):
        return due.isoformat()
    if due.tzinfo is None:
        raise BadInputError(f"The time {due.isoformat()} has no time zone.", "Give one, such as 17:00+01:00.")
    try:
        return due.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    except OverflowError:
        raise BadInputError(f"The time {due.isoformat()} is too far away.", "Give a nearer one.") from None


def parse_due(text: str) -> Due:
    """A due from its text in ISO 8601, a moment in any time zone. Raises BadInputError for another text."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(
            f"{text[:40]!r} is no due date or time.", "Write it like 2026-11-30 or 2026-11-30T17:00:00+01:00."
        ) from None
    due_text(moment)
    return moment


def day_of(due: Due, zone: tzinfo) -> date:
    """The day that a due falls on for somebody in `zone`."""
    return due.astimezone(zone).date() if isinstance(due, datetime) else due
