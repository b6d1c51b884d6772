"""Speech to text on this machine: commands first, and free English where it was none.

A closed grammar hears commands well, and hears one in everything. So a command counts only where
its sounds are near to those spoken; anything else is decoded again with the general model, whose
text says honestly what was heard, or is empty.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio import SPEECH_RATE_HZ, Recording
from engine.errors import BadInputError
from engine.log import get_logger
from engine.providers.offline.child import ChildProgram
from engine.providers.offline.grammar import SharedGrammar
from engine.providers.offline.phones import phone_distance

_log = get_logger("providers.offline")
_SILENCE_MS = 300  # without it the last word is cut off
_NOISE_LEVELS = (60.0, 25.0)  # the second is for what the first leaves without a sentence
_PLAIN_MARGIN = 0.04  # this much nearer than the limit needs no second opinion


class OfflineTranscriber:
    """pocketsphinx in a process of its own, started when first used; English only."""

    def __init__(self, grammar: SharedGrammar) -> None:
        self._grammar = grammar
        self.program = ChildProgram(Path(__file__).with_name("recogniser_program.py"), "The offline speech recogniser")

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return a command's words, other words as well as they were made out, or "".

        Raises BadInputError for a language other than English, RetryableError where the
        recogniser's process keeps dying.
        """
        if language.split("-")[0].lower() != "en":
            raise BadInputError(
                f"Offline speech recognition knows English only, not {language!r}.",
                "Set OPENAI_API_KEY to recognise other languages.",
            )
        speech = await asyncio.to_thread(_prepare, recording)
        grammar = await self._grammar.load()
        for noise in _NOISE_LEVELS:
            command = await self._decode(
                "command", speech, noise, jsgf=grammar.jsgf, pronunciations=grammar.pronunciations
            )
            understood = grammar.understand(command["text"])
            if understood is not None:
                break
        else:
            return str((await self._decode("free", speech, noise))["text"])
        limit = grammar.distance_limits[understood.tool]
        distance = phone_distance(command["phones"], command["spoken"])
        if distance <= limit - _PLAIN_MARGIN:
            return str(command["text"])
        free = await self._decode("free", speech, noise)
        distance = (distance + phone_distance(command["phones"], free["phones"])) / 2
        _log.debug("a doubtful command at a phone distance of %.2f, limit %.2f", distance, limit)
        return str(command["text"] if distance <= limit else free["text"])

    async def close(self) -> None:
        """End the recogniser's process."""
        await self.program.close()

    async def _decode(self, mode: str, speech: bytes, noise: float, **more: Any) -> dict[str, Any]:
        answer, _ = await self.program.ask({"mode": mode, "noise": noise, **more}, speech)
        return answer


def _prepare(recording: Recording) -> bytes:
    """16 kHz PCM with silence at both ends."""
    samples = recording.at_rate(SPEECH_RATE_HZ).samples
    silence = np.zeros(_SILENCE_MS * SPEECH_RATE_HZ // 1000, np.int16)
    return np.concatenate([silence[: len(silence) // 3], samples, silence]).astype("<i2").tobytes()
