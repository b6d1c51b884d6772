"""Speech to text by an OpenAI-compatible server: FLAC up, words back."""

from __future__ import annotations

from engine.audio import SPEECH_RATE_HZ, Recording
from engine.providers.openai.failures import Purpose, unreadable
from engine.providers.openai.service import Service


class OpenAITranscriber:
    """`providers.Transcriber` over `/audio/transcriptions`.

    A request may take `base_timeout_s` and half the recording's length.
    """

    def __init__(self, service: Service, model: str, base_timeout_s: float = 10.0) -> None:
        self._service = service
        self._purpose = Purpose("transcription", model, "HARK_TRANSCRIPTION_MODEL")
        self._base_timeout_s = base_timeout_s

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return the words, empty where there are none. Raises PermanentError or RetryableError.

        No `keywords` are sent: a silent recording would come back as that very list.
        """
        flac = recording.at_rate(SPEECH_RATE_HZ).to_flac()
        timeout_s = self._base_timeout_s + recording.duration_ms / 2000
        async with self._service.asking(self._purpose, timeout_s) as client:
            answer: object = await client.audio.transcriptions.create(
                file=("recording.flac", flac, "audio/flac"),
                model=self._purpose.model,
                language=language,
                response_format="json",
            )
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise unreadable(self._purpose, self._service)
        return text.strip()
