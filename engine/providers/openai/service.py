"""The connection to OpenAI or a compatible server, shared by hearing, understanding, speaking and answering.

Hides the SDK's client: its import (1 to 2 s, so in a thread and only when first used), the address and
the key, and the bounds on every request. Its own retries are off: the queue owns them all.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from engine.errors import HarkError, SettingsError
from engine.process import keep_what_is_loaded
from engine.providers.openai.failures import Purpose, explain

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 3.0
_CHAT = "openai.resources.chat"
_Piece = TypeVar("_Piece")


class Service:
    """One server that speaks OpenAI's protocol.

    `base_url` None means OpenAI itself; a server without keys gets the word "none" as one. Raises
    SettingsError where the address or the key cannot be one.
    """

    def __init__(self, key: SecretStr | None, base_url: str | None) -> None:
        self._key = _usable_key(key, base_url)
        self._url = base_url or OPENAI_URL
        self.host = _host_of(self._url)
        self.is_openai = self.host == _host_of(OPENAI_URL)
        self._client: AsyncOpenAI | None = None

    @property
    def name(self) -> str:
        """How messages call it: "OpenAI", or the server's address without credentials."""
        return "OpenAI" if self.is_openai else _without_credentials(self._url)

    @property
    def has_key(self) -> bool:
        """Whether a real key is sent."""
        return self._key != _NO_KEY

    @asynccontextmanager
    async def asking(self, purpose: Purpose, timeout_s: float) -> AsyncIterator[AsyncOpenAI]:
        """The client for one request that may take `timeout_s` in all, and 3 s of it to connect.

        Whatever the SDK, its transport or its parser raises inside comes out as a PermanentError or
        RetryableError. The cause is cut off on purpose: servers quote keys and texts in their errors,
        and a job's traceback is kept.
        """
        client = await self._open()
        from openai import Timeout

        failures = _request_failures()
        bounded = client.with_options(timeout=Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)))
        try:
            async with asyncio.timeout(timeout_s):
                yield bounded
        except HarkError:
            raise
        except failures as error:
            raise explain(error, purpose, self) from None

    async def close(self) -> None:
        """Close the connections; the service opens anew when used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _open(self) -> AsyncOpenAI:
        if self._client is None:
            if _CHAT not in sys.modules:
                await asyncio.to_thread(importlib.import_module, _CHAT)
                keep_what_is_loaded()
            from openai import AsyncOpenAI

            # It logs whole requests at DEBUG, also where OPENAI_LOG alone asks for it: what was said is in them.
            logging.getLogger("openai").setLevel(logging.WARNING)
            # The address is given even where it is the SDK's own: it would read OPENAI_BASE_URL by itself.
            self._client = self._client or AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0)
        return self._client


async def pieces_of(source: AsyncGenerator[_Piece, None]) -> AsyncGenerator[_Piece, None]:
    """What `source` yields, as soon as it does, with `source` run in a task of its own.

    Its time limit cancels the task that it runs in: that must not be the task of whoever takes the pieces.
    """
    pieces: asyncio.Queue[tuple[_Piece] | None] = asyncio.Queue()

    async def run() -> None:
        async with aclosing(source):
            async for piece in source:
                pieces.put_nowait((piece,))

    running = asyncio.create_task(run())
    running.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (got := await pieces.get()) is not None:
            yield got[0]
        await running
    finally:
        running.cancel()
        await asyncio.wait([running])


_NO_KEY = "none"


def _usable_key(key: SecretStr | None, base_url: str | None) -> str:
    text = key.get_secret_value().strip() if key is not None else ""
    # A key with other characters fails inside the header encoder, whose error quotes it.
    if not (text.isascii() and text.isprintable()):
        raise SettingsError("OPENAI_API_KEY holds characters that no key has.", "Copy the key again, alone.")
    if text:
        return text
    if base_url is None:
        raise SettingsError("OPENAI_API_KEY is empty.", "Set it, or remove it to work offline.")
    return _NO_KEY


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError("OPENAI_BASE_URL is not an address of a server.", "Write it like http://127.0.0.1:8080/v1.")
    return host


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _request_failures() -> tuple[type[Exception], ...]:
    """What a request may raise. (A ValueError is a parser's: bad JSON, bad base64.)"""
    import httpx2
    import openai
    from websockets.exceptions import WebSocketException

    return (
        openai.OpenAIError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        httpx2.StreamError,
        WebSocketException,
        OSError,
        ValueError,
    )
