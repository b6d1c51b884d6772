"""Telling the user: on the desktop, by push services and by email; reminders are told so at their moment.

Each target is told once however often a job runs, as far as the service lets it: who has acknowledged is remembered
for 30 days. One window is left: a worker that dies between a push service's acknowledgement and that note tells it
again (an ntfy server from 2.16 on then replaces the first). The desktop's notice and its note are one step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.errors import HarkError, PermanentError, RetryableError
from engine.handlers.context import JobContext
from engine.handlers.local_time import user_now
from engine.handlers.mail import send_email
from engine.job_types import EmailNotification, JobType, PushNotification, Remind, SendEmail
from engine.providers.notifications import Push, PushTarget, push_targets
from engine.quiet import quiet_until
from engine.spoken_times import say_time
from engine.store.notices import DESKTOP
from engine.store.records import dumps

_LATE_MS = 60_000
"""A reminder that is later than this says when it was due."""
_KEPT_ITS_MOMENT_MS = 300_000
"""Up to here a reminder is told in quiet hours, too: the user has chosen the moment."""


async def push_notification(payload: PushNotification, context: JobContext) -> dict[str, Any]:
    """Tell the desktop and every push service that is set up, once the quiet hours are over."""
    if not payload.urgent and (until := _quiet(context)):
        return _hold_back(payload, context, until)
    return await _tell(payload.user_id, payload.title, payload.message, payload.urgent, context)


async def remind(payload: Remind, context: JobContext) -> dict[str, Any]:
    """Tell a reminder. One that is late, because no worker ran at its moment, says when it was due."""
    late_ms = int(time.time() * 1000) - payload.due_at_ms
    if late_ms > _KEPT_ITS_MOMENT_MS and (until := _quiet(context)):
        return _hold_back(payload, context, until)
    text = payload.text
    if late_ms > _LATE_MS:
        now = user_now(context.services.settings)
        due = say_time(datetime.fromtimestamp(payload.due_at_ms / 1000, UTC), now)
        text += f"\n(This was due {due}.)"
    return await _tell(payload.user_id, "Reminder", text, False, context)


async def email_notification(payload: EmailNotification, context: JobContext) -> dict[str, Any]:
    """Mail a notification, by default to the user's own address, as any email is sent."""
    if not payload.urgent and (until := _quiet(context)):
        return _hold_back(payload, context, until)
    sender, _ = context.services.mail().to_send()
    mail = SendEmail(
        user_id=payload.user_id,
        to=payload.to or (sender.email,),
        subject=payload.title,
        body=f"{payload.message}\n",
        automatic=True,
    )
    return await send_email(mail, context)


def _quiet(context: JobContext) -> datetime | None:
    settings = context.services.settings
    return quiet_until(settings.quiet_start, settings.quiet_end, user_now(settings))


def _hold_back(payload: JobType, context: JobContext, until: datetime) -> dict[str, Any]:
    delay_ms = max(0, round(until.timestamp() * 1000 - time.time() * 1000))
    context.follow_up(payload, f"held.{context.job.id}", delay_ms=delay_ms)
    return {"held_until": until.isoformat(timespec="minutes")}


async def _tell(user_id: str, title: str, text: str, urgent: bool, context: JobContext) -> dict[str, Any]:
    store, job, settings = context.services.store, context.job, context.services.settings
    told = await store.notified(job.id)
    push = Push(job.id, title, text, urgent)
    failed: dict[str, HarkError] = {}
    if "desktop" in settings.notify_targets and DESKTOP not in told:
        notice = {"id": job.id, "title": title, "text": text, "at_ms": int(time.time() * 1000)}
        await store.leave_notice(user_id, job.id, dumps(notice))
        told.add(DESKTOP)
    if "push" in settings.notify_targets:
        left = [target for target in push_targets(settings) if target.name not in told]
        if left and not await store.progress(job, {"telling": [target.name for target in left]}):
            raise RetryableError("Another worker has taken over this notification.")
        failed = await _push(left, push, context)
        told |= {target.name for target in left} - failed.keys()
    if "email" in settings.notify_targets:
        mail = EmailNotification(user_id=user_id, title=title, message=text, urgent=True)
        await context.services.client.add(mail, context.child_options(f"email.{job.id}"))
        told.add("email")
    _raise_for_untold(told, failed)
    return {"told": sorted(told), "failed": {name: str(error) for name, error in failed.items()}}


async def _push(targets: Sequence[PushTarget], push: Push, context: JobContext) -> dict[str, HarkError]:
    """Tell them all at the same time; returns what went wrong, by the target's name."""
    store = context.services.store

    async def tell(target: PushTarget) -> None:
        await target.send(push)
        await store.mark_notified(push.id, target.name)

    outcomes = await asyncio.gather(*map(tell, targets), return_exceptions=True)
    failed: dict[str, HarkError] = {}
    for target, outcome in zip(targets, outcomes, strict=True):
        if isinstance(outcome, HarkError):
            failed[target.name] = outcome
            await context.log(f"{target.name}: {outcome}")
        elif isinstance(outcome, BaseException):
            raise outcome
    return failed


def _raise_for_untold(told: set[str], failed: dict[str, HarkError]) -> None:
    """A job with a target that may answer later runs again; one that nobody got for good fails at once."""
    got = f" It was told by: {', '.join(sorted(told))}." if told else ""
    again = [error for error in failed.values() if isinstance(error, RetryableError)]
    if again:
        waits = [error.retry_after_ms for error in again if error.retry_after_ms is not None]
        raise RetryableError(
            f"{' '.join(error.message for error in again)}{got}", again[0].remedy, max(waits, default=None)
        )
    if failed and not told:
        first = next(iter(failed.values()))
        raise PermanentError(" ".join(error.message for error in failed.values()), first.remedy)
    if not told:
        raise PermanentError(
            "There is nowhere to tell a notification.", "Set HARK_NOTIFY_TARGETS, or set up a service for it."
        )
