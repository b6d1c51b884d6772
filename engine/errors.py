"""Every error that Hark raises on purpose.

    HarkError                 what went wrong, and `remedy`: what the reader can do about it
    ├── PermanentError        running it again cannot help: the job fails at once
    │   ├── BadInputError     an argument, a file or a recording that cannot be used
    │   ├── SettingsError     a setting is missing or outside what is allowed
    │   │   └── NotSetUpError a service that nothing is set of
    │   ├── NotFoundError     no such queue, job or schedule
    │   └── WriteLockedError  a change of a connection that is marked as production and locked
    └── RetryableError        may heal by itself; `retry_after_ms` when the other side said when
        └── RedisGoneError    Redis does not answer

A job that raises anything else is retried as if it had raised RetryableError: a bug may be a
passing state, and its attempts are bounded.
"""

from __future__ import annotations


class HarkError(Exception):
    """An error with a remedy.

    `message` names the thing and the cause; `remedy` says what to do and may be empty where
    nothing can be done. `str()` gives both in one line.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class PermanentError(HarkError):
    """Running the same job again cannot succeed: it fails at once, whatever its attempts."""


class BadInputError(PermanentError):
    """Something that a person or a caller gave cannot be used."""


class SettingsError(PermanentError):
    """A setting is missing or not allowed; the message names it and its source."""


class NotSetUpError(SettingsError):
    """A service is wanted that nobody has set up: none of its settings is given."""


class NotFoundError(PermanentError):
    """There is no queue, job or schedule of that name."""


class WriteLockedError(PermanentError):
    """The connection is marked as production, and nobody has unlocked it."""


class RetryableError(HarkError):
    """The work may succeed later.

    `retry_after_ms` is the wait that the other side asked for (milliseconds), or None to use
    the job's own back-off.
    """

    def __init__(self, message: str, remedy: str = "", retry_after_ms: int | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after_ms = retry_after_ms


class RedisGoneError(RetryableError):
    """Redis cannot be reached, or refuses us."""


def causes(error: BaseException) -> list[BaseException]:
    """`error` and what caused it, outermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain
