"""What the engine tells others: frozen data without behaviour, safe to hand to any thread or page.

All times ending in `_ms` are milliseconds; `..._at_ms` are Unix times by Redis's clock.
"""

from engine.model.alerts import Alert, Severity, Silence
from engine.model.conversations import (
    Conversation,
    ConversationTurn,
    MemoryBounds,
    MemoryName,
    memory_name,
    user_and_id,
)
from engine.model.jobs import Answered, Attempt, Job, JobOptions, JobState, LogLine, Searched
from engine.model.notices import Notice, Reminder
from engine.model.operations import (
    AuditEntry,
    CleanPreview,
    FailureGroup,
    QuarantineBatch,
    Removed,
    RetryProgress,
    Schedule,
)
from engine.model.queues import Figures, MinuteCounts, Period, QueueState, Snapshot, WorkerInfo
from engine.model.voice import (
    HELD_MS,
    Action,
    Cancelled,
    CommandFailed,
    Heard,
    Hearing,
    Replied,
    Speaking,
    Spoken,
    StageTimed,
    VoiceEvent,
    Waiting,
)

__all__ = [
    "HELD_MS",
    "Action",
    "Alert",
    "Answered",
    "Attempt",
    "AuditEntry",
    "Cancelled",
    "CleanPreview",
    "CommandFailed",
    "Conversation",
    "ConversationTurn",
    "FailureGroup",
    "Figures",
    "Heard",
    "Hearing",
    "Job",
    "JobOptions",
    "JobState",
    "LogLine",
    "MemoryBounds",
    "MemoryName",
    "MinuteCounts",
    "Notice",
    "Period",
    "QuarantineBatch",
    "QueueState",
    "Reminder",
    "Removed",
    "Replied",
    "RetryProgress",
    "Schedule",
    "Searched",
    "Severity",
    "Silence",
    "Snapshot",
    "Speaking",
    "Spoken",
    "StageTimed",
    "VoiceEvent",
    "Waiting",
    "WorkerInfo",
    "memory_name",
    "user_and_id",
]
