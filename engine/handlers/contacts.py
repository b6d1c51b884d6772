"""Whom the user can name: the people of the settings, then those who wrote to the inbox.

Anybody can write a mail under any name, so whom the settings name comes first, and an address is always read back
before a mail goes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from engine.errors import BadInputError, SettingsError
from engine.handlers.context import Services
from engine.handlers.inbox import kept_mails
from engine.providers.mail.compose import address_of
from engine.settings import Settings

_ALIKE = 0.75
"""Less alike (0 to 1) is another name: "Ana" is Anna (0.86), "Emma" is not (0.5)."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclass(frozen=True, slots=True)
class Contact:
    """A person's name as it is written, which may be "", and their bare address."""

    name: str
    address: str

    @property
    def title(self) -> str:
        """What the person is called when they are read back."""
        return f"{self.name} at {self.address}" if self.name else self.address


async def known_contacts(services: Services) -> tuple[Contact, ...]:
    """The user's contacts, each address once: those of the settings, then writers of kept mails, the latest first.

    Left out are programs, and whoever failed the mail server's check of a sender. Raises SettingsError for settings
    that cannot be used, such as a contact without an address.
    """
    account = services.mail()
    mails = await kept_mails(services.store, account) if account.incoming is not None else []
    writers = [
        Contact(mail.sender_name, mail.sender)
        for mail in reversed(mails)
        if mail.sender and not mail.automatic and not mail.unproven and mail.sender not in account.own_addresses
    ]
    found: dict[str, Contact] = {}
    for contact in [*_declared(services.settings), *writers]:
        found.setdefault(contact.address.lower(), contact)
    return tuple(found.values())


def meant(words: str, contacts: Sequence[Contact]) -> list[Contact]:
    """Whom `words` may name: one of this very address or name, else all whose name has these words, or like ones."""
    said = _plain(words)
    if same := [contact for contact in contacts if words.strip().lower() == contact.address.lower()]:
        return same
    if not said:
        return []
    names = [(contact, _plain(contact.name) or _plain(contact.address.partition("@")[0])) for contact in contacts]
    if same := [contact for contact, name in names if name == said]:
        return same
    if within := [contact for contact, name in names if set(said) <= set(name)]:
        return within
    return [contact for contact, name in names if name and min(_likeness(word, name) for word in said) >= _ALIKE]


def _plain(name: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(name.casefold())]


def _likeness(word: str, name: Iterable[str]) -> float:
    return max(SequenceMatcher(None, word, other, autojunk=False).ratio() for other in name)


def _declared(settings: Settings) -> list[Contact]:
    found = []
    for text in settings.contacts:
        try:
            address = address_of(text)
        except BadInputError as error:
            raise SettingsError(f"HARK_CONTACTS: {error.message}", "Write it like Anna <anna@example.org>.") from error
        found.append(Contact(address.name, address.email))
    return found
