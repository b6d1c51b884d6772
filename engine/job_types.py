"""Every kind of job, declared once: its queue, its name and its arguments.

A class is the contract between whoever adds the job and the handler that runs it. Arguments are
plain JSON values; a secret is never among them, bytes travel beside the job (`Store.put_blob`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine import queues
from engine.due import due_text, parse_due
from engine.errors import BadInputError, did_you_mean
from engine.queues import QueueSpec
from engine.sentences import spoken_ms

_Kind = TypeVar("_Kind", bound="JobType")


class JobType(BaseModel):
    """Arguments of one kind of job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: ClassVar[str]
    job_name: ClassVar[str]

    def own_spec(self, spec: QueueSpec) -> QueueSpec:
        """What such a job gets where its options are silent: `spec`, its queue's, but for what the type knows better.

        However a job is added, `new_job` asks for it.
        """
        return spec


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


def _kept_due(text: str) -> str:
    try:
        return due_text(parse_due(text)) if text else ""
    except BadInputError as error:
        raise ValueError(str(error)) from error


DueText = Annotated[str, AfterValidator(_kept_due)]
"""A day or a moment as `engine/due.py` writes it; "" for none."""


class CreateTask(JobType):
    """Put a task on the user's list. Result: `{"id", "title", "due"}`.

    The task's id is the job's, so running twice adds one.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "create-task"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=1000)
    notes: Annotated[str, Field(max_length=20_000)] = ""
    due: DueText = ""


class UpdateTask(JobType):
    """Change what is given of a task. Result: `{"id", "title", "due", "done"}`, as it is then.

    `due` "" takes the due away. Running twice changes once: what was changed in between stays.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "update-task"

    user_id: str = "local"
    task_id: str = Field(min_length=1, max_length=200)
    title: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    notes: Annotated[str | None, Field(max_length=20_000)] = None
    due: DueText | None = None
    done: bool | None = None


class DeleteTask(JobType):
    """Take a task off the list. Result: `{"id", "title"}`."""

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "delete-task"

    user_id: str = "local"
    task_id: str = Field(min_length=1, max_length=200)


class AttachedFile(BaseModel):
    """A file of an email: `blob` is the id of the blob that holds its bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blob: str
    name: str = Field(min_length=1, max_length=200)
    mime_type: str = "application/octet-stream"


class SendEmail(JobType):
    """Send an email. Result: `{"message_id", "sent", "refused"}`: addresses, and the server's words for those refused.

    `in_reply_to` and `references` are Message-IDs; `automatic` marks an answer that no person wrote.

    Running twice sends once: the Message-ID comes from the job, and whoever got the mail is remembered for 30 days.
    One window is left, which SMTP does not close: a worker that dies between the server's acceptance and that
    note cannot know. The next run then looks for the Message-ID in the account's folder of sent mail, and only
    where it is not there, or cannot be looked at because no IMAP server is set up, sends again, under the same id.
    """

    queue: ClassVar[str] = queues.EMAIL_PROCESSING
    job_name: ClassVar[str] = "send-email"

    user_id: str = "local"
    to: tuple[str, ...] = Field(min_length=1, max_length=100)
    subject: Annotated[str, Field(max_length=990)] = ""
    body: Annotated[str, Field(max_length=1_000_000)] = ""
    html: Annotated[str | None, Field(max_length=1_000_000)] = None
    cc: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    attachments: Annotated[tuple[AttachedFile, ...], Field(max_length=50)] = ()
    in_reply_to: str | None = None
    references: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    automatic: bool = False


class ProcessEmailCommand(JobType):
    """Take a received mail as a command and answer it. Result: `{"reply", "actions"}`, or `{"ignored": why}`.

    Obeyed are only senders that the settings name, and no mail of a program. A sender can be forged: what the receiving
    server says of it is heeded (`unproven`), the answer goes to the named sender alone, and only tools that do
    no harm are at hand.
    """

    queue: ClassVar[str] = queues.EMAIL_PROCESSING
    job_name: ClassVar[str] = "process-email-command"

    user_id: str = "local"
    sender: str = Field(max_length=500)
    subject: Annotated[str, Field(max_length=1000)] = ""
    text: Annotated[str, Field(max_length=20_000)] = ""
    message_id: str = Field(max_length=500)
    references: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    automatic: str = ""
    unproven: str = ""


class SyncInbox(JobType):
    """Look for new mail. Result: `{"new", "unread", "commands", "passed_over"}`, all counts.

    `{"skipped": why}` where no account is set up. `passed_over` are messages too old to be fetched.
    """

    queue: ClassVar[str] = queues.EMAIL_PROCESSING
    job_name: ClassVar[str] = "sync-inbox"

    user_id: str = "local"


class SyncCalendar(JobType):
    """Bring the calendars up to date. Result: `{"calendars", "changed", "gone", "unreadable"}`, all counts.

    `{"skipped": why}` where no account is set up.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "sync-calendar"

    user_id: str = "local"


