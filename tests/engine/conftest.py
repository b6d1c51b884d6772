"""What most of the engine's tests begin with: a store on the emptied server, and the engine's three sides on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.admin import Admin
from engine.client import Client
from engine.monitor import Monitor
from engine.settings import Settings, load_settings
from engine.store import Store


@pytest.fixture
def settings(fresh_redis: str) -> Settings:
    """Settings that name the emptied server."""
    return load_settings(redis_url=fresh_redis)


@pytest.fixture
async def store(fresh_redis: str) -> AsyncIterator[Store]:
    """A store on the emptied server."""
    opened = Store(fresh_redis)
    yield opened
    await opened.close()


@pytest.fixture
def admin(store: Store) -> Admin:
    """The operator's actions."""
    return Admin(store)


@pytest.fixture
def client(store: Store, settings: Settings) -> Client:
    """Adds jobs."""
    return Client(store, settings)


@pytest.fixture
def monitor(store: Store, settings: Settings) -> Monitor:
    """Sees what has become of them."""
    return Monitor(store, settings)
