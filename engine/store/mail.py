"""What is remembered of mail: who got a mail that a job sends, what an inbox held, and how many commands came by mail.

All under the email queue's hash tag. Anybody may have spoilt it: what cannot be read is not there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from engine.queues import EMAIL_PROCESSING
from engine.store import keys
from engine.store.base import StoreBase

MAIL_KEPT_S = 30 * 86_400
"""How long it is remembered, in seconds."""
BEGUN, SENT = "begun", "sent"
"""Marks of a recipient: the mail was being handed over, what came of it is not known; the server has taken it."""


class MailMemory(StoreBase):
    """The part of `Store` for mail."""

    async def mail_marks(self, message_id: str) -> dict[str, str]:
        """By recipient whether a mail was begun or sent; nothing for those whom it has not been offered to."""
        (found,) = await self._hashes([keys.outgoing_mail(EMAIL_PROCESSING, message_id)])
        return found

    async def mark_mail(self, message_id: str, recipients: Sequence[str], mark: str | None) -> None:
        """Mark recipients of a mail; None takes their marks away."""
        key = keys.outgoing_mail(EMAIL_PROCESSING, message_id)

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                if mark is None:
                    pipe.hdel(key, *recipients)
                else:
                    pipe.hset(key, mapping=dict.fromkeys(recipients, mark))
                pipe.expire(key, MAIL_KEPT_S)
                await pipe.execute()

        await self._guarded(write)

    async def inbox_cursor(self, account: str) -> tuple[int, int] | None:
        """Up to where an account's inbox was read: UIDVALIDITY and the last UID; None where it never was."""
        text = await self._guarded(lambda: self._redis.get(keys.inbox_cursor(EMAIL_PROCESSING, account)))
        with contextlib.suppress(ValueError, AttributeError):
            uid_validity, last_uid = map(int, text.split(":"))
            return uid_validity, last_uid
        return None

    async def keep_mail(
        self,
        account: str,
        mails: Mapping[int, str],
        *,
        gone: Iterable[int] = (),
        cursor: tuple[int, int] | None = None,
        anew: bool = False,
    ) -> None:
        """Keep mails (JSON texts by UID) and the cursor in one step, and drop those that are `gone`.

        `anew` drops all that was kept before.
        """
        key, cursor_key = keys.inbox(EMAIL_PROCESSING, account), keys.inbox_cursor(EMAIL_PROCESSING, account)
        dropped = [str(uid) for uid in gone]

        async def write() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                if anew:
                    pipe.delete(key, cursor_key)
                if dropped:
                    pipe.hdel(key, *dropped)
                if mails:
                    pipe.hset(key, mapping={str(uid): text for uid, text in mails.items()})
                if cursor is not None:
                    pipe.set(cursor_key, f"{cursor[0]}:{cursor[1]}")
                pipe.expire(key, MAIL_KEPT_S)
                pipe.expire(cursor_key, MAIL_KEPT_S)
                await pipe.execute()

        await self._guarded(write)

    async def kept_mail(self, account: str) -> dict[int, str]:
        """The kept mails of an account by UID, ascending."""
        (found,) = await self._hashes([keys.inbox(EMAIL_PROCESSING, account)])
        return {int(uid): found[uid] for uid in sorted((uid for uid in found if uid.isdigit()), key=int)}

    async def count_mail_command(self, sender: str, message_id: str, window_s: int) -> int:
        """Count a command by mail, once however often it is told; returns how many came in the sender's window."""
        key = keys.mail_commands(EMAIL_PROCESSING, sender)

        async def write() -> int:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(key, message_id)
                pipe.expire(key, window_s, nx=True)
                pipe.scard(key)
                return int((await pipe.execute())[-1])

        counted: int = await self._guarded(write)
        return counted

    async def drop_blobs(self, queue: str, blob_ids: Sequence[str]) -> None:
        """Bytes beside a queue are not needed any more."""
        if blob_ids:
            await self._guarded(lambda: self._redis.unlink(*(keys.blob(queue, blob_id) for blob_id in blob_ids)))
