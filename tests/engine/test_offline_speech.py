"""Speaking and hearing with the real offline engines: commands are heard, and other sentences not taken for them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import pytest_asyncio

from engine.audio import Recording
from engine.errors import BadInputError, SettingsError
from engine.providers import Providers, Vocabulary
from engine.providers.offline import (
    OfflineSynthesizer,
    OfflineTranscriber,
    espeak_program,
    moonshine_program,
    open_offline,
    recogniser_program,
)
from engine.providers.offline.child import ChildProgram
from engine.providers.offline.denoising import without_noise
from engine.providers.offline.grammar import Grammar, SharedGrammar, load_grammar
from engine.providers.offline.moonshine_program import Moonshine, Tokenizer, model_folder
from engine.providers.offline.recogniser_program import british
from engine.providers.offline.transcriber import _prepare
from tests.spoken_set import COMMANDS, SENTENCES, VOICES

pytestmark = pytest.mark.asyncio(loop_scope="module")


SPOKEN = model_folder().parent
"""Real people's recordings, which the model's package brings along."""


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
    """A few of `tests/spoken_set.py`, without noise; `make bench ARGS="--only voice"` says all of them, in noise."""
    missed = []
    for number, said in enumerate(COMMANDS[::7]):
        heard = await offline.heard(said.text, VOICES[number % 3][0])
        if not said.is_meant_by(grammar.understand(heard)):
            missed.append(f"{said.text!r} was heard as {heard!r}")
    # espeak-ng speaks a little differently each time.
    assert len(missed) <= 1, missed


async def test_a_british_voice_is_heard(offline: Offline, grammar: Grammar) -> None:
    """To the model's American ears "pause all" was "hold voice": no queue was meant."""
    understood = grammar.understand(await offline.heard("pause all queues", "en-gb"))
    assert understood is not None
    assert understood.tool == "pause_all"


async def test_a_retry_of_no_queue_is_not_heard_as_one_of_the_ai_queue(offline: Offline, grammar: Grammar) -> None:
    understood = grammar.understand(await offline.heard("retry the failed jobs", "en-us"))
    assert understood is not None
    assert (understood.tool, understood.arguments) == ("retry_failed", {})


@pytest.mark.parametrize(
    ("word", "american", "english"),
    [
        ("mark", "M AA R K", "M AA K"),
        ("reminder", "R IY M AY N D ER", "R IH M AY N D AH"),
        ("call", "K AO L", "K OW L"),
        ("off", "AO F", "AO F"),
        ("for", "F AO R", "F AO"),
        ("tasks", "T AE S K S", "T AA S K S"),
        ("add", "AE D", "AE D"),
        ("new", "N UW", "N Y UW"),
        ("noon", "N UW N", "N UW N"),
        ("reschedule", "R IY S K EH JH UH L", "R IH SH EH D Y UW L"),
        ("resume", "R IH Z UW M", "R IH Z Y UW M"),
        ("read", "R IY D", "R IY D"),
    ],
)
async def test_words_are_listened_for_as_said_in_england(word: str, american: str, english: str) -> None:
    assert british(word, american) == english


async def test_other_sentences_are_not_taken_for_commands(offline: Offline, grammar: Grammar) -> None:
    taken = []
    for number, sentence in enumerate(SENTENCES[::12]):
        heard = await offline.heard(sentence, VOICES[number % 3][0])
        if grammar.understand(heard) is not None:
            taken.append(f"{sentence!r} was heard as {heard!r}")
    assert len(taken) <= 1, taken


async def test_a_name_of_the_users_is_heard_that_no_dictionary_has(offline: Offline) -> None:
    transcriber = OfflineTranscriber(SharedGrammar(), offline.synthesizer.pronounce)
    theirs = transcriber.expecting(Vocabulary(people=("Giorgos Priyanka",)))
    try:
        sound = await offline.synthesizer.synthesize("send an email to Giorgos saying I will be late")
        heard, of_another = await asyncio.gather(theirs.transcribe(sound), transcriber.transcribe(sound))
    finally:
        await transcriber.close()
    assert heard == "Send an email to Giorgos saying I will be late"
    assert "Giorgos" not in of_another, "the words are one user's"
    assert await transcriber.guessed(heard) == ("Giorgos saying I will be late",)


