"""Connections to Redis: which one, how long to wait, how to say what went wrong.

Hides redis-py's client classes and exceptions. At most 3 retries a request, one where Redis kept silent; no check
before use, a lost connection is made anew by the next call. A new connection has 3 s for each answer until it stands,
then 10 s: a Redis that takes connections and says nothing is told after 6 s. An address is one of

    redis://[user:password@]host:6379[/db]                       rediss:// for TLS; unix:///path
    redis+sentinel://[user:password@]host:26379,…/service[/db]   rediss+sentinel:// for TLS
    redis+cluster://[user:password@]host:6379,…                  rediss+cluster:// for TLS

with the options of `_OPTIONS` behind a `?`. What an operator needs to know is in docs/redis.md.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit, urlunsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.errors import HarkError, PermanentError, RedisGoneError, SettingsError
from engine.store.cluster import ClusterClient
from engine.store.lane import Lane

_Reply = TypeVar("_Reply")

LONGEST_BLOCK_S = 5.0
"""No command blocks longer; redis-py's own limit must be above it (its default equals it)."""

ACL_RIGHTS = (
    "resetkeys ~hark:* ~{hark:* resetchannels -@all +@read +@write +@connection +@transaction +eval +evalsha "
    "+script|load +time -@dangerous -scan -randomkey -dbsize +info +cluster|slots"
)
"""The rights that a Redis user needs for Hark, as ACL SETUSER takes them; the order matters."""

_MOST_CONNECTIONS = 100
_CONNECT_S = 3
"""A connection may take so long, and then each answer until it can be used."""
_MOST_SILENCES = 2
"""A second try gets past a connection that died unseen, as over a laptop's sleep; more would only be waited out."""
_SENTINEL_S = 1.0

_LOST = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, OSError)

_STREAM_METHODS = ("writelines", "drain", "read")
"""What redis-py calls on the streams of a connection, which are None once that is closed."""
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS = frozenset(
    (*_TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname", "ssl_ciphers", "ssl_min_version", "ssl_password")
) | {"username", "password", "db", "protocol", "sentinel_username", "sentinel_password"}

_NOT_YET = ("UNBLOCKED", "NOREPLICAS")
"""What Redis says while it changes over to another primary, or misses a replica, beside the errors of `_CHANGING`."""
_CHANGING = (ClusterDownError, MasterDownError, TryAgainError, SlotNotCoveredError, ClusterError)
_NO_RIGHT = ("ACL failure in script", "executing the script can't")
"""How the lack of a right shows inside a script."""


@dataclass(frozen=True)
class Link:
    """A client, and the one thing that its user must know of it."""

    redis: Redis
    """Or a ClusterClient, which takes the same commands."""
    spread: bool
    """A Cluster: a command may name keys of one queue only, save `xread`."""
    lane: Lane | None = None
    """Where scripts run, except on a Cluster."""

    async def end(self) -> None:
        """Close the connections for good."""
        if self.lane is not None:
            await self.lane.close()
        if isinstance(self.redis, ClusterClient):
            await self.redis.end()
        else:
            await self.redis.aclose()


class FoundClusterError(HarkError):
    """A plain address turned out to be a Cluster's: go on with `url`."""

    def __init__(self, message: str, remedy: str, url: str) -> None:
        super().__init__(message, remedy)
        self.url = url


def connect(url: str) -> Link:
    """A client for `url`; nothing is sent before the first command.

    Raises SettingsError for an address, an option or a certificate file that cannot be used.
    """
    try:
        kind, nodes, service, options = _parse(url)
    except ValueError:
        # Its words may quote a part of the password, so they are not told.
        raise SettingsError(
            "REDIS_URL is not a Redis address.",
            "Give redis://host:6379, rediss://…, unix:///path, redis+sentinel://host:26379,…/service or "
            "redis+cluster://host:6379,… ; write / in a password as %2F.",
        ) from None
    _check_tls(options)
    options |= {
        "decode_responses": True,
        # Bytes that are no UTF-8, or half a surrogate pair in somebody's text, must not end a worker.
        "encoding_errors": "replace",
        "socket_timeout": LONGEST_BLOCK_S * 2,
        "socket_connect_timeout": _CONNECT_S,
        "redis_connect_func": _greet,
    }
    retry = _Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3, supported_errors=_LOST[:2])
    if kind == "cluster":
        if options.pop("connection_class", None) is SSLConnection:
            options["ssl"] = True
        return Link(cast(Redis, ClusterClient(nodes, retry=retry, **options)), spread=True)
    if kind == "sentinel":
        pool = _sentinel_pool(nodes, service, retry, options)
    else:
        # The plain pool refuses a request beyond its last connection; this one lets it wait its turn.
        pool = _Pool(max_connections=_MOST_CONNECTIONS, retry=retry, **options)
    # A retry of its own: redis-py's keeps count of its back-off.
    lane = Lane(pool, _Retry(ExponentialBackoff(cap=0.5, base=0.02), 3, _LOST), LONGEST_BLOCK_S * 2)  # type: ignore[arg-type]  # OSError serves
    return Link(Redis.from_pool(pool), spread=False, lane=lane)


