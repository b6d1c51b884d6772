"""Reading an inbox: IMAP by imap-tools, in a thread.

Incremental by UID: a `Cursor` says up to where an inbox was read, and is void once the server gives its messages new
numbers (UIDVALIDITY, RFC 3501 2.3.1.1). Nothing is changed on the server: the folder is only examined, and no message
becomes read. Of each message at most `FETCHED` bytes travel.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import HarkError, RetryableError
from engine.providers.mail.account import Server
from engine.providers.mail.failures import explain_connection, no_tls, plain, refused_login
from engine.providers.mail.reading import Mail, read_mail

if TYPE_CHECKING:
    from imap_tools.mailbox import BaseMailBox

FETCHED = 65_536
"""Bytes of a message that are fetched: its headers and its text; of large ones not the attachments."""
_SENT_NAMES = ("sent", "sent items", "sent mail", "sent messages", "inbox.sent", "inbox/sent")
_UID = re.compile(rb"\bUID (\d+)")
_SEEN = re.compile(rb"FLAGS \([^)]*\\Seen\b", re.IGNORECASE)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where an inbox was read."""

    uid_validity: int
    last_uid: int


class Inbox:
    """An open inbox. Methods raise PermanentError or RetryableError."""

    def __init__(self, server: Server, mailbox: BaseMailBox, uid_validity: int) -> None:
        self._server = server
        self._mailbox = mailbox
        self.uid_validity = uid_validity
        """Number of the inbox's numbering."""

    async def uids(self, criteria: str) -> list[int]:
        """The numbers of the messages that an IMAP search finds, ascending."""
        found = await self._do(lambda: self._mailbox.uids(criteria, charset=None))
        return sorted(map(int, found))

    async def new_uids(self, last_uid: int) -> list[int]:
        """The numbers of the messages behind `last_uid`, ascending."""
        # The server gives its last message for n:*, whatever n is.
        return [uid for uid in await self.uids(f"UID {last_uid + 1}:*") if uid > last_uid]

    async def fetch(self, uids: Sequence[int]) -> list[Mail]:
        """The messages of these numbers, ascending; those that are gone are left out."""
        return await self._do(lambda: self._fetch(uids))

    async def is_in_sent(self, message_id: str) -> bool:
        """Whether the folder of sent mail holds a message of this id; False where there is no such folder."""
        return await self._do(lambda: self._is_in_sent(message_id))

    def _fetch(self, uids: Sequence[int]) -> list[Mail]:
        if not uids:
            return []
        numbers = ",".join(map(str, uids))
        parts = f"(UID FLAGS RFC822.SIZE BODY.PEEK[]<0.{FETCHED}>)"
        status, reply = self._mailbox.client.uid("FETCH", numbers, parts)
        if status != "OK":
            raise RetryableError(f"{self._server.name} does not give out its messages ({plain(str(reply))}).")
        wanted, mails = set(uids), {}
        for place, item in enumerate(reply):
            # A message is a pair of what it is and its bytes; its flags may come before them or behind.
            if not isinstance(item, tuple):
                continue
            after = reply[place + 1] if place + 1 < len(reply) else b""
            told = item[0] + (after if isinstance(after, bytes) else b"")
            number = _UID.search(told)
            if number and int(number[1]) in wanted:
                mails[int(number[1])] = read_mail(item[1], int(number[1]), bool(_SEEN.search(told)))
        return [mails[uid] for uid in sorted(mails)]

    def _is_in_sent(self, message_id: str) -> bool:
        folders = self._mailbox.folder.list()
        marked = [one.name for one in folders if any(flag.lower() == "\\sent" for flag in one.flags)]
        named = [one.name for one in folders if one.name.lower() in _SENT_NAMES]
        for name in (marked or named)[:1]:
            self._mailbox.folder.set(name, readonly=True)
            try:
                return bool(self._mailbox.uids(f'HEADER Message-ID "{message_id}"', charset=None))
            finally:
                self._mailbox.folder.set("INBOX", readonly=True)
        return False

    async def _do(self, call: Callable[[], _T]) -> _T:
        return await _in_thread(self._server, call, self._mailbox.client)


