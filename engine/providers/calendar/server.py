"""Talking CalDAV (RFC 4791) with the account's server: find calendars, see what changed, read and write objects.

Changes are seen by sync token (RFC 6578); writes are guarded by ETag, so that nothing that somebody else changed
meanwhile is overwritten. The library's own searches before a write and its silent fall-backs are not used. It is
imported when first needed, which takes about 0.4 s.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit
from xml.sax.saxutils import escape

from engine.errors import HarkError, RetryableError, SettingsError
from engine.providers.calendar.account import CalendarAccount, require_safe
from engine.providers.calendar.failures import explained, for_status, is_expired_token, raise_for_preconditions
from engine.providers.network import retry_after_ms

if TYPE_CHECKING:
    from caldav.async_davclient import AsyncDAVClient

_REDIRECTS = {301, 302, 307, 308}
_MOST_REDIRECTS = 3
_MOST_PAGES = 200
_DAV, _CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_TYPE, _NAME, _PRINCIPAL = f"{_DAV}resourcetype", f"{_DAV}displayname", f"{_DAV}current-user-principal"
_HOME, _COMPONENTS = f"{_CALDAV}calendar-home-set", f"{_CALDAV}supported-calendar-component-set"

_MULTIGET = (
    '<?xml version="1.0" encoding="utf-8"?><C:calendar-multiget xmlns:D="DAV:" '
    'xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>{}</C:calendar-multiget>'
)


class ChangedMeanwhileError(RetryableError):
    """Somebody else has changed or made the object: read it again."""


@dataclass(frozen=True, slots=True)
class RemoteCalendar:
    """One calendar: its absolute address, and its name, "" where it has none."""

    url: str
    name: str

    @property
    def path(self) -> str:
        """What it is kept under."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object of a calendar: one event, or a series with its exceptions. `href` is its path, unquoted."""

    href: str
    etag: str
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a token: hrefs with their new ETags, those gone, and the token that stands for now.

    `complete`: all objects are listed in `changed`, so what is not among them is gone.
    """

    changed: dict[str, str]
    gone: frozenset[str]
    token: str
    complete: bool


class CalendarServer:
    """An open account. Methods raise PermanentError or RetryableError as the server answers."""

    def __init__(self, account: CalendarAccount, client: AsyncDAVClient) -> None:
        self._account = account
        self._client = client

    async def calendars(self) -> list[RemoteCalendar]:
        """The calendars that the settings choose, in their order. Raises SettingsError where one is not there."""
        found = await self._all_calendars()
        if not found:
            raise SettingsError(
                f"{self._account.server} has no calendar at this address.",
                "Set HARK_CALENDAR_URL to the CalDAV address that your provider names.",
            )
        if not self._account.names:
            return found
        by_name = {calendar.name.casefold(): calendar for calendar in reversed(found)}
        chosen = []
        for name in self._account.names:
            if name.casefold() not in by_name:
                names = ", ".join(calendar.name or calendar.path for calendar in found)
                raise SettingsError(
                    f"HARK_CALENDAR_NAMES: {self._account.server} has no calendar {name!r}.", f"There are: {names}."
                )
            chosen.append(by_name[name.casefold()])
        return chosen

    async def changes(self, calendar: RemoteCalendar, token: str) -> Changes:
        """What changed since `token`; all there is where it is "" or the server has forgotten it."""
        try:
            return await self._changes(calendar, token)
        except HarkError as error:
            if not token or not is_expired_token(error):
                raise
        return await self._changes(calendar, "")

    async def fetch(self, calendar: RemoteCalendar, hrefs: Sequence[str]) -> list[RemoteObject]:
        """Those of the objects that are there, with their texts."""
        # The library's own request for this names no object (3.6).
        wanted = "".join(f"<D:href>{escape(_quoted(href))}</D:href>" for href in hrefs)
        with explained(self._account):
            response = await self._client.report(calendar.url, _MULTIGET.format(wanted), depth=None)
            if not _is_multistatus(response):
                raise for_status(self._account, response.status, "the events", retry_after_ms(response.headers))
            results = response.parse_calendar_query()
        return [
            RemoteObject(_path(result.href), result.etag or "", result.calendar_data)
            for result in results
            if result.calendar_data
        ]

    async def create(self, calendar: RemoteCalendar, name: str, text: str) -> RemoteObject:
        """Make a new object. Raises ChangedMeanwhileError where one of this name or UID is there."""
        href = f"{calendar.path.rstrip('/')}/{name}"
        return await self._put(calendar, href, text, {"If-None-Match": "*"})

    async def replace(self, calendar: RemoteCalendar, old: RemoteObject, text: str) -> RemoteObject:
        """Write an object that was read. Raises ChangedMeanwhileError where it has changed since."""
        return await self._put(calendar, old.href, text, _if_match(old.etag))

    async def remove(self, calendar: RemoteCalendar, old: RemoteObject) -> bool:
        """Delete an object that was read; False where it is gone already. Raises ChangedMeanwhileError."""
        with explained(self._account):
            response = await self._client.delete(self._url(calendar, old.href), _if_match(old.etag))
        if response.status in (404, 410):
            return False
        if response.status == 412:
            raise self._changed_meanwhile()
        if not 200 <= response.status < 300:
            raise for_status(self._account, response.status, "the deletion", retry_after_ms(response.headers))
        return True

    # --- inside ---

    async def _all_calendars(self) -> list[RemoteCalendar]:
        url, response = await self._start()
        properties = _properties(response)
        if f"{_CALDAV}calendar" in (properties.get(_TYPE) or ()):
            return [RemoteCalendar(url, properties.get(_NAME) or "")]
        homes = [url]
        if principal := properties.get(_PRINCIPAL):
            at = self._joined(url, principal)
            home = _properties(await self._propfind(at, [_HOME], 0)).get(_HOME) or at
            homes = [self._joined(at, one) for one in ([home] if isinstance(home, str) else home)]
        calendars: list[RemoteCalendar] = []
        for home in homes:
            for result in (await self._propfind(home, [_TYPE, _NAME, _COMPONENTS], 1)).results or []:
                kinds, components = result.properties.get(_TYPE) or (), result.properties.get(_COMPONENTS)
                if f"{_CALDAV}calendar" in kinds and (not components or "VEVENT" in components):
                    address = self._joined(home, quote(_path(result.href), safe="/:@"))
                    calendars.append(RemoteCalendar(address, result.properties.get(_NAME) or ""))
        return calendars

    async def _start(self) -> tuple[str, Any]:
        """What is at the address that was set, redirects followed, and its answer."""
        url = self._account.url
        wanted = [_TYPE, _NAME, _PRINCIPAL]
        for _ in range(_MOST_REDIRECTS + 1):
            with explained(self._account):
                response = await self._client.propfind(url, depth=0, props=wanted)
            if response.status in (404, 405) and urlsplit(url).path in ("", "/"):
                url = self._joined(url, "/.well-known/caldav")  # RFC 6764 5
            elif response.status in _REDIRECTS and response.headers.get("Location"):
                url = self._joined(url, response.headers["Location"])
            elif _is_multistatus(response):
                return url, response
            else:
                break
        raise for_status(self._account, response.status, "this address", retry_after_ms(response.headers))

    async def _propfind(self, url: str, properties: list[str], depth: int) -> Any:
        with explained(self._account):
            response = await self._client.propfind(url, depth=depth, props=properties)
        if not _is_multistatus(response):
            raise for_status(self._account, response.status, "the list of calendars", retry_after_ms(response.headers))
        return response

    async def _changes(self, calendar: RemoteCalendar, token: str) -> Changes:
        changed: dict[str, str] = {}
        gone: set[str] = set()
        last = token
        for _ in range(_MOST_PAGES):
            with explained(self._account):
                response = await self._client.sync_collection(calendar.url, last or None, ["getetag"], depth=0)
                if not _is_multistatus(response):
                    raise_for_preconditions(response)
                    wait_ms = retry_after_ms(response.headers)
                    raise for_status(self._account, response.status, "the question for changes", wait_ms)
                page = response.parse_sync_collection()
            for result in page.changed:
                href = _path(result.href)
                if href.rstrip("/") != calendar.path.rstrip("/"):
                    changed[href] = result.etag or ""
                    gone.discard(href)
            for path in page.deleted:
                gone.add(_path(path))
                changed.pop(_path(path), None)
            if not page.sync_token:
                raise RetryableError(
                    f"{self._account.server} does not tell what changed.", "Use a server that knows RFC 6578."
                )
            if not page.truncated or page.sync_token == last:
                return Changes(changed, frozenset(gone), page.sync_token, complete=not token)
            last = page.sync_token
        raise RetryableError(f"{self._account.server} does not come to an end with its changes.")

    async def _put(self, calendar: RemoteCalendar, href: str, text: str, condition: dict[str, str]) -> RemoteObject:
        headers = {"Content-Type": 'text/calendar; charset="utf-8"', **condition}
        with explained(self._account):
            response = await self._client.put(self._url(calendar, href), text, headers)
        if response.status == 412 or (response.status == 409 and b"no-uid-conflict" in response.raw.encode()):
            raise self._changed_meanwhile()
        if not 200 <= response.status < 300:
            raise for_status(self._account, response.status, "the event", retry_after_ms(response.headers))
        return RemoteObject(href, response.headers.get("ETag") or "", text)

    def _changed_meanwhile(self) -> ChangedMeanwhileError:
        return ChangedMeanwhileError(f"Somebody else changed the event on {self._account.server} at the same time.")

    def _url(self, calendar: RemoteCalendar, href: str) -> str:
        return urljoin(calendar.url, _quoted(href))

    def _joined(self, base: str, address: str) -> str:
        """An address that the server gave; one that the password must not go to raises SettingsError."""
        url = urljoin(base, address)
        require_safe(url, f"The address {url[:200]!r} to which {self._account.server} leads")
        return url


@asynccontextmanager
async def open_calendar_server(account: CalendarAccount) -> AsyncIterator[CalendarServer]:
    """The account's server. Nothing is sent to it yet; the connection closes with the block."""
    client = await asyncio.to_thread(_client, account)
    try:
        yield CalendarServer(account, client)
    finally:
        await client.close()


