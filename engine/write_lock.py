"""Whether an operator may change anything: a connection marked as production is read-only until it is unlocked.

Hides the clock that ends an unlocking. One lock belongs to one operator's session: a process, a request, a command.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.errors import BadInputError, WriteLockedError

MOST_MINUTES = 480.0
"""The longest unlocking: a working day."""


class WriteLock:
    """Open on any connection but production, where it is shut unless somebody opened it a moment ago.

    `name` is what people call the connection, "" where it has no name; `clock` tells seconds that never go back.
    """

    def __init__(self, production: bool = False, name: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.production = production
        self.name = name
        self._clock = clock
        self._opened_until_s = 0.0

    @property
    def title(self) -> str:
        """Such as "production: orders"; "" where the connection is not production."""
        if not self.production:
            return ""
        return f"production: {self.name}" if self.name else "production"

    @property
    def left_s(self) -> float:
        """Seconds until it shuts by itself, 0 while it is shut; on another connection than production always 0."""
        return max(0.0, self._opened_until_s - self._clock())

    @property
    def refusal(self) -> str:
        """Why nothing may be changed now; "" where it may."""
        if not self.production or self.left_s:
            return ""
        return f"This connection is marked as {self.title} and is read-only."

    def check(self) -> None:
        """Return where changes are allowed. Raises WriteLockedError."""
        if self.refusal:
            raise WriteLockedError(self.refusal, "Unlock it with a reason.")

    def open(self, minutes: float) -> None:
        """Allow changes for so many minutes from now, in place of what was left. Raises BadInputError."""
        check_minutes(minutes)
        self._opened_until_s = self._clock() + minutes * 60

    def shut(self) -> None:
        """Allow no changes from now on."""
        self._opened_until_s = 0.0


def check_minutes(minutes: float) -> None:
    """Raises BadInputError for a time that no unlocking can last."""
    if not 0 < minutes <= MOST_MINUTES:
        raise BadInputError(
            f"An unlocking cannot last {minutes:g} minutes.", f"Say more than 0 and at most {MOST_MINUTES:g}."
        )