class CreateEvent(JobType):
    """Put an event into a calendar. Result: `{"uid", "title", "start", "end", "created"}`.

    `start` and `end` are dates (`2026-12-01`, `end` being the day after the last) or times (`2026-12-01T15:00`, with an
    offset or in the user's zone); without `end` the event has the usual length. `attendees` are addresses: the calendar
    server invites them. `calendar` is a name, the first calendar where None.

    Running twice makes one event: its UID comes from the job, and the server takes a new one only where there is none.
    `created` is false where an earlier run has done it.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "create-event"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=1000)
    start: str = Field(max_length=40)
    end: Annotated[str | None, Field(max_length=40)] = None
    location: Annotated[str, Field(max_length=1000)] = ""
    description: Annotated[str, Field(max_length=20_000)] = ""
    attendees: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    calendar: Annotated[str | None, Field(max_length=200)] = None


class UpdateEvent(JobType):
    """Change an event, or one `occurrence` of a series. Result: `{"uid", "changed"}`.

    What is None stays as it is; an event that moves keeps its length. Times are those of `CreateEvent`, `occurrence`
    that of the event as the calendar tells it. A series as a whole can be renamed, not moved.

    Running twice changes it once: the event notes the job that has changed it last. What somebody else changes
    meanwhile stays: the event is read again, and the change made to what it is now.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "update-event"

    user_id: str = "local"
    uid: str = Field(min_length=1, max_length=500)
    occurrence: Annotated[str, Field(max_length=40)] = ""
    title: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    start: Annotated[str | None, Field(max_length=40)] = None
    end: Annotated[str | None, Field(max_length=40)] = None
    location: Annotated[str | None, Field(max_length=1000)] = None
    description: Annotated[str | None, Field(max_length=20_000)] = None


class CancelEvent(JobType):
    """Take an event out of its calendar, or one `occurrence` of a series. Result: `{"uid", "cancelled"}`.

    `cancelled` is false where it was not there any more. The server tells those who were invited.
    """

    queue: ClassVar[str] = queues.CALENDAR_SYNC
    job_name: ClassVar[str] = "cancel-event"

    user_id: str = "local"
    uid: str = Field(min_length=1, max_length=500)
    occurrence: Annotated[str, Field(max_length=40)] = ""


class SyncTasks(JobType):
    """Bring the task list and its Airtable table up to date with each other.

    Result: `{"added", "changed", "deleted", "written", "removed", "conflicts"}`: how many tasks were added, changed and
    deleted here, how many rows were written and removed there, and a sentence for each conflict (the first 50; all are
    in the job's log). `{"skipped": why}` where Airtable is not set up. Running twice does no harm: what was done is
    noted row by row, and rows are written by their key.
    """

    queue: ClassVar[str] = queues.TASK_PROCESSING
    job_name: ClassVar[str] = "sync-tasks"

    user_id: str = "local"


Prompt = Annotated[str, Field(min_length=1, max_length=20_000)]
MOST_PROMPTS, MOST_PROMPT_CHARACTERS = 1000, 1_000_000
"""What one batch may hold."""
_BATCH_ATTEMPTS = 10


class AskAI(JobType):
    """A general request to the chat model, without tools or memory. Result: `{"answer", "cut", "model", "tokens"}`.

    `model` None is the one of the settings. With `cut` the model stopped before its end, at the most that it may say.
    `tokens` is `{"prompt", "answer"}`, as the server counts them. What was answered is not asked a second time when the
    job runs again after its worker died.
    """

    queue: ClassVar[str] = queues.AI_PROCESSING
    job_name: ClassVar[str] = "ask-ai"

    user_id: str = "local"
    prompt: Prompt
    instructions: Annotated[str, Field(max_length=20_000)] = ""
    model: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class AskAIBatch(JobType):
    """Many such requests. Result: `{"answers", "answered", "refused", "tokens"}`; progress: `{"done", "of"}`.

    `answers` has, in the prompts' order, `{"answer", "cut", "model"}`, or `{"error"}` for a prompt that was refused for
    good. Where all were, the job fails. Answers are kept as they come (`Client.ai_answers`), and none is asked for
    twice: a job that is tried again, or whose worker died, goes on where it was. One that is run again after it has
    completed asks everything anew.
    """

    queue: ClassVar[str] = queues.AI_PROCESSING
    job_name: ClassVar[str] = "ask-ai-batch"

    user_id: str = "local"
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=MOST_PROMPTS)]
    instructions: Annotated[str, Field(max_length=20_000)] = ""
    model: Annotated[str | None, Field(min_length=1, max_length=200)] = None

    @field_validator("prompts")
    @classmethod
    def _within_reason(cls, prompts: tuple[str, ...]) -> tuple[str, ...]:
        if (size := sum(map(len, prompts))) > MOST_PROMPT_CHARACTERS:
            raise ValueError(f"the prompts have {size} characters together, {MOST_PROMPT_CHARACTERS} are allowed")
        return prompts

    def own_spec(self, spec: QueueSpec) -> QueueSpec:
        """There is time for all prompts, and more attempts: each goes on where the last one ended."""
        limit_ms = math.ceil(len(self.prompts) / spec.parts_at_once) * spec.part_ms
        timeout_ms, attempts = max(spec.timeout_ms, limit_ms), max(spec.attempts, _BATCH_ATTEMPTS)
        return replace(spec, timeout_ms=timeout_ms, attempts=attempts)


