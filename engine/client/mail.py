"""Email; the part of `Client` for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from engine import queues
from engine.client.adding import Adding
from engine.handle import JobHandle
from engine.job_types import AttachedFile, ProcessEmailCommand, SendEmail, SyncInbox
from engine.model import JobOptions
from engine.providers.mail.compose import Attached, letter

ATTACHMENT_TTL_S = 7 * 86_400
"""How long the files of an email stay in Redis, in seconds; they go once it is sent."""


class Mail(Adding):
    """Sends and looks through jobs, whose handles come back."""

    async def send_email(
        self,
        user_id: str,
        to: str | Sequence[str],
        subject: str,
        body: str,
        *,
        html: str | None = None,
        cc: Sequence[str] = (),
        attachments: Sequence[Attached] = (),
        in_reply_to: str | None = None,
        options: JobOptions | None = None,
    ) -> JobHandle:
        """Send an email. The same job id and the same arguments are the same email: it is sent once.

        Raises BadInputError for what cannot be sent, such as an address that is none.
        """
        receivers = (to,) if isinstance(to, str) else tuple(to)
        letter(receivers, subject, body, html=html, cc=cc, in_reply_to=in_reply_to)
        options = options or JobOptions()
        job_id = options.job_id or uuid4().hex
        files = []
        for number, file in enumerate(attachments, 1):
            blob = f"{job_id}.{number}"
            await self._store.put_blob(queues.EMAIL_PROCESSING, blob, file.data, ATTACHMENT_TTL_S)
            files.append(AttachedFile(blob=blob, name=file.name, mime_type=file.mime_type))
        payload = SendEmail(
            user_id=user_id,
            to=receivers,
            subject=subject,
            body=body,
            html=html,
            cc=tuple(cc),
            attachments=tuple(files),
            in_reply_to=in_reply_to,
        )
        return await self.add(payload, replace(options, job_id=job_id))

    async def process_email_command(
        self, user_id: str, sender: str, text: str, *, subject: str = "", message_id: str
    ) -> JobHandle:
        """Take a mail as a command; it is obeyed where `sender` is one of those that the settings name."""
        return await self.add(
            ProcessEmailCommand(user_id=user_id, sender=sender, subject=subject, text=text, message_id=message_id)
        )

    async def sync_inbox(self, user_id: str = "local") -> JobHandle:
        """Look for new mail now."""
        return await self.add(SyncInbox(user_id=user_id))
