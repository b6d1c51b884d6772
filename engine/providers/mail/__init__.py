"""Email: sending by SMTP, reading by IMAP.

`mail_account(settings)` says what is set up; `compose` makes a mail's bytes, `sending.deliver` hands them over,
`inbox.open_inbox` reads, `reading` tells what a received mail is. The libraries are imported when first used.
"""

from __future__ import annotations

from engine.providers.mail.account import MailAccount, Server, mail_account
from engine.providers.mail.inbox import open_inbox
from engine.providers.mail.sending import try_login
from engine.settings import Settings

__all__ = ["MailAccount", "Server", "mail_account", "try_mail"]


async def try_mail(settings: Settings) -> str:
    """Log in where mail is sent and where it is read, and tell what was seen; no mail is sent.

    Raises SettingsError where neither is set up or a setting is wrong, PermanentError or RetryableError as the servers
    answer.
    """
    account = mail_account(settings)
    seen = []
    if account.outgoing is not None:
        await try_login(account.outgoing)
        seen.append(f"{account.outgoing.name} would send mail from {account.to_send()[0].email}.")
    if account.incoming is not None:
        async with open_inbox(account.incoming) as inbox:
            unread = len(await inbox.uids("UNSEEN"))
        seen.append(f"{account.incoming.name} holds {unread} unread message{'' if unread == 1 else 's'}.")
    if not seen:
        account.to_send()  # raises with what to set
    return " ".join(seen)
