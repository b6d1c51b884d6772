"""Jobs of the mail account."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from engine import queues
from engine.job_types.base import JobType


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
