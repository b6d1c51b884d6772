"""From a job's payload to the function that does it; a handler is `async (payload, context) -> JSON result`.

docs/job-types.md tells how to add one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from engine.handlers.ai import ask_ai, ask_ai_batch
from engine.handlers.calendar import cancel_event, create_event, sync_calendar, update_event
from engine.handlers.context import JobContext, Services
from engine.handlers.demo import run_demo
from engine.handlers.inbox import sync_inbox
from engine.handlers.mail import process_email_command, send_email
from engine.handlers.notifications import email_notification, push_notification, remind
from engine.handlers.speech import synthesize_speech, transcribe_recording
from engine.handlers.tasks import create_task, delete_task, sync_tasks, update_task
from engine.handlers.voice import process_voice_command
from engine.job_types import (
    DEMO_TYPES,
    AskAI,
    AskAIBatch,
    CancelEvent,
    CreateEvent,
    CreateTask,
    DeleteTask,
    EmailNotification,
    JobType,
    ProcessEmailCommand,
    ProcessVoiceCommand,
    PushNotification,
    Remind,
    SendEmail,
    SyncCalendar,
    SyncInbox,
    SyncTasks,
    SynthesizeSpeech,
    TranscribeRecording,
    UpdateEvent,
    UpdateTask,
)

Handler = Callable[[Any, JobContext], Awaitable[Any]]

HANDLERS: dict[type[JobType], Handler] = {
    TranscribeRecording: transcribe_recording,
    ProcessVoiceCommand: process_voice_command,
    SynthesizeSpeech: synthesize_speech,
    CreateTask: create_task,
    UpdateTask: update_task,
    DeleteTask: delete_task,
    SendEmail: send_email,
    ProcessEmailCommand: process_email_command,
    SyncInbox: sync_inbox,
    SyncCalendar: sync_calendar,
    CreateEvent: create_event,
    UpdateEvent: update_event,
    CancelEvent: cancel_event,
    SyncTasks: sync_tasks,
    AskAI: ask_ai,
    AskAIBatch: ask_ai_batch,
    PushNotification: push_notification,
    EmailNotification: email_notification,
    Remind: remind,
    **dict.fromkeys(DEMO_TYPES.values(), run_demo),
}

__all__ = ["HANDLERS", "Handler", "JobContext", "Services"]
