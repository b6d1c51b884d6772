"""Quiet hours: from when to when, by the user's own clock, nothing that can wait is told."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta


def quiet_until(start: str | None, end: str | None, now: datetime) -> datetime | None:
    """When the quiet hours that `now` (with its zone) lies in are over; None outside of them.

    `start` and `end` are times such as "22:00"; there are no quiet hours where one is missing or both are the same.
    """
    if not start or not end or start == end:
        return None
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    clock = now.time().replace(tzinfo=None)
    inside = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    if not inside:
        return None
    day = now.date() + timedelta(days=1 if clock >= ends else 0)
    over = datetime.combine(day, ends, now.tzinfo).astimezone(UTC)
    # Where clocks are put back, the end may come twice: the one that is still to come counts.
    return max(over, now.astimezone(UTC) + timedelta(seconds=1)).astimezone(now.tzinfo)
