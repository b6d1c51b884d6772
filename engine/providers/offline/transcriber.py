"""Speech to text on this machine: commands first, and free English where it was none.

What the grammar hears counts only where it was likely meant; anything else is decoded again with the general model,
whose text says honestly what was heard, or is empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from copy import copy
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio import SPEECH_RATE_HZ, Recording
from engine.errors import BadInputError
from engine.log import get_logger
from engine.providers import Vocabulary
from engine.providers.offline.child import ChildProgram
from engine.providers.offline.confidence import features, likelihood
from engine.providers.offline.denoising import without_noise
from engine.providers.offline.grammar import SharedGrammar
from engine.providers.offline.jsgf import own_words
from engine.providers.offline.word_graph import word_graph

_log = get_logger("providers.offline")
_SILENCE_MS = 300  # without it the last word is cut off
_SURE = 0.9  # needs no second opinion
_LIKELY = 0.45
_LIKELY_TO_DO = 0.35  # what changes something holds names that fit badly, and is read back before it sends or destroys
_MOST_USERS = 8


class OfflineTranscriber:
    """pocketsphinx in a process of its own, started when first used; English only.

    `pronounce` gives the CMU phones of words that the recogniser does not know.
    """

    def __init__(self, grammar: SharedGrammar, pronounce: Callable[[Sequence[str]], Awaitable[dict[str, str]]]) -> None:
        self._grammar = grammar
        self._pronounce = pronounce
        self._vocabulary = Vocabulary()
        self._listening: dict[Vocabulary, dict[str, Any]] = {}
        """What is listened with, for the latest users' words."""
        self.program = ChildProgram(Path(__file__).with_name("recogniser_program.py"), "The offline speech recogniser")

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
        speech = await asyncio.to_thread(_prepare, recording)
        listening = await self._listen()
        grammar = await self._grammar.load()
        # The grammar makes a command of any sentence: what may well be none is not told.
        likely = _agreed(tell, lambda answer: likelihood(features(answer, ())) >= _LIKELY)
        command = await self._decode("command", speech, likely, **listening)
        understood = grammar.understand(command["text"])
        if understood is None:
            return str((await self._decode("free", speech, _agreed(tell, lambda _: True)))["text"])
        guessed = [str(understood.arguments[name]) for name in understood.free]
        sure = likelihood(features(command, guessed))
        if sure >= _SURE:
            return str(command["text"])
        told = sure >= _LIKELY  # the command's words are: they stay until it is clear that others were meant
        free = await self._decode("free", speech, _agreed(tell, lambda _: not told))
        sure = likelihood(features(command, guessed, free))
        _log.debug("a doubtful command is meant with a likelihood of %.2f", sure)
        enough = _LIKELY_TO_DO if understood.tool in grammar.doing else _LIKELY
        return str((command if sure >= enough else free)["text"])

    async def get_ready(self) -> None:
        """Start the recogniser and load what it listens with, by letting it hear silence. Raises as `transcribe`."""
        silence = _prepare(Recording(np.zeros(0, np.int16), SPEECH_RATE_HZ))
        await self._decode("command", silence, lambda _: None, **await self._listen())
        await self._decode("free", silence, lambda _: None)

    async def guessed(self, text: str) -> tuple[str, ...]:
        """The parts of a transcript that are names or free words: they may well be others that sound alike."""
        return (await self._grammar.load()).free_words(text)

    async def close(self) -> None:
        """End the recogniser's process."""
        await self.program.close()

    async def _listen(self) -> dict[str, Any]:
        """What is listened with: the grammar, and how words are spoken that the recogniser does not know."""
        vocabulary = self._vocabulary
        if (known := self._listening.get(vocabulary)) is not None:
            return known
        # The program starts while the grammar is read.
        asking = self.program.ask({"mode": "unknown", "words": own_words(vocabulary)})
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

    async def _decode(
        self, mode: str, speech: bytes, so_far: Callable[[dict[str, Any]], None], **more: Any
    ) -> dict[str, Any]:
        answer, _ = await self.program.ask({"mode": mode, **more}, speech, so_far)
        return answer


def _agreed(tell: Callable[[str], None], counts: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], None]:
    """Takes answers for ever more of a recording, and tells the words that two in a row begin with.

    The last words of an answer often turn out to be others. `counts` says of an answer whether it is to be told.
    """
    before: list[str] = []

    def take(answer: dict[str, Any]) -> None:
        nonlocal before
        words = answer["text"].split()
        same = [word for word, _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, before, strict=False))]
        before = words
        if same and counts(answer):
            tell(" ".join(same))

    return take


def _prepare(recording: Recording) -> bytes:
    """16 kHz PCM with silence at both ends.

    Zeros that are there already go first: no microphone heard them, and the noise would be measured by them.
    """
    samples = recording.at_rate(SPEECH_RATE_HZ).samples
    heard = np.flatnonzero(samples)
    samples = without_noise(samples[heard[0] : heard[-1] + 1] if len(heard) else samples[:0])
    silence = np.zeros(_SILENCE_MS * SPEECH_RATE_HZ // 1000, np.int16)
    return np.concatenate([silence[: len(silence) // 3], samples, silence]).astype("<i2").tobytes()
