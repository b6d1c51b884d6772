"""Commands on their way: never said twice, taken back at any stage, heard and spoken part by part.

A real Redis, a real worker in this process, and an OpenAI-compatible server with faults.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from taskiq import TaskiqMiddleware

from engine import log
from engine.admin import Admin
from engine.audio import Recording
from engine.client import Client
from engine.errors import HarkError
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech
from engine.model import (
    Cancelled,
    CommandFailed,
    Heard,
    Hearing,
    JobOptions,
    JobState,
    Replied,
    Speaking,
    Spoken,
    VoiceEvent,
    Waiting,
)
from engine.providers import Reply
from engine.providers.offline import OfflineSynthesizer, OfflineTranscriber
from engine.providers.offline.moonshine_program import model_folder
from engine.queues import SYNTHESIS, TRANSCRIPTION
from engine.recordings import Fate
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.worker.broker import create_broker
from engine.worker.pool import serve
from tests.servers import KEY, Fault, OpenAIDouble, says, serving, tone

LIMIT_S = 40
SAID = Recording(tone(100).samples, 24_000)
ANSWER = "I have put it on your list for tomorrow. There are three more things on it that are due today."

PHONE_MEMO = b"\0\0\0\x20ftypM4A \0\0\2\0" + bytes(100)


@pytest.fixture
def server() -> Iterator[OpenAIDouble]:
    with serving(OpenAIDouble()) as double:
        double.transcript = "put milk on my list"
        yield double


@pytest.fixture
def settings(fresh_redis: str, server: OpenAIDouble) -> Settings:
    return load_settings(redis_url=fresh_redis, openai_api_key=KEY, openai_base_url=server.base_url)


@asynccontextmanager
async def working(settings: Settings, *middlewares: TaskiqMiddleware) -> AsyncIterator[None]:
    """A worker for as long as the block runs; with middlewares of somebody's it goes taskiq's own way."""
    stop = asyncio.Event()
    broker = create_broker(settings)
    broker.add_middlewares(*middlewares)
    serving_jobs = asyncio.create_task(serve(broker, settings, stop))
    try:
        yield
    finally:
        stop.set()
        await serving_jobs


async def all_of(events: AsyncIterator[VoiceEvent]) -> list[VoiceEvent]:
    async with asyncio.timeout(LIMIT_S):
        return [event async for event in events]


def offline(settings: Settings) -> Settings:
    """The same without a server that hears."""
    return settings.model_copy(update={"openai_api_key": None, "openai_base_url": None})


def requests(server: OpenAIDouble, path: str) -> int:
    """How often the server was asked for something, faults not counted."""
    return sum(path in sent.path for sent in server.requests)


def texts(events: list[VoiceEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, (Heard, Replied))]


async def test_a_provider_that_is_down_is_waited_for_and_the_command_done_once(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    soon = {"retry-after": "0"}
    server.faults.extend([Fault("status", "transcriptions", 503, headers=soon) for _ in range(2)])
    server.messages.append(says("Done it."))
    async with working(settings):
        events = await all_of(client.ask(SAID))
    assert any(isinstance(event, Waiting) and "cannot answer now" in event.message for event in events)
    assert texts(events) == ["put milk on my list", "Done it."]
    assert requests(server, "chat") == 1
    assert client.recordings.all() == ()


@pytest.mark.expect_errors
async def test_a_failed_recording_is_kept_and_tried_again_as_the_whole_command_once(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    server.faults.append(Fault("status", "transcriptions", 401))
    async with working(settings):
        events = await all_of(client.ask(SAID))
        assert isinstance(events[-1], CommandFailed)
        (kept,) = client.recordings.all()
        assert (kept.fate, kept.duration_ms) == (Fate.FAILED, SAID.duration_ms)
        assert "API key" in kept.error
        again = [await all_of(client.commands.ask_again(kept.id, language="de"))]
    assert texts(again[0])[0] == "put milk on my list"
    assert isinstance(again[0][-1], Spoken)
    assert [sent.body["language"] for sent in server.requests if "transcriptions" in sent.path] == ["de"]
    assert requests(server, "chat") == 1
    assert client.recordings.all() == ()


async def test_however_many_tries_succeed_the_command_is_done_once(
    client: Client, settings: Settings, server: OpenAIDouble, store: Store
) -> None:
    asking = client.ask(SAID)
    assert isinstance(await anext(asking), Waiting)  # no worker yet
    (kept,) = client.recordings.all()
    again = asyncio.create_task(all_of(client.commands.ask_again(kept.id)))
    async with working(settings):
        assert texts(await again)[0] == "put milk on my list"
    assert requests(server, "chat") == requests(server, "transcriptions") == 1
    (job,) = await store.records(TRANSCRIPTION, [kept.id])
    assert job.state is JobState.FAILED  # the first try was taken back


@pytest.mark.expect_errors
async def test_another_provider_can_hear_it(client: Client, settings: Settings, server: OpenAIDouble) -> None:
    synthesizer = OfflineSynthesizer()
    said = await synthesizer.synthesize("what time is it")
    await synthesizer.close()
    server.faults.append(Fault("status", "transcriptions", 401))
    async with working(settings):
        await all_of(client.ask(said, speak=False))
        (kept,) = client.recordings.all()
        events = await all_of(client.commands.ask_again(kept.id, provider="offline"))
    assert texts(events)[0] == "What time is it"
    assert requests(server, "transcriptions") == 0


async def test_what_was_never_sent_goes_on_when_hark_starts_again(
    client: Client, settings: Settings, server: OpenAIDouble, store: Store
) -> None:
    asking = client.ask(SAID)
    await anext(asking)
    await asking.aclose()
    trace = client.recordings.all()[0].id
    await store.cancel(TRANSCRIPTION, trace, "gone", actor="test")
    await store.remove(TRANSCRIPTION, trace, actor="test")

    (kept,) = await client.commands.resume()
    async with working(settings):
        events = await all_of(client.commands.follow(kept))
    assert texts(events)[0] == "put milk on my list"


async def test_what_ended_while_nobody_looked_is_noted(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    asking = client.ask(SAID)
    await anext(asking)
    await asking.aclose()
    async with working(settings):
        await all_of(client.commands.follow(client.recordings.all()[0]))
    assert await client.commands.resume() == ()
    assert client.recordings.all() == ()


async def test_a_command_taken_back_before_it_is_heard_is_never_heard(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    asking = client.ask(SAID, trace="mine")
    assert isinstance(await anext(asking), Waiting)
    await client.commands.take_back("mine")
    assert [type(event) for event in await all_of(asking)] == [Cancelled]
    assert client.recordings.all()[0].fate is Fate.CANCELLED
    async with working(settings):
        await all_of(client.ask("what time is it", speak=False))
    assert requests(server, "transcriptions") == 0


async def taken_back_while_heard(client: Client, settings: Settings, server: OpenAIDouble) -> list[VoiceEvent]:
    """What is told of a command that is taken back once the server has its recording and has not answered."""
    server.faults.append(Fault("slow", "transcriptions"))
    async with working(settings):
        asking = asyncio.create_task(all_of(client.ask(SAID, trace="mine")))
        async with asyncio.timeout(LIMIT_S):
            while server.faults:  # noqa: ASYNC110 - the server runs in another thread
                await asyncio.sleep(0.01)
        await client.commands.take_back("mine")
        return await asking


async def test_a_command_is_taken_back_while_it_is_being_heard(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    told = await taken_back_while_heard(client, settings, server)
    assert isinstance(told[-1], Cancelled)
    assert requests(server, "chat") == 0


async def test_a_command_taken_back_is_one_line_of_the_audit(
    client: Client, settings: Settings, server: OpenAIDouble, admin: Admin
) -> None:
    await taken_back_while_heard(client, settings, server)
    assert [entry.action for entry in await admin.audit(TRANSCRIPTION)] == ["cancel"]


@pytest.mark.parametrize("job", [ProcessVoiceCommand(text="put milk on my list"), SynthesizeSpeech(text="Done.")])
async def test_a_stage_of_a_command_taken_back_does_nothing(
    client: Client, settings: Settings, server: OpenAIDouble, job: ProcessVoiceCommand | SynthesizeSpeech
) -> None:
    await client.commands.take_back("mine")
    async with working(settings):
        handle = await client.add(job, JobOptions(trace="mine"))
        assert await handle.result(LIMIT_S) == {"cancelled": True}
    assert not server.requests


async def test_a_cancelled_recording_can_be_said_again_as_a_new_command(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    asking = client.ask(SAID, trace="mine")
    await anext(asking)
    await client.commands.take_back("mine")
    await all_of(asking)
    async with working(settings):
        events = await all_of(client.commands.ask_again("mine"))
    assert texts(events)[0] == "put milk on my list"
    assert isinstance(events[-1], Spoken)


async def test_a_long_recording_is_heard_in_parts_and_told_on_the_way(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    minutes = Recording(np.tile(tone(100).at_rate(16_000).samples, 250), 16_000)
    server.messages.append(says("That was long."))
    async with working(settings):
        events = await all_of(client.ask(minutes, speak=False))
    assert requests(server, "transcriptions") == 3
    assert texts(events)[0] == " ".join(["put milk on my list"] * 3)
    partial = [event.text for event in events if isinstance(event, Hearing)]
    assert partial
    assert all(texts(events)[0].startswith(text) for text in partial)


async def test_words_heard_on_this_machine_are_told_before_all_are_heard(store: Store, fresh_redis: str) -> None:
    offline = load_settings(redis_url=fresh_redis)
    dickens = Recording.read(model_folder().parent / "two_cities.wav")  # a real person's, of the model's package
    async with working(offline):
        events = await all_of(Client(store, offline).ask(dickens, speak=False))
    kinds = [type(event) for event in events]
    assert Hearing in kinds[: kinds.index(Heard)]
    assert next(event.text for event in events if isinstance(event, Hearing)).startswith("It was the best of times")


async def test_an_apps_own_worker_loads_the_recogniser_before_anything_is_said(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.worker.broker.READY_AFTER_S", 0)
    broker = create_broker(load_settings(redis_url=fresh_redis))
    broker.is_worker_process = broker.is_embedded = True
    await broker.startup()
    try:
        assert broker._readying is not None
        await broker._readying
        transcriber = broker._use_providers().transcriber
        assert isinstance(transcriber, OfflineTranscriber)
        loaded = [transcriber.commands.pid, transcriber.speech.pid]
    finally:
        await broker.shutdown()
    assert None not in loaded
    assert [transcriber.commands.pid, transcriber.speech.pid] == [None, None]


async def test_an_answer_that_comes_as_a_stream_is_told_in_parts_a_short_one_first(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    server.messages.append(says(ANSWER))
    async with working(settings):
        events = await all_of(client.ask("put milk on my list"))
    parts = [Recording.decode(event.flac) for event in events if isinstance(event, Speaking)]
    spoken = events[-1]
    assert isinstance(spoken, Spoken)
    assert [part.duration_ms for part in parts] == [300, (len(ANSWER) - 1) * 10 - 300]
    assert np.array_equal(np.concatenate([part.samples for part in parts]), Recording.decode(spoken.flac).samples)


async def test_an_answer_whose_stream_breaks_off_goes_on_where_it_stopped(
    client: Client, fresh_redis: str, server: OpenAIDouble
) -> None:
    at_once = load_settings(
        redis_url=fresh_redis,
        openai_api_key=KEY,
        openai_base_url=server.base_url,
        queues={"synthesis": {"backoff_ms": 0}},
    )
    server.messages.append(says(ANSWER.replace(".", ",") * 3))
    server.faults.append(Fault("cut", "speech"))
    async with working(at_once):
        events = await all_of(client.ask("put milk on my list"))
    assert any(isinstance(event, Waiting) and "broke off the speech" in event.message for event in events)
    first = events.index(next(event for event in events if isinstance(event, Waiting)))
    assert any(isinstance(event, Speaking) for event in events[:first])
    parts = [Recording.decode(event.flac) for event in events if isinstance(event, Speaking)]
    spoken = events[-1]
    assert isinstance(spoken, Spoken)
    assert np.array_equal(np.concatenate([part.samples for part in parts]), Recording.decode(spoken.flac).samples)


async def test_a_long_answer_has_the_time_that_it_takes_to_say_it(
    client: Client, settings: Settings, server: OpenAIDouble, store: Store
) -> None:
    server.messages.append(says(ANSWER * 20))
    async with working(settings):
        handle = await client.add(ProcessVoiceCommand(text="put milk on my list"))
        await handle.result(LIMIT_S)
        speech = await store.find(f"{handle.id}.speech", (SYNTHESIS,))
    assert speech.timeout_ms == 60_000 + len(ANSWER * 20) * 70


async def test_an_answer_that_cannot_be_streamed_is_spoken_sentence_by_sentence(
    client: Client, settings: Settings
) -> None:
    async with working(offline(settings)):
        handle = await client.synthesize_speech(ANSWER)
        assert (await handle.result(LIMIT_S))["parts"] == 2


async def test_a_phone_s_file_is_heard_by_the_server_as_it_is(
    client: Client, settings: Settings, server: OpenAIDouble
) -> None:
    async with working(settings):
        handle = await client.transcribe_audio("ada", PHONE_MEMO, "audio/mp4", "de")
        result = await handle.result(LIMIT_S)
    assert (result["text"], result["duration_ms"]) == ("put milk on my list", 0)
    (sent,) = server.requests
    assert (sent.upload, sent.body["language"]) == (PHONE_MEMO, "de")


@pytest.mark.expect_errors
async def test_a_phone_s_file_without_server_and_ffmpeg_fails_with_what_to_do(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with working(offline(settings)):
        handle = await client.transcribe_audio("ada", PHONE_MEMO)
        with pytest.raises(HarkError, match=r"of the kind m4a.*wav, flac, mp3 or ogg"):
            await handle.result(LIMIT_S)
    assert (await handle.job()).attempts_made == 1


@pytest.mark.expect_errors
@pytest.mark.parametrize("middlewares", [(), (TaskiqMiddleware(),)], ids=["alone", "with a middleware"])
async def test_an_error_that_quotes_what_was_said_is_in_the_record_and_in_no_log(
    client: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    middlewares: tuple[TaskiqMiddleware, ...],
) -> None:
    async def quote(_self: object, text: str, *_: object) -> Reply:
        raise ValueError(f"what is {text!r}?")

    monkeypatch.setattr("engine.providers.openai.understanding.OpenAIAssistant.respond", quote)
    level = logging.getLogger("hark").level, logging.getLogger("taskiq").level
    log.configure(debug=True)
    try:
        with caplog.at_level(logging.INFO):
            async with working(settings, *middlewares):
                handle = await client.add(ProcessVoiceCommand(text="call Gwendolyn"), JobOptions(attempts=1))
                with pytest.raises(HarkError, match="Gwendolyn"):
                    await handle.result(LIMIT_S)
    finally:
        for name, before in zip(("hark", "taskiq"), level, strict=True):
            logging.getLogger(name).setLevel(before)
    assert "failed: ValueError (the job's record says more)" in caplog.text
    assert "Gwendolyn" not in caplog.text
