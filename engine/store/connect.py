"""Connections to Redis: which one, how long to wait, how to say what went wrong.

Hides redis-py's client classes and exceptions. At most 3 retries a request, no check before use;
a lost connection is made anew by the next call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.errors import HarkError, PermanentError, RedisGoneError, SettingsError

LONGEST_BLOCK_S = 5.0
"""No command blocks longer; redis-py's own limit must be above it (its default equals it)."""

_MOST_CONNECTIONS = 100

_LOST = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OSError)


def connect(url: str) -> Redis:
    """A client for `url`; nothing is sent before the first command. Raises SettingsError for a bad URL."""
    try:
        # The plain pool refuses a request beyond its last connection; this one lets it wait its turn.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            decode_responses=True,
            socket_timeout=LONGEST_BLOCK_S * 2,
            socket_connect_timeout=3,
            health_check_interval=30,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3, supported_errors=_LOST[:2]),
        )
        return Redis.from_pool(pool)
    except ValueError:
        # Its words may quote a part of the password, so they are not told.
        raise SettingsError(
            "REDIS_URL is not a Redis address.",
            "Give redis://host:6379, rediss://… or unix:///path; write / in a password as %2F.",
        ) from None


def without_password(url: str) -> str:
    """`url` as it may be shown: user and password cut out."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn redis-py's exceptions into HarkErrors that name the server (without its password) and the remedy."""
    where = without_password(url)
    try:
        yield
    except (AuthenticationError, AuthorizationError) as error:
        raise _bad_password(where) from error
    except OutOfMemoryError as error:
        raise RedisGoneError(
            f"Redis at {where} is full and takes no new jobs.", "Clean finished jobs or raise its maxmemory."
        ) from error
    except ReadOnlyError as error:
        raise RedisGoneError(f"Redis at {where} is a read-only replica.", "Point REDIS_URL at the primary.") from error
    except _LOST as error:
        if _refused(error):
            raise _bad_password(where) from error
        raise RedisGoneError(
            f"Redis at {where} does not answer ({_reason(error)}).", "Is it running, and is REDIS_URL right?"
        ) from error
    except ResponseError as error:
        if "WRONGPASS" in str(error) or "NOAUTH" in str(error):
            raise _bad_password(where) from error
        if "MISCONF" in str(error):
            raise RedisGoneError(f"Redis at {where} cannot write its file to disk.", "Is its disk full?") from error
        raise HarkError(f"Redis at {where} refused a command: {error}.") from error
    except RedisError as error:
        raise HarkError(f"Redis at {where}: {error}.") from error


def _bad_password(where: str) -> PermanentError:
    return PermanentError(f"Redis at {where} refused the password.", "Correct REDIS_URL or REDIS_PASSWORD.")


def _refused(error: BaseException | None) -> bool:
    """Whether a refused password is behind it: redis-py wraps that where it happens on connecting."""
    while error is not None:
        if isinstance(error, (AuthenticationError, AuthorizationError)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: BaseException) -> str:
    text = str(error).strip().rstrip(".")
    return text.splitlines()[0] if text else type(error).__name__
