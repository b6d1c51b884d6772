"""Speaking and hearing with the real offline engines: commands are heard, and other sentences not taken for them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from engine.audio import Recording
from engine.errors import BadInputError
from engine.providers import Providers
from engine.providers.offline import OfflineSynthesizer, OfflineTranscriber, open_offline
from engine.providers.offline.grammar import Grammar, load_grammar

pytestmark = pytest.mark.asyncio(loop_scope="module")

VOICES = ("en-us", "en-gb", "en-us+f3")

COMMANDS = (
    "what time is it",
    "what day is it",
    "what is the date today",
    "how is the email queue",
    "what's the state of the email queue",
    "pause the email queue",
    "pause the voice processing queue",
    "resume the notification queue",
    "retry the failed jobs in the email queue",
    "create a task to buy milk",
    "what are my tasks",
    "read my new mail",
    "what can you do",
)

SENTENCES = (
    "the weather is lovely today",
    "my brother bought a new car",
    "tell me a joke about elephants",
    "play some jazz music",
    "who won the football match",
    "the price of oil went up again",
    "please close the door when you leave",
    "good morning everyone",
    "we need more people on this project",
    "it was the best day of my life",
)


class Offline:
    """The providers with their own types, for what the interfaces do not show."""

    def __init__(self, providers: Providers) -> None:
        assert isinstance(providers.transcriber, OfflineTranscriber)
        assert isinstance(providers.synthesizer, OfflineSynthesizer)
        self.transcriber = providers.transcriber
        self.synthesizer = providers.synthesizer
        self.providers = providers

    async def heard(self, text: str, voice: str) -> str:
        """`text` spoken in `voice`, then recognised."""
        return await self.transcriber.transcribe(await self.synthesizer.synthesize(text, voice))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def offline() -> AsyncIterator[Offline]:
    providers = open_offline()
    yield Offline(providers)
    await providers.close()


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar()


async def test_spoken_commands_are_understood_as_meant(offline: Offline, grammar: Grammar) -> None:
    missed = []
    for command in COMMANDS:
        for voice in VOICES:
            heard = await offline.heard(command, voice)
            if grammar.understand(heard) != grammar.understand(command):
                missed.append(f"{voice}: {command!r} was heard as {heard!r}")
    # espeak-ng speaks a little differently each time: the worst run seen missed 2 of 36.
    assert len(missed) <= 0.1 * len(COMMANDS) * len(VOICES), missed


async def test_other_sentences_are_not_taken_for_commands(offline: Offline, grammar: Grammar) -> None:
    taken = []
    for number, sentence in enumerate(SENTENCES):
        heard = await offline.heard(sentence, VOICES[number % len(VOICES)])
        if grammar.understand(heard) is not None:
            taken.append(f"{sentence!r} was heard as {heard!r}")
    assert len(taken) <= 1, taken


async def test_silence_has_no_command(offline: Offline, grammar: Grammar) -> None:
    heard = await offline.transcriber.transcribe(Recording(np.zeros(16_000, np.int16)))
    assert grammar.understand(heard) is None


async def test_another_language_is_refused_with_a_remedy(offline: Offline) -> None:
    with pytest.raises(BadInputError, match="English only, not 'de'"):
        await offline.transcriber.transcribe(Recording(np.zeros(16_000, np.int16)), "de")


async def test_speech_is_a_recording_at_the_engines_rate(offline: Offline) -> None:
    recording = await offline.synthesizer.synthesize("Hello, world.")
    assert recording.rate_hz == 22_050
    assert recording.samples.dtype == np.int16
    recording.require_speech()


async def test_two_voices_speak_differently(offline: Offline) -> None:
    american, british = [await offline.synthesizer.synthesize("hello", voice) for voice in ("en-us", "en-gb")]
    assert not np.array_equal(american.samples, british.samples)


@pytest.mark.parametrize("text", ["-f /etc/passwd\n$(id) `id`", "<speak>[[x]]", "naïve ümläut 漢字", "nul\0 and more"])
async def test_any_text_is_only_ever_spoken(offline: Offline, text: str) -> None:
    recording = await offline.synthesizer.synthesize(text)
    assert recording.duration_ms > 300


@pytest.mark.parametrize("voice", ["klingon-opera", "../../etc/passwd", "en us", ""])
async def test_an_unknown_voice_is_named_and_the_empty_one_is_the_default(offline: Offline, voice: str) -> None:
    if not voice:
        assert (await offline.synthesizer.synthesize("hello", voice)).duration_ms > 0
        return
    with pytest.raises(BadInputError, match="no offline voice"):
        await offline.synthesizer.synthesize("hello", voice)


@pytest.mark.parametrize(("text", "message"), [(" \n", "no text"), ("a" * 20_001, "20,001 characters")])
async def test_a_text_that_cannot_be_spoken_is_refused(offline: Offline, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        await offline.synthesizer.synthesize(text)


async def test_requests_at_the_same_time_get_their_own_answers(offline: Offline) -> None:
    words = ["one", "a longer sentence of several words", "two"]
    together = await asyncio.gather(*(offline.synthesizer.synthesize(text) for text in words))
    alone = [await offline.synthesizer.synthesize(text) for text in words]
    # espeak-ng varies a sound by some samples each time.
    assert [s.duration_ms for s in together] == pytest.approx([s.duration_ms for s in alone], abs=20)


async def test_a_killed_speech_program_is_started_again(offline: Offline) -> None:
    await offline.synthesizer.synthesize("hello")
    pid = offline.synthesizer.program.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    (await offline.synthesizer.synthesize("hello")).require_speech()
    assert offline.synthesizer.program.pid != pid


async def test_a_recogniser_killed_in_its_work_does_it_again(offline: Offline) -> None:
    recording = await offline.synthesizer.synthesize("pause the email queue")
    assert await offline.transcriber.transcribe(recording) == "pause the email queue"
    pid = offline.transcriber.program.pid
    assert pid is not None
    asyncio.get_running_loop().call_later(0.03, os.kill, pid, signal.SIGKILL)
    assert await offline.transcriber.transcribe(recording) == "pause the email queue"
    assert await offline.transcriber.transcribe(recording) == "pause the email queue"
    assert offline.transcriber.program.pid != pid


async def test_a_cancelled_job_does_not_leave_its_answer_to_the_next(offline: Offline) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(offline.synthesizer.synthesize("a very long story " * 1_000), 0.05)

    short = await offline.synthesizer.synthesize("hello")
    assert short.duration_ms < 2_000


async def test_closed_providers_have_no_process_left() -> None:
    providers = Offline(open_offline())
    await providers.synthesizer.synthesize("hello")
    pid = providers.synthesizer.program.pid
    assert pid is not None

    await providers.providers.close()
    assert providers.synthesizer.program.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
