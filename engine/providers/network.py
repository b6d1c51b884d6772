"""What the providers share that speak to a server over HTTP or TCP."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address is the loopback's, so that nobody else hears what is said to it."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """Read the wait that a server asks for, in milliseconds, from seconds or an HTTP date; None without one."""
    try:
        if (exact := headers.get("retry-after-ms")) is not None:
            wait_ms = float(exact)
        elif (value := headers.get("retry-after")) is None:
            return None
        elif re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            wait_ms = float(value) * 1000
        else:
            wait_ms = (parsedate_to_datetime(value).timestamp() - time.time()) * 1000
    except ValueError:
        return None
    return max(0, round(wait_ms)) if math.isfinite(wait_ms) else None
