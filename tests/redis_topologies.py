"""Redis servers as operators run them: behind TLS, with users, watched by Sentinels, as a Cluster.

Real processes on loopback, each with a folder of its own, all gone at the end of their `with` block.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

_WAIT_S = 30
_SLOTS = 16384


@dataclass(frozen=True)
class Node:
    """One server process."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def client(self) -> redis.Redis:
        """A connection to this very process; close it."""
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Certificates:
    """Files made for one test: an authority, what it signed for the server and for a client, and a stranger."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    other_ca: Path


def free_port() -> int:
    """A port that was free a moment ago, also as a Cluster's second one (10,000 above)."""
    while True:
        with socket.socket() as probe, socket.socket() as second:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port + 10_000 > 65_535:
                continue
            try:
                second.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


@contextmanager
def server(binary: Path, folder: Path, *lines: str, port: int | None = None, sentinel: bool = False) -> Iterator[Node]:
    """A running server with `lines` in its configuration; it answers on `port` when the block begins."""
    folder.mkdir(parents=True)
    port = port or free_port()
    own = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"logfile {folder / 'log'}"]
    if not sentinel:
        own.append('save ""')
    (folder / "conf").write_text("\n".join([*own, *lines]) + "\n")
    process = subprocess.Popen([binary, folder / "conf", *(["--sentinel"] if sentinel else [])], cwd=folder)
    try:
        until(lambda: _listens(port), f"the server in {folder} does not start: {folder / 'log'}")
        yield Node(process, port, folder)
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster(
    binary: Path, folder: Path, splits: tuple[int, int] = (5461, 10923), replicas: Sequence[int] = ()
) -> Iterator[list[Node]]:
    """Three primaries, the second and third with the slots from `splits` on, then replicas of the numbered ones.

    Nodes go on when others are down.
    """
    firsts = (0, *splits, _SLOTS)
    lines = (
        "cluster-enabled yes",
        "cluster-node-timeout 500",
        "cluster-replica-validity-factor 0",
        "repl-diskless-sync-delay 0",
        "cluster-require-full-coverage no",
        "appendonly yes",
    )
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(server(binary, folder / f"node{number}", *lines)) for number in range(3 + len(replicas))
        ]
        clients = [stack.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                client.execute_command("CLUSTER ADDSLOTSRANGE", firsts[number], firsts[number + 1] - 1)
            if number:
                client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port)
        until(lambda: all(_knows(client, len(nodes)) for client in clients), "the nodes of the Cluster do not meet")
        for replica, primary in zip(clients[3:], replicas, strict=True):
            name = clients[primary].execute_command("CLUSTER MYID")
            replica.execute_command("CLUSTER REPLICATE", name)
        until(
            lambda: (
                all(_cluster_is_well(client) for client in clients)
                and all(client.info("replication")["master_link_status"] == "up" for client in clients[3:])
            ),
            "the Cluster does not become well",
        )
        yield nodes


@dataclass(frozen=True)
class Watched:
    """A primary, its replica, and the three Sentinels that watch them as the service `hark`."""

    primary: Node
    replica: Node
    sentinels: list[Node]

    @property
    def url(self) -> str:
        """The address of all three Sentinels, without a user."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{node.port}' for node in self.sentinels)}/hark"


@contextmanager
def watched(binary: Path, folder: Path) -> Iterator[Watched]:
    """A primary with its replica in step, and Sentinels who know each other and would fail over within seconds."""
    with ExitStack() as stack:
        lines = ("appendonly yes", "repl-diskless-sync-delay 0", "repl-ping-replica-period 1")
        primary = stack.enter_context(server(binary, folder / "primary", *lines))
        replica = stack.enter_context(server(binary, folder / "replica", *lines, f"replicaof 127.0.0.1 {primary.port}"))
        watching = (
            f"sentinel monitor hark 127.0.0.1 {primary.port} 2",
            "sentinel down-after-milliseconds hark 500",
            "sentinel failover-timeout hark 2000",
        )
        sentinels = [
            stack.enter_context(server(binary, folder / f"sentinel{number}", *watching, sentinel=True))
            for number in range(3)
        ]
        of_replica = stack.enter_context(replica.client())
        until(lambda: of_replica.info("replication")["master_link_status"] == "up", "the replica does not follow")
        for sentinel in sentinels:
            client = stack.enter_context(sentinel.client())
            until(lambda client=client: _sees_all(client), "the Sentinels do not find each other")  # type: ignore[misc]
        yield Watched(primary, replica, sentinels)


def make_certificates(folder: Path) -> Certificates:
    """Certificates for 127.0.0.1, good for a day."""
    folder.mkdir(parents=True)
    for name in ("ca", "other"):
        _openssl(
            folder,
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        _openssl(
            folder,
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        _openssl(
            folder,
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "1", "-extfile", "names", "-out", f"{name}.crt"),
        )
    return Certificates(
        folder / "ca.crt",
        folder / "server.crt",
        folder / "server.key",
        folder / "client.crt",
        folder / "client.key",
        folder / "other.crt",
    )


def until(condition: Callable[[], bool], complaint: str) -> None:
    """Look again and again until `condition` holds; AssertionError with `complaint` when it takes too long."""
    end_s = time.monotonic() + _WAIT_S
    while True:
        try:
            if condition():
                return
        except redis.exceptions.RedisError as error:
            last = f": {error}"
        else:
            last = ""
        assert time.monotonic() < end_s, complaint + last
        time.sleep(0.02)


def _openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl")
    assert program is not None, "openssl is not installed; see packaging/system-packages.txt"
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _knows(client: redis.Redis, count: int) -> bool:
    nodes = client.execute_command("CLUSTER NODES")
    return len(nodes) == count and not any("handshake" in node["flags"] for node in nodes.values())


def _cluster_is_well(client: redis.Redis) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(_SLOTS))


def _sees_all(client: redis.Redis) -> bool:
    state = client.execute_command("SENTINEL MASTERS")["hark"]
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)
