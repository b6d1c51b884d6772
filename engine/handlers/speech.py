"""Speech to text and text to speech, each told part by part while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from engine.audio import Recording, joined
from engine.errors import BadInputError, RetryableError, SettingsError
from engine.handlers.context import JobContext, Services
from engine.handlers.foreign_sound import opened
from engine.handlers.guesses import without_known_words
from engine.handlers.local_time import user_now
from engine.handlers.vocabulary import own_vocabulary
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech, TranscribeRecording
from engine.providers import (
    ExpectingTranscriber,
    FileTranscriber,
    StreamingSynthesizer,
    StreamingTranscriber,
    Synthesizer,
    Transcriber,
    choose_providers,
)
from engine.sentences import sentences
from engine.settings import Settings

SOUND_TTL_S = 3_600
"""How long a spoken answer is kept, in seconds."""
HEARD_TTL_S = 600
"""How long a recording stays in Redis once it is heard: this job may yet have to run again."""
LONGEST_COMMAND = 20_000
"""Characters of a transcript that are understood as a command."""
_TELL_EVERY_S = 0.1
_FIRST_PART_MS, _PART_MS = 300, 1_000
"""How long the parts of an answer are that comes as a stream: the first is short, to be heard at once."""
_WAITS_S = (1, 2, 4, 8, 15, 30)
"""Before the next attempts of one that may succeed later, such as with no network; then a minute each, then five."""
_MINUTE_UNTIL_ATTEMPT = 60


async def transcribe_recording(payload: TranscribeRecording, context: JobContext) -> dict[str, Any]:
    """Recognise the recording; a command's text goes on to be processed."""
    if await context.is_taken_back():
        return {"cancelled": True}
    try:
        async with _transcriber(payload.provider, context) as transcriber:
            expecting = transcriber if isinstance(transcriber, ExpectingTranscriber) else None
            if expecting is not None:
                transcriber = expecting.expecting(await own_vocabulary(payload.user_id, context.services))
            text, duration_ms = await _hear(transcriber, payload, context)
            parts = await expecting.guessed(text) if expecting is not None else ()
    except RetryableError as error:
        if error.retry_after_ms is None:
            error.retry_after_ms = _wait_ms(context.job.attempt)
        raise
    if payload.conversation_id is not None:
        command = ProcessVoiceCommand(
            user_id=payload.user_id,
            text=text[:LONGEST_COMMAND],
            conversation_id=payload.conversation_id,
            speak=payload.speak,
        )
        context.follow_up(command, "voice")
    for blob in _blobs(payload):
        await context.services.store.expire_blob(payload.queue, blob, HEARD_TTL_S)
    guessed = without_known_words(parts, text, user_now(context.services.settings))
    return {"text": text, "duration_ms": duration_ms, "guessed": list(guessed)}


async def get_ready_to_hear(services: Services, user_id: str = "local") -> None:
    """Load what hears `user_id`, where that is slow to load: their first command need not wait for it then."""
    transcriber = services.providers().transcriber
    if isinstance(transcriber, ExpectingTranscriber):
        await transcriber.expecting(await own_vocabulary(user_id, services)).get_ready()


async def synthesize_speech(payload: SynthesizeSpeech, context: JobContext) -> dict[str, Any]:
    """Speak the text, and keep the sound and its parts for an hour."""
    if await context.is_taken_back():
        return {"cancelled": True}
    store, job_id = context.services.store, context.job.id
    sounds: list[Recording] = []
    async with aclosing(_spoken(context.services.providers().synthesizer, payload)) as parts:
        async for sound in parts:
            sounds.append(sound)
            flac = await asyncio.to_thread(sound.to_flac)
            await store.put_blob(payload.queue, f"{job_id}.{len(sounds)}", flac, SOUND_TTL_S)
            await context.progress({"parts": len(sounds)})
    whole = await asyncio.to_thread(joined, sounds)
    await store.put_blob(payload.queue, job_id, await asyncio.to_thread(whole.to_flac), SOUND_TTL_S)
    return {"audio": job_id, "duration_ms": whole.duration_ms, "parts": len(sounds)}


# --- hearing ---


async def _hear(transcriber: Transcriber, payload: TranscribeRecording, context: JobContext) -> tuple[str, int]:
    """The words of all parts, and their length (ms); a part that an earlier attempt has heard is not sent again."""
    store = context.services.store
    heard: list[str] = []
    duration_ms = 0
    for blob in _blobs(payload):
        data = await store.get_blob(payload.queue, blob)
        if data is None:
            raise BadInputError("The recording is no longer kept.", "Say it again.")
        if payload.kind:
            return await _hear_file(transcriber, data, payload)
        recording = await asyncio.to_thread(Recording.decode, data, "The recording")
        duration_ms += recording.duration_ms
        known = await store.get_blob(payload.queue, f"{blob}.text") if payload.parts > 1 else None
        if known is not None:
            heard.append(known.decode())
            continue
        if payload.parts == 1:
            recording.require_speech()
        heard.append("")
        async with (
            _telling(context, lambda: _joined(heard)) as tell,
            aclosing(_words(transcriber, recording, payload.language)) as words,
        ):
            async for heard[-1] in words:
                tell()
        if payload.parts > 1:
            await store.put_blob(payload.queue, f"{blob}.text", heard[-1].encode(), HEARD_TTL_S * 6)
            await context.progress({"heard": _joined(heard)})
    return _joined(heard), duration_ms


