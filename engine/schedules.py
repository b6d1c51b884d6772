"""When a recurring job runs next.

Hides the cron library and the two days a year on which a local time does not exist or comes twice. A
cron that names hours goes by the wall clock of its zone: a time that the change to summer skips runs
once, at the change; one that comes twice runs the first time only. A cron of every hour goes by real
hours, of which none is skipped or doubled.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import tzlocal
from cronsim import CronSim, CronSimError

from engine.errors import BadInputError
from engine.model import Schedule

LEAST_INTERVAL_MS = 100
LONGEST_INTERVAL_MS = 366 * 86_400_000
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_CRON_EXAMPLE = 'Write minute, hour, day, month and day of week, such as "*/30 * * * *" or "0 9 * * MON-FRI".'
_LONGEST_CRON = 200
_LAST_AT_MS = 32_503_680_000_000  # the year 3000


def next_slot_ms(schedule: Schedule, after_ms: int) -> int:
    """The first slot later than `after_ms`, which is a Unix time in ms as the result is.

    An interval counts from the schedule's `next_at_ms`, or from `after_ms` where it has none. Raises
    BadInputError where the schedule has no time that can be understood.
    """
    if not 0 <= after_ms <= _LAST_AT_MS:
        raise BadInputError(f"{after_ms} ms is no time that Hark can count from.", "Set the clock of Redis's machine.")
    if (schedule.cron is None) == (schedule.every_ms is None):
        raise BadInputError(
            "A schedule has either a cron or an interval.", 'Give one of them, such as "*/30 * * * *" or 30 minutes.'
        )
    if schedule.cron is not None:
        return next(_cron_slots(schedule.cron, _zone(schedule.timezone), after_ms))
    every_ms = schedule.every_ms or 0
    if not LEAST_INTERVAL_MS <= every_ms <= LONGEST_INTERVAL_MS:
        raise BadInputError(
            f"An interval of {every_ms} ms is not possible.",
            f"Choose from {LEAST_INTERVAL_MS} ms to {LONGEST_INTERVAL_MS // 86_400_000} days.",
        )
    begin_ms = after_ms if schedule.next_at_ms is None else schedule.next_at_ms
    return begin_ms + ((after_ms - begin_ms) // every_ms + 1) * every_ms


def parse_interval_ms(text: str) -> int:
    """`10m`, `1h30m`, `500ms` in milliseconds; units are ms, s, m, h and d. Raises BadInputError."""
    parts = re.findall(r"(\d{1,9})(ms|[smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise BadInputError(f"{text!r} is no interval.", "Write it like 30s, 10m, 1h30m or 1d.")
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)


def interval_text(every_ms: int) -> str:
    """The shortest text that `parse_interval_ms` reads as `every_ms`, such as `1h30m`."""
    text, left = "", every_ms
    for unit in ("d", "h", "m", "s", "ms"):
        number, left = divmod(left, _UNITS_MS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0ms"


def local_timezone() -> str:
    """The name of this machine's time zone, "UTC" where it has none."""
    try:
        return tzlocal.get_localzone_name() or "UTC"
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # The machine's settings contradict each other or name a zone that nobody knows.
        return "UTC"


def in_zone(at_ms: int, timezone: str) -> datetime:
    """A Unix time in ms as the wall clock of a zone shows it. Raises BadInputError for an unknown zone or time."""
    if not 0 <= at_ms <= _LAST_AT_MS:
        raise BadInputError(f"{at_ms} ms is no time that can be shown.")
    return datetime.fromtimestamp(at_ms / 1000, _zone(timezone))


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name[:100], sorted(zoneinfo.available_timezones()), n=1)
        example = near[0] if near else "Europe/Berlin"
        raise BadInputError(f"There is no time zone {name[:100]!r}.", f"Name one such as {example} or UTC.") from error


def _cron_slots(cron: str, zone: zoneinfo.ZoneInfo, after_ms: int) -> Iterator[int]:
    """Slots later than `after_ms`, in order. Raises BadInputError for a cron that is wrong or never comes."""
    after = datetime.fromtimestamp(after_ms // 1000, zone)
    wall = after.replace(tzinfo=None, fold=0)
    fields = cron.split()
    try:
        if len(fields) != 5 or len(cron) > _LONGEST_CRON:
            raise CronSimError(f"5 fields are wanted, not {len(fields)}" if len(fields) != 5 else "it is too long")
        sim = CronSim(cron, wall)
        hourly = len(sim.hours) == 24
        if hourly:
            # A star is what the library takes for real hours.
            sim = CronSim(" ".join([fields[0], "*", *fields[2:]]), after)
    except CronSimError as error:
        why = str(error).replace("Bad ", "bad ")
        raise BadInputError(f"The cron {cron[:_LONGEST_CRON]!r} is wrong: {why}.", _CRON_EXAMPLE) from error
    for found in sim:
        at_ms = round((found if hourly else _first_at(found, zone)).timestamp()) * 1000
        if at_ms > after_ms:
            yield at_ms
            after_ms = at_ms
    raise BadInputError(f"The cron {cron!r} never comes.", _CRON_EXAMPLE)


def _first_at(wall: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The first moment at which a zone's clock shows `wall`, or where it skips that, the moment after the gap."""
    moment = wall.replace(tzinfo=zone)
    while moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        wall += timedelta(minutes=1)
        moment = wall.replace(tzinfo=zone)
    return moment
