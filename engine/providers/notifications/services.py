"""The many other services, by Apprise: Telegram, Discord, Slack, Matrix, Pushover and so on.

Each has an address in Apprise's form (https://appriseit.com/services/), and most addresses hold a secret: they
are shown and logged nowhere. Apprise tells whether a service took a message, but not why it did not, so that a wrong
key cannot be told from a service that is down: both are tried again, as any job.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import RetryableError, SettingsError
from engine.providers.notifications import Push
from engine.settings import Settings

if TYPE_CHECKING:
    from apprise import Apprise

_CONNECT_S = 5.0
_MARGIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Service:
    """One address."""

    url: str = field(repr=False)
    name: str
    timeout_s: float

    async def send(self, push: Push) -> None:
        """Tell the service. Raises SettingsError for an address that Apprise does not know, RetryableError otherwise.

        Apprise blocks: it runs in a thread, which its own time limits end.
        """
        try:
            async with asyncio.timeout(self.timeout_s + _MARGIN_S):
                taken = await asyncio.to_thread(self._send, push)
        except TimeoutError:
            raise RetryableError(f"{self.name} did not answer within {self.timeout_s:g} s.") from None
        if not taken:
            raise RetryableError(
                f"{self.name} did not take the notification.",
                "It may be down, or its address in HARK_NOTIFY_URLS is wrong.",
            )

    def _send(self, push: Push) -> bool:
        import apprise

        service = self._opened()
        kind = apprise.NotifyType.WARNING if push.urgent else apprise.NotifyType.INFO
        return bool(service.notify(title=push.title, body=push.text, notify_type=kind))

    def _opened(self) -> Apprise:
        import apprise

        # What it logs may hold an address; what Hark says of a failure holds none.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        asset = apprise.AppriseAsset(secure_logging=True, storage_mode=apprise.PersistentStoreMode.MEMORY)
        service = apprise.Apprise(asset=asset)
        limits = f"cto={min(_CONNECT_S, self.timeout_s):g}&rto={self.timeout_s:g}"
        joint = "&" if "?" in self.url else "?"
        if not service.add(f"{self.url}{joint}{limits}"):
            raise SettingsError(
                f"HARK_NOTIFY_URLS: the address of {self.name} is none that Apprise knows.",
                "See https://appriseit.com/services/ for how they are written.",
            )
        return service


def service_targets(settings: Settings) -> tuple[Service, ...]:
    """The services whose addresses the settings hold, each named by its kind and a few digits of its own."""
    if settings.notify_urls is None:
        return ()
    addresses = re.split(r"\s+|,(?=\s*[a-z][a-z0-9+.-]*://)", settings.notify_urls.get_secret_value())
    return tuple(Service(address, _name_of(address), settings.notify_timeout_s) for address in filter(None, addresses))


def _name_of(address: str) -> str:
    # Two of a kind are told apart, in the ledger as well, wherever they stand in the list.
    digits = hashlib.sha256(address.encode()).hexdigest()[:6]
    try:
        kind = urlsplit(address).scheme
    except ValueError:
        kind = ""
    return f"{kind or 'service'} {digits}"
