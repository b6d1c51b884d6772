"""Hark's engine: queues, workers and providers, without any window.

`open_engine()` is the front door:

    async with open_engine() as engine:
        async for event in engine.client.ask("what time is it"):
            ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.admin import Admin
    from engine.client import Client
    from engine.monitor import Monitor
    from engine.settings import Settings

__version__ = "0.1.0"


@dataclass(frozen=True, slots=True)
class Engine:
    """One connection's three sides: submit, operate, look."""

    client: Client
    admin: Admin
    monitor: Monitor
    settings: Settings


@asynccontextmanager
async def open_engine(settings: Settings | None = None) -> AsyncIterator[Engine]:
    """Connect to the Redis of `settings` (read from the environment where None), or start Hark's own.

    Raises SettingsError, RedisGoneError, or PermanentError where the password is refused.
    """
    # Imported here so that `import engine` costs nothing: Redis is wanted only now.
    from engine.admin import Admin
    from engine.client import Client
    from engine.monitor import Monitor
    from engine.settings import load_settings
    from engine.store import open_store
    from engine.write_lock import WriteLock

    settings = settings or load_settings()
    async with open_store(settings) as store:
        lock = WriteLock(settings.production, settings.production_name)
        yield Engine(Client(store, settings), Admin(store, lock), Monitor(store, settings), settings)
