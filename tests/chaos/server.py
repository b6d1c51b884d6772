"""A Redis that a test may kill, stop, fill up and start again on the same data."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.store.server import find_binary

_LIMIT_S = 30.0


class Server:
    """A server on a loopback port, its append-only file in `folder`. `options` go on its command line.

    With `appendfsync="always"` a write that was answered outlives any end of the process. With "everysec" it does
    nearly always: while the kernel is busy with an fsync the server answers up to two seconds before it writes.
    """

    def __init__(
        self, folder: Path, binary: Path | None = None, appendfsync: str = "always", options: Mapping[str, str] = {}
    ) -> None:
        self._folder = folder
        self._binary = binary or find_binary()
        self._options = {"appendonly": "yes", "appendfsync": appendfsync, "save": "", **options}
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client that does not try again."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=10, retry=Retry(NoBackoff(), 0))

    def start(self) -> None:
        """Start it and return once it answers, its file read."""
        self._folder.mkdir(exist_ok=True)
        options = [word for name, value in self._options.items() for word in (f"--{name}", value)]
        command = [self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder, *options]
        with (self._folder.parent / f"{self._folder.name}.log").open("ab") as log:
            # A file that has reached the process's limit must be an error to it, not its end: SIGXFSZ stays ignored.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, restore_signals=False)
        end_s = time.monotonic() + _LIMIT_S
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except (redis.ConnectionError, redis.TimeoutError):
                assert self._process.poll() is None, f"the server has ended, see {log.name}"
                assert time.monotonic() < end_s, "the server does not answer"
                time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL; harmless where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Refuse it to write beyond `size` bytes in any file, as a full disk would; -1 takes the limit away."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def configure(self, name: str, value: Any) -> None:
        """CONFIG SET."""
        with self.client() as client:
            client.config_set(name, value)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
