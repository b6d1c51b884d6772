"""Publishing to an ntfy server over HTTP, see https://docs.ntfy.sh/publish/#publish-as-json.

Sent again, a notification has the same `sequence_id`: servers of 2.16 and later show the second in place of the first.
No message here repeats what the server wrote, nor the topic: who knows a topic can read it.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import HarkError, PermanentError, RetryableError, SettingsError, causes
from engine.providers.network import is_this_machine, retry_after_ms
from engine.providers.notifications import Push
from engine.settings import Settings

if TYPE_CHECKING:
    import httpx2

_LONGEST_TEXT = 4_000
"""Bytes of a text; from 4,096 on a server makes a file of it."""
_LONGEST_TITLE = 200
_URGENT = 5


@dataclass(frozen=True, slots=True)
class Ntfy:
    """One topic of one server."""

    url: str
    topic: str = field(repr=False)
    token: str | None = field(repr=False)
    timeout_s: float
    name: str = "ntfy"

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2]

    async def send(self, push: Push) -> None:
        """Publish. Raises PermanentError or RetryableError, with the wait that the server asked for."""
        import httpx2

        body: dict[str, object] = {
            "topic": self.topic,
            "title": push.title[:_LONGEST_TITLE],
            "message": _cut(push.text),
            "sequence_id": hashlib.sha256(push.id.encode()).hexdigest()[:32],
        }
        if push.urgent:
            body["priority"] = _URGENT
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                httpx2.AsyncClient(timeout=self.timeout_s, verify=ssl.create_default_context()) as client,
            ):
                answer = await client.post(self.url, json=body, headers=headers)
        except (httpx2.HTTPError, OSError) as error:  # TimeoutError is an OSError
            raise self._unanswered(error) from error
        if not answer.is_success:
            raise self._refused(answer)
        if not _is_acknowledged(answer):
            raise RetryableError(
                f"{self._host} answered with something that no ntfy server says.",
                "Check HARK_NTFY_URL, and that no proxy answers for it.",
            )

    def _unanswered(self, error: Exception) -> HarkError:
        import httpx2

        chain = causes(error)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
            return PermanentError(
                f"{self._host} could not prove who it is (TLS certificate).",
                "Check HARK_NTFY_URL, this machine's clock and its certificates.",
            )
        if any(isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout)) for cause in chain):
            return RetryableError(f"{self._host} cannot be reached.", "Check HARK_NTFY_URL and the network.")
        if any(isinstance(cause, (TimeoutError, httpx2.TimeoutException)) for cause in chain):
            return RetryableError(f"{self._host} did not answer within {self.timeout_s:g} s.")
        return RetryableError(f"{self._host} broke off ({type(error).__name__}).")

    def _refused(self, answer: httpx2.Response) -> HarkError:
        status = answer.status_code
        if status in (408, 425, 429) or status >= 500:
            what = "is asked too often" if status == 429 else "cannot take notifications now"
            return RetryableError(f"{self._host} {what} ({status}).", retry_after_ms=retry_after_ms(answer.headers))
        if status in (401, 403):
            said = "refused the token" if self.token else "wants a token"
            return PermanentError(
                f"{self._host} {said} ({status}).", "Set HARK_NTFY_TOKEN to one that may write to the topic."
            )
        if status == 404 or answer.is_redirect:
            return PermanentError(
                f"{self._host} takes no notifications at this address ({status}).",
                "Set HARK_NTFY_URL to the ntfy server's own address, such as https://ntfy.sh.",
            )
        return PermanentError(
            f"{self._host} did not take the notification ({status}).", "Check HARK_NTFY_URL and HARK_NTFY_TOPIC."
        )


def ntfy_target(settings: Settings) -> Ntfy | None:
    """The topic of these settings, or None where none is set. Raises SettingsError for an address that is none."""
    if settings.ntfy_topic is None:
        return None
    parts = urlsplit(settings.ntfy_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("HARK_NTFY_URL is no web address.", "Write it like https://ntfy.sh.")
    if parts.scheme == "http" and settings.ntfy_token is not None and not is_this_machine(parts.hostname):
        raise SettingsError(
            f"HARK_NTFY_URL is not encrypted, and {parts.hostname} is another machine: the token could be read.",
            "Use https://, or do without HARK_NTFY_TOKEN.",
        )
    token = settings.ntfy_token.get_secret_value() if settings.ntfy_token is not None else None
    return Ntfy(settings.ntfy_url, settings.ntfy_topic.get_secret_value(), token, settings.notify_timeout_s)


def _is_acknowledged(answer: httpx2.Response) -> bool:
    try:
        told = answer.json()
    except ValueError:
        return False
    return isinstance(told, dict) and bool(told.get("id"))


def _cut(text: str) -> str:
    data = text.encode()
    return text if len(data) <= _LONGEST_TEXT else data[: _LONGEST_TEXT - 3].decode(errors="ignore") + "…"
