"""What a failed request to an OpenAI-compatible server means: may it heal, and what can be done.

Hides the many ways to fail: the SDK's errors, the transport's, the parser's, a handshake's. No message
here repeats what a server wrote, since servers quote keys and texts; only short codes pass.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.errors import BadInputError, HarkError, PermanentError, RetryableError, causes
from engine.providers.network import retry_after_ms

_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
_STATUS_OF_CODE = {
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "rate_limit_exceeded": 429,
}
_SHORT_CODE = re.compile(r"[a-z][a-z0-9_.\[\]]{0,48}")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a request is for, to name it in errors: the work, the model, and the setting that chose it."""

    work: str
    model: str
    setting: str


class Server(Protocol):
    """The little that errors tell of a server."""

    @property
    def name(self) -> str:
        """What messages call it, without credentials."""
        ...

    @property
    def has_key(self) -> bool:
        """Whether a key was sent to it."""
        ...

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI itself."""
        ...


def explain(error: Exception, purpose: Purpose, server: Server) -> HarkError:
    """Return the Hark error that `error` amounts to: PermanentError or RetryableError."""
    import openai
    from websockets.exceptions import InvalidStatus

    if isinstance(error, openai.APIStatusError):
        code = error.code or (error.type if error.type == "insufficient_quota" else None)
        return explain_status(error.status_code, error.response.headers, code, error.param, purpose, server)
    if type(error) is openai.APIError:  # said in the middle of a stream
        return explain_event(error.code, error.type, purpose, server)
    if isinstance(error, InvalidStatus):
        return explain_status(error.response.status_code, error.response.headers, None, None, purpose, server)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error)):
        return PermanentError(
            f"{server.name} could not prove who it is (TLS certificate).",
            "Check OPENAI_BASE_URL, this machine's clock and its certificates.",
        )
    if isinstance(error, (openai.APITimeoutError, TimeoutError)) and not _never_connected(error):
        return RetryableError(f"{server.name} did not finish the {purpose.work} in time.")
    if isinstance(error, (openai.APIConnectionError, OSError)) and _never_connected(error):
        return _unreachable(server)
    if isinstance(error, (openai.APIConnectionError, OSError)) or type(error).__module__.startswith(
        ("httpx2", "websockets")
    ):
        return RetryableError(f"{server.name} broke off the {purpose.work} ({type(error).__name__}).")
    return unreadable(purpose, server)


def unreadable(purpose: Purpose, server: Server) -> RetryableError:
    """The error for an answer that is not what the protocol promises (a proxy's page, cut JSON)."""
    return RetryableError(
        f"{server.name} answered the {purpose.work} with something unreadable.",
        "" if server.is_openai else "Check that OPENAI_BASE_URL ends in /v1 and that no proxy answers for it.",
    )


def explain_event(code: str | None, kind: str | None, purpose: Purpose, server: Server) -> HarkError:
    """The error for a stream's event with OpenAI's code (`rate_limit_exceeded`) and type (`server_error`)."""
    status = _STATUS_OF_CODE.get(code or "", 400 if kind == "invalid_request_error" else 500)
    return explain_status(status, {}, code, None, purpose, server)


def explain_status(
    status: int,
    headers: Mapping[str, str],
    code: str | None,
    param: str | None,
    purpose: Purpose,
    server: Server,
) -> HarkError:
    """Return the error for an HTTP status; `code` and `param` are those of OpenAI's error body, if any."""
    if status == 401:
        return _refused_key(server)
    if code == "insufficient_quota":
        return PermanentError(
            f"The account at {server.name} has no credit left ({code}).",
            "Add credit to the account, or set OPENAI_API_KEY to another key.",
        )
    if status in _TRANSIENT_STATUS or status >= 500:
        what = "is asked too often" if status == 429 else "cannot answer now"
        return RetryableError(f"{server.name} {what} ({status}).", retry_after_ms=retry_after_ms(headers))
    if status == 403:
        return PermanentError(
            f"{server.name} does not allow the {purpose.work} with {purpose.model} (403).",
            f"Give the key in OPENAI_API_KEY access to it, or choose another model by {purpose.setting}.",
        )
    if status == 404 or code == "model_not_found":
        where = "" if server.is_openai else " Check that OPENAI_BASE_URL ends in /v1."
        return PermanentError(
            f"{server.name} has no model {purpose.model} for {purpose.work} ({status}).",
            f"Set {purpose.setting} to a model that it has.{where}",
        )
    if status == 413:
        return BadInputError(f"The {purpose.work} is too large for {server.name} (413).", "Make it shorter.")
    # What of a request is refused is the prompt, unless the server names another part of it.
    error = BadInputError if status in (400, 422) and (param or "messages").startswith("messages") else PermanentError
    details = ", ".join([str(status), *(word for word in (code, param) if word and _SHORT_CODE.fullmatch(word))])
    return error(
        f"{server.name} did not accept the {purpose.work} ({details}).",
        f"If it does so every time, choose another model by {purpose.setting}.",
    )


def _refused_key(server: Server) -> PermanentError:
    if not server.has_key:
        return PermanentError(f"{server.name} wants an API key (401).", "Set OPENAI_API_KEY.")
    whose = "The OpenAI API key was refused" if server.is_openai else f"{server.name} refused the API key"
    return PermanentError(f"{whose} (401).", "Set OPENAI_API_KEY to a valid key.")


def _unreachable(server: Server) -> RetryableError:
    return RetryableError(
        f"{server.name} cannot be reached.",
        "Check this machine's network."
        if server.is_openai
        else "Check that the server runs and that OPENAI_BASE_URL is right.",
    )


def _never_connected(error: BaseException) -> bool:
    import httpx2

    return any(
        isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, ConnectionRefusedError))
        for cause in causes(error)
    )