async def test_what_is_no_command_is_written_down_with_capitals_and_punctuation(offline: Offline) -> None:
    """A man reads Beckett."""
    heard = await offline.transcriber.transcribe(Recording.read(SPOKEN / "beckett.wav"))
    assert heard == "Ever tried, ever failed, no matter, try again, fail again, fail better."


async def test_a_greeting_is_no_answer_to_a_question(offline: Offline) -> None:
    """The sounds of "hello" fit the command "no" well."""
    assert (await offline.heard("hello", "en-us")).startswith("Hello")
    assert await offline.heard("no", "en-us") == "No"


async def test_free_words_that_the_grammar_lacks_are_those_that_were_said(offline: Offline) -> None:
    """The recogniser of commands makes "buy stamps" of them, or whatever else it knows."""
    heard = await offline.heard("send an email to Peter saying the elephant is in the garden", "en-us")
    assert "elephant" in heard


async def test_what_was_heard_clearly_is_told_before_it_is_known_whether_it_is_a_command(offline: Offline) -> None:
    beckett = Recording.read(SPOKEN / "beckett.wav")
    async with aclosing(offline.transcriber.transcribe_stream(beckett)) as texts:
        assert (await anext(texts)).startswith("Ever tried, ever failed")
        assert await anext(texts, "") != "", "the end is told, too"


async def test_a_long_recording_is_heard_part_by_part(offline: Offline) -> None:
    dickens = Recording.read(SPOKEN / "two_cities.wav")
    assert dickens.duration_ms > 40_000
    *told, heard = [text async for text in offline.transcriber.transcribe_stream(dickens)]
    assert len(told) > 3
    assert all(longer.startswith(text) for text, longer in pairwise(told))
    assert heard.startswith("It was the best of times. It was the worst of times.")
    assert "we were all going direct to heaven" in heard.lower()


async def test_what_is_heard_does_not_depend_on_what_was_heard_before(offline: Offline) -> None:
    first, second = [
        _prepare(await offline.synthesizer.synthesize(text)) for text in ("pause all queues", "what time is it")
    ]
    twice = [await offline.transcriber._nearest(sound) for sound in (first, second, first)]
    assert twice[0] == twice[2]
    assert twice[1]["text"] == "what time is it"


async def test_moonshine_spells_in_the_tokens_that_it_was_trained_with() -> None:
    tokenizer = Tokenizer(model_folder() / "tokenizer.bin")
    tokens = tokenizer.numbers("What's next?")
    assert [tokenizer.pieces[token].decode() for token in tokens] == ["▁What", "'", "s", "▁next", "?"]
    assert tokenizer.text(tokens) == "What's next?"


async def test_moonshine_finds_what_was_said_likelier_than_anything_else(offline: Offline) -> None:
    sound = _prepare(await offline.synthesizer.synthesize("move my next meeting to Friday"))
    moonshine = Moonshine(model_folder())
    texts = "move my next meeting to friday", "pause the queue"
    said, other = [moonshine.answer(sound, text)["meant"] for text in texts]
    assert said["text"] == "Move my next meeting to Friday"
    assert other["likely"] < said["likely"] - 10


@pytest.mark.parametrize(
    ("program", "request_"),
    [
        (recogniser_program, {"mode": "unknown", "words": []}),
        (moonshine_program, {"meant": ""}),
        (espeak_program, {"pronounce": []}),
    ],
    ids=["recogniser", "moonshine", "espeak"],
)
async def test_a_speech_program_ends_without_a_word_where_hark_has_died(
    program: ModuleType, request_: dict[str, object]
) -> None:
    assert await asyncio.to_thread(complaint_of_the_forsaken, program, request_) == b""


def complaint_of_the_forsaken(program: ModuleType, request_: dict[str, object]) -> bytes:
    """What a speech program writes to standard error where nobody reads its second answer."""
    command = [sys.executable, "-P", str(program.__file__)]
    line = json.dumps({**request_, "bytes": 0}).encode() + b"\n"
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})  # as libraries do, and children inherit it
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
    with running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(line)
        running.stdin.flush()
        assert running.stdout.readline()
        running.stdout.close()
        running.stdin.write(line)
        running.stdin.flush()
        return running.stderr.read()


