"""Jobs that tell the user something."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from engine import queues
from engine.job_types.base import JobType


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
