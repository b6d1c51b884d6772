"""Every kind of job, declared once: its queue, its name and its arguments.

A class is the contract between whoever adds the job and the handler that runs it. Arguments are
plain JSON values; a secret is never among them, bytes travel beside the job (`Store.put_blob`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import queues
from engine.errors import BadInputError


class JobType(BaseModel):
    """Arguments of one kind of job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: ClassVar[str]
    job_name: ClassVar[str]


class TranscribeRecording(JobType):
    """Speech to text. Result: `{"text", "duration_ms"}`.

    `audio` is the id of the blob that holds the sound. With a `conversation_id` the text goes on
    as a voice command.
    """

    queue: ClassVar[str] = queues.TRANSCRIPTION
    job_name: ClassVar[str] = "transcribe-recording"

    user_id: str = "local"
    audio: str
    language: str = "en"
    conversation_id: str | None = None
    speak: bool = True


class ProcessVoiceCommand(JobType):
    """Understand a command, do it, and word the answer. Result: `{"reply", "actions"}`.

    With `speak` the answer goes on to be spoken.
    """

    queue: ClassVar[str] = queues.VOICE_PROCESSING
    job_name: ClassVar[str] = "process-voice-command"

    user_id: str = "local"
    text: str = Field(max_length=20_000)
    conversation_id: str = "default"
    speak: bool = True


class SynthesizeSpeech(JobType):
    """Text to speech. Result: `{"audio", "duration_ms"}`, `audio` being the id of a FLAC blob."""

    queue: ClassVar[str] = queues.SYNTHESIS
    job_name: ClassVar[str] = "synthesize-speech"

    text: str = Field(max_length=20_000)
    voice: str | None = None


class CreateTask(JobType):
    """Put a task on the user's list. Result: `{"id", "title"}`."""

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "create-task"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=1000)


class SyncInbox(JobType):
    """Look for new mail. Result: `{"skipped": why}` where no account is set up."""

    queue: ClassVar[str] = queues.EMAIL_PROCESSING
    job_name: ClassVar[str] = "sync-inbox"

    user_id: str = "local"


class SyncCalendar(JobType):
    """Bring the calendar up to date. Result: `{"skipped": why}` where no account is set up."""

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "sync-calendar"

    user_id: str = "local"


class SyncTasks(JobType):
    """Bring the task list up to date. Result: `{"skipped": why}` where no service is set up."""

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "sync-tasks"

    user_id: str = "local"


JOB_TYPES: dict[str, type[JobType]] = {
    kind.job_name: kind
    for kind in (
        TranscribeRecording,
        ProcessVoiceCommand,
        SynthesizeSpeech,
        CreateTask,
        SyncInbox,
        SyncCalendar,
        SyncTasks,
    )
}


def job_payload(job_name: str, arguments: Mapping[str, Any]) -> JobType:
    """The payload that a name and arguments stand for. Raises BadInputError for an unknown name or wrong arguments."""
    kind = JOB_TYPES.get(job_name)
    if kind is None:
        raise BadInputError(f"There is no kind of job named {job_name!r}.", f"There are: {', '.join(JOB_TYPES)}.")
    try:
        return kind.model_validate(arguments)
    except ValidationError as error:
        raise wrong_arguments(kind, error) from error


def wrong_arguments(kind: type[JobType], error: ValidationError) -> BadInputError:
    """Pydantic's complaints about a job's arguments, in one line that names each."""
    faults = error.errors(include_url=False, include_context=False)
    told = "; ".join(f"{'.'.join(str(part) for part in fault['loc']) or 'all'}: {fault['msg']}" for fault in faults)
    known = ", ".join(kind.model_fields)
    return BadInputError(f"The arguments of {kind.job_name} are wrong: {told}.", f"It takes: {known}.")