class PushNotification(JobType):
    """Tell the user something: on the desktop, by the push services and by email, as the settings say.

    Result: `{"told", "failed"}`: names of targets, and why others refused for good; `{"held_until"}` in quiet hours,
    which an `urgent` one does not wait for. Running twice tells each target once: see `handlers/notifications.py`.
    """

    queue: ClassVar[str] = queues.NOTIFICATION
    job_name: ClassVar[str] = "push-notification"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=200)
    message: Annotated[str, Field(max_length=20_000)] = ""
    urgent: bool = False


class EmailNotification(JobType):
    """Tell by email: `to`, or the user's own address. Result: as of `SendEmail`, or `{"held_until"}`."""

    queue: ClassVar[str] = queues.NOTIFICATION
    job_name: ClassVar[str] = "email-notification"

    user_id: str = "local"
    title: str = Field(min_length=1, max_length=200)
    message: Annotated[str, Field(max_length=20_000)] = ""
    to: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    urgent: bool = False


class Remind(JobType):
    """Remind the user of something; added with the delay until `due_at_ms` (Unix time). Result: as PushNotification."""

    queue: ClassVar[str] = queues.NOTIFICATION
    job_name: ClassVar[str] = "remind"

    user_id: str = "local"
    text: str = Field(min_length=1, max_length=1000)
    due_at_ms: int


DemoFault = Literal["", "refused", "flaky", "slow", "rate-limit", "bad-input", "bug"]


class DemoJob(JobType):
    """Pretended work: it takes its time, tells of it and fails as told, no more. Result: `{"demo": true}`.

    `fault`: "refused", "rate-limit", "bad-input" and "bug" fail each attempt, "flaky" the first one only, and "slow"
    runs into its time-out. `then` names the queues of the jobs that follow it in its trace. There is one such type for
    each queue, in `DEMO_TYPES`.
    """

    duration_ms: Annotated[int, Field(ge=0, le=60_000)] = 100
    fault: DemoFault = ""
    then: tuple[str, ...] = ()


DEMO_PREFIX = "demo-"
"""What the names of demo jobs begin with, and no others."""
DEMO_TYPES: dict[str, type[DemoJob]] = {
    queue: type(
        f"Demo{queue.title().replace('-', '')}",
        (DemoJob,),
        {
            "__module__": __name__,
            "__doc__": f"Pretended work on {queue}.",
            "__annotations__": {"queue": "ClassVar[str]", "job_name": "ClassVar[str]"},
            "queue": queue,
            "job_name": f"{DEMO_PREFIX}{queue}",
        },
    )
    for queue in queues.QUEUES
}

_KINDS: tuple[type[JobType], ...] = (
    TranscribeRecording,
    ProcessVoiceCommand,
    SynthesizeSpeech,
    CreateTask,
    UpdateTask,
    DeleteTask,
    SendEmail,
    ProcessEmailCommand,
    SyncInbox,
    SyncCalendar,
    CreateEvent,
    UpdateEvent,
    CancelEvent,
    SyncTasks,
    AskAI,
    AskAIBatch,
    PushNotification,
    EmailNotification,
    Remind,
    *DEMO_TYPES.values(),
)
JOB_TYPES: dict[str, type[JobType]] = {kind.job_name: kind for kind in _KINDS}
_WITH_OWN_SPEC = {kind.job_name: kind for kind in _KINDS if kind.own_spec is not JobType.own_spec}


def spec_of_job(job_name: str, data: str, spec: QueueSpec) -> QueueSpec:
    """What a job of this name and these arguments (JSON text) gets, by `JobType.own_spec`, on a queue of `spec`.

    Where the arguments are none of its kind it is the queue's: whoever runs the job refuses them.
    """
    kind = _WITH_OWN_SPEC.get(job_name)
    if kind is None:
        return spec
    try:
        return kind.model_validate_json(data).own_spec(spec)
    except ValidationError:
        return spec


def job_payload(job_name: str, arguments: Mapping[str, Any]) -> JobType:
    """The payload that a name and arguments stand for. Raises BadInputError for an unknown name or wrong arguments."""
    kind = JOB_TYPES.get(job_name)
    if kind is None:
        raise BadInputError(
            f"There is no kind of job named {job_name!r}.",
            f"{did_you_mean(job_name, JOB_TYPES)}There are: {', '.join(JOB_TYPES)}.",
        )
    return checked(kind, arguments)


def checked(kind: type[_Kind], arguments: Mapping[str, Any]) -> _Kind:
    """A job of a kind with these arguments. Raises BadInputError where they are wrong."""
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
