"""Text to speech on this machine, by espeak-ng in a program of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.audio import Recording
from engine.errors import BadInputError
from engine.providers.offline.child import ChildProgram
from engine.providers.offline.phones import cmu_phones

DEFAULT_VOICE = "en-us"
_VOICE = re.compile(r"[\w-]+(\+[\w-]+)?", re.ASCII)
_MAX_CHARACTERS = 20_000


class OfflineSynthesizer:
    """espeak-ng, started when first used and kept running.

    `voice` is a language such as "en-us" or "en-gb", or with a variant "en-us+f3";
    `words_per_minute` is the speed, 80 to 450.
    """

    def __init__(self, voice: str = DEFAULT_VOICE, words_per_minute: int = 165) -> None:
        self._voice = voice
        self._words_per_minute = words_per_minute
        self.program = ChildProgram(Path(__file__).with_name("espeak_program.py"), "The offline speech program")

    async def synthesize(self, text: str, voice: str | None = None) -> Recording:
        """Return `text` as sound at espeak-ng's rate, 22,050 Hz.

        Raises BadInputError for an unknown voice, and for a text without words or of more than
        20,000 characters (20 minutes of speech); RetryableError where the program keeps dying.
        """
        chosen = voice or self._voice
        if not _VOICE.fullmatch(chosen):
            raise _unknown_voice(chosen)
        if not text.strip():
            raise BadInputError("There is no text to speak.", "Give at least one word.")
        if len(text) > _MAX_CHARACTERS:
            raise BadInputError(
                f"The text has {len(text):,} characters, more than the {_MAX_CHARACTERS:,} spoken at once.",
                "Speak it in parts.",
            )
        request = {"text": text, "voice": chosen, "words_per_minute": self._words_per_minute}
        answer, pcm = await self.program.ask(request)
        if "error" in answer:
            raise _unknown_voice(chosen)
        return Recording(np.frombuffer(pcm, dtype="<i2").astype(np.int16, copy=False), answer["rate_hz"])

    async def pronounce(self, words: Sequence[str]) -> dict[str, str]:
        """How English words are spoken, in CMU phones; a word without any sound is left out.

        Raises RetryableError where the program keeps dying.
        """
        answer, _ = await self.program.ask({"pronounce": list(words)})
        phones = {word: cmu_phones(sounds) for word, sounds in answer["sounds"].items()}
        return {word: told for word, told in phones.items() if told}

    async def close(self) -> None:
        """End the speech program."""
        await self.program.close()


def _unknown_voice(voice: str) -> BadInputError:
    return BadInputError(
        f"There is no offline voice named {voice!r}.", "Choose a language such as en-us, en-gb, or en-us+f3."
    )
