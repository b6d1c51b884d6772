"""Words and sound that come before they are whole, from a real server, and streams that go wrong on the way."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import SecretStr

from engine.errors import HarkError, PermanentError, RetryableError
from engine.providers import Providers, StreamingSynthesizer, StreamingTranscriber, choose_providers
from engine.providers.openai.hearing import OpenAITranscriber
from engine.providers.openai.realtime import RealtimeSpeaker
from engine.providers.openai.service import Service
from engine.providers.openai.speaking import SpeechEndpoint
from engine.providers.openai.wav_stream import WavStream
from engine.settings import load_settings
from tests.servers import KEY, Fault, OpenAIDouble, read_out, says, serving, tone

SPEECH = tone(100)
LONG = "Your meeting with Anna was moved to Friday at three, and Bob has sent you a letter about it; " * 4


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIDouble]:
    with serving(OpenAIDouble()) as double:
        yield double


@pytest.fixture
def server(running: OpenAIDouble) -> OpenAIDouble:
    running.requests.clear()
    running.faults.clear()
    running.streaming, running.transcript = "granted", "turn on the lights"
    running.transcript_events = running.realtime_events = None
    return running


@pytest.fixture
async def service(server: OpenAIDouble) -> AsyncIterator[Service]:
    service = Service(SecretStr(KEY), server.base_url)
    yield service
    await service.close()


@pytest.fixture
def transcriber(service: Service) -> OpenAITranscriber:
    return OpenAITranscriber(service, "gpt-transcribe")


@pytest.fixture(params=[SpeechEndpoint, RealtimeSpeaker])
def synthesizer(request: pytest.FixtureRequest, service: Service) -> StreamingSynthesizer:
    made: StreamingSynthesizer = request.param(service, "tts-1", None)
    return made


async def texts(transcriber: StreamingTranscriber) -> list[str]:
    return [text async for text in transcriber.transcribe_stream(SPEECH)]


# --- hearing ---


async def test_words_are_told_as_they_come(server: OpenAIDouble, transcriber: OpenAITranscriber) -> None:
    assert await texts(transcriber) == ["turn", "turn on", "turn on the", "turn on the lights", "turn on the lights"]
    (sent,) = server.requests
    assert sent.upload.startswith(b"fLaC")
    assert sent.body["stream"] == "true"


async def test_words_are_told_while_the_server_still_works(
    server: OpenAIDouble, transcriber: OpenAITranscriber
) -> None:
    server.faults.append(Fault("stall"))
    async with aclosing(transcriber.transcribe_stream(SPEECH)) as heard:
        assert await anext(heard) == "turn"


async def test_a_silent_recording_has_no_words(server: OpenAIDouble, transcriber: OpenAITranscriber) -> None:
    server.transcript = ""
    assert await texts(transcriber) == [""]


@pytest.mark.parametrize("streaming", ["unheeded", "refused", "granted"])
async def test_a_server_that_does_not_stream_is_heard_all_the_same(
    server: OpenAIDouble, transcriber: OpenAITranscriber, streaming: Any
) -> None:
    server.streaming = streaming
    server.transcript_events = [{"segment": "turn on the lights"}]  # of another kind than OpenAI's
    assert [await texts(transcriber) for _ in range(2)] == [["turn on the lights"]] * 2
    asked = ["stream" in sent.body for sent in server.requests]
    assert asked == ([True, True] if streaming == "unheeded" else [True, False, False])


@pytest.mark.parametrize("kind", ["cut", "early_end", "reset", "html", "stall"])
async def test_a_stream_that_breaks_off_may_be_tried_again(server: OpenAIDouble, service: Service, kind: Any) -> None:
    server.faults.append(Fault(kind))
    impatient = OpenAITranscriber(service, "gpt-transcribe", base_timeout_s=0.2 if kind == "stall" else 10)
    with pytest.raises(RetryableError):
        await texts(impatient)
    assert (await texts(impatient))[-1] == "turn on the lights"


async def test_too_many_requests_say_when_to_return(server: OpenAIDouble, transcriber: OpenAITranscriber) -> None:
    server.faults.append(Fault("status", status=429, headers={"retry-after": "7"}))
    with pytest.raises(RetryableError, match="asked too often") as caught:
        await texts(transcriber)
    assert caught.value.retry_after_ms == 7000


async def test_an_error_within_a_stream_is_told_apart(server: OpenAIDouble, transcriber: OpenAITranscriber) -> None:
    begun = {"type": "transcript.text.delta", "delta": "turn"}
    server.transcript_events = [begun, {"error": {"code": "insufficient_quota", "message": "no"}}]
    with pytest.raises(PermanentError, match="no credit left"):
        await texts(transcriber)


# --- speaking ---


async def test_sound_comes_before_it_is_whole(server: OpenAIDouble, synthesizer: StreamingSynthesizer) -> None:
    server.faults.append(Fault("stall"))
    async with aclosing(synthesizer.synthesize_stream(LONG)) as sounds:
        first = await anext(sounds)
    assert 0 < first.duration_ms < 10 * len(LONG)
    assert np.array_equal(first.samples, tone(len(LONG)).samples[: len(first.samples)])


async def test_the_pieces_are_the_whole(synthesizer: StreamingSynthesizer) -> None:
    whole = await synthesizer.synthesize(LONG)
    assert (whole.rate_hz, len(whole.samples)) == (24_000, 240 * len(LONG.strip()))
    assert np.array_equal(whole.samples, tone(len(LONG.strip())).samples)


async def test_the_first_sentence_is_asked_for_alone_and_then_more_and_more(
    server: OpenAIDouble, service: Service
) -> None:
    numbers = ("one", "two", "three", "four", "five", "six", "seven")
    text = " ".join(f"This is the sentence number {number}." for number in numbers)
    spoken = await SpeechEndpoint(service, "tts-1", None).synthesize(text)
    asked = [sent.body["input"] for sent in server.requests]
    assert [part.count(".") for part in asked] == [1, 2, 4]
    assert " ".join(asked) == text
    assert spoken.duration_ms == 10 * sum(map(len, asked))


@pytest.mark.parametrize(
    "fault", [Fault("cut"), Fault("reset"), Fault("status", status=429)], ids=lambda fault: fault.kind
)
async def test_speech_that_breaks_off_may_be_tried_again(server: OpenAIDouble, service: Service, fault: Fault) -> None:
    server.faults.append(fault)
    endpoint = SpeechEndpoint(service, "tts-1", None)
    with pytest.raises(RetryableError):
        await endpoint.synthesize(LONG)
    assert (await endpoint.synthesize(LONG)).duration_ms == 10 * len(LONG.strip())


async def test_words_that_are_not_the_answer_are_never_played(server: OpenAIDouble, service: Service) -> None:
    other = "I am sorry, but I cannot help with moving any of your meetings to another day."
    told = {"type": "response.output_audio_transcript.delta", "delta": other}
    server.realtime_events = [told, *read_out(LONG, said=other)]
    async with aclosing(RealtimeSpeaker(service, "gpt-realtime-2.1-mini", None).synthesize_stream(LONG)) as sounds:
        with pytest.raises(RetryableError, match="did not read the answer out"):
            await anext(sounds)


def in_pieces(data: bytes, size: int) -> tuple[np.ndarray, int]:
    """What is heard of a file that comes `size` bytes at a time, and how much of it before its end."""
    file = WavStream()
    found = [sound for start in range(0, len(data), size) if (sound := file.add(data[start : start + size]))]
    early = sum(len(sound.samples) for sound in found)
    rest = file.end()
    found += [rest] if rest is not None else []
    assert {sound.rate_hz for sound in found} == {24_000}
    return np.concatenate([sound.samples for sound in found]), early


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_wav_file_is_read_as_it_comes(size: int) -> None:
    wav = tone(10).to_wav()
    endless = wav[:40] + b"\xff\xff\xff\xff" + wav[44:]
    with_chunks = wav[:12] + b"LIST\x03\0\0\0abc\0" + wav[12:] + b"LIST\x02\0\0\0ab"
    for file in (wav, endless, with_chunks):
        samples, early = in_pieces(file, size)
        assert np.array_equal(samples, tone(10).samples)
        assert early == len(samples)


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), ("WAV", "FLOAT")])
def test_another_kind_of_file_is_read_when_it_is_whole(container: str, subtype: str) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(10).samples.astype(np.float32) / 32768, 24_000, format=container, subtype=subtype)
    samples, early = in_pieces(buffer.getvalue(), 64)
    assert early == 0
    assert np.abs(samples.astype(int) - tone(10).samples).max() <= 1


# --- privacy ---


async def test_nothing_said_heard_or_kept_secret_is_logged_even_at_debug(
    server: OpenAIDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.transcript = "call Gwendolyn"
    server.messages.append(says("I have told Gwendolyn"))
    chosen: Providers = choose_providers(load_settings(openai_api_key=KEY, openai_base_url=server.base_url))
    assert isinstance(chosen.transcriber, StreamingTranscriber)
    said = (await texts(chosen.transcriber))[-1]
    reply = await chosen.assistant.respond(said, [], {})
    await chosen.synthesizer.synthesize(reply.text)
    server.faults += [Fault("status", status=403, message="Gwendolyn?"), Fault("html"), Fault("cut")]
    for work in (texts(chosen.transcriber), texts(chosen.transcriber), chosen.synthesizer.synthesize(reply.text)):
        with pytest.raises(HarkError):
            await work
    await chosen.close()
    assert caplog.records, "the transport says what it does"
    assert not [word for word in ("Gwendolyn", KEY) if word in caplog.text]
