"""Looking for new mail, and what is told of it.

The last messages of the inbox are kept, headers and the beginning of the text, for "read my new mail". The first look
at an inbox, and the first after the server has numbered its messages anew, obeys nothing: those mails are old.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.handlers.context import JobContext
from engine.job_types import ProcessEmailCommand, SyncInbox
from engine.model import JobOptions
from engine.providers.mail import MailAccount
from engine.providers.mail.inbox import Inbox, open_inbox
from engine.providers.mail.reading import Mail, why_no_command
from engine.store import Store
from engine.store.records import dumps

KEPT = 500
"""Messages of an inbox that are kept; no look fetches more."""
FIRST_LOOK = 100
BATCH = 50
SYNC_WAIT_S = 10.0


async def sync_inbox(payload: SyncInbox, context: JobContext) -> dict[str, Any]:
    """Fetch what is new, batch by batch; a run that was broken off goes on behind its last batch."""
    account = context.services.mail()
    if account.incoming is None:
        return {"skipped": "No mail account is set up."}
    store = context.services.store
    cursor = await store.inbox_cursor(account.name)
    async with open_inbox(account.incoming) as inbox:
        first = cursor is None or cursor[0] != inbox.uid_validity
        found = await inbox.uids("ALL") if cursor is None or first else await inbox.new_uids(cursor[1])
        uids = found[-(FIRST_LOOK if first else KEPT) :]
        if first:
            await store.keep_mail(account.name, {}, anew=True)
        new = commands = 0
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            mails = await inbox.fetch(batch)
            commands += 0 if first else await _add_commands(payload, account, inbox.uid_validity, mails, context)
            # The first look is made again where it is broken off: its old mails would be taken for new ones.
            done = not first or start + BATCH >= len(uids)
            mark = (inbox.uid_validity, batch[-1]) if done else None
            await store.keep_mail(account.name, {mail.uid: dumps(asdict(mail.kept())) for mail in mails}, cursor=mark)
            new += len(mails)
            await context.progress({"done": start + len(batch), "total": len(uids)})
        if first and not uids:
            await store.keep_mail(account.name, {}, cursor=(inbox.uid_validity, 0))
        unread = await _refresh(account, inbox, context)
    return {"new": new, "unread": unread, "commands": commands, "passed_over": len(found) - len(uids)}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look for new mail found: how many are unread, and those of them that are kept, newest first.

    Not `current` where the look has not ended in time: this is then what an earlier one has seen.
    """

    unread: int
    mails: tuple[Mail, ...]
    current: bool


async def look_for_mail(user_id: str, context: JobContext) -> Look | None:
    """Look for new mail, waiting for some seconds; None where no account is set up.

    Raises HarkError where the look failed.
    """
    account = context.services.mail()
    if account.incoming is None:
        return None
    handle = await context.services.client.add(SyncInbox(user_id=user_id), context.child_options("mail"))
    try:
        told = await handle.result(SYNC_WAIT_S)
    except TimeoutError:
        told = None
    unread = [mail for mail in await kept_mails(context.services.store, account) if not mail.seen]
    return Look(told["unread"] if told else len(unread), tuple(unread[::-1]), told is not None)


async def _add_commands(
    payload: SyncInbox, account: MailAccount, uid_validity: int, mails: Sequence[Mail], context: JobContext
) -> int:
    """Add a job for each mail that may command, before the cursor moves: none is lost, and its id makes twice once."""
    added = 0
    for mail in mails:
        if mail.sender not in account.command_senders:
            continue
        if why := why_no_command(mail, account.command_senders, account.own_addresses):
            await context.log(f"A mail from {mail.sender} is not taken as a command: {why}.")
            continue
        command = ProcessEmailCommand(
            user_id=payload.user_id,
            sender=mail.sender,
            subject=mail.subject,
            text=mail.text,
            message_id=mail.message_id,
            references=mail.references,
        )
        known = hashlib.sha256(f"{account.name}\n{uid_validity}\n{mail.uid}".encode(errors="replace")).hexdigest()
        await context.services.client.add(command, JobOptions(job_id=f"mail-{known[:32]}", parent=context.job.id))
        added += 1
    return added


async def _refresh(account: MailAccount, inbox: Inbox, context: JobContext) -> int:
    """Bring what is kept up to date with what was read or deleted elsewhere; returns how many mails are unread."""
    store = context.services.store
    unread = set(await inbox.uids("UNSEEN"))
    kept = await kept_mails(store, account)
    if kept:
        there = set(await inbox.uids(f"UID {kept[0].uid}:*"))
        left = [mail for mail in kept if mail.uid in there][-KEPT:]
        changed = [replace(mail, seen=not mail.seen) for mail in left if mail.seen == (mail.uid in unread)]
        gone = {mail.uid for mail in kept} - {mail.uid for mail in left}
        if changed or gone:
            texts = {mail.uid: dumps(asdict(mail)) for mail in changed}
            await store.keep_mail(account.name, texts, gone=gone)
    return len(unread)


async def kept_mails(store: Store, account: MailAccount) -> list[Mail]:
    """What is kept of an account's inbox, oldest first; spoilt ones are left out."""
    mails = []
    for text in (await store.kept_mail(account.name)).values():
        try:
            fields = json.loads(text)
            mails.append(Mail(**fields | {"references": tuple(fields["references"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return mails
