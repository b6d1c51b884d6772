"""What a failed request to Airtable means: may it heal, and what can be done.

Airtable's error codes are at https://airtable.com/developers/web/api/errors. Of what a server wrote no message here
repeats anything but the code, and the names of those fields that the settings name.
"""

from __future__ import annotations

import re
import ssl
from typing import Any

from engine.errors import HarkError, PermanentError, RetryableError
from engine.providers.airtable.place import Place
from engine.providers.network import retry_after_ms

LOCKED_MS = 30_000
"""How long Airtable turns a base's callers away after too many calls, and starts anew with each further one."""
_LONGEST_WAIT_MS = 3_600_000
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class AskedTooOftenError(RetryableError):
    """Airtable turns all callers of the base away; `retry_after_ms` is set."""


def explain(error: Exception, place: Place) -> HarkError:
    """The Hark error that `error` of requests or of pyairtable amounts to."""
    import requests

    host = place.host
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _explain_status(error.response, place)
    if isinstance(error, requests.exceptions.SSLError):
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _chain(error)):
            return PermanentError(
                f"{host} could not prove who it is (TLS certificate).",
                "Check HARK_AIRTABLE_URL and this machine's clock; for a certificate of your own, "
                "name its authority's file in SSL_CERT_FILE.",
            )
        return RetryableError(f"The TLS connection to {host} failed.", "Check HARK_AIRTABLE_URL.")
    if isinstance(error, (requests.ReadTimeout, TimeoutError)):
        return RetryableError(f"{host} did not answer within {place.timeout_s} s.")
    if isinstance(error, requests.ConnectTimeout):
        return RetryableError(f"{host} cannot be reached.", "Check this machine's network and HARK_AIRTABLE_URL.")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return RetryableError(f"{host} broke off its answer.")
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return unreadable(place)
    if isinstance(error, requests.ConnectionError):
        if any(isinstance(cause, (ConnectionRefusedError, OSError)) for cause in _chain(error)) and not _was_cut(error):
            return RetryableError(f"{host} cannot be reached.", "Check this machine's network and HARK_AIRTABLE_URL.")
        return RetryableError(f"{host} broke off.", "Check this machine's network.")
    if isinstance(error, requests.RequestException):
        return RetryableError(f"{host} cannot be talked to ({type(error).__name__}).", "Check HARK_AIRTABLE_URL.")
    return unreadable(place)


def unreadable(place: Place) -> RetryableError:
    """The error for an answer that is not what Airtable promises (a proxy's page, cut JSON)."""
    return RetryableError(
        f"{place.host} answered with something unreadable.",
        "Check HARK_AIRTABLE_URL, and that no proxy answers for it.",
    )


def _explain_status(response: Any, place: Place) -> HarkError:
    status, (code, words) = response.status_code, _told(response)
    told = f"({status}{' ' + code if code else ''})"
    host = place.host
    if status == 401:
        return PermanentError(
            f"{host} refuses the token {told}.",
            "Make a new one at https://airtable.com/create/tokens and set HARK_AIRTABLE_TOKEN.",
        )
    if status == 429:
        if "BILLING" in code:
            return PermanentError(
                f"The Airtable workspace has used up its calls of this month {told}.",
                "Wait for the next month, or change the workspace's plan.",
            )
        return AskedTooOftenError(
            f"{host} is asked too often {told}.", retry_after_ms=max(LOCKED_MS, _wait_ms(response))
        )
    if status >= 500 or status in (408, 425):
        return RetryableError(f"{host} cannot answer now {told}.", retry_after_ms=_wait_ms(response) or None)
    if status == 403:
        return PermanentError(
            f"The token may not use the base {place.base} or its table {place.table}, or there are none {told}.",
            "Check HARK_AIRTABLE_BASE_ID and HARK_AIRTABLE_TABLE; the token needs access to the base and the "
            "scopes data.records:read and data.records:write.",
        )
    if status == 404 and "MODEL_ID" not in code:
        return PermanentError(
            f"There is no base {place.base} with a table {place.table} {told}.",
            "Check HARK_AIRTABLE_BASE_ID and HARK_AIRTABLE_TABLE.",
        )
    if status == 404 or code in ("ROW_DOES_NOT_EXIST", "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"):
        return RetryableError(f"The table {place.table} has changed meanwhile {told}.")
    if code == "UNKNOWN_FIELD_NAME":
        return PermanentError(
            f"The table {place.table} has no {_fields_in(words, place)} {told}.",
            "Add the field to the table, or name the one to use in the settings (HARK_AIRTABLE_..._FIELD).",
        )
    if "INVALID_VALUE" in code or "CANNOT_ACCEPT" in words:
        return PermanentError(
            f"The table {place.table} does not take a value for {_fields_in(words, place)} {told}.",
            "Key, title and notes want text fields, due a date field, done a checkbox.",
        )
    if "multiple records" in words or "more than one record" in words:
        return PermanentError(
            f"Two rows of {place.table} have the same {place.fields['key']} {told}.",
            f"Clear {place.fields['key']} in one of them.",
        )
    return PermanentError(
        f"{host} refuses the request {told}.", "See https://airtable.com/developers/web/api/errors for the code."
    )


def _told(response: Any) -> tuple[str, str]:
    """The error's code and its words; empty where the body has none."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return "", ""
    code = error.get("type") if isinstance(error, dict) else error
    words = error.get("message") if isinstance(error, dict) else ""
    known = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    return known, words if isinstance(words, str) else ""


def _fields_in(words: str, place: Place) -> str:
    """Those of Hark's fields that a message names."""
    named = [f"field “{name}”" for name in place.fields.values() if re.search(rf"\b{re.escape(name)}\b", words)]
    return " and ".join(named) or "field of that name or kind"


def _wait_ms(response: Any) -> int:
    """What Retry-After asks for, at most an hour; 0 where there is none."""
    return min(retry_after_ms(response.headers) or 0, _LONGEST_WAIT_MS)


def _was_cut(error: BaseException) -> bool:
    """Whether a connection that stood was broken off."""
    return any(
        isinstance(cause, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)) for cause in _chain(error)
    ) or ("RemoteDisconnected" in repr(error))


def _chain(error: BaseException) -> list[BaseException]:
    """`error` and what caused it, those that urllib3 carries as arguments or reasons among them."""
    found: list[BaseException] = []
    left: list[Any] = [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
