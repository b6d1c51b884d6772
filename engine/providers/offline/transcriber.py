"""Speech to text on this machine: two hear each recording, one commands only, the other one any English.

What the grammar hears counts only where it was likely meant. Else the words are those of the model of any English, and
may well be a command, too, in a wording that the recogniser does not listen for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio import SPEECH_RATE_HZ, Recording
from engine.errors import BadInputError
from engine.log import get_logger
from engine.providers import Vocabulary
from engine.providers.offline.child import ChildProgram
from engine.providers.offline.confidence import behind, clarity, features, likelihood
from engine.providers.offline.denoising import without_noise
from engine.providers.offline.grammar import Grammar, SharedGrammar
from engine.providers.offline.jsgf import own_words
from engine.providers.offline.word_graph import word_graph

_log = get_logger("providers.offline")
_SILENCE_MS = 300  # without it the last word is cut off
_LIKELY = 0.5
_OTHER_WORDS, _ANOTHER_WORD = 12.0, 4.0
"""Names and free words are others than those said where the model of any English finds its own words so much likelier
(nats) and is sure of them; so is a single word that is so much less likely: "no" fits the sounds of "hello" well."""
_CLEAR = -0.4
"""The model of any English is sure of words that are so likely (nats) for each of them."""
_LONGEST_MS = 12_000
"""What is longer is no command that the recogniser listens for, and is heard in parts."""
_OLD_SPELLING = re.compile(r"\b(to)-(day|night|morrow)\b", re.IGNORECASE)
_MOST_USERS = 8


class OfflineTranscriber:
    """pocketsphinx and Moonshine, each in a process of its own that is started when first used; English only.

    `pronounce` gives the CMU phones of words that the recogniser of commands does not know.
    """

    def __init__(self, grammar: SharedGrammar, pronounce: Callable[[Sequence[str]], Awaitable[dict[str, str]]]) -> None:
        self._grammar = grammar
        self._pronounce = pronounce
        self._vocabulary = Vocabulary()
        self._listening: dict[Vocabulary, dict[str, Any]] = {}
        """What is listened with, for the latest users' words."""
        here = Path(__file__)
        self.commands = ChildProgram(here.with_name("recogniser_program.py"), "The offline recogniser of commands")
        self.speech = ChildProgram(here.with_name("moonshine_program.py"), "The offline speech recogniser")

    def expecting(self, vocabulary: Vocabulary) -> OfflineTranscriber:
        """The same recogniser, listening for these words of a user's as well."""
        other = copy(self)
        other._vocabulary = vocabulary
        return other

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return a command's words, other words as well as they were made out, or "".

        Raises BadInputError for a language other than English, RetryableError where the
        recogniser's process keeps dying.
        """
        return await self._transcribe(recording, language, lambda _: None)

    async def transcribe_stream(self, recording: Recording, language: str = "en") -> AsyncGenerator[str, None]:
        """Yield the words as far as they are likely, what `transcribe` returns last. Raises as that does."""
        texts: asyncio.Queue[str] = asyncio.Queue()
        hearing = asyncio.create_task(self._transcribe(recording, language, texts.put_nowait))
        hearing.add_done_callback(lambda _: texts.put_nowait(""))
        try:
            while text := await texts.get():
                yield text
            yield await hearing
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})

    async def _transcribe(self, recording: Recording, language: str, tell: Callable[[str], None]) -> str:
        """As `transcribe`; `tell` is given the words as far as they are likely."""
        if language.split("-")[0].lower() != "en":
            raise BadInputError(
                f"Offline speech recognition knows English only, not {language!r}.",
                "Set OPENAI_API_KEY to recognise other languages.",
            )
        parts = await asyncio.to_thread(recording.parts, _LONGEST_MS)
        if len(parts) > 1:
            return await self._dictated(parts, tell)
        speech = await asyncio.to_thread(_prepare, recording)
        heard, command = await asyncio.gather(self._any_english(speech, tell), self._command(speech, speech))
        if command is None and not _is_clear(heard):
            # Taking noise off blurs some sounds, too.
            noisy = await asyncio.to_thread(_prepare, recording, with_noise=True)
            command = await self._command(noisy, speech)
        return str(heard["text"]) if command is None else command

    async def _any_english(self, speech: bytes, tell: Callable[[str], None]) -> dict[str, Any]:
        """What the model of any English hears; it is told where it is clear."""
        heard = await self._hear(speech)
        if heard["text"] and _is_clear(heard):
            tell(heard["text"])
        return heard

    async def _dictated(self, parts: Sequence[Recording], tell: Callable[[str], None]) -> str:
        """The words of a recording that is too long for a command; one may yet begin it, such as that of an email."""
        texts: list[str] = []
        for part in parts:
            if text := (await self._hear(await asyncio.to_thread(_prepare, part)))["text"]:
                texts.append(text)
                tell(" ".join(texts))
        return " ".join(texts)

    async def get_ready(self) -> None:
        """Start what hears and load what it listens with, by letting it hear silence. Raises as `transcribe`."""
        silence = _prepare(Recording(np.zeros(0, np.int16), SPEECH_RATE_HZ))
        await asyncio.gather(self._nearest(silence), self._hear(silence))

    async def guessed(self, text: str) -> tuple[str, ...]:
        """The parts of a transcript that are names or free words: they may well be others that sound alike."""
        return (await self._grammar.load()).free_words(text)

    async def close(self) -> None:
        """End both processes."""
        await asyncio.gather(self.commands.close(), self.speech.close())

    async def _listen(self) -> dict[str, Any]:
        """What is listened with: the grammar, and how words are spoken that the recogniser does not know."""
        vocabulary = self._vocabulary
        if (known := self._listening.get(vocabulary)) is not None:
            return known
        # The program starts while the grammar is read.
        asking = self.commands.ask({"mode": "unknown", "words": own_words(vocabulary)})
        (answer, _), grammar = await asyncio.gather(asking, self._grammar.load())
        pronunciations = dict(grammar.pronunciations)
        unknown = [word for word in answer["words"] if word not in pronunciations]
        if unknown:
            pronunciations |= await self._pronounce(unknown)
        silent = frozenset(word for word in unknown if word not in pronunciations)
        listening = {"graph": word_graph(grammar.jsgf(vocabulary, silent)), "pronunciations": pronunciations}
        while len(self._listening) >= _MOST_USERS:
            del self._listening[next(iter(self._listening))]
        self._listening[vocabulary] = listening
        return listening

    async def _command(self, sound: bytes, speech: bytes) -> str | None:
        """The command that was meant, or None: it is looked for in `sound`, which Moonshine hears as `speech`."""
        nearest, grammar = await asyncio.gather(self._nearest(sound), self._grammar.load())
        understood = grammar.understand(nearest["text"])
        if understood is None:
            return None
        guessed = [str(understood.arguments[name]) for name in understood.free]
        heard = await self._hear(speech, nearest["text"])
        sure = likelihood(features(nearest, guessed, heard))
        _log.debug("a command is meant with a likelihood of %.2f", sure)
        if sure < _LIKELY or self._is_another(nearest, guessed, heard, grammar):
            return None
        return str(heard["meant"]["text"])

    def _is_another(
        self, nearest: dict[str, Any], guessed: Sequence[str], heard: dict[str, Any], grammar: Grammar
    ) -> bool:
        """Whether a likely command is another one than was said, or has other names and free words than it."""
        if len(nearest["words"]) == 1:
            return behind(heard) > _ANOTHER_WORD
        if not guessed or behind(heard) <= _OTHER_WORDS or not _is_clear(heard):
            return False
        # Of the user's own people the model of any English knows nothing, and free words are only as good as the rest.
        own = set(own_words(Vocabulary(people=self._vocabulary.people)))
        words = {word for text in guessed for word in text.split()}
        return own.isdisjoint(words) and grammar.understand(heard["text"]) is not None

    async def _nearest(self, sound: bytes) -> dict[str, Any]:
        """The command that is nearest to the sound."""
        answer, _ = await self.commands.ask({"mode": "command", **await self._listen()}, sound)
        return answer

    async def _hear(self, speech: bytes, meant: str = "") -> dict[str, Any]:
        """The sound as any English, and how likely it says `meant`."""
        answer, _ = await self.speech.ask({"meant": meant}, speech)
        return {**answer, "text": _OLD_SPELLING.sub(r"\1\2", answer["text"])}


def _is_clear(heard: dict[str, Any]) -> bool:
    """Whether the model of any English is sure of its words."""
    return clarity(heard) >= _CLEAR


def _prepare(recording: Recording, *, with_noise: bool = False) -> bytes:
    """16 kHz PCM with silence at both ends, and without its noise.

    Zeros that are there already go first: no microphone heard them, and the noise would be measured by them.
    """
    samples = recording.at_rate(SPEECH_RATE_HZ).samples
    heard = np.flatnonzero(samples)
    samples = samples[heard[0] : heard[-1] + 1] if len(heard) else samples[:0]
    if not with_noise:
        samples = without_noise(samples)
    silence = np.zeros(_SILENCE_MS * SPEECH_RATE_HZ // 1000, np.int16)
    return np.concatenate([silence[: len(silence) // 3], samples, silence]).astype("<i2").tobytes()
