"""What most of the engine's tests begin with: a store on the emptied server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

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
