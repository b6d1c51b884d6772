"""Text to speech by a compatible server's `/audio/speech`, and the cutting of long texts.

OpenAI's own speech endpoint shuts down on 2027-01-06, so OpenAI itself is spoken to by `realtime`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from engine.audio import Recording, joined
from engine.errors import BadInputError, RetryableError
from engine.providers.openai.failures import Purpose
from engine.providers.openai.service import Service, pieces_of
from engine.providers.openai.wav_stream import WavStream
from engine.sentences import sentences, spoken_ms

MAX_SPEECH_CHARS = 4096
_DEFAULT_VOICE = "alloy"
_TIMEOUT_S = 30.0
_SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]]*(?=\s)|[。！？]""")


class SpeechEndpoint:
    """`providers.StreamingSynthesizer` over `/audio/speech`; each part may take 30 s and as long as it lasts."""

    def __init__(self, service: Service, model: str, voice: str | None, timeout_s: float = _TIMEOUT_S) -> None:
        self._service = service
        # Realtime models cannot be called here; "tts-1" is the name that compatible servers know.
        model = "tts-1" if model.startswith("gpt-realtime") else model
        self._purpose = Purpose("speech", model, "HARK_SPEECH_MODEL")
        self._voice = voice or _DEFAULT_VOICE
        self._timeout_s = timeout_s

    async def synthesize(self, text: str, voice: str | None = None) -> Recording:
        """Return `text` as sound at the server's rate. Raises BadInputError for an empty text."""
        return joined([sound async for sound in self.synthesize_stream(text, voice)])

    async def synthesize_stream(self, text: str, voice: str | None = None) -> AsyncGenerator[Recording, None]:
        """Yield the sound as it comes. Raises BadInputError for an empty text."""
        for part in _growing_parts(text):
            async with aclosing(pieces_of(self._speak(part, voice or self._voice))) as sounds:
                async for sound in sounds:
                    yield sound

    async def _speak(self, text: str, voice: str) -> AsyncGenerator[Recording, None]:
        file = WavStream()
        async with (
            self._service.asking(self._purpose, self._timeout_s + spoken_ms(text) / 1000) as client,
            client.audio.speech.with_streaming_response.create(
                input=text, model=self._purpose.model, voice=voice, response_format="wav"
            ) as response,
        ):
            async for data in response.iter_bytes():
                sound = file.add(data)
                if sound is not None:
                    yield sound
        if file.is_cut:
            raise RetryableError(f"{self._service.name} broke off the speech.")
        try:
            rest = file.end()
        except BadInputError as error:
            # Not the caller's fault, and often a proxy's page: worth another try.
            raise RetryableError(f"{self._service.name} answered the speech without sound: {error.message}") from error
        if rest is not None:
            yield rest


def _growing_parts(text: str) -> list[str]:
    """The first sentence, then each time up to three times as much, within what a request may hold.

    So a server that sends nothing before the whole of a request is spoken is heard soon, too.
    """
    parts: list[str] = []
    for sentence in [one for whole in sentences(text) for one in speakable_parts(whole, MAX_SPEECH_CHARS)]:
        room = min(MAX_SPEECH_CHARS, 3 * len(parts[-2])) if len(parts) > 1 else 0
        if parts and len(parts[-1]) + 1 + len(sentence) <= room:
            parts[-1] += f" {sentence}"
        else:
            parts.append(sentence)
    return parts or speakable_parts(text, MAX_SPEECH_CHARS)


def speakable_parts(text: str, limit: int) -> list[str]:
    """Cut `text` into parts of at most `limit` characters, at sentence ends where there are any.

    Else at spaces, else anywhere. Raises BadInputError where there is nothing to say.
    """
    text = text.strip()
    if not text:
        raise BadInputError("There is nothing to say: the text is empty.", "Give a text with words in it.")
    parts: list[str] = []
    while len(text) > limit:
        head = text[: limit + 1]
        ends = [found.end() for found in _SENTENCE_END.finditer(head) if found.end() <= limit]
        cut = ends[-1] if ends else head.rfind(" ")
        cut = cut if cut > 0 else limit
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*parts, text] if text else parts
