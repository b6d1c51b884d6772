"""A small Airtable Web API behind real HTTP, with Airtable's limits and with faults on demand.

Kept are: the bearer token, at most 10 records a write, upserts by `fieldsToMergeOn` (no match creates, one updates,
more are refused), pages with offsets, empty cells left out, unknown fields refused, and five requests a second for each
base, after which everybody is turned away for a while; each further request begins that while anew. How long is a
parameter, since Airtable's 30 s are too long for a test.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

TOKEN = "pat-double-0123456789"
BASE = "appDouble00000001"
TABLE = "Tasks"
FIELDS = {"Key": "text", "Name": "text", "Notes": "text", "Due": "moment", "Done": "checkbox"}


@dataclass(frozen=True)
class Fault:
    """One misbehaviour, used up by the next request of `method` (any where empty).

    - `status`: that HTTP status with Airtable's error body, with `headers`
    - `html`: 200 with a proxy's page; `cut`: what was asked is done, half of the answer comes; `reset`: no answer
    - `slow`: what was asked is done, but no answer comes before the client has gone
    """

    kind: Literal["status", "html", "cut", "reset", "slow"]
    method: str = ""
    status: int = 500
    code: str = "INTERNAL_SERVER_ERROR"
    message: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Record:
    """A row, its empty cells left out."""

    id: str
    created: str
    fields: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "createdTime": self.created, "fields": dict(self.fields)}


@dataclass(frozen=True)
class Call:
    """A request that came, and when, by the monotonic clock (s)."""

    method: str
    at_s: float
    records: int


class RefusedError(Exception):
    """Answered with an error's status and code."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


