"""The mail account that the settings name: where mail is sent, where it is read, and by whose leave.

A password leaves this machine only encrypted: a connection without TLS is refused to any host but this one, unless
the settings allow it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from engine.errors import BadInputError, NotSetUpError, SettingsError
from engine.providers.mail.compose import Address, address_of
from engine.providers.network import is_this_machine
from engine.settings import Settings

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Server:
    """One mail server. `setting` is the start of its settings' names, such as HARK_SMTP."""

    host: str
    port: int
    security: Security
    user: str | None
    password: SecretStr | None
    setting: str
    timeout_s: float

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.host}:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """What certificates are checked with: the system's authorities, or those that SSL_CERT_FILE names."""
        return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class MailAccount:
    """What is set up; `outgoing` with `sender`, and `incoming`, are None where Hark may not send or not read.

    `command_senders` are bare addresses in lower case.
    """

    sender: Address | None
    outgoing: Server | None
    incoming: Server | None
    command_senders: frozenset[str]

    def to_send(self) -> tuple[Address, Server]:
        """The sender and the server to send through. Raises SettingsError where none is set up."""
        if self.sender is None or self.outgoing is None:
            kind = NotSetUpError if self.outgoing is None else SettingsError
            raise kind(
                "No mail account is set up for sending.",
                "Set HARK_SMTP_HOST, HARK_SMTP_USER, HARK_SMTP_PASSWORD and HARK_MAIL_FROM.",
            )
        return self.sender, self.outgoing

    @property
    def own_addresses(self) -> frozenset[str]:
        """Addresses that are Hark's own, in lower case: mail from them is never answered."""
        users = (server.user for server in (self.outgoing, self.incoming) if server is not None)
        own = {user.lower() for user in users if user and "@" in user}
        return frozenset(own | ({self.sender.email.lower()} if self.sender else set()))

    @property
    def name(self) -> str:
        """The inbox's name: what is remembered of one is not taken for another's."""
        return f"{self.incoming.user or ''}@{self.incoming.name}" if self.incoming else ""


def mail_account(settings: Settings) -> MailAccount:
    """The account of these settings. Raises SettingsError for one that cannot be used."""
    outgoing = _server(
        "HARK_SMTP",
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        settings.smtp_password,
        settings,
    )
    incoming = _server(
        "HARK_IMAP",
        settings.imap_host,
        settings.imap_port,
        settings.imap_security,
        settings.imap_user or settings.smtp_user,
        settings.imap_password or settings.smtp_password,
        settings,
    )
    sender = _sender(settings) if outgoing else None
    senders = frozenset(
        _address("HARK_MAIL_COMMAND_SENDERS", one).email.lower() for one in settings.mail_command_senders
    )
    return MailAccount(sender, outgoing, incoming, senders)


def _server(
    setting: str,
    host: str | None,
    port: int,
    security: Security,
    user: str | None,
    password: SecretStr | None,
    settings: Settings,
) -> Server | None:
    if not host:
        return None
    if security == "none" and not settings.mail_allow_plain and not is_this_machine(host):
        raise SettingsError(
            f"{setting}_SECURITY is none, and {host} is another machine: mail and password could be read on the way.",
            f"Set {setting}_SECURITY to tls or starttls, or HARK_MAIL_ALLOW_PLAIN to true if you know the way is safe.",
        )
    if user and password is None:
        raise SettingsError(f"{setting}_USER is set without a password.", f"Set {setting}_PASSWORD.")
    return Server(host, port, security, user, password, setting, settings.mail_timeout_s)


def _sender(settings: Settings) -> Address:
    if settings.mail_from:
        return _address("HARK_MAIL_FROM", settings.mail_from)
    if settings.smtp_user and "@" in settings.smtp_user:
        return _address("HARK_SMTP_USER", settings.smtp_user)
    raise SettingsError("Mail has no sender.", "Set HARK_MAIL_FROM to your address.")


def _address(setting: str, text: str) -> Address:
    try:
        return address_of(text)
    except BadInputError as error:
        raise SettingsError(f"{setting}: {error.message}", "Write it like ada@example.org.") from error
