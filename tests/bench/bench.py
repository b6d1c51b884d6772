"""One server and the processes that are measured against it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import redis

from engine.store.server import PrivateRedis
from tests.bench.install import HERE, PEERS, REPOSITORY, Peer, PeerFailedError

_GRACE_S = 60.0


class Running:
    """A peer's program while it runs."""

    def __init__(self, peer: Peer, role: str, options: dict[str, Any], environment: dict[str, str]) -> None:
        self._title = f"{peer.title} {role}"
        self._url = environment["BENCH_URL"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the program runs; see close
        self._buffer = b""
        self._process = subprocess.Popen(
            [*peer.command(), role, json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            cwd=PEERS if PEERS.exists() else HERE,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def answer(self, timeout_s: float) -> dict[str, Any]:
        """The next line that it answers. Raises PeerFailedError where none comes."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise PeerFailedError(f"{self._title}: no answer within {timeout_s:.0f} s{self._last_words()}")
                read = os.read(self._process.stdout.fileno(), 1 << 20)
                if not read:
                    raise PeerFailedError(f"{self._title}: ended with {self._process.wait()}{self._last_words()}")
                self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def errors(self) -> str:
        """What it has written to standard error so far."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End it and wait for it."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _last_words(self) -> str:
        text = self.errors().replace(self._url, "(the server's address)")
        lines = [line for line in text.splitlines() if line.strip()]
        return f": {' | '.join(lines[-3:])[-400:]}" if lines else ""


class Bench:
    """The server, and the means to run peers against it. Use it as a context manager."""

    def __init__(self, binary: Path | None, connection: str) -> None:
        self._binary = binary
        self._connection = connection
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Bench:
        home = self._exit.enter_context(tempfile.TemporaryDirectory(prefix="hark-bench-"))
        server = PrivateRedis(Path(home), self._binary)
        self.url = server.ensure()
        self._exit.callback(server.release)
        self._redis = self._exit.enter_context(redis.Redis.from_url(self.url, decode_responses=True))
        # Rewrites come between the cases (`empty`), never within one.
        self._redis.config_set("auto-aof-rewrite-percentage", 0)
        if self._connection == "tcp":
            self.url = self._open_port()
        foreign = ("HARK_", "REDIS_", "OPENAI_")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "BENCH_URL": self.url,
            "PYTHONPATH": str(REPOSITORY),
            "NODE_PATH": str(PEERS / "node" / "node_modules"),
            "XDG_CONFIG_HOME": home,
            "XDG_DATA_HOME": home,
            "HARK_DATA_DIR": home,
        }
        return self

    def __exit__(self, *raised: object) -> None:
        self._exit.close()

    def _open_port(self) -> str:
        """Let the server listen on a free loopback port too: what all libraries speak by default."""
        password = self._redis.config_get("requirepass")["requirepass"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._redis.config_set("bind", "127.0.0.1")
        self._redis.config_set("port", port)
        return f"redis://:{password}@127.0.0.1:{port}/0"

    @property
    def server(self) -> str:
        """What the server is, in words."""
        info = self._redis.info("server")
        name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
        return f"{name}, append-only file, {self._connection}"

    def empty(self) -> None:
        """Leave nothing of the case before: no key, no long append-only file, no rewrite still going on."""
        self._redis.flushall()
        self._redis.config_resetstat()
        self._redis.bgrewriteaof()
        while True:
            state = self._redis.info("persistence")
            if not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
                return
            time.sleep(0.02)

    def data_bytes(self) -> int:
        """The server's memory without the buffers of clients and the append-only file."""
        used = int(self._redis.info("memory")["used_memory"])
        stats: dict[str, Any] = self._redis.memory_stats()
        return used - int(stats["clients.normal"]) - int(stats["aof.buffer"])

    def server_cpu_s(self) -> float:
        """CPU time that the server has used, in seconds."""
        info = self._redis.info("cpu")
        return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])

    def commands_sent(self, seconds: float) -> int:
        """How many commands clients send within a time; those that scripts call in turn are not counted."""
        sent, deadline = 0, time.monotonic() + seconds
        with self._redis.monitor() as monitor:
            while time.monotonic() < deadline:
                # Waits for the next one: for a server on which nothing happens this is not made.
                sent += monitor.next_command()["client_type"] != "lua"
        return sent

    @contextlib.contextmanager
    def running(self, peer: Peer, role: str, **options: Any) -> Iterator[Running]:
        """A peer's program, ended at the end."""
        running = Running(peer, role, options, self._environment)
        try:
            yield running
        finally:
            running.close()

    def call(self, peer: Peer, role: str, **options: Any) -> dict[str, Any]:
        """Run a role to its one answer."""
        with self.running(peer, role, **options) as running:
            return running.answer(_GRACE_S + options.get("count", 0) / 500)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    system = os.uname()
    return {
        "cpu": model or system.machine,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{system.sysname} {system.release}",
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }
