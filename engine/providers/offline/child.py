"""A small program of ours that is kept running and answers requests over its pipes.

The offline engines run so: the speaking one for its licence, those that listen since they work for tenths of a
second, in which pocketsphinx holds Python's lock. A request and an answer are each one line of JSON, followed by as
many bytes as its `bytes` says. The program is started when first asked, started again where it has died, and ends
with our end of the pipe, so that it never outlives us.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.errors import RetryableError
from engine.log import get_logger

_END_S = 0.5
_HEARD_OUT_S = 1.0
"""An answer that nobody waits for any more may take so long yet: starting the program again takes longer."""

_log = get_logger("providers.offline")


class ChildProgram:
    """One program, one request at a time; for use in one event loop.

    `script` is a file of Python that imports nothing of Hark, `title` names it in errors.
    """

    def __init__(self, script: Path, title: str) -> None:
        self._script = script
        self._title = title
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._unheard: asyncio.Task[tuple[dict[str, Any], bytes]] | None = None
        """A request whose job was cancelled."""

    @property
    def pid(self) -> int | None:
        """The running program's process id, or None where it is not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def ask(self, request: Mapping[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send `request` with `body` and return the answer with its body.

        A program that has died is started again, once; RetryableError where it dies on this request too.
        """
        line = json.dumps({**request, "bytes": len(body)}).encode() + b"\n"
        async with self._turn:
            await self._hear_out()
            asking = asyncio.create_task(self._ask(line, body))
            try:
                return await asyncio.shield(asking)
            except asyncio.CancelledError:
                self._unheard = asking
                asyncio.get_running_loop().call_later(_HEARD_OUT_S, asking.cancel)
                raise

    async def close(self) -> None:
        """End the program; it starts again if asked again."""
        async with self._turn:
            await self._hear_out()
            await self._end()

    async def _hear_out(self) -> None:
        """Let a request end that nobody waits for: its answer must not be taken for the next one's."""
        if self._unheard is not None:
            await asyncio.wait({self._unheard})
            if not self._unheard.cancelled() and (error := self._unheard.exception()) is not None:
                _log.info("a cancelled request failed: %s", error)
            self._unheard = None

    async def _ask(self, line: bytes, body: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            return await self._exchange(line, body)
        except (asyncio.IncompleteReadError, OSError) as error:
            _log.warning("%s ended unexpectedly (%s); starting it again", self._title, type(error).__name__)
        try:
            return await self._exchange(line, body)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise RetryableError(
                f"{self._title} ended unexpectedly, twice in a row.",
                "Run `hark doctor`; where it says that offline speech is broken, install Hark again.",
            ) from error

    async def _exchange(self, line: bytes, body: bytes) -> tuple[dict[str, Any], bytes]:
        answered = False
        try:
            if self.pid is None:
                await self._end()
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", str(self._script)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                )
            process = self._process
            assert process is not None
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(line + body)
            await process.stdin.drain()
            answer = json.loads(await process.stdout.readuntil(b"\n"))
            sound = await process.stdout.readexactly(answer.get("bytes", 0))
            answered = True
        finally:
            # Also where this was cancelled: a half-read answer would be taken for the next one's.
            if not answered:
                await asyncio.shield(self._end())
        return answer, sound

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        # A program at rest ends by that. Killing one that has just died upsets asyncio's own watch over it.
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it ended at the last moment
                process.kill()
        await process.communicate()  # also closes our end of its output
