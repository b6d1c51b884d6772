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

import re
from collections.abc import Iterable

_MOST_GUESSES = 3
_NEAR, _PART = 0.68, 0.9
"""How alike two words must be, by difflib's measure, for one to be a slip of the other; and what a part counts."""


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


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """How a remedy begins where `given` is none of the `known` names but near some: "Did you mean ...? ", else "".

    The nearest are those of which it is a word, then those of which it is a part, then those to which it is alike.
    """
    word = given.strip().lower()[:100]
    nearness = {name: _nearness(word, name.lower()) for name in known}
    best = max(nearness.values(), default=0)
    near = [name for name in nearness if nearness[name] == best >= _NEAR]
    if not 0 < len(near) <= _MOST_GUESSES:
        return ""
    return f"Did you mean {' or '.join(filter(None, (', '.join(near[:-1]), near[-1])))}? "


def _nearness(word: str, name: str) -> float:
    """From 0 to 1, which is that `word` is one of the words of `name`."""
    import difflib  # only where somebody has slipped

    words = {name, *re.split("[-_.: ]", name)}
    alike = max(difflib.SequenceMatcher(None, word, one).ratio() for one in words)
    return max(alike, _PART) if len(word) > 1 and word in name else alike


def causes(error: BaseException) -> list[BaseException]:
    """`error` and what caused it, outermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain
