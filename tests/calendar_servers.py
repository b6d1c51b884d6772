"""A real CalDAV server for tests, and a proxy that stands in front of it and fails as told.

Radicale is started as a program of its own: its licence is the GPL, and nothing of Hark may import it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

USER = "ada"
PASSWORD = "difference-engine"
_WAIT_S = 30
_CONFIG = """[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/store
[rights]
type = owner_only
[logging]
level = warning
"""
_MAKE = """<?xml version="1.0"?>
<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><displayname>{name}</displayname>
<C:supported-calendar-component-set><C:comp name="{component}"/></C:supported-calendar-component-set>
</prop></set></C:mkcalendar>"""


@dataclass(frozen=True)
class CalendarHost:
    """A running Radicale, and a calendar of its own for each test: another program that uses it, too."""

    port: int
    folder: Path
    user: str = USER

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    def call(self, method: str, path: str, text: str = "", **headers: str) -> httpx2.Response:
        """What it answers to another program of the same user."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.request(
            method, f"{self.url}{path}", content=text, headers=names, auth=(self.user, PASSWORD), trust_env=False
        )

    def make_calendar(self, path: str, name: str, component: str = "VEVENT") -> None:
        """Make a calendar `path` (below the user's home) called `name`."""
        answer = self.call("MKCALENDAR", f"{self.user}/{path}/", _MAKE.format(name=name, component=component))
        assert answer.status_code == 201, answer.text

    def put(self, path: str, text: str) -> None:
        """Write an object, as another program would."""
        assert self.call("PUT", f"{self.user}/{path}", text, Content_Type="text/calendar").status_code in (201, 204)

    def text(self, path: str) -> str:
        """An object's text."""
        answer = self.call("GET", f"{self.user}/{path}")
        assert answer.status_code == 200, answer.status_code
        return answer.text.replace("\r\n ", "").replace("\n ", "")

    def delete(self, path: str) -> None:
        """Delete an object."""
        assert self.call("DELETE", f"{self.user}/{path}").status_code == 200

    def objects(self, path: str) -> list[str]:
        """The names of the files that a calendar's objects are in."""
        collection = self.folder / "store" / "collection-root" / self.user / path
        return sorted(file.name for file in collection.glob("*.ics"))

    def forget_tokens(self, path: str) -> None:
        """Let all sync tokens of a calendar expire."""
        cache = self.folder / "store" / "collection-root" / self.user / path / ".Radicale.cache" / "sync-token"
        for file in cache.iterdir():
            file.unlink()


@contextmanager
def calendar_server(folder: Path, users: Sequence[str] = (USER,)) -> Iterator[CalendarHost]:
    """A Radicale on a free port of this machine, gone at the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users").write_text("".join(f"{user}:{PASSWORD}\n" for user in users))
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "radicale", "--config", str(folder / "config")], stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + _WAIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "Radicale did not start"
            time.sleep(0.05)
        yield CalendarHost(port, folder)
    finally:
        process.terminate()
        process.wait(_WAIT_S)
        log.close()


@dataclass
class FaultingProxy:
    """Hands requests on to a server, and fails those of a method that the test names.

    A fault is "drop" (the request never arrives), "lose" (it is done, its answer lost), "hold" (the answer is
    held back), "cut" (half of it comes), "silent" (nothing comes), or a status with headers.
    """

    target_port: int
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """Method and path of each request."""
    faults: dict[str, list[str | tuple[int, dict[str, str]]]] = field(default_factory=dict)
    """By method, the faults of its next requests, in order."""
    before: Callable[[str, str], None] | None = None
    """Called with method and path before a request is handed on."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set once the answer to a request is held back."""
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    def fail(self, method: str, *faults: str | tuple[int, dict[str, str]]) -> None:
        """Let the next requests of `method` fail so."""
        self.faults.setdefault(method, []).extend(faults)


@contextmanager
def faulting_proxy(target_port: int, certificate: tuple[Path, Path] | None = None) -> Iterator[FaultingProxy]:
    """A proxy in front of the server on `target_port`; with a certificate and its key it speaks TLS."""
    proxy = FaultingProxy(target_port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_536)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._hand_on()

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.requests.append(f"{self.command} {self.path}")
            queued = proxy.faults.get(self.command) or proxy.faults.get("*")
            fault = queued.pop(0) if queued else None
            if fault == "silent":
                proxy.gone.wait(_WAIT_S)
            if fault in ("drop", "silent"):
                self.close_connection = True
                return
            if isinstance(fault, tuple):
                status, headers, data = fault[0], fault[1], b"<p>no</p>"
            else:
                if proxy.before is not None:
                    proxy.before(self.command, self.path)
                status, headers, data = self._ask(body)
            if fault == "hold":
                proxy.held.set()
                proxy.gone.wait(_WAIT_S)
            if fault in ("lose", "hold"):
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)
            if fault == "cut":
                self.close_connection = True

        def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = HTTPConnection("127.0.0.1", proxy.target_port, timeout=_WAIT_S)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            try:
                connection.request(self.command, self.path, body, headers | {"Accept-Encoding": "identity"})
                answer = connection.getresponse()
                data = answer.read()
            finally:
                connection.close()
            dropped = ("content-length", "connection", "transfer-encoding", "server", "date")
            return answer.status, {n: v for n, v in answer.getheaders() if n.lower() not in dropped}, data

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no error here
    proxy.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="faulting proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.gone.set()
        server.shutdown()
        server.server_close()
        thread.join(_WAIT_S)
