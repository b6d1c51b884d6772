"""Speech to text by an OpenAI-compatible server: FLAC up, words back, as they come where the model tells them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from engine.audio import SPEECH_RATE_HZ, Recording, guessed_duration_ms
from engine.errors import RetryableError
from engine.providers.openai.failures import Purpose, unreadable
from engine.providers.openai.service import Service, pieces_of

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_REFUSALS = (400, 422)


class OpenAITranscriber:
    """`providers.StreamingTranscriber` over `/audio/transcriptions`.

    A request may take `base_timeout_s` and half the recording's length. A model that cannot stream answers in one
    piece; a compatible server that refuses to, or streams in words of its own, is not asked to again.
    """

    def __init__(self, service: Service, model: str, base_timeout_s: float = 10.0) -> None:
        self._service = service
        self._purpose = Purpose("transcription", model, "HARK_TRANSCRIPTION_MODEL")
        self._base_timeout_s = base_timeout_s
        self._streams = True

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return the words, empty where there are none. Raises PermanentError or RetryableError.

        No `keywords` are sent: a silent recording would come back as that very list.
        """
        flac = recording.at_rate(SPEECH_RATE_HZ).to_flac()
        return await self._transcribe(flac, "flac", language, recording.duration_ms)

    async def transcribe_file(self, data: bytes, kind: str, language: str = "en") -> str:
        """Return the words of a sound file, which is sent as it is. Raises as `transcribe` does."""
        return await self._transcribe(data, kind, language, guessed_duration_ms(data))

    async def transcribe_stream(self, recording: Recording, language: str = "en") -> AsyncGenerator[str, None]:
        """Yield the words as far as they are known, the whole text last. Raises as `transcribe` does."""
        if self._streams:
            async with aclosing(pieces_of(self._stream(recording, language))) as texts:
                async for text in texts:
                    yield text
        if not self._streams:
            yield await self.transcribe(recording, language)

    async def _transcribe(self, data: bytes, kind: str, language: str, duration_ms: int) -> str:
        async with self._service.asking(self._purpose, self._timeout_s(duration_ms)) as client:
            answer: object = await client.audio.transcriptions.create(
                file=(f"recording.{kind}", data),
                model=self._purpose.model,
                language=language,
                response_format="json",
            )
        return self._text_of(getattr(answer, "text", None))

    async def _stream(self, recording: Recording, language: str) -> AsyncGenerator[str, None]:
        """As `transcribe_stream`; where the server does not stream after all, it notes so and yields nothing."""
        from openai import APIStatusError

        flac = recording.at_rate(SPEECH_RATE_HZ).to_flac()
        async with self._service.asking(self._purpose, self._timeout_s(recording.duration_ms)) as client:
            try:
                async with aclosing(self._ask(client, flac, language)) as texts:
                    async for text in texts:
                        yield text
            except APIStatusError as error:
                if not self._refuses_to_stream(error):
                    raise
                self._streams = False

    async def _ask(self, client: AsyncOpenAI, flac: bytes, language: str) -> AsyncGenerator[str, None]:
        async with client.audio.transcriptions.with_streaming_response.create(
            file=("recording.flac", flac),
            model=self._purpose.model,
            language=language,
            response_format="json",
            stream=True,
        ) as response:
            if "event-stream" not in response.headers.get("content-type", ""):
                # It took no notice of the wish. What it says is all there is, and is paid for.
                yield self._text_of(_text_in(await response.read()))
                return
            text: str | None = None
            async for event in await response.parse():
                kind = getattr(event, "type", None)
                if kind == "transcript.text.delta":
                    text = (text or "") + str(getattr(event, "delta", ""))
                    yield text.strip()
                elif kind == "transcript.text.done":
                    yield self._text_of(getattr(event, "text", None))
                    return
        if text is not None:
            raise RetryableError(f"{self._service.name} broke off the {self._purpose.work}.")
        self._streams = False

    def _refuses_to_stream(self, error: APIStatusError) -> bool:
        return error.status_code in _REFUSALS and (error.param == "stream" or not self._service.is_openai)

    def _text_of(self, text: object) -> str:
        if not isinstance(text, str):
            raise unreadable(self._purpose, self._service)
        return text.strip()

    def _timeout_s(self, duration_ms: int) -> float:
        return self._base_timeout_s + duration_ms / 2000


def _text_in(body: bytes) -> object:
    """The `text` of a JSON answer. Raises ValueError where it is none."""
    answer = json.loads(body)
    return answer.get("text") if isinstance(answer, dict) else None
