"""Every kind of job, declared once: its queue, its name and its arguments.

A class is the contract between whoever adds the job and the handler that runs it. Arguments are
plain JSON values; a secret is never among them, bytes travel beside the job (`Store.put_blob`).
docs/job-types.md tells how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from engine.errors import BadInputError, did_you_mean
from engine.job_types.ai import AskAI, AskAIBatch
from engine.job_types.base import JobType, checked, wrong_arguments
from engine.job_types.calendar import CancelEvent, CreateEvent, SyncCalendar, UpdateEvent
from engine.job_types.demo import DEMO_PREFIX, DEMO_TYPES, DemoFault, DemoJob
from engine.job_types.mail import AttachedFile, ProcessEmailCommand, SendEmail, SyncInbox
from engine.job_types.notifications import EmailNotification, PushNotification, Remind
from engine.job_types.tasks import CreateTask, DeleteTask, SyncTasks, UpdateTask
from engine.job_types.voice import ProcessVoiceCommand, SynthesizeSpeech, TranscribeRecording
from engine.queues import QueueSpec

__all__ = [
    "DEMO_PREFIX",
    "DEMO_TYPES",
    "JOB_TYPES",
    "AskAI",
    "AskAIBatch",
    "AttachedFile",
    "CancelEvent",
    "CreateEvent",
    "CreateTask",
    "DeleteTask",
    "DemoFault",
    "DemoJob",
    "EmailNotification",
    "JobType",
    "ProcessEmailCommand",
    "ProcessVoiceCommand",
    "PushNotification",
    "Remind",
    "SendEmail",
    "SyncCalendar",
    "SyncInbox",
    "SyncTasks",
    "SynthesizeSpeech",
    "TranscribeRecording",
    "UpdateEvent",
    "UpdateTask",
    "checked",
    "job_payload",
    "spec_of_job",
    "wrong_arguments",
]

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
