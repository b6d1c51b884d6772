"""Stretches of time and the marks of their axis: local clock times, with days that begin at midnight.

Hides what daylight saving does to an axis: a day may have 23 or 25 hours, and an hour may be missing or come twice.
Everything is in Unix ms; `zone` None is this machine's own time zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
_SHORT_STEPS_MS = tuple(
    [step * _SECOND_MS for step in (1, 2, 5, 10, 15, 30)] + [step * _MINUTE_MS for step in (1, 2, 5, 10, 15, 30)]
)
_HOUR_STEPS = (1, 2, 3, 6, 12)
_DAY_STEPS = (1, 2, 7, 14, 28)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one time to a later one."""

    from_ms: float
    to_ms: float

    @property
    def length_ms(self) -> float:
        """How long it is."""
        return self.to_ms - self.from_ms

    def zoomed(self, factor: float, around_ms: float, within: Stretch, least_ms: float) -> Stretch:
        """`factor` times as long, with `around_ms` in its old place, not shorter than `least_ms`, inside `within`."""
        length = min(max(self.length_ms * factor, least_ms), within.length_ms)
        share = (around_ms - self.from_ms) / self.length_ms
        return Stretch(around_ms - share * length, around_ms + (1 - share) * length).moved_into(within)

    def moved_into(self, within: Stretch) -> Stretch:
        """The same length inside `within`, or all of that."""
        if self.length_ms >= within.length_ms:
            return within
        if self.from_ms < within.from_ms:
            return Stretch(within.from_ms, within.from_ms + self.length_ms)
        if self.to_ms > within.to_ms:
            return Stretch(within.to_ms - self.length_ms, within.to_ms)
        return self


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of a time axis; `day` where a local day begins there."""

    at_ms: float
    text: str
    day: bool = False


def ticks(stretch: Stretch, most: float, zone: tzinfo | None = None) -> tuple[Tick, ...]:
    """At most about `most` marks at round local times."""
    most = max(most, 1) + 0.5
    for step_ms in _SHORT_STEPS_MS:
        if stretch.length_ms / step_ms <= most:
            return _short_ticks(stretch, step_ms, zone)
    for hours in _HOUR_STEPS:
        if stretch.length_ms / (hours * _HOUR_MS) <= most:
            return tuple(_hour_ticks(stretch, hours, zone))
    step = next((days for days in _DAY_STEPS if stretch.length_ms / (days * _DAY_MS) <= most), _DAY_STEPS[-1])
    days = list(midnights(stretch, zone))
    # Counted from a fixed day, so that the marks do not jump while time goes on.
    return tuple(
        Tick(at_ms, _day_text(day, weekday=step == 1), True) for day, at_ms in days if day.toordinal() % step == 0
    )


def midnights(stretch: Stretch, zone: tzinfo | None = None) -> Iterator[tuple[date, float]]:
    """The local days that begin in the stretch, and when."""
    day = _local(stretch.from_ms, zone).date()
    while (at_ms := _begin(day, 0, zone)) <= stretch.to_ms:
        if at_ms >= stretch.from_ms:
            yield day, at_ms
        day += timedelta(days=1)


def moment_words(from_ms: float, to_ms: float, now_ms: float, zone: tzinfo | None = None) -> str:
    """A time, or a span, as people say it: "Today 14:02:30", "Yesterday 14:00 to 14:05", "Tue 24 Nov 22:00 to 06:00".

    Ends of more than a day both have their date.
    """
    start, end, today = _local(from_ms, zone), _local(to_ms, zone), _local(now_ms, zone).date()
    words = {today: "Today", today - timedelta(days=1): "Yesterday"}.get(start.date(), _day_text(start.date(), True))
    if to_ms - from_ms < _MINUTE_MS:
        return f"{words} {start:%H:%M:%S}"
    if to_ms - from_ms <= _MINUTE_MS:
        return f"{words} {start:%H:%M}"
    last = f"{_day_text(end.date(), True)} " if to_ms - from_ms >= _DAY_MS else ""
    return f"{words} {start:%H:%M} to {last}{end:%H:%M}"


def iso_text(at_ms: float, zone: tzinfo | None = None) -> str:
    """A local time with its distance from UTC, for files: "2026-11-24T14:02:00+01:00"."""
    return _local(at_ms, zone).astimezone(zone).isoformat(timespec="seconds")


def _short_ticks(stretch: Stretch, step_ms: int, zone: tzinfo | None) -> tuple[Tick, ...]:
    # The zone's distance from UTC may be no multiple of the step (Nepal's is 5:45).
    offset = _local(stretch.from_ms, zone).astimezone(zone).utcoffset()
    offset_ms = 0.0 if offset is None else offset.total_seconds() * 1000
    found = []
    at_ms = -(-(stretch.from_ms + offset_ms) // step_ms) * step_ms - offset_ms
    while at_ms <= stretch.to_ms:
        local = _local(at_ms, zone)
        day = (local.hour, local.minute, local.second) == (0, 0, 0)
        clock = f"{local:%H:%M:%S}" if step_ms < _MINUTE_MS else f"{local:%H:%M}"
        found.append(Tick(at_ms, _day_text(local.date(), True) if day else clock, day))
        at_ms += step_ms
    return tuple(found)


def _hour_ticks(stretch: Stretch, step: int, zone: tzinfo | None) -> Iterator[Tick]:
    day = _local(stretch.from_ms, zone).date()
    while _begin(day, 0, zone) <= stretch.to_ms:
        for hour in range(0, 24, step):
            at_ms = _begin(day, hour, zone)
            skipped = hour and _local(at_ms, zone).hour != hour  # the clock was put forward over it
            if not skipped and stretch.from_ms <= at_ms <= stretch.to_ms:
                yield Tick(at_ms, f"{hour:02}:00" if hour else _day_text(day, True), not hour)
        day += timedelta(days=1)


def _begin(day: date, hour: int, zone: tzinfo | None) -> float:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).timestamp() * 1000


def _local(at_ms: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def _day_text(day: date, weekday: bool) -> str:
    return f"{day:%a} {day.day} {day:%b}" if weekday else f"{day.day} {day:%b}"
