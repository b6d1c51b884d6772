"""Commands and speech, and what is remembered of conversations; the part of `Client` for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from engine import queues
from engine.audio import Recording, guessed_duration_ms, require_size, unopened_kind
from engine.client.adding import Adding
from engine.conversations import conversation_turns, erase_all, erase_conversation, remembered_conversations
from engine.handle import JobHandle
from engine.job_types import ProcessVoiceCommand, SynthesizeSpeech, TranscribeRecording
from engine.model import Conversation, ConversationTurn, Job, JobOptions, VoiceEvent, memory_name
from engine.recordings import recordings_of
from engine.settings import Settings
from engine.spoken_commands import RECORDING_TTL_S, SpokenCommands, sound_of, time_limit_ms
from engine.store import Store


class Talking(Adding):
    """Commands by text and by voice. `commands` sends and follows them; `recordings` are those kept on the disk."""

    def __init__(self, store: Store, settings: Settings) -> None:
        super().__init__(store, settings)
        self.recordings = recordings_of(settings)
        self.commands = SpokenCommands(store, self.recordings, self.add)

    async def process_voice_command(self, user_id: str, text: str, conversation_id: str = "default") -> JobHandle:
        """Understand `text` and do it; the result holds the reply and the actions."""
        return await self.add(
            ProcessVoiceCommand(user_id=user_id, text=text, conversation_id=conversation_id, speak=False)
        )

    async def ask(
        self,
        said: str | Recording,
        *,
        conversation_id: str = "default",
        user_id: str = "local",
        speak: bool = True,
        answers: str | None = None,
        trace: str | None = None,
        language: str = "en",
    ) -> AsyncIterator[VoiceEvent]:
        """Send one command through the queues and tell what happens to it.

        `answers`, where a text is the yes or no to a question (`Replied.asks`), is the trace of that question's
        command: no other question is answered by it then. `trace` is the command's id where the caller has chosen
        it, to take the command back by it; `language` is that of a recording.

        A recording is saved to disk before anything else and stays there until its transcript has
        come. While Redis is away the command waits (`Waiting`) and then goes on. Ends after the
        answer (`Spoken`, or `Replied` without `speak`), `Cancelled` or `CommandFailed`. Raises BadInputError for
        an empty text or an empty or silent recording.
        """
        own: dict[str, Any] = {"conversation_id": conversation_id, "user_id": user_id, "speak": speak}
        events = (
            self.commands.ask_in_words(said, trace, answers=answers, **own)
            if isinstance(said, str)
            else self.commands.ask_aloud(said, trace, language=language, **own)
        )
        async for event in events:
            yield event

    async def transcribe_audio(
        self, user_id: str, audio: bytes, mime_type: str = "", language: str = "en"
    ) -> JobHandle:
        """Speech to text of an audio file's bytes. Raises BadInputError where they are no audio.

        An m4a or webm file goes to the worker as it is: one that hears by a server sends it on, any other needs ffmpeg.
        """
        source = f"the {mime_type or 'audio'} recording"
        job_id = uuid4().hex
        payload = TranscribeRecording(user_id=user_id, audio=job_id, language=language)
        kind = unopened_kind(audio)
        if kind:
            require_size(audio, source)
            limit_ms = time_limit_ms(guessed_duration_ms(audio), long=True)
            await self._store.put_blob(queues.TRANSCRIPTION, job_id, audio, RECORDING_TTL_S)
            options = JobOptions(job_id=job_id, timeout_ms=limit_ms)
            return await self.add(payload.model_copy(update={"kind": kind}), options)
        recording = (await asyncio.to_thread(Recording.decode, audio, source)).require_speech()
        flac = await asyncio.to_thread(recording.to_flac)
        parts = await self.commands.put_sound(job_id, flac, recording.duration_ms, lambda: recording)
        limit_ms = time_limit_ms(recording.duration_ms, long=parts > 1)
        options = JobOptions(job_id=job_id, timeout_ms=limit_ms)
        return await self.add(payload.model_copy(update={"parts": parts}), options)

    async def synthesize_speech(self, text: str, voice: str | None = None) -> JobHandle:
        """Text to speech; `sound(handle)` gives the bytes."""
        return await self.add(SynthesizeSpeech(text=text, voice=voice))

    async def sound(self, job: Job) -> bytes:
        """The FLAC bytes of a finished synthesis. Raises BadInputError once their hour is over."""
        return await sound_of(self._store, job)

    async def conversations(self, user_id: str | None = "local") -> tuple[Conversation, ...]:
        """The user's conversations that are remembered, the latest first; None is everybody's."""
        return await remembered_conversations(self._store, user_id)

    async def conversation(
        self, conversation_id: str = "default", *, user_id: str = "local"
    ) -> tuple[ConversationTurn, ...]:
        """What is remembered of a conversation, oldest first; it goes along with the conversation's next command."""
        memory = memory_name(user_id, conversation_id)
        return await conversation_turns(self._store, memory, self._settings.memory_bounds)

    async def erase_conversation(self, conversation_id: str, *, user_id: str = "local") -> None:
        """Forget a conversation, and what waits for a yes in it. Raises NotFoundError where nothing is remembered.

        The records of its jobs stay until their own retention ends.
        """
        await erase_conversation(self._store, memory_name(user_id, conversation_id))

    async def erase_conversations(self, user_id: str | None = "local") -> int:
        """Forget all of the user as `erase_conversation` forgets one; returns how many. None is everybody's."""
        return await erase_all(self._store, user_id)