class AirtableDouble:
    """The server's state. Rows are in `records` by id; `calls` are all requests that came."""

    def __init__(self, *, locked_s: float = 30.0, page: int = 100, kinds: dict[str, str] | None = None) -> None:
        self.locked_s = locked_s
        self.page = page
        self.kinds = kinds or FIELDS
        self.url = ""
        self.token = TOKEN
        self.records: dict[str, Record] = {}
        self.calls: list[Call] = []
        self.faults: deque[Fault] = deque()
        self.turned_away = 0
        self.applied = threading.Event()
        """Set with each write that was done."""
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._recent: deque[float] = deque()
        self._locked_until = 0.0
        self._made = 0

    def add(self, **fields: Any) -> str:
        """A row that a person makes; returns its id."""
        with self._lock:
            return self._create(fields).id

    def edit(self, row: str, **fields: Any) -> None:
        """A person's change; None empties a cell."""
        with self._lock:
            self._update(self.records[row], fields, self.kinds)

    def cells(self) -> list[dict[str, Any]]:
        """All rows' cells, oldest first."""
        return [record.fields for record in self.records.values()]

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: Any) -> dict[str, Any]:
        """Do what is asked. Raises RefusedError."""
        with self._lock:
            records = body.get("records", []) if isinstance(body, dict) else query.get("records[]", [])
            self.calls.append(Call(method, time.monotonic(), len(records)))
            if headers.get("authorization") != f"Bearer {self.token}":
                given = headers.get("authorization", "")
                raise RefusedError(401, "AUTHENTICATION_REQUIRED", f"Authentication required, not {given}")
            _, version, base, table = (*path.split("/"), "", "", "")[:4]
            if base != BASE:
                raise RefusedError(403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "Invalid permissions")
            self._count()
            if table != TABLE or version != "v0":
                raise RefusedError(404, "TABLE_NOT_FOUND", f"Could not find table {table}")
            match method:
                case "GET":
                    return self._list(query)
                case "PATCH":
                    return self._upsert(body)
                case "DELETE":
                    return self._delete(records)
                case _:
                    raise RefusedError(405, "METHOD_NOT_ALLOWED", "No plain creation: an answer that is lost makes two")

    def _count(self) -> None:
        now = time.monotonic()
        self._recent.append(now)
        while self._recent[0] < now - 1:
            self._recent.popleft()
        if len(self._recent) > 5 or now < self._locked_until:
            self._locked_until = now + self.locked_s
            self.turned_away += 1
            raise RefusedError(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")

    def _list(self, query: dict[str, list[str]]) -> dict[str, Any]:
        wanted = query.get("fields[]", list(self.kinds))
        self._know(wanted)
        first = int(query.get("offset", ["itr/0"])[0].split("/")[1])
        size = min(int(query.get("pageSize", ["100"])[0]), self.page)
        rows = list(self.records.values())[: int(query.get("maxRecords", [str(10**9)])[0])]
        page = []
        for record in rows[first : first + size]:
            told = record.as_json()
            told["fields"] = {name: value for name, value in told["fields"].items() if name in wanted}
            page.append(told)
        more = {"offset": f"itr/{first + size}"} if first + size < len(rows) else {}
        return {"records": page, **more}

    def _upsert(self, body: dict[str, Any]) -> dict[str, Any]:
        records = body["records"]
        if not 1 <= len(records) <= 10:
            raise RefusedError(422, "INVALID_RECORDS", "You must provide between 1 and 10 records")
        keys = body["performUpsert"]["fieldsToMergeOn"]
        found: list[Record | None] = []
        for record in records:
            self._know(record["fields"])
            for name, value in record["fields"].items():
                if self.kinds[name] == "checkbox" and not isinstance(value, bool):
                    raise RefusedError(422, "INVALID_VALUE_FOR_COLUMN", f"Field {name} cannot accept the value")
                if self.kinds[name] == "number" and isinstance(value, (str, bool)):
                    raise RefusedError(422, "INVALID_VALUE_FOR_COLUMN", f"Field {name} cannot accept the value")
            if "id" in record:
                if record["id"] not in self.records:
                    raise RefusedError(404, "MODEL_ID_NOT_FOUND", "Record not found")
                found.append(self.records[record["id"]])
                continue
            wanted = [record["fields"].get(key) for key in keys]
            matching = [row for row in self.records.values() if [row.fields.get(key) for key in keys] == wanted]
            if len(matching) > 1:
                raise RefusedError(422, "INVALID_REQUEST_UNKNOWN", "Cannot upsert: more than one record matches")
            found.append(matching[0] if matching else None)
        created, updated, told = [], [], []
        for row, record in zip(found, records, strict=True):
            if row is None:
                row = self._create(record["fields"])
                created.append(row.id)
            else:
                self._update(row, record["fields"], self.kinds)
                updated.append(row.id)
            told.append(row.as_json())
        self.applied.set()
        return {"records": told, "createdRecords": created, "updatedRecords": updated}

    def _delete(self, rows: list[str]) -> dict[str, Any]:
        if not 1 <= len(rows) <= 10:
            raise RefusedError(422, "INVALID_RECORDS", "You must provide between 1 and 10 records")
        if any(row not in self.records for row in rows):
            raise RefusedError(404, "MODEL_ID_NOT_FOUND", "Record not found")
        for row in rows:
            del self.records[row]
        self.applied.set()
        return {"records": [{"id": row, "deleted": True} for row in rows]}

    def _know(self, names: Any) -> None:
        for name in names:
            if name not in self.kinds:
                raise RefusedError(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')

    def _create(self, fields: dict[str, Any]) -> Record:
        self._made += 1
        created = datetime.fromtimestamp(1_800_000_000 + self._made, UTC).isoformat(timespec="milliseconds")
        record = Record(f"rec{self._made:014d}", created.replace("+00:00", "Z"), {})
        self._update(record, fields, self.kinds)
        self.records[record.id] = record
        return record

    @staticmethod
    def _update(record: Record, fields: dict[str, Any], kinds: dict[str, str]) -> None:
        for name, value in fields.items():
            if value is None or value == "" or value is False:
                record.fields.pop(name, None)
            elif kinds[name] == "moment":
                moment = datetime.fromisoformat(value)
                moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
                record.fields[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            else:
                record.fields[name] = value[:10] if kinds[name] == "day" else value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    double: AirtableDouble

    def _serve(self) -> None:
        asked = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        fault = self._next_fault()
        status, headers = 200, {}
        try:
            if fault is not None and fault.kind == "status":
                self.double.calls.append(Call(self.command, time.monotonic(), 0))
                headers = fault.headers
                raise RefusedError(fault.status, fault.code, fault.message)
            told: Any = self.double.answer(self.command, asked.path, parse_qs(asked.query), self.headers, body)
        except RefusedError as refused:
            status = refused.status
            told = {"error": {"type": refused.code, "message": refused.message}}
        data = json.dumps(told).encode()
        kind = "application/json"
        if fault is not None:
            match fault.kind:
                case "html":
                    data, kind = b"<html><body>Welcome to the hotel network</body></html>", "text/html"
                case "slow":
                    self.double.closing.wait(30)
                    self.close_connection = True
                    return
                case "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault is not None and fault.kind == "cut":
            data = data[: len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _next_fault(self) -> Fault | None:
        faults = self.double.faults
        if faults and faults[0].method in ("", self.command):
            return faults.popleft()
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests read `calls`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of what is tested."""


@contextmanager
def airtable(double: AirtableDouble, certificate: tuple[str, str] | None = None) -> Iterator[AirtableDouble]:
    """Serve `double` on a loopback port of its own and set its `url`; over TLS with a certificate and its key."""
    handler = type("Handler", (_Handler,), {"double": double})
    server = _Server(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    double.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="airtable-double")
    thread.start()
    try:
        yield double
    finally:
        double.closing.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
        assert not thread.is_alive()
