"""From what a mail says to its bytes (RFC 5322, MIME), and the checks that nothing else gets in.

No line break reaches a header: addresses, subject, ids and file names are checked here, and the standard library's
strict policy refuses the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from engine.errors import BadInputError

MOST_RECIPIENTS = 100
MOST_BYTES = 25_000_000
"""Larger mails are refused by most servers."""
_LONGEST_REFERENCES = 20

# The dot-atom of RFC 5321 without quoted local parts, which nobody uses and some servers take for other addresses.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>", re.ASCII)
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address; `email` is ASCII, an international domain in its encoded form."""

    name: str
    email: str

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a mail."""

    name: str
    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says. `automatic` marks an answer that no person wrote, so that no program answers it."""

    to: tuple[Address, ...]
    subject: str
    body: str
    html: str | None = None
    cc: tuple[Address, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    automatic: bool = False

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everyone it goes to, each once."""
        return tuple(dict.fromkeys(address.email for address in (*self.to, *self.cc)))


def address_of(text: str) -> Address:
    """Read `ada@example.org` or `Ada <ada@example.org>`. Raises BadInputError for anything else."""
    wrong = BadInputError(f"{text[:100]!r} is not an email address.", "Write it like anna@example.org.")
    if len(text) > 500 or _CONTROL.search(text):
        raise wrong
    name, email = parseaddr(text)
    local, _, domain = email.rpartition("@")
    # parseaddr takes the first address of several, and mends what is no address: all of the text must be accounted for.
    if email != text.strip() and not text.rstrip().endswith(f"<{email}>"):
        raise wrong
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        raise wrong from None
    labels = domain.split(".")
    if not (_LOCAL.fullmatch(local) and len(local) <= 64 and len(domain) <= 253 and all(map(_LABEL.fullmatch, labels))):
        raise wrong
    return Address(name, f"{local}@{domain}")


def letter(
    to: Iterable[str],
    subject: str,
    body: str,
    *,
    html: str | None = None,
    cc: Iterable[str] = (),
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    automatic: bool = False,
) -> Letter:
    """A letter of checked parts. Raises BadInputError, which names the part."""
    receivers, copies = tuple(map(address_of, to)), tuple(map(address_of, cc))
    if not receivers:
        raise BadInputError("The email has no recipient.", "Say whom it goes to.")
    if len(receivers) + len(copies) > MOST_RECIPIENTS:
        raise BadInputError(f"The email has more than {MOST_RECIPIENTS} recipients.", "Send it in parts.")
    if _CONTROL.search(subject) or len(subject) > 990:
        raise BadInputError("The subject is too long or has a line break in it.", "Give it in one line.")
    if not (body.strip() or (html or "").strip() or subject.strip()):
        raise BadInputError("The email is empty.", "Say what is to be in it.")
    for message_id in (*references, *([in_reply_to] if in_reply_to else [])):
        if not _MESSAGE_ID.fullmatch(message_id):
            raise BadInputError(f"{message_id[:100]!r} is not the id of a message.", "It looks like <id@host>.")
    thread = tuple(dict.fromkeys((*references, *([in_reply_to] if in_reply_to else []))))[-_LONGEST_REFERENCES:]
    return Letter(receivers, subject, body, html, copies, in_reply_to, thread, automatic)


def message_ids(text: str) -> tuple[str, ...]:
    """The ids in a header such as References, those that are well formed."""
    return tuple(_MESSAGE_ID.findall(text))[-_LONGEST_REFERENCES:]


def message_id(job_id: str, arguments: str, sender: Address) -> str:
    """The Message-ID of the mail that a job sends: the same whenever that job runs, another for every other job.

    The job's arguments count as well: an id chosen by a person may come again with another text once the first
    job is cleaned.
    """
    digest = hashlib.sha256(f"{job_id}\n{arguments}".encode(errors="replace")).hexdigest()
    return f"<{digest[:40]}.hark@{sender.domain}>"


def message_bytes(
    letter: Letter, sender: Address, message_id: str, sent_at_ms: int, files: Sequence[Attached] = ()
) -> bytes:
    """The mail as it travels: CRLF line ends, 7-bit ASCII. Raises BadInputError for a file that cannot go."""
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = _header(sender)
    message["To"] = [_header(address) for address in letter.to]
    if letter.cc:
        message["Cc"] = [_header(address) for address in letter.cc]
    message["Subject"] = letter.subject
    message["Date"] = datetime.fromtimestamp(sent_at_ms / 1000, UTC)
    message["Message-ID"] = message_id
    if letter.in_reply_to:
        message["In-Reply-To"] = letter.in_reply_to
    if letter.references:
        message["References"] = " ".join(letter.references)
    if letter.automatic:
        message["Auto-Submitted"] = "auto-replied"  # RFC 3834: well-made programs answer no such mail
    message.set_content(letter.body)
    if letter.html is not None:
        message.add_alternative(letter.html, subtype="html")
    for file in files:
        if not _MIME_TYPE.fullmatch(file.mime_type):
            raise BadInputError(f"{file.mime_type[:100]!r} is no kind of file.", "Use one such as application/pdf.")
        if not file.name or _CONTROL.search(file.name) or len(file.name) > 200:
            raise BadInputError(f"A file cannot be sent as {file.name[:100]!r}.", "Give it a short name in one line.")
        main, sub = file.mime_type.lower().split("/")
        if main in ("multipart", "message"):
            main, sub = "application", "octet-stream"  # what the library sends as it is, unencoded
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    data = message.as_bytes()
    if len(data) > MOST_BYTES:
        raise BadInputError(
            f"The email would have {len(data) / 1e6:.0f} MB, more than the {MOST_BYTES // 1_000_000} that mail servers "
            "take.",
            "Send its files in parts, or a link to them.",
        )
    return data


def _header(address: Address) -> HeaderAddress:
    return HeaderAddress(address.name, addr_spec=address.email)
