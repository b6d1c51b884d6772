"""What a failed talk with a mail server means: may it heal, and what can be done.

Hides the many ways to fail: SMTP's codes (RFC 5321, RFC 3463), IMAP's response codes (RFC 5530), TLS, the network.
"""

from __future__ import annotations

import re
import ssl

from engine.errors import HarkError, PermanentError, RetryableError, causes
from engine.providers.mail.account import Server

_GREYLISTED_MS = 300_000
"""What servers that greylist usually want to see pass."""
_WAIT = re.compile(r"(\d{1,5})\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b", re.IGNORECASE)
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]")


def refused(server: Server, code: int, text: str, what: str) -> HarkError:
    """The error for an SMTP reply of 400 or more to `what`, such as "the recipient"."""
    said = plain(text)
    if 400 <= code < 500:
        return RetryableError(
            f"{server.name} does not take {what} now ({code} {said}).", retry_after_ms=wait_ms(code, said)
        )
    remedy = "Read what the server says, and correct it."
    if code == 552 or "5.3.4" in said:
        remedy = "Make the email smaller, or send its files in parts."
    elif code in (530, 535):
        remedy = f"Check {server.setting}_USER and {server.setting}_PASSWORD."
    return PermanentError(f"{server.name} refuses {what} ({code} {said}).", remedy)


def wrong_password(server: Server, detail: str) -> PermanentError:
    """The server refuses user and password."""
    return PermanentError(
        f"{server.name} refuses the user or the password ({plain(detail)}).",
        f"Check {server.setting}_USER and {server.setting}_PASSWORD; many providers want an app password here.",
    )


def refused_login(server: Server, text: str) -> HarkError:
    """The error for an IMAP server's NO to a login."""
    if any(code in text.upper() for code in _PASSING):
        return RetryableError(f"{server.name} lets nobody in now ({plain(text)}).", retry_after_ms=wait_ms(0, text))
    return wrong_password(server, text)


def no_tls(server: Server) -> PermanentError:
    """The server does not offer STARTTLS."""
    return PermanentError(
        f"{server.name} offers no STARTTLS, so nothing was sent to it.",
        f"Set {server.setting}_SECURITY to tls and {server.setting}_PORT to its port for TLS.",
    )


def explain_connection(server: Server, error: BaseException) -> HarkError | None:
    """What an error of the network or of TLS means; None where it is neither."""
    chain = causes(error)
    if unproven := next((cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)), None):
        return PermanentError(
            f"{server.name} could not prove who it is ({unproven.verify_message or 'TLS certificate'}).",
            f"Check {server.setting}_HOST and this machine's clock; for a certificate of your own, "
            "name its authority's file in SSL_CERT_FILE.",
        )
    if any(isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause) for cause in chain):
        return PermanentError(
            f"{server.name} does not speak TLS on this port.",
            f"For port 587 or 143 set {server.setting}_SECURITY to starttls, for 465 or 993 to tls.",
        )
    if any(isinstance(cause, ssl.SSLError) for cause in chain):
        return RetryableError(
            f"The TLS connection to {server.name} failed.",
            f"If it does so every time, check {server.setting}_PORT and {server.setting}_SECURITY.",
        )
    if any(isinstance(cause, TimeoutError) for cause in chain):
        return RetryableError(
            f"{server.name} did not answer within {server.timeout_s:g} s.",
            f"If it does so every time, check {server.setting}_PORT and {server.setting}_SECURITY.",
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
        return RetryableError(
            f"{server.name} cannot be reached: nothing listens there.",
            f"Check {server.setting}_HOST and {server.setting}_PORT.",
        )
    if any(isinstance(cause, OSError) for cause in chain):
        return RetryableError(
            f"{server.name} cannot be reached, or broke off.",
            f"Check this machine's network, {server.setting}_HOST and {server.setting}_PORT.",
        )
    return None


def wait_ms(code: int, text: str) -> int | None:
    """How long a server asks to wait: told in words ("try again in 5 minutes"), or usual for greylisting; else None."""
    if found := _WAIT.search(text):
        unit_s = {"s": 1, "m": 60, "h": 3600}[found[2][0].lower()]
        return min(int(found[1]) * unit_s, 6 * 3600) * 1000
    greylisted = "4.7.1" in text or re.search("gr[ae]y", text, re.IGNORECASE)
    return _GREYLISTED_MS if code in (450, 451) and greylisted else None


def plain(text: str) -> str:
    """A server's words on one short line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:200]