async def _hear_file(transcriber: Transcriber, data: bytes, payload: TranscribeRecording) -> tuple[str, int]:
    """The words of a file that Hark cannot open itself, and its length (ms) where it got known."""
    if isinstance(transcriber, FileTranscriber):
        return await transcriber.transcribe_file(data, payload.kind, payload.language), 0
    recording = (await opened(data, payload.kind)).require_speech()
    parts = await asyncio.to_thread(recording.parts)
    return _joined([await transcriber.transcribe(part, payload.language) for part in parts]), recording.duration_ms


@asynccontextmanager
async def _telling(context: JobContext, words: Callable[[], str]) -> AsyncIterator[Callable[[], None]]:
    """Gives what to call whenever there are new words: the latest are told as progress, ten times a second at most."""
    news, end = asyncio.Event(), asyncio.Event()

    async def tell() -> None:
        told = ""
        while await news.wait() and not end.is_set():
            news.clear()
            latest = words()
            if latest and latest != told:
                told = latest
                await context.progress({"heard": told})
            with suppress(TimeoutError):
                await asyncio.wait_for(end.wait(), _TELL_EVERY_S)

    telling = asyncio.create_task(tell())
    try:
        yield news.set
    finally:
        end.set()
        news.set()
        await telling


async def _words(transcriber: Transcriber, recording: Recording, language: str) -> AsyncGenerator[str, None]:
    """The text as far as it is known, the whole of it last; only some providers tell it before its end."""
    if not isinstance(transcriber, StreamingTranscriber):
        yield await transcriber.transcribe(recording, language)
        return
    async with aclosing(transcriber.transcribe_stream(recording, language)) as texts:
        async for text in texts:
            yield text


@asynccontextmanager
async def _transcriber(provider: str, context: JobContext) -> AsyncIterator[Transcriber]:
    """The transcriber of the settings, or the one that was asked for."""
    settings = context.services.settings
    if not provider or (provider == "openai") == settings.uses_openai:
        yield context.services.providers().transcriber
        return
    if provider == "openai":
        raise SettingsError("There is no OpenAI key or address to transcribe with.", "Set OPENAI_API_KEY first.")
    other = choose_providers(_offline(settings))
    try:
        yield other.transcriber
    finally:
        await other.close()


def _offline(settings: Settings) -> Settings:
    return settings.model_copy(update={"openai_api_key": None, "openai_base_url": None})


def _blobs(payload: TranscribeRecording) -> list[str]:
    if payload.parts == 1:
        return [payload.audio]
    return [f"{payload.audio}.{number}" for number in range(1, payload.parts + 1)]


def _joined(texts: list[str]) -> str:
    return " ".join(text for text in texts if text)


def _wait_ms(attempt: int) -> int:
    if attempt <= len(_WAITS_S):
        return _WAITS_S[attempt - 1] * 1000
    return 60_000 if attempt <= _MINUTE_UNTIL_ATTEMPT else 300_000


# --- speaking ---


async def _spoken(synthesizer: Synthesizer, payload: SynthesizeSpeech) -> AsyncGenerator[Recording, None]:
    """The sound in parts: as the provider gives them, else sentence by sentence."""
    if not isinstance(synthesizer, StreamingSynthesizer):
        for sentence in sentences(payload.text) or [payload.text]:
            yield await synthesizer.synthesize(sentence, payload.voice)
        return
    async with (
        aclosing(synthesizer.synthesize_stream(payload.text, payload.voice)) as sounds,
        aclosing(_of_set_lengths(sounds)) as parts,
    ):
        async for part in parts:
            yield part


async def _of_set_lengths(sounds: AsyncGenerator[Recording, None]) -> AsyncGenerator[Recording, None]:
    """The same sound, cut at the same times whenever it comes: where an attempt broke off, the next one goes on."""
    waiting: list[Recording] = []
    wanted_ms = _FIRST_PART_MS
    async for sound in sounds:
        waiting.append(sound)
        while sum(one.duration_ms for one in waiting) >= wanted_ms:
            whole = joined(waiting)
            size = whole.rate_hz * wanted_ms // 1000
            yield Recording(whole.samples[:size], whole.rate_hz)
            waiting = [Recording(whole.samples[size:], whole.rate_hz)]
            wanted_ms = _PART_MS
    rest = joined(waiting)
    if len(rest.samples):
        yield rest
