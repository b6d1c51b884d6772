"""The time by the user's own clock."""

from __future__ import annotations

import time
from datetime import datetime

from engine.schedules import in_zone, local_timezone
from engine.settings import Settings


def user_now(settings: Settings) -> datetime:
    """The present moment in the user's time zone: the calendar's, else this machine's."""
    return in_zone(int(time.time() * 1000), settings.calendar_timezone or local_timezone())
