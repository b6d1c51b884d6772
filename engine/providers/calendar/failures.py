"""What a failed talk with a calendar server means: may it heal, and what can be done.

Hides the ways to fail: HTTP's codes, CalDAV's preconditions (RFC 4791, RFC 6578), TLS, the network, spoilt XML.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.errors import HarkError, NotFoundError, PermanentError, RetryableError, SettingsError, causes
from engine.providers.calendar.account import CalendarAccount

_LONGEST_WAIT_MS = 6 * 3_600_000
_PASSING = {408, 409, 423, 425}


@contextmanager
def explained(account: CalendarAccount) -> Iterator[None]:
    """Errors of the library and the network become Hark's."""
    import httpx2
    from caldav.lib.error import DAVError
    from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]

    try:
        yield
    except DAVError as error:
        raise _refused(account, error) from error
    except XMLSyntaxError as error:
        raise _unreadable(account) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise SettingsError("HARK_CALENDAR_URL cannot be used.", "Check it.") from error
    except (httpx2.HTTPError, OSError) as error:
        raise _unreachable(account, error) from error


def for_status(account: CalendarAccount, status: int, what: str, retry_after_ms: int | None = None) -> HarkError:
    """The error for an answer of `status` to `what`, such as "the event"."""
    said = f"{account.server} answers {status} to {what}"
    wait_ms = None if retry_after_ms is None else min(retry_after_ms, _LONGEST_WAIT_MS)
    if status == 429:
        return RetryableError(f"{account.server} gets too many requests (429).", retry_after_ms=wait_ms)
    if status == 507:
        return PermanentError(f"{account.server} has no room left (507).", "Delete old events there.")
    if status >= 500 or status in _PASSING:
        return RetryableError(f"{said}.", retry_after_ms=wait_ms)
    if status == 401:
        return PermanentError(
            f"{account.server} refuses the user or the password.",
            "Check HARK_CALENDAR_USER and HARK_CALENDAR_PASSWORD; many providers want an app password here.",
        )
    if status == 403:
        return PermanentError(
            f"{account.server} does not allow {what}.", "Check that the calendar may be changed, and its address."
        )
    if status in (404, 410):
        return NotFoundError(f"{account.server} does not have {what}.", "Check HARK_CALENDAR_URL.")
    if 200 <= status < 400 or status == 405:
        return PermanentError(
            f"{account.server} does not speak CalDAV at this address ({status}).",
            "Set HARK_CALENDAR_URL to the CalDAV address that your provider names.",
        )
    return PermanentError(f"{said}.", "Check HARK_CALENDAR_URL.")


def raise_for_preconditions(response: Any) -> None:
    """Raise what a refusal says of itself in its body (RFC 4918 16), if anything, as it is raised for a 403."""
    from caldav.lib.error import ReportError, error_from_response

    error = error_from_response(ReportError, response)
    if error.preconditions:
        raise error


def is_expired_token(error: HarkError) -> bool:
    """Whether a sync failed because the server has forgotten its token: then all is listed anew."""
    cause = error.__cause__
    return "{DAV:}valid-sync-token" in getattr(cause, "preconditions", ())


def _refused(account: CalendarAccount, error: Exception) -> HarkError:
    status = getattr(error, "status", None)
    if status is None or status < 400:
        return _unreadable(account)
    wait_s = getattr(error, "retry_after_seconds", None)
    return for_status(account, status, "this", None if wait_s is None else int(wait_s * 1000))


def _unreadable(account: CalendarAccount) -> RetryableError:
    return RetryableError(
        f"{account.server} sent an answer that cannot be read.", "If it does so every time, check HARK_CALENDAR_URL."
    )


def _unreachable(account: CalendarAccount, error: BaseException) -> HarkError:
    import httpx2

    chain = causes(error)
    if unproven := next((cause for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)), None):
        return PermanentError(
            f"{account.server} could not prove who it is ({unproven.verify_message or 'TLS certificate'}).",
            "Check HARK_CALENDAR_URL and this machine's clock; for a certificate of your own, "
            "name its authority's file in SSL_CERT_FILE.",
        )
    if any(isinstance(cause, ssl.SSLError) for cause in chain):
        return RetryableError(
            f"The TLS connection to {account.server} failed.",
            "If it does so every time, check HARK_CALENDAR_URL: https is for a port that speaks TLS.",
        )
    if any(isinstance(cause, (httpx2.TimeoutException, TimeoutError)) for cause in chain):
        return RetryableError(
            f"{account.server} did not answer within {account.timeout_s:g} s.",
            "If it does so every time, check HARK_CALENDAR_URL.",
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in chain) or isinstance(error, httpx2.ConnectError):
        return RetryableError(
            f"{account.server} cannot be reached.", "Check this machine's network and HARK_CALENDAR_URL."
        )
    return RetryableError(
        f"{account.server} broke off its answer.", "If it does so every time, check HARK_CALENDAR_URL."
    )