async def test_silence_has_no_command(offline: Offline, grammar: Grammar) -> None:
    heard = await offline.transcriber.transcribe(Recording(np.zeros(16_000, np.int16)))
    assert grammar.understand(heard) is None


async def test_another_language_is_refused_with_a_remedy(offline: Offline) -> None:
    with pytest.raises(BadInputError, match="English only, not 'de'"):
        await offline.transcriber.transcribe(Recording(np.zeros(16_000, np.int16)), "de")


async def test_noise_is_taken_off_and_a_clear_sound_left_as_it_is() -> None:
    times = np.arange(32_000) / 16_000
    spoken = np.sin(3 * np.pi * times) > 0
    clear = (8_000 * np.sin(880 * np.pi * times) * spoken).astype(np.int16)
    noisy = (clear + np.random.default_rng(1).normal(0, 300, len(clear))).astype(np.int16)
    assert np.abs(without_noise(clear).astype(int) - clear).max() <= 2
    cleaned = without_noise(noisy)
    assert cleaned[~spoken].std() < 0.8 * noisy[~spoken].std()
    assert cleaned[spoken].std() == pytest.approx(clear[spoken].std(), rel=0.02)
    assert len(without_noise(np.zeros(100, np.int16))) == 100


async def test_silence_that_was_put_around_a_recording_does_not_hide_its_noise() -> None:
    noisy = np.random.default_rng(1).normal(0, 300, 32_000).astype(np.int16) | 1
    zeros = np.zeros(4_800, np.int16)
    assert _prepare(Recording(np.concatenate([zeros, noisy, zeros]))) == _prepare(Recording(noisy))


async def test_a_whisper_model_that_cannot_be_used_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    providers = open_offline(whisper_model=tmp_path / "model.bin")
    told = "no Whisper model at" if importlib.util.find_spec("pywhispercpp") else "is not installed"
    try:
        with pytest.raises(SettingsError, match=told) as raised:
            await providers.transcriber.transcribe(Recording(np.zeros(16_000, np.int16)))
    finally:
        await providers.close()
    assert "whisper" in raised.value.remedy.lower()


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


@pytest.mark.parametrize("which", ["commands", "speech"])
async def test_a_recogniser_killed_in_its_work_does_it_again(offline: Offline, which: str) -> None:
    recording = await offline.synthesizer.synthesize("pause the email queue")
    heard = await offline.transcriber.transcribe(recording)
    assert heard
    program: ChildProgram = getattr(offline.transcriber, which)
    pid = program.pid
    assert pid is not None
    asyncio.get_running_loop().call_later(0.03, os.kill, pid, signal.SIGKILL)
    assert await offline.transcriber.transcribe(recording) == heard
    assert await offline.transcriber.transcribe(recording) == heard
    assert program.pid != pid


async def test_a_cancelled_job_does_not_leave_its_answer_to_the_next(offline: Offline) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(offline.synthesizer.synthesize("a very long story " * 1_000), 0.05)

    short = await offline.synthesizer.synthesize("hello")
    assert short.duration_ms < 2_000


async def test_a_recogniser_whose_job_is_cancelled_hears_the_next_recording_without_a_new_start(
    offline: Offline,
) -> None:
    first, second = [
        await offline.synthesizer.synthesize(text)
        for text in ("move my next meeting to Friday at four", "what time is it")
    ]
    await offline.transcriber.get_ready()
    pid = offline.transcriber.commands.pid
    async with aclosing(offline.transcriber.transcribe_stream(first)) as texts:
        await anext(texts)  # Moonshine has heard it, and the recogniser of commands is in the middle of its work
    assert await offline.transcriber.transcribe(second) == "What time is it"
    assert offline.transcriber.commands.pid == pid


async def test_closed_providers_have_no_process_left() -> None:
    providers = Offline(open_offline())
    await providers.synthesizer.synthesize("hello")
    pid = providers.synthesizer.program.pid
    assert pid is not None

    await providers.providers.close()
    assert providers.synthesizer.program.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
