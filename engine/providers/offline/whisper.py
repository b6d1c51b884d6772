"""Speech to text on this machine with a Whisper model of the user's own: the `whisper` extra, by whisper.cpp."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.audio import SPEECH_RATE_HZ, Recording
from engine.errors import SettingsError
from engine.providers.offline.child import ChildProgram

_AT_LEAST_MS = 1_100  # whisper.cpp hears nothing in less than a second


class WhisperTranscriber:
    """whisper.cpp with the model at `model` (a ggml file), in a process of its own; loaded when first used."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self.program = ChildProgram(Path(__file__).with_name("whisper_program.py"), "The Whisper recogniser")

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return the words, with capitals and punctuation, or "".

        Raises SettingsError where the extra is not installed or the file is no model, RetryableError where the
        program keeps dying, as with too little memory.
        """
        speech = await asyncio.to_thread(_prepare, recording)
        request = {"model": str(self._model), "language": language.split("-")[0].lower()}
        answer, _ = await self.program.ask(request, speech)
        match answer.get("error"):
            case None:
                return str(answer["text"])
            case "not installed":
                raise SettingsError(
                    "HARK_WHISPER_MODEL is set, and what runs such a model is not installed.",
                    "Install Hark with its extra `whisper`, or remove the setting.",
                )
            case _:
                raise SettingsError(
                    f"There is no Whisper model at {self._model}.", "Set HARK_WHISPER_MODEL to the path of a ggml file."
                )

    async def close(self) -> None:
        """End the program."""
        await self.program.close()


def _prepare(recording: Recording) -> bytes:
    """16 kHz PCM, long enough."""
    samples = recording.at_rate(SPEECH_RATE_HZ).samples.astype("<i2")
    missing = _AT_LEAST_MS * SPEECH_RATE_HZ // 1000 - len(samples)
    return bytes(samples.tobytes() + bytes(2 * max(missing, 0)))
