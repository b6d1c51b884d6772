"""Notifications and reminders; the part of `Client` for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from engine.client.adding import Adding
from engine.handle import JobHandle
from engine.job_types import EmailNotification, PushNotification, Remind
from engine.model import JobOptions, Notice, Reminder
from engine.reminders import delay_until, drop_reminder, open_reminders, read_notice
from engine.store.new_job import NO_OPTIONS


class Notifying(Adding):
    """Tells the user something, now or at a moment."""

    async def notify(self, user_id: str, title: str, message: str = "", *, urgent: bool = False) -> JobHandle:
        """Tell the user something wherever the settings say; in quiet hours later, unless it is urgent."""
        return await self.add(PushNotification(user_id=user_id, title=title, message=message, urgent=urgent))

    async def notify_by_email(
        self, user_id: str, title: str, message: str = "", *, to: Sequence[str] = (), urgent: bool = False
    ) -> JobHandle:
        """Tell by email: `to`, or the user's own address."""
        return await self.add(
            EmailNotification(user_id=user_id, title=title, message=message, to=tuple(to), urgent=urgent)
        )

    async def remind(self, user_id: str, text: str, when: datetime, options: JobOptions | None = None) -> JobHandle:
        """Remind the user at a moment, once; where no worker runs then, as soon as one does.

        The same job id is the same reminder. Raises BadInputError for a moment that has passed or has no zone.
        """
        delay_ms = delay_until(when, datetime.now(UTC))
        payload = Remind(user_id=user_id, text=text, due_at_ms=round(when.timestamp() * 1000))
        return await self.add(payload, replace(options or NO_OPTIONS, delay_ms=delay_ms))

    async def reminders(self, user_id: str = "local") -> tuple[Reminder, ...]:
        """The user's reminders that have not fired, the next first."""
        return await open_reminders(self._store, user_id)

    async def cancel_reminder(self, user_id: str, reminder_id: str) -> None:
        """Take a reminder back. Raises NotFoundError where it has fired or never was."""
        await drop_reminder(self._store, user_id, reminder_id)

    async def take_notices(self, user_id: str = "local") -> tuple[Notice, ...]:
        """The notifications that wait to be shown on the desktop, oldest first; each is given once, to one window."""
        return tuple(map(read_notice, await self._store.take_notices(user_id)))
