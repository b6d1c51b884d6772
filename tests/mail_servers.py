"""Mail servers that tests talk to: aiosmtpd and Dovecot for real, and a bare socket for what no real server would say.

`SmtpServer` keeps what it accepts and refuses whom it is told to; like many providers it may put a copy into the folder
of sent mail. `ImapServer` gives every user of any name an empty mailbox.
"""

from __future__ import annotations

import contextlib
import email.policy
import getpass
import grp
import imaplib
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session

from tests.redis_topologies import free_port

USER, PASSWORD = "ada@example.test", "planted-mail-secret"


@dataclass
class SmtpServer:
    """A real SMTP server. `replies` are answers to RCPT by recipient, or to DATA under "data"; each is used up by
    one request unless it is a 5xx.
    """

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    accepted: list[tuple[list[str], bytes]] = field(default_factory=list)
    logins: int = 0
    on_accept: Callable[[bytes], None] = lambda _: None
    drops_reply: bool = False
    """The server takes the next mail and is gone before it says so."""

    @property
    def mails(self) -> list[EmailMessage]:
        """What was accepted, parsed."""
        parsed = [message_from_bytes(data, policy=email.policy.default) for _, data in self.accepted]
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]

    async def handle_RCPT(self, server: Any, _session: Session, envelope: Envelope, address: str, _opts: Any) -> str:
        """aiosmtpd's hook for a recipient."""
        if reply := self._reply(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook for a mail."""
        if reply := self._reply("data"):
            return reply
        assert isinstance(envelope.content, bytes)
        self.accepted.append((list(envelope.rcpt_tos), envelope.content))
        self.on_accept(envelope.content)
        if self.drops_reply:
            self.drops_reply = False
            server.transport.abort()
        return "250 2.0.0 taken"

    def _reply(self, what: str) -> str:
        reply = self.replies.get(what, "")
        if reply.startswith("4"):
            del self.replies[what]
        return reply

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """aiosmtpd's hook for a login."""
        self.logins += 1
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)


@contextmanager
def smtp_server(tls: ssl.SSLContext | None = None, security: str = "none") -> Iterator[SmtpServer]:
    """A running server; it wants a login, and with `tls` an encrypted connection."""
    server = SmtpServer(free_port())
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=server.authenticate,
        auth_required=True,
        auth_require_tls=security == "starttls",
        ident="test",
        server_hostname="test",
        ssl_context=tls if security == "tls" else None,
        tls_context=tls if security == "starttls" else None,
        require_starttls=security == "starttls",
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(frozen=True)
class ImapServer:
    """A real Dovecot. Every user name with PASSWORD has a mailbox of its own."""

    port: int
    folder: Path

    def append(self, user: str, message: bytes, folder: str = "INBOX") -> None:
        """Put a message into a folder, unread."""
        with self.session(user) as client:
            assert client.append(folder, "", "", message)[0] == "OK"

    def flag(self, user: str, uid: int, flag: str) -> None:
        """Set a flag of a message; a deleted one goes at once."""
        with self.session(user) as client:
            client.select("INBOX")
            assert client.uid("STORE", str(uid), "+FLAGS", flag)[0] == "OK"
            client.expunge()

    def renumber(self, user: str) -> None:
        """Give the inbox another UIDVALIDITY, as a restored backup does."""
        home = self.folder / "mail" / user
        listed = home / "dovecot-uidlist"
        old = listed.read_text()
        listed.write_text(re.sub(r"\bV(\d+)", lambda found: f"V{int(found[1]) + 1}", old, count=1))
        for index in home.glob("dovecot.index*"):
            index.unlink()

    @contextmanager
    def session(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A connection of the test's own."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        try:
            client.login(user, PASSWORD)
            yield client
        finally:
            client.logout()


@contextmanager
def imap_server(certificate: tuple[Path, Path] | None = None) -> Iterator[ImapServer]:
    """A running Dovecot 2.3, with STARTTLS where there is a certificate and its key."""
    program = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")
    assert program is not None, "dovecot is not installed; see packaging/system-packages.txt"
    # Where tests run as root, mail belongs to somebody else: pytest's own folders are root's alone.
    folder = Path(tempfile.mkdtemp(prefix="hark-dovecot-"))
    port = free_port()
    config = folder / "dovecot.conf"
    config.write_text(_dovecot_config(folder, port, certificate))
    process = subprocess.Popen([program, "-F", "-c", config], stdin=subprocess.DEVNULL)
    server = ImapServer(port, folder)
    try:
        _until_answers(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        shutil.rmtree(folder)


def _dovecot_config(folder: Path, port: int, certificate: tuple[Path, Path] | None) -> str:
    if os.getuid() == 0:
        mail_user, mail_group, internal, login = "nobody", "nogroup", "dovecot", "dovenull"
    else:
        mail_user = internal = login = getpass.getuser()
        mail_group = grp.getgrgid(os.getgid()).gr_name
    folder.chmod(0o755)
    for part in ("mail", "run", "state"):
        (folder / part).mkdir()
    if os.getuid() == 0:
        owner = pwd.getpwnam(mail_user)
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    internal_group = grp.getgrgid(pwd.getpwnam(internal).pw_gid).gr_name
    tls = f"ssl = yes\nssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}" if certificate else "ssl = no"
    return f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
{tls}
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
}}
"""


def _until_answers(server: ImapServer, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + 20
    while True:
        assert process.poll() is None, "dovecot ended"
        with contextlib.suppress(OSError, imaplib.IMAP4.error), server.session("nobody@example.test"):
            return
        assert time.monotonic() < end_s, "dovecot does not answer"
        time.sleep(0.02)


@contextmanager
def scripted_server(steps: Sequence[bytes | None], silent: threading.Event | None = None) -> Iterator[int]:
    """A server that sends each of `steps` after a line of the client (the first at once), then closes; its port.

    `{tag}` in a step is the first word of that line. None is silence until the client has gone; it sets `silent`.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                for number, step in enumerate(steps):
                    line = connection.recv(65_536) if number else b"-"
                    if not line:
                        return
                    if step is None:
                        if silent is not None:
                            silent.set()
                        while connection.recv(65_536):
                            pass
                        return
                    connection.sendall(step.replace(b"{tag}", line.split()[0]))

    thread = threading.Thread(target=serve, name="scripted mail server")
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        thread.join(20)
        assert not thread.is_alive()
