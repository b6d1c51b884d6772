"""What the engine tells others: frozen data without behaviour, safe to hand to any thread or page.

All times ending in `_ms` are milliseconds; `..._at_ms` are Unix times by Redis's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.histogram import Histogram


class JobState(StrEnum):
    """Where a job is. (`paused` is a queue's state, not a job's.)"""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How one job is to be run; None means the queue's default.

    `job_id`: a second job with an id that exists is not added. `jitter` (0 to 1) is the share of the
    back-off that is left to chance. The `keep_...` values overrule the queue's retention when this job
    ends, 0 as a count meaning that its record goes at once. `trace` is the id shared by all jobs of one
    command, `parent` the job that caused this one. `awaited`: somebody will wait for it, so what it came to can be had
    for five minutes even where the retention keeps nothing.
    """

    job_id: str | None = None
    priority: int | None = None
    attempts: int | None = None
    backoff: str | None = None
    backoff_ms: int | None = None
    jitter: float | None = None
    delay_ms: int = 0
    timeout_ms: int | None = None
    keep_completed_ms: int | None = None
    keep_completed_count: int | None = None
    keep_failed_ms: int | None = None
    keep_failed_count: int | None = None
    trace: str | None = None
    parent: str | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job that ended in an error; `number` counts those that count, from 1."""

    number: int
    started_at_ms: int
    ended_at_ms: int
    worker: str
    error: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a job left in its log."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job's record as Redis has it now. `options` are those it was added with, defaults filled in."""

    id: str
    queue: str
    name: str
    arguments: dict[str, Any]
    state: JobState
    priority: int
    attempts: int
    attempts_made: int
    timeout_ms: int
    created_at_ms: int
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    due_at_ms: int | None = None
    stalled: int = 0
    progress: Any = None
    worker: str | None = None
    result: Any = None
    error: str | None = None
    traceback: str | None = None
    trace: str | None = None
    parent: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    history: tuple[Attempt, ...] = ()
    """Its failed attempts, oldest first, at most the last ten."""
    signature: str | None = None
    """The group of like failures that it belongs to, while it is failed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a job has got from a model for one of its prompts: `text`, or why the prompt was refused for good (`error`).

    `number` is the prompt's place, from 0. `cut`: the model stopped before its end, at the most that it may say.
    """

    number: int
    text: str
    error: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class MemoryBounds:
    """How much is remembered of one conversation: turns, bytes, and how long each turn is (ms)."""

    turns: int
    size_bytes: int
    keep_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation that is remembered. `queue` is that of its commands: those by voice and text, or those by mail."""

    id: str
    queue: str
    turns: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """One exchange of a conversation; `at_ms` is 0 for one from before times were kept."""

    said: str
    replied: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification for a window to show. `id` is the notification's."""

    id: str
    title: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder that has not fired."""

    id: str
    text: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was recorded of a span of time: of a queue, of one of its job types, or of several queues.

    `processing` holds the times of completed jobs only (a failure's time says nothing of the work);
    `waiting` those of all that started, from being added (or becoming due) to the start.
    """

    added: int = 0
    completed: int = 0
    failed: int = 0
    """Final failures; attempts that are tried again count as `retried`."""
    retried: int = 0
    stalled: int = 0
    processing: Histogram = field(default_factory=Histogram)
    waiting: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class Period:
    """One minute, or one longer bucket, of a queue's history.

    The depths are those seen last in the period, None where no worker was there to look.
    """

    start_ms: int
    span_ms: int
    total: Figures
    by_type: dict[str, Figures] = field(default_factory=dict)
    depths: dict[JobState, int] | None = None
    oldest_waiting_ms: int | None = None
    failures_by_group: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """One full or running minute of a queue: finished jobs, final failures, and added jobs."""

    minute: int
    """Unix time of the minute's start, divided by 60."""
    completed: int = 0
    failed: int = 0
    retried: int = 0
    added: int = 0
    processing_ms_sum: int = 0


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment."""

    name: str
    title: str
    paused: bool
    concurrency: int
    waiting: int
    delayed: int
    active: int
    completed: int
    failed: int
    oldest_waiting_ms: int | None
    workers: int
    paused_since_ms: int | None = None
    completed_total: int = 0
    """Jobs completed since the queue exists: the difference of two samples is the throughput."""
    failed_total: int = 0
    minutes: tuple[MinuteCounts, ...] = ()
    """The last 60 minutes, oldest first, gaps filled with zeros; the last is the running one."""
    recent: Figures = field(default_factory=Figures)
    """The last 5 full minutes and the running one."""
    concurrency_set: bool = False
    """An operator has set the concurrency; else it is the workers' own setting."""
    drained_in_ms: int | None = None
    """When the waiting jobs will be done at the pace of the last minutes; None where they grow or nobody knows."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker process that gave a sign of life within the last 15 s."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    started_at_ms: int
    seen_at_ms: int
    active: int
    stopping: bool = False
    """It claims no more jobs and ends when its active ones have."""
    embedded: bool = False
    """It is the child of a desktop app: nobody keeps its log."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All eight queues and the workers, read in one go."""

    taken_at_ms: int
    queues: tuple[QueueState, ...]
    workers: tuple[WorkerInfo, ...] = ()
    redis: str = ""
    """Where Redis is, without any password."""
    watching_commands_per_s: float = 0.0
    """Redis commands that this viewer has sent for its snapshots, a second, over the last minute."""


