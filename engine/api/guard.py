"""Who may ask, checked before anything else looks at a request.

A page in somebody's browser can reach a loopback port, so that being local proves nothing. Therefore: the
Host must be one of ours (a name rebound to our address is not), nothing may come from another site, and
whatever changes anything needs the token and JSON, neither of which a foreign page can send unasked.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Collection
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import HarkError
from engine.log import get_logger

_log = get_logger("api")

MOST_BODY_BYTES = 2 * 1024**2
"""More than any request that is allowed needs, so that one that is not hears of its fault."""
BODY_WITHIN_S = 10.0
_READING = ("GET", "HEAD", "OPTIONS")
_OWN_SITE = ("same-origin", "none")
"""What browsers say of requests from our own pages, and of an address typed by the user."""

_SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}


class Refused(HarkError):
    """A request that is answered with `status` (an HTTP one), and goes no further."""

    def __init__(self, status: int, message: str, remedy: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message, remedy)
        self.status = status
        self.headers = headers or {}


def problem(status: int, error: HarkError, headers: dict[str, str] | None = None) -> Response:
    """The answer for an error: JSON with `error` and `remedy`."""
    # Escaped to ASCII: what the caller sent may be quoted in it, and need not be proper text.
    text = json.dumps({"error": error.message, "remedy": error.remedy})
    return Response(text, status, headers, media_type="application/json")


class Guard:
    """ASGI middleware in front of every path.

    `hosts` are the names by which the API may be called, besides loopback ones; `any_address` lets it be
    called by any IP address (nobody can rebind a number). Without a `token` there are no admin calls.
    """

    def __init__(self, app: ASGIApp, *, token: SecretStr | None, hosts: Collection[str], any_address: bool) -> None:
        self._app = app
        self._token = token.get_secret_value().encode() if token else b""
        self._hosts = {host.lower() for host in hosts}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: refuse it, or hand it on with its whole body read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_SAFE_HEADERS)
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check_host(headers)
            self._check_site(headers)
            if scope["method"] not in _READING:
                self._check_token(headers)
            body = await _read(receive)
            if scope["method"] not in _READING and body:
                _check_json(headers)
            # HEAD is GET without the body, which the server leaves away by its own copy of the scope.
            inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await self._app(inner, _replay(body, receive), send_safely)
        except Refused as refused:
            await problem(refused.status, refused, refused.headers)(scope, receive, send_safely)
        except Exception:
            # The outermost frame of a request: a bug is told in the log, not to the caller.
            _log.exception("%s %s met an error of its own", scope["method"], scope["path"])
            if started:
                raise
            told = HarkError("Hark met an error of its own.", "Its log tells more.")
            await problem(500, told)(scope, receive, send_safely)

    def _check_host(self, headers: Headers) -> None:
        name = _host_name(headers.get("host", ""))
        if not (name in self._hosts or _is_loopback(name) or (self._any_address and _is_address(name))):
            raise Refused(421, f"This API is not called {name!r}.", "Call it by its own name, or set HARK_API_HOSTS.")

    def _check_site(self, headers: Headers) -> None:
        site = headers.get("sec-fetch-site", "none")
        own = headers.get("host", "").lower()
        foreign = [origin for origin in headers.getlist("origin") if urlsplit(origin).netloc.lower() != own]
        if site not in _OWN_SITE or foreign:
            raise Refused(403, "The request comes from another site's page.", "Call the API from a program.")

    def _check_token(self, headers: Headers) -> None:
        if not self._token:
            raise Refused(
                403, "Admin calls are off, as there is no token.", "Set HARK_API_TOKEN and start the API again."
            )
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Compared as bytes, in a time that does not tell how much of it was right.
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        if scheme.lower() != "bearer" or not right:
            if given:
                _log.warning("an admin call came with a wrong token")
            raise Refused(
                401,
                "The admin token is missing or wrong.",
                "Send the value of HARK_API_TOKEN as `Authorization: Bearer …`.",
                {"www-authenticate": 'Bearer realm="hark"'},
            )


def _check_json(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "The body is not declared to be JSON.", "Send it with Content-Type: application/json.")


async def _read(receive: Receive) -> bytes:
    """The whole body, at most MOST_BODY_BYTES of it and within BODY_WITHIN_S."""
    too_big = Refused(
        413, f"The body has more than {MOST_BODY_BYTES // 1024**2} MB.", "Send less.", {"connection": "close"}
    )
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > MOST_BODY_BYTES:
                    raise too_big
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Refused(408, "The body did not come.", "Send it at once.", {"connection": "close"}) from None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` again, then what comes after it."""
    replayed = False

    async def again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _host_name(value: str) -> str:
    """The name in a Host header: lower case, without port, brackets and a last dot; "" where it is none."""
    try:
        return (urlsplit(f"//{value}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