def _parse(url: str) -> tuple[str, list[tuple[str, int]], str, dict[str, Any]]:
    """Kind ("", "sentinel", "cluster"), nodes, Sentinel's service, redis-py's options. Raises ValueError."""
    scheme, colon, rest = url.partition("://")
    base, _, kind = scheme.partition("+")
    place, _, query = rest.partition("?")
    unknown = set(parse_qs(query)) - _OPTIONS
    if unknown:
        raise SettingsError(
            f"REDIS_URL has an option that Hark does not know: {min(unknown)}.",
            f"The options are: {', '.join(sorted(_OPTIONS))}.",
        )
    if not kind:
        return "", [], "", cast(dict[str, Any], parse_url(url))
    if kind not in ("sentinel", "cluster") or base not in ("redis", "rediss") or not colon:
        raise ValueError(scheme)
    place, _, path = place.partition("/")
    user, _, hosts = place.rpartition("@")
    service, _, database = path.partition("/")
    if (kind == "sentinel") != bool(service):
        raise ValueError("service")
    nodes = [_host_and_port(host, 26379 if kind == "sentinel" else 6379) for host in hosts.split(",")]
    # One host stands for all, so that redis-py reads the rest.
    options = cast(dict[str, Any], parse_url(f"{base}://{user}@node/{database}?{query}"))
    del options["host"]
    return kind, nodes, service, options


