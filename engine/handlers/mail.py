"""Sending mail, and mail that is a command.

A mail goes out once however often its job runs, as far as SMTP lets it: see `SendEmail` for the one window left.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.errors import BadInputError, PermanentError, RetryableError
from engine.handlers.context import JobContext
from engine.handlers.tools import tools_for
from engine.handlers.voice import converse
from engine.job_types import ProcessEmailCommand, SendEmail
from engine.model import memory_name
from engine.providers.mail import MailAccount
from engine.providers.mail.compose import Attached, Letter, letter, message_bytes, message_id
from engine.providers.mail.inbox import open_inbox
from engine.providers.mail.reading import Mail, why_no_command
from engine.providers.mail.sending import Delivery, NotTakenError, deliver
from engine.store.mail import BEGUN, SENT

COMMANDS_AN_HOUR = 30
"""More commands by mail of one sender in an hour are not answered: two programs may have found each other."""
TOOLS_BY_MAIL = frozenset({"tell_time", "tell_date", "queue_state", "create_task", "list_tasks", "count_mail", "help"})
"""What a mail may ask for. Its sender can be forged, and nobody is there to confirm: nothing that does harm."""


async def send_email(payload: SendEmail, context: JobContext) -> dict[str, Any]:
    """Send the email to those who have not got it yet. What some recipients' refusal was is told in the result."""
    account = context.services.mail()
    sender, server = account.to_send()
    mail = letter(
        payload.to,
        payload.subject,
        payload.body,
        html=payload.html,
        cc=payload.cc,
        in_reply_to=payload.in_reply_to,
        references=payload.references,
        automatic=payload.automatic,
    )
    store, job = context.services.store, context.job
    own_id = message_id(job.id, job.data, sender)
    sent = await _who_got_it(account, mail, own_id, context)
    delivery = Delivery()
    if left := [recipient for recipient in mail.recipients if recipient not in sent]:
        data = message_bytes(mail, sender, own_id, job.created_at_ms, await _files(payload, context))

        async def begin(accepted: list[str]) -> None:
            # The last moment before anybody can get it: not if another worker has taken over the job meanwhile.
            if not await store.progress(job, {"sending to": accepted}):
                raise RetryableError("Another worker has taken over this email.")
            await store.mark_mail(own_id, accepted, BEGUN)

        try:
            delivery = await deliver(server, sender.email, left, data, begin)
        except NotTakenError as error:
            await store.mark_mail(own_id, left, None)
            raise error.reason from None
        if delivery.accepted:
            await store.mark_mail(own_id, delivery.accepted, SENT)
    sent = [recipient for recipient in mail.recipients if recipient in sent or recipient in delivery.accepted]
    _raise_for_unsent(sent, delivery)
    await store.drop_blobs(payload.queue, [file.blob for file in payload.attachments])
    return {"message_id": own_id, "sent": sent, "refused": delivery.refused}


async def process_email_command(payload: ProcessEmailCommand, context: JobContext) -> dict[str, Any]:
    """Let the assistant answer a mail that may command, and mail its answer to the sender."""
    account = context.services.mail()
    mail = Mail(
        uid=0,
        sender=payload.sender.lower(),
        sender_name="",
        subject=payload.subject,
        sent_at_ms=0,
        seen=True,
        message_id=payload.message_id,
        references=payload.references,
        snippet="",
        text=payload.text,
        automatic=payload.automatic,
        unproven=payload.unproven,
    )
    if why := why_no_command(mail, account.command_senders, account.own_addresses):
        return {"ignored": why}
    if await context.services.store.count_mail_command(mail.sender, mail.message_id, 3600) > COMMANDS_AN_HOUR:
        return {"ignored": f"more than {COMMANDS_AN_HOUR} commands came from its sender within an hour"}
    account.to_send()  # what cannot be answered is not done
    tools = {name: tool for name, tool in tools_for(payload.user_id, context).items() if name in TOOLS_BY_MAIL}
    memory = memory_name(payload.user_id, f"mail:{mail.sender}")
    reply = await converse(context, payload.queue, memory, mail.command, tools)
    subject = payload.subject if payload.subject.lower().startswith("re:") else f"Re: {payload.subject}".strip()
    answer = SendEmail(
        user_id=payload.user_id,
        to=(mail.sender,),
        subject=subject,
        body=f"{reply.text}\n",
        in_reply_to=mail.message_id,
        references=mail.references,
        automatic=True,
    )
    context.follow_up(answer, "reply")
    return {"reply": reply.text, "actions": [asdict(action) for action in reply.actions]}


async def _who_got_it(account: MailAccount, mail: Letter, own_id: str, context: JobContext) -> list[str]:
    """The recipients whom an earlier run of the job has sent the mail to."""
    store = context.services.store
    marks = await store.mail_marks(own_id)
    if unsure := [recipient for recipient in mail.recipients if marks.get(recipient) == BEGUN]:
        if await _is_in_sent(account, own_id):
            await store.mark_mail(own_id, unsure, SENT)
            await context.log("An earlier run sent this email: it is in the folder of sent mail.")
            marks |= dict.fromkeys(unsure, SENT)
        else:
            await context.log(
                "An earlier run broke off while sending, and it is not known whether the server took the "
                "email. It is sent again under the same Message-ID."
            )
    return [recipient for recipient in mail.recipients if marks.get(recipient) == SENT]


async def _is_in_sent(account: MailAccount, own_id: str) -> bool:
    if account.incoming is None:
        return False
    async with open_inbox(account.incoming) as inbox:
        return await inbox.is_in_sent(own_id)


async def _files(payload: SendEmail, context: JobContext) -> list[Attached]:
    files = []
    for file in payload.attachments:
        data = await context.services.store.get_blob(payload.queue, file.blob)
        if data is None:
            raise BadInputError(f"The attached file {file.name!r} is no longer kept.", "Send the email anew.")
        files.append(Attached(file.name, file.mime_type, data))
    return files


def _raise_for_unsent(sent: list[str], delivery: Delivery) -> None:
    got = f" {', '.join(sent)} got it." if sent else ""
    if delivery.put_off:
        told = "; ".join(f"{recipient}: {said}" for recipient, said in delivery.put_off.items())
        raise RetryableError(
            f"The mail server does not take the email now ({told}).{got}", retry_after_ms=delivery.retry_after_ms
        )
    if not sent:
        told = "; ".join(f"{recipient}: {said}" for recipient, said in delivery.refused.items())
        raise PermanentError(
            f"The mail server takes the email for none of its recipients ({told}).", "Check the addresses."
        )