def _client(account: CalendarAccount) -> AsyncDAVClient:
    from caldav.async_davclient import AsyncDAVClient

    with explained(account):
        return AsyncDAVClient(
            account.url,
            username=account.user,
            password=account.password.get_secret_value() if account.password else None,
            timeout=account.timeout_s,  # type: ignore[arg-type]  # a float serves as well
            ssl_verify_cert=ssl.create_default_context(),  # type: ignore[arg-type]  # handed to httpx2 as it is
            enable_rfc6764=False,
            rate_limit_handle=False,
        )


def _is_multistatus(response: Any) -> bool:
    """Whether it is the answer of a CalDAV server that did what it was asked (RFC 4918 13)."""
    return response.status == 207 and response.tree is not None and response.tree.tag == f"{_DAV}multistatus"


def _properties(response: Any) -> dict[str, Any]:
    """The properties of the one resource that was asked for."""
    results = response.results or []
    return dict(results[0].properties) if results else {}


def _path(href: str) -> str:
    return urlsplit(href).path if "://" in href else href


def _quoted(href: str) -> str:
    return quote(href, safe="/:@!$&'()*+,;=~")


def _if_match(etag: str) -> dict[str, str]:
    """The condition that an object is still the one that was read; none for an ETag that can only be weak."""
    return {"If-Match": etag} if etag and not etag.startswith("W/") else {}
