"""A small push service behind real HTTP: an ntfy server's publishing, and the receiver of Apprise's `json://`.

Real ntfy keeps every message that it is sent; one with a `sequence_id` that it has seen is shown in the first's place.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

TOKEN = "tk_double_0123456789"
TOPIC = "double-topic-0123456789"


@dataclass(frozen=True)
class PushFault:
    """One misbehaviour, used up by the next request.

    - `status`: that HTTP status with ntfy's error body, with `headers`; what was sent is not taken
    - `html`: 200 with a proxy's page; `reset`: the connection is reset
    - `cut`: taken, but half of the answer comes; `slow`: taken, but no answer comes before the client has gone
    """

    kind: Literal["status", "html", "reset", "cut", "slow"]
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)


class PushServer:
    """The server. `taken` are the messages (JSON bodies) in their order; `token` is wanted where it is set."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.taken: list[dict[str, Any]] = []
        self.faults: deque[PushFault] = deque()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is, without TLS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What a subscriber sees: one of each sequence."""
        return list({message.get("sequence_id", number): message for number, message in enumerate(self.taken)}.values())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    push: PushServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        push = self.push
        if push.token is not None and self.headers.get("authorization") != f"Bearer {push.token}":
            # Quotes what it refuses, as some do.
            return self._answer(403, {"code": 40301, "http": 403, "error": str(self.headers.get("authorization"))})
        fault = push.faults.popleft() if push.faults else None
        if fault is not None and fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        if fault is not None and fault.kind == "status":
            told = {"code": fault.status * 100 + 1, "http": fault.status, "error": body.decode()}
            return self._answer(fault.status, told, fault.headers)
        if fault is not None and fault.kind == "html":
            return self._send(200, b"<html>Welcome to the hotel network</html>", {"content-type": "text/html"})
        message = json.loads(body)
        push.taken.append(message)
        if fault is not None and fault.kind == "slow":
            self.connection.settimeout(30)
            self.connection.recv(1)  # returns when the client goes away
            self.close_connection = True
            return None
        answer = {"id": f"m{len(push.taken)}", "time": 1, "event": "message", "topic": message.get("topic")}
        return self._answer(200, answer, cut=fault is not None)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        self._send(status, json.dumps(body).encode(), {"content-type": "application/json"} | (headers or {}), cut=cut)

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = cut

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def push_server(token: str | None = None, tls: ssl.SSLContext | None = None) -> Iterator[PushServer]:
    """A running server on a loopback port of its own."""
    push = PushServer(token)
    handler = type("Handler", (_Handler,), {"push": push})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is what a test wants
    push.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="push-server")
    thread.start()
    try:
        yield push
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