def _host_and_port(text: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("host")
    return parts.hostname, parts.port or default_port


def _check_tls(options: dict[str, Any]) -> None:
    """Read the certificate files now: redis-py would take a bad one for a lost connection."""
    ca_file, cert_file, key_file = (options.get(name) for name in _TLS_FILES)
    try:
        context = ssl.create_default_context()
        if ca_file:
            context.load_verify_locations(ca_file)
        if cert_file:
            context.load_cert_chain(cert_file, key_file, options.get("ssl_password", ""))
    except OSError as error:
        files = ", ".join(str(name) for name in (ca_file, cert_file, key_file) if name)
        raise SettingsError(
            f"A certificate file for Redis cannot be used ({files}): {error.strerror or error}.",
            "Correct HARK_REDIS_CA_FILE, HARK_REDIS_CERT_FILE and HARK_REDIS_KEY_FILE; they are PEM files.",
        ) from error


async def _greet(connection: AbstractConnection) -> None:
    """What redis-py says on a new connection, with less patience than for a command, which may have to block."""
    patience_s, connection.socket_timeout = connection.socket_timeout, _CONNECT_S
    try:
        await connection.on_connect_check_health()
    finally:
        connection.socket_timeout = patience_s


class _Retry(Retry):
    """Tries again what may heal; redis-py counts a refused password among the lost connections."""

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[_Reply]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> _Reply:
        """What `do` returns; `fail` is called after each failure."""
        silences = 0

        def may_heal(error: Exception) -> bool:
            nonlocal silences
            silences += isinstance(error, RedisTimeoutError)
            if silences == _MOST_SILENCES or isinstance(error, AuthenticationError):
                return False
            return is_retryable is None or is_retryable(error)

        return await super().call_with_retry(do, fail, may_heal, with_failure_count)


class _Pool(BlockingConnectionPool):
    """Lends connections; ends also those that are given back after its own end.

    redis-py connects anew for a command that was under way when the pool was closed.
    """

    _ended = False

    async def aclose(self) -> None:
        """Close the connections for good."""
        self._ended = True
        await super().aclose()

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        if self._ended:
            await connection.disconnect(nowait=True)
        await super().release(connection)


class _SentinelPool(SentinelConnectionPool, _Pool):
    """Connections to the primary that the Sentinels name, each asked for when it is made."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections; with those in use also the ones to the Sentinels."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


def _sentinel_pool(
    nodes: list[tuple[str, int]], service: str, retry: Retry, options: dict[str, Any]
) -> BlockingConnectionPool:
    secure = options.pop("connection_class", None) is SSLConnection
    for_sentinels = {name: value for name, value in options.items() if name.startswith("ssl_")} | {
        # A dead Sentinel must not hold up the question to the next one.
        "socket_timeout": _SENTINEL_S,
        "socket_connect_timeout": _SENTINEL_S,
        "retry": Retry(NoBackoff(), 0),
        "username": options.pop("sentinel_username", None),
        "password": options.pop("sentinel_password", None),
        "ssl": secure,
    }
    sentinel = Sentinel(nodes, sentinel_kwargs=for_sentinels)  # type: ignore[no-untyped-call]
    return _SentinelPool(  # type: ignore[no-untyped-call]
        service, sentinel, ssl=secure, max_connections=_MOST_CONNECTIONS, retry=retry, **options
    )


def without_password(url: str) -> str:
    """`url` as it may be shown: user, password and options cut out."""
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    hosts, slash, path = place.partition("/")
    hosts = hosts.rpartition("@")[2]
    if "@" in path and scheme != "unix":
        # A password with a bare / in it.
        hosts, slash, path = path.rpartition("@")[2], "", ""
    database = parse_qs(query).get("db")
    return f"{scheme}://{hosts}{slash}{path}" + (f"?db={database[0]}" if database else "")


def _as_cluster(url: str) -> str | None:
    """The Cluster's address where a plain one led to one of its nodes, None where there is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss"):
        return None
    return urlunsplit(parts._replace(scheme=f"{parts.scheme}+cluster", path=""))


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn redis-py's exceptions into HarkErrors that name the server (without its password) and the remedy.

    Raises FoundClusterError where `url` names a single Redis and a Cluster answers.
    """
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        raise _explain(error, url) from error
    except AttributeError as error:
        # In a Cluster's crisis redis-py closes connections, also under commands that are just about to use them.
        if error.obj is not None or error.name not in _STREAM_METHODS:
            raise
        raise _explain(RedisConnectionError("the connection was closed meanwhile"), url) from error


def _explain(error: Exception, url: str) -> HarkError:
    where, text, reason = without_password(url), str(error), _reason(error)
    if _cause(error, AuthenticationError, AuthorizationError) or "WRONGPASS" in text or "NOAUTH" in text:
        return PermanentError(f"Redis at {where} refused the password.", "Correct REDIS_URL or REDIS_PASSWORD.")
    if isinstance(error, NoPermissionError) or any(word in text for word in _NO_RIGHT):
        return PermanentError(
            f"Redis at {where} does not allow this user what Hark does: {reason}.",
            "Give the user the rights in docs/redis.md (ACL SETUSER).",
        )
    tls = _cause(error, ssl.SSLError)
    if isinstance(tls, ssl.SSLError):
        return _explain_tls(tls, where)
    if isinstance(error, (MovedError, ClusterCrossSlotError)):
        message, remedy = f"Redis at {where} is a node of a Cluster.", "Write redis+cluster://host:6379,… in REDIS_URL."
        cluster = _as_cluster(url)
        return HarkError(message, remedy) if cluster is None else FoundClusterError(message, remedy, cluster)
    if "Cluster mode is not enabled" in text:
        return SettingsError(f"Redis at {where} is not a Cluster.", "Write redis:// in REDIS_URL.")
    passing = _may_heal(error, text, url)
    if passing is not None:
        message, remedy = passing
        return RedisGoneError(message.format(where=where, reason=reason), remedy)
    remedy = "A Sentinel's address is written redis+sentinel://host:26379/service." if "unknown command" in text else ""
    return HarkError(f"Redis at {where} refused a command: {reason}.", remedy)


def _may_heal(error: Exception, text: str, url: str) -> tuple[str, str] | None:
    """Message and remedy of what is worth trying again, None for the rest."""
    if isinstance(error, OutOfMemoryError):
        return "Redis at {where} is full and takes no new jobs.", "Clean finished jobs or raise its maxmemory."
    if isinstance(error, ReadOnlyError):
        return "Redis at {where} is a read-only replica.", "Point REDIS_URL at the primary."
    if "MISCONF" in text:
        return "Redis at {where} cannot write its file to disk.", "Is its disk full?"
    if isinstance(error, MasterNotFoundError):
        return "The Sentinels at {where} name no primary ({reason}).", "Do they run, and is that their service's name?"
    if isinstance(error, _CHANGING) or any(word in text for word in _NOT_YET):
        return "Redis at {where} is not ready ({reason}).", "It may be changing over to another node; look at them all."
    if isinstance(error, (*_LOST, RedisClusterException)) and "same key slot" not in text:
        return "Redis at {where} does not answer ({reason}).", _doubt(text, url)
    return None


def _doubt(text: str, url: str) -> str:
    """What to look at where Redis does not answer; one that dislikes our TLS, or its lack, hangs up or keeps silent."""
    if url.startswith("rediss"):
        return "Is it running, is REDIS_URL right, and does it want a certificate (HARK_REDIS_CERT_FILE)?"
    if "closed by server" in text or "reset by peer" in text:
        return "Is it running, and is REDIS_URL right? A server that speaks TLS needs rediss:// there."
    return "Is it running, and is REDIS_URL right?"


def _explain_tls(error: ssl.SSLError, where: str) -> HarkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return PermanentError(
            f"The certificate of Redis at {where} cannot be trusted: {error.verify_message}.",
            "Name the file of its authority in HARK_REDIS_CA_FILE.",
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return SettingsError(f"Redis at {where} does not speak TLS.", "Write redis:// in REDIS_URL, or another port.")
    if "CERTIFICATE_REQUIRED" in str(error.reason):
        return PermanentError(
            f"Redis at {where} wants a certificate from Hark.", "Set HARK_REDIS_CERT_FILE and HARK_REDIS_KEY_FILE."
        )
    return RedisGoneError(f"TLS with Redis at {where} failed ({_reason(error)}).", "Are the certificates right?")


def _cause(error: BaseException | None, *kinds: type[BaseException]) -> BaseException | None:
    """The error of one of `kinds` behind this one: redis-py wraps what happens on connecting."""
    while error is not None:
        if isinstance(error, kinds):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: BaseException) -> str:
    if _cause(error, ConnectionRefusedError, FileNotFoundError):  # of a port, and of a socket's file
        return "nothing listens there"
    if _cause(error, socket.gaierror):
        return "its name is not known"
    if _cause(error, RedisTimeoutError):
        return "no reply in time"
    text = str(error).strip().rstrip(".")
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
