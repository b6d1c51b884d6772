"""The user's own words that a spoken command may hold: whom they know, what is on their list, what is ahead of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from engine.concurrency import together
from engine.errors import HarkError
from engine.handlers.contacts import known_contacts
from engine.handlers.context import Services
from engine.log import get_logger
from engine.providers import Vocabulary

_AHEAD = timedelta(days=14)

_log = get_logger("speech")


async def own_vocabulary(user_id: str, services: Services) -> Vocabulary:
    """The words as they are now; what cannot be looked up, such as with settings that are wrong, is left out."""

    async def people() -> tuple[str, ...]:
        return tuple(contact.name for contact in await known_contacts(services) if contact.name)

    async def tasks() -> tuple[str, ...]:
        return tuple(task.title for task in await asyncio.to_thread(services.tasks.open_tasks, user_id))

    async def events() -> tuple[str, ...]:
        now = datetime.now(UTC)
        agenda = await services.client.events(now, now + _AHEAD)
        return tuple(event.title for event in agenda.events) if agenda is not None else ()

    return Vocabulary(*await together(_found(people()), _found(tasks()), _found(events())))


async def _found(words: Awaitable[tuple[str, ...]]) -> tuple[str, ...]:
    try:
        return await words
    except HarkError as error:
        _log.warning("some of the user's own words are not listened for: %s", error)
        return ()