class Severity(StrEnum):
    """How bad an alert is: `critical` means that work stands still or is lost."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Silence:
    """An operator's word that an alert is known: nobody is told of it until it ends, or until a time."""

    at_ms: int
    actor: str
    until_ms: int | None = None
    """The end of a snooze; None where it was acknowledged, which holds until the alert ends."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that is broken (see `engine/alerts`): what is wrong, since when, and what to do about it."""

    key: str
    """The rule, and the queue behind a colon where it is about one: "no-worker:email-processing"."""
    rule: str
    queue: str | None
    severity: Severity
    message: str
    remedy: str
    began_at_ms: int
    ended_at_ms: int | None = None
    silence: Silence | None = None


@dataclass(frozen=True, slots=True)
class CleanPreview:
    """What a clean would take away: an exact count, how old the jobs are, and up to five of them."""

    queue: str
    state: JobState
    count: int
    oldest_at_ms: int | None = None
    newest_at_ms: int | None = None
    samples: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """Jobs that were taken away, and the id under which the quarantine has them (None: they are gone for good)."""

    count: int
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One operator's action: who did what to how many jobs, when and why, and the queue's depths around it.

    `queue` is "" for what concerns the whole connection, such as unlocking it.
    """

    id: str
    queue: str
    at_ms: int
    actor: str
    action: str
    reason: str
    touched: int
    before: dict[str, int]
    after: dict[str, int]
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QuarantineBatch:
    """Jobs that one clean or removal took away less than a day ago; `id` restores them."""

    id: str
    queue: str
    at_ms: int
    until_ms: int
    actor: str
    reason: str
    counts: dict[JobState, int]
    """How many were taken, by the state they were in."""
    left: int
    """How many are still there."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs of one queue whose errors are alike."""

    signature: str
    queue: str
    title: str
    """The message with its numbers and ids folded."""
    kind: str
    """The type of the error."""
    job_name: str
    """The job type that failed so last."""
    count: int
    """How often it has happened since `first_at_ms`."""
    failed_now: int
    """How many such jobs are in the failed state."""
    first_at_ms: int
    last_at_ms: int
    sample: str
    """The id of the last job that failed so."""
    trend: tuple[int, ...] = ()
    """Failures in each of the last 24 hours, oldest first, the running one last."""


@dataclass(frozen=True, slots=True)
class Searched:
    """One page of a search: the jobs found in it, and how far the search has looked."""

    found: tuple[Job, ...]
    looked: int
    total: int
    position: str | None
    """Where to go on; None where everything was looked at."""


@dataclass(frozen=True, slots=True)
class RetryProgress:
    """How far a retry at a set rate is. `canary_...` tell of the first few jobs, None before they have ended."""

    retried: int
    total: int
    canary_completed: int | None = None
    canary_failed: int | None = None
    stopped: bool = False
    """It ended early: the canary failed, or somebody stopped it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring job: either by `cron` in `timezone`, or each `every_ms`.

    Slots that passed while nothing ran count as one, and a slot adds no job while the one before still waits.
    """

    id: str
    queue: str
    job_name: str
    arguments: dict[str, Any]
    cron: str | None = None
    timezone: str = "UTC"
    every_ms: int | None = None
    enabled: bool = True
    next_at_ms: int | None = None
    """The next slot; None while it is switched off."""
    last_at_ms: int | None = None
    """When it last added a job."""
    last_job: str | None = None
    """The id of that job."""


@dataclass(frozen=True, slots=True)
class Action:
    """A thing that a command did: the tool's name, its arguments, and whether it worked."""

    name: str
    arguments: dict[str, Any]
    outcome: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Something happened to a spoken or typed command; `trace` tells which command."""

    trace: str


@dataclass(frozen=True, slots=True)
class StageTimed(VoiceEvent):
    """A stage (`transcription`, `voice-processing`, `synthesis`) is done: how long it waited and ran."""

    queue: str
    waited_ms: int
    ran_ms: int


@dataclass(frozen=True, slots=True)
class Hearing(VoiceEvent):
    """The transcript as far as it is known; `Heard` brings the whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard(VoiceEvent):
    """The transcript.

    `guessed` are parts of the text, names and free words, that the recogniser of this machine chose among those that
    it knows: they may be others that sound alike, and are to be shown for correction.
    """

    text: str
    guessed: tuple[str, ...] = ()


HELD_MS = 5 * 60_000
"""How long a question waits for its yes, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Replied(VoiceEvent):
    """The answer in words, and what was done for it.

    With `asks` the words are a question: something waits for the conversation's next command to say yes or no,
    for `HELD_MS`.
    """

    text: str
    actions: tuple[Action, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Speaking(VoiceEvent):
    """A part of the answer's sound, as FLAC bytes, before all of it is there; parts come in order."""

    flac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken(VoiceEvent):
    """The answer's whole sound, as FLAC bytes; where it came in parts, they have all been told before."""

    flac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting(VoiceEvent):
    """The command is kept but cannot go on yet: why, and what to do."""

    message: str


@dataclass(frozen=True, slots=True)
class Cancelled(VoiceEvent):
    """The person took the command back; what it had done by then stays done."""


@dataclass(frozen=True, slots=True)
class CommandFailed(VoiceEvent):
    """A stage failed for good; the message carries its remedy."""

    queue: str
    message: str
