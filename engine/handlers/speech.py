"""Speech to text and text to speech."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.audio import Recording
from engine.errors import BadInputError
from engine.handlers.context import JobContext
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech, TranscribeRecording

SOUND_TTL_S = 3_600
"""How long a spoken answer is kept, in seconds."""


async def transcribe_recording(payload: TranscribeRecording, context: JobContext) -> dict[str, Any]:
    """Recognise the recording; a command's text goes on to be processed."""
    data = await context.services.store.get_blob(payload.queue, payload.audio)
    if data is None:
        raise BadInputError("The recording is no longer kept.", "Say it again.")
    recording = (await asyncio.to_thread(Recording.decode, data, "The recording")).require_speech()
    text = await context.services.providers().transcriber.transcribe(recording, payload.language)
    if payload.conversation_id is not None:
        command = ProcessVoiceCommand(
            user_id=payload.user_id, text=text, conversation_id=payload.conversation_id, speak=payload.speak
        )
        context.follow_up(command, "voice")
    return {"text": text, "duration_ms": recording.duration_ms}


async def synthesize_speech(payload: SynthesizeSpeech, context: JobContext) -> dict[str, Any]:
    """Speak the text and keep the sound for an hour."""
    sound = await context.services.providers().synthesizer.synthesize(payload.text, payload.voice)
    flac = await asyncio.to_thread(sound.to_flac)
    await context.services.store.put_blob(payload.queue, context.job.id, flac, SOUND_TTL_S)
    return {"audio": context.job.id, "duration_ms": sound.duration_ms}
