"""Handing a mail to the server that sends it: SMTP by aiosmtplib.

Hides the protocol's steps. What came of each recipient is told apart: accepted, refused for good, put off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import BadInputError, HarkError, PermanentError, RetryableError
from engine.providers.mail.account import Server
from engine.providers.mail.failures import explain_connection, no_tls, plain, refused, wait_ms, wrong_password

if TYPE_CHECKING:
    from aiosmtplib import SMTP

_TRANSACTION_S = 100.0
"""A server that keeps answering, but slowly, is left after so long: before the job's own time is over."""


class NotTakenError(Exception):
    """The server said no to the whole mail after it was sent: it is known that nobody gets it."""

    def __init__(self, reason: HarkError) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Delivery:
    """What became of each recipient; the texts are the server's words."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    put_off: dict[str, str] = field(default_factory=dict)
    retry_after_ms: int | None = None


async def deliver(
    server: Server,
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    before_data: Callable[[list[str]], Awaitable[None]],
) -> Delivery:
    """Send `message` to those of `recipients` whom the server takes.

    `before_data` is awaited with them at the last moment before anybody can get the mail; where it raises, nobody
    does. Raises NotTakenError where the server refused the mail itself, PermanentError or RetryableError
    before that, and RetryableError without knowing what became of the mail where the connection ended after it.
    """
    async with _session(server) as smtp:
        with _explained(server):
            limit = smtp.esmtp_extensions.get("size", "")
            if limit.isdigit() and 0 < int(limit) < len(message):
                raise BadInputError(
                    f"{server.name} takes mails of up to {int(limit) / 1e6:.1f} MB, this one has "
                    f"{len(message) / 1e6:.1f}.",
                    "Send its files in parts, or a link to them.",
                )
            delivery = await _envelope(smtp, server, sender, recipients, len(message))
        if delivery.accepted:
            await before_data(delivery.accepted)
            with _explained(server):
                await _data(smtp, server, message)
        return delivery


async def try_login(server: Server) -> None:
    """Connect and log in; nothing is sent. Raises PermanentError or RetryableError."""
    async with _session(server):
        pass


@asynccontextmanager
async def _session(server: Server) -> AsyncIterator[SMTP]:
    """A connection, encrypted and logged in."""
    from aiosmtplib import SMTP, SMTPException

    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=server.timeout_s,
        use_tls=server.security == "tls",
        start_tls=False,  # by ourselves below: the library cannot tell a missing STARTTLS from a refused one
        tls_context=None if server.security == "none" else await asyncio.to_thread(server.tls),
        local_hostname="[127.0.0.1]",  # a machine's name is nobody's business
    )
    try:
        async with asyncio.timeout(_TRANSACTION_S):
            with _explained(server):
                await smtp.connect()
                await smtp.ehlo()
                if server.security == "starttls":
                    if not smtp.supports_extension("starttls"):
                        raise no_tls(server)
                    await smtp.starttls()
                    await smtp.ehlo()
                if server.user and server.password is not None:
                    await _login(smtp, server, server.user, server.password.get_secret_value())
            yield smtp
            with contextlib.suppress(SMTPException, OSError):  # the mail is through: a missing goodbye changes nothing
                await smtp.quit()
    except TimeoutError as error:
        raise explain_connection(server, error) or error from error
    finally:
        smtp.close()


async def _login(smtp: SMTP, server: Server, user: str, password: str) -> None:
    from aiosmtplib import SMTPAuthenticationError

    if not smtp.supports_extension("auth"):
        raise PermanentError(
            f"{server.name} takes no login on this connection.",
            f"Set {server.setting}_SECURITY to starttls or tls, or remove {server.setting}_USER.",
        )
    try:
        await smtp.login(user, password)
    except SMTPAuthenticationError as error:
        if 400 <= error.code < 500:
            raise refused(server, error.code, error.message, "the login") from None
        # Without the library's error, whose text would be a server's quote of what was sent.
        raise wrong_password(server, f"{error.code} {error.message}") from None


async def _envelope(smtp: SMTP, server: Server, sender: str, recipients: Sequence[str], size: int) -> Delivery:
    """Announce the mail, recipient by recipient. Raises where the sender is refused."""
    from aiosmtplib import SMTPRecipientRefused, SMTPSenderRefused

    try:
        await smtp.mail(sender, options=[f"size={size}"] if smtp.supports_extension("size") else [])
    except SMTPSenderRefused as error:
        raise refused(server, error.code, error.message, f"mail from {sender}") from None
    delivery = Delivery()
    for recipient in recipients:
        try:
            await smtp.rcpt(recipient)
        except SMTPRecipientRefused as error:
            said = f"{error.code} {plain(error.message)}"
            if 400 <= error.code < 500:
                delivery.put_off[recipient] = said
                delivery.retry_after_ms = max(delivery.retry_after_ms or 0, wait_ms(error.code, said) or 0) or None
            else:
                delivery.refused[recipient] = said
        else:
            delivery.accepted.append(recipient)
    return delivery


async def _data(smtp: SMTP, server: Server, message: bytes) -> None:
    from aiosmtplib import SMTPResponseException

    try:
        # The server may look through a large mail for a while before it answers.
        await smtp.data(message, timeout=2 * server.timeout_s)
    except SMTPResponseException as error:
        raise NotTakenError(refused(server, error.code, error.message, "the email")) from None


class _Explained(contextlib.AbstractContextManager[None]):
    def __init__(self, server: Server) -> None:
        self._server = server

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from aiosmtplib import SMTPException, SMTPResponseException

        if error is None or isinstance(error, (HarkError, NotTakenError, asyncio.CancelledError)):
            return
        if isinstance(error, SMTPResponseException):
            raise _unexpected(self._server, error) from error
        if isinstance(error, (OSError, SMTPException)):
            explained = explain_connection(self._server, error)
            raise explained or _unreadable(self._server) from error


def _explained(server: Server) -> _Explained:
    """Errors of the library and the network become Hark's."""
    return _Explained(server)


def _unexpected(server: Server, error: object) -> HarkError:
    code, text = getattr(error, "code", 0), str(getattr(error, "message", ""))
    if code < 400:
        return _unreadable(server)
    return refused(server, code, text, "the connection")


def _unreadable(server: Server) -> RetryableError:
    return RetryableError(
        f"{server.name} answered what is no SMTP.", f"Check {server.setting}_HOST and {server.setting}_PORT."
    )
