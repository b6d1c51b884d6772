"""Jobs of a voice command: hearing it, doing it, speaking the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine import queues
from engine.job_types.base import JobType
from engine.queues import QueueSpec
from engine.sentences import spoken_ms


class TranscribeRecording(JobType):
    """Speech to text. Result: `{"text", "duration_ms", "guessed"}`, or `{"cancelled": true}`.

    `guessed` are the parts of the text that may be others that sound alike (`model.Heard`).

    `audio` is the id of the blob that holds the sound; where `parts` is more than 1, there are that many, with ids
    like "<audio>.1". With a `conversation_id` the text goes on as a voice command. `provider` is for one that shall
    not be heard by the provider of the settings. With a `kind` the blob is such a file as it was given, which Hark
    cannot open itself; the result's `duration_ms` is 0 where a server has heard it.
    """

    queue: ClassVar[str] = queues.TRANSCRIPTION
    job_name: ClassVar[str] = "transcribe-recording"

    user_id: str = "local"
    audio: str
    parts: Annotated[int, Field(ge=1, le=1000)] = 1
    kind: Literal["", "m4a", "webm"] = ""
    language: str = "en"
    provider: Literal["", "offline", "openai"] = ""
    conversation_id: str | None = None
    speak: bool = True


class ProcessVoiceCommand(JobType):
    """Understand a command, do it, and word the answer. Result: `{"reply", "actions", "asks"}`.

    With `asks` the reply is a question: what sends or destroys waits for the conversation's next command, which is
    to say yes or no. `answers` is the id of the command whose question this one answers; without it, the latest.
    With `speak` the answer goes on to be spoken.
    """

    queue: ClassVar[str] = queues.VOICE_PROCESSING
    job_name: ClassVar[str] = "process-voice-command"

    user_id: str = "local"
    text: str = Field(max_length=20_000)
    conversation_id: str = "default"
    speak: bool = True
    answers: str | None = None


class SynthesizeSpeech(JobType):
    """Text to speech. Result: `{"audio", "duration_ms", "parts"}`, or `{"cancelled": true}`.

    `audio` is the id of a FLAC blob. Its `parts`, blobs like "<audio>.1", can be had as soon as they are there: the
    progress tells how many there are.
    """

    queue: ClassVar[str] = queues.SYNTHESIS
    job_name: ClassVar[str] = "synthesize-speech"

    text: str = Field(max_length=20_000)
    voice: str | None = None

    def own_spec(self, spec: QueueSpec) -> QueueSpec:
        """An attempt may take as long as the text lasts, beside the queue's own limit."""
        return replace(spec, timeout_ms=spec.timeout_ms + spoken_ms(self.text))
