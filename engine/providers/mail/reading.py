"""From a received mail's bytes to what Hark keeps of it, and whether it may be taken as a command.

Whatever stands in a mail was written by somebody else. Nothing here trusts it: unreadable parts become empty, lengths
are bounded, and who sent it is only what the mail claims. `why_no_command` says why a mail is not obeyed.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime

from engine.errors import BadInputError
from engine.providers.mail.compose import address_of, message_ids

SNIPPET = 300
"""Characters of a mail's text that are kept."""
LONGEST_COMMAND = 2000
_LONGEST_HEADER = 500
_MOST_HTML = 20_000
"""Characters of HTML that are looked at: the patterns below take longer than linear time on hostile ones."""

_OWN_ID = re.compile(r"<[0-9a-f]{40}\.hark@")
_QUOTE_BEGINS = re.compile(r"^(On .{5,200} wrote:|-{2,} ?Original Message ?-{2,}|_{20,}|-- ?)$", re.IGNORECASE)
_REPLY_PREFIX = re.compile(r"^\s*((re|aw|fwd?|wg|sv)\s*:\s*)+", re.IGNORECASE)
_UNSEEN_HTML = re.compile(r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_LINE_HTML = re.compile(r"<(br|/p|/div|/tr|/li|/h\d)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,2000}>")
_ROBOTS = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mail:
    """A received mail. `sender` is a bare address in lower case, "" where there is not exactly one.

    `automatic` says why a program must have sent it, "" where a person may have; `unproven` which check of its
    sender failed, by the receiving server's word, "" where none did. `text` is the whole of what its
    writer wrote as far as it was fetched; what is kept has a `snippet` only.
    """

    uid: int
    sender: str
    sender_name: str
    subject: str
    sent_at_ms: int
    seen: bool
    message_id: str
    references: tuple[str, ...]
    snippet: str
    text: str
    automatic: str
    unproven: str

    def kept(self) -> Mail:
        """This mail without its text."""
        return replace(self, text="")

    @property
    def command(self) -> str:
        """What it asks for: its text on one line, or its subject where there is none."""
        return " ".join(self.text.split()) or _REPLY_PREFIX.sub("", self.subject)


def read_mail(data: bytes, uid: int, seen: bool) -> Mail:
    """Read a mail, or its beginning. Whatever is wrong with it, there is a result."""
    message = message_from_bytes(data)
    name, sender = _sender(message)
    text = _own_words(_text(message))
    own_id = message_ids(_header(message, "Message-ID"))
    return Mail(
        uid=uid,
        sender=sender,
        sender_name=name,
        subject=_header(message, "Subject"),
        sent_at_ms=_sent_at_ms(message),
        seen=seen,
        message_id=own_id[0] if own_id else "",
        references=message_ids(" ".join(map(str, message.get_all("References", [])))[-5000:]),
        snippet=" ".join(text.split())[:SNIPPET],
        text=text[: 2 * LONGEST_COMMAND],
        automatic=_automatic(message, sender),
        unproven=_unproven(message),
    )


def why_no_command(mail: Mail, allowed: frozenset[str], own: frozenset[str]) -> str:
    """Why a mail is not taken as a command and not answered, "" where it is.

    Mail of programs, of Hark itself and to nobody in particular is never answered, so no two programs write to each
    other without end.
    """
    if not mail.sender or mail.sender not in allowed:
        return "its sender is not among those whose mail is a command"
    if mail.sender in own:
        return "it comes from Hark's own address"
    if mail.automatic:
        return f"a program sent it ({mail.automatic})"
    if mail.unproven:
        return f"its sender may be forged ({mail.unproven})"
    if not mail.message_id:
        return "it has no Message-ID to answer to"
    if len(mail.command) > LONGEST_COMMAND:
        return f"it is longer than the {LONGEST_COMMAND} characters of a command"
    return "" if mail.command else "it is empty"


def _sender(message: Message) -> tuple[str, str]:
    """Name and address of the one who claims to have written it."""
    claimed = message.get_all("From", [])
    if len(claimed) != 1:
        return "", ""
    try:
        address = address_of(" ".join(str(claimed[0]).split()))
    except BadInputError:
        return _decoded(str(claimed[0])), ""
    return _decoded(address.name), address.email.lower()


def _header(message: Message, name: str) -> str:
    return _decoded(str(message.get(name, "")))


def _decoded(raw: str) -> str:
    try:
        text = str(make_header(decode_header(raw)))
    except (MessageError, ValueError, LookupError):
        text = raw
    printable = "".join(sign if sign.isprintable() else " " for sign in text.encode(errors="replace").decode())
    return " ".join(printable.split())[:_LONGEST_HEADER]


def _sent_at_ms(message: Message) -> int:
    try:
        return max(0, int(parsedate_to_datetime(str(message.get("Date", ""))).timestamp() * 1000))
    except (ValueError, OverflowError, TypeError):
        return 0


def _text(message: Message) -> str:
    """The first plain text, or the first HTML as text."""
    found: dict[str, str] = {}
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and kind not in found and part.get_filename() is None:
            found[kind] = _part_text(part)
    if (plain := found.get("text/plain", "")).strip():
        return plain
    marked = _LINE_HTML.sub("\n", _UNSEEN_HTML.sub(" ", found.get("text/html", "")[:_MOST_HTML]))
    return html.unescape(_TAG.sub(" ", marked))


def _part_text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _own_words(text: str) -> str:
    """`text` without what it quotes and without a signature."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if _QUOTE_BEGINS.match(line.rstrip()) or line.strip() == "--":
            break
        if not line.startswith(">"):
            lines.append("".join(sign if sign.isprintable() else " " for sign in line))
    return "\n".join(lines).strip().encode(errors="replace").decode()


def _automatic(message: Message, sender: str) -> str:
    """The sign that a program sent it (RFC 3834 and what came before it), "" where there is none."""
    submitted = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    if submitted != "no":
        return f"Auto-Submitted: {submitted[:40]}"
    precedence = str(message.get("Precedence", "")).strip().lower()
    if precedence in ("bulk", "junk", "list", "auto_reply"):
        return f"Precedence: {precedence}"
    for name in ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Loop"):
        if name in message:
            return name
    if str(message.get("Return-Path", "")).strip() == "<>" or _ROBOTS.match(sender):
        return "a server's own mail"
    if message.get_content_type() == "multipart/report":
        return "a report"
    return "Hark's own mail" if _OWN_ID.search(str(message.get("Message-ID", ""))) else ""


def _unproven(message: Message) -> str:
    """Which check of the sender failed, by Authentication-Results (RFC 8601).

    A failure counts wherever it stands. A pass of DMARC, which settles the other two, counts in the topmost
    header only: the receiving server wrote that one, where it writes any.
    """
    results = [" ".join(str(value).split()).lower() for value in message.get_all("Authentication-Results", [])]
    failed = {
        found for value in results for found in re.findall(r"\b(dmarc|dkim|spf)\s*=\s*(?:fail|permerror)\b", value)
    }
    if "dmarc" in failed:
        return "dmarc=fail"
    if failed and not re.search(r"\bdmarc\s*=\s*pass\b", results[0]):
        return ", ".join(f"{check}=fail" for check in sorted(failed))
    return ""