@asynccontextmanager
async def open_inbox(server: Server) -> AsyncIterator[Inbox]:
    """The inbox, opened for reading only. Raises PermanentError or RetryableError."""
    mailbox = await _in_thread(server, lambda: _log_in(server), None)
    try:
        uid_validity = await _in_thread(server, lambda: _examine(mailbox), mailbox.client)
        yield Inbox(server, mailbox, uid_validity)
    finally:
        with contextlib.suppress(HarkError):  # all is read: a missing goodbye changes nothing
            await _in_thread(server, mailbox.logout, mailbox.client)
        _close(mailbox.client)


def _log_in(server: Server) -> BaseMailBox:
    import imaplib

    from imap_tools import MailBox, MailboxLoginError, MailBoxStartTls, MailboxStarttlsError, MailBoxUnencrypted

    mailbox: BaseMailBox
    try:
        match server.security:
            case "tls":
                mailbox = MailBox(server.host, server.port, server.timeout_s, ssl_context=server.tls())
            case "starttls":
                mailbox = MailBoxStartTls(server.host, server.port, server.timeout_s, server.tls())
            case "none":
                mailbox = MailBoxUnencrypted(server.host, server.port, server.timeout_s)
    except MailboxStarttlsError:
        raise no_tls(server) from None
    user, password = server.user or "", server.password.get_secret_value() if server.password else ""
    try:
        # Only the other form of login carries what is not ASCII.
        log_in = mailbox.login if (user + password).isascii() else mailbox.login_utf8
        log_in(user, password, initial_folder=None)
    except MailboxLoginError as error:
        _close(mailbox.client)
        raise refused_login(server, _said(error.command_result)) from None
    except imaplib.IMAP4.error as error:
        _close(mailbox.client)
        if isinstance(error, imaplib.IMAP4.abort):
            raise
        raise refused_login(server, str(error)) from None
    except OSError:
        _close(mailbox.client)
        raise
    return mailbox


def _examine(mailbox: BaseMailBox) -> int:
    mailbox.folder.set("INBOX", readonly=True)
    told = mailbox.client.response("UIDVALIDITY")[1]
    return int(told[0]) if told and told[0] else 0


async def _in_thread(server: Server, call: Callable[[], _T], client: Any) -> _T:
    """Run a blocking call; a cancelled one ends by having its connection cut."""
    try:
        return await asyncio.to_thread(_explained, server, call)
    except asyncio.CancelledError:
        if client is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(client.sock, socket.SHUT_RDWR)
        raise


def _explained(server: Server, call: Callable[[], _T]) -> _T:
    """Make the call; errors of the library and the network become Hark's."""
    import imaplib

    from imap_tools.errors import ImapToolsError, UnexpectedCommandStatusError

    try:
        return call()
    except HarkError:
        raise
    except UnexpectedCommandStatusError as error:
        raise RetryableError(f"{server.name} refuses ({plain(_said(error.command_result))}).") from error
    except (OSError, EOFError, imaplib.IMAP4.error, ImapToolsError, UnicodeError) as error:
        if explained := explain_connection(server, error):
            raise explained from error
        if "STARTTLS" in str(error):
            raise no_tls(server) from error
        said = plain(str(error))
        if "* BYE" in said:
            raise RetryableError(f"{server.name} lets nobody in now ({said}).") from error
        if isinstance(error, imaplib.IMAP4.abort) and "unexpected response" not in said:
            raise RetryableError(f"{server.name} broke off ({said}).") from error
        raise RetryableError(
            f"{server.name} answered what is no IMAP ({said}).",
            f"If it does so every time, check {server.setting}_HOST and {server.setting}_PORT.",
        ) from error


def _said(result: Any) -> str:
    """The words of a server's reply as imaplib gives it."""
    status, data = result
    words = " ".join(item.decode(errors="replace") for item in data or () if isinstance(item, bytes))
    return words or str(status)


def _close(client: Any) -> None:
    with contextlib.suppress(OSError):
        client.shutdown()
