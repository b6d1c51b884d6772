"""What every test stands on: a real Redis, an empty home, and no error that nobody expected.

`HARK_TEST_REDIS=/usr/bin/redis-server` runs the whole suite on that server instead of the bundled
one. Warnings fail tests by pyproject.toml; error logs by `no_unexpected_errors` below.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from engine.log import ROOT
from engine.store.server import PrivateRedis


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tests/desktop/test_golden.py is told by."""
    parser.addoption("--renew-golden", action="store_true", help="keep the pages' pictures as they are now")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker by which a test says that errors are what it is about, and take Hypothesis's watch away.

    How long an example takes says more of the machine than of Hark.
    """
    hypothesis.settings.register_profile("hark", deadline=None)
    hypothesis.settings.load_profile("hark")
    config.addinivalue_line("markers", "expect_errors: error logs are part of what this test provokes")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in its own hook of this name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the work, a file's tests stay together, and all that use the screen or the sound."""
    for item in items:
        folder = item.path.parent.name
        shared = folder in ("desktop", "journeys")
        item.add_marker(pytest.mark.xdist_group("screen" if shared else item.path.stem))


@pytest.fixture(scope="session")
def redis_binary() -> Path | None:
    """The server that HARK_TEST_REDIS names, or None for the one that Hark would choose."""
    named = os.environ.get("HARK_TEST_REDIS")
    return Path(named) if named else None


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory, redis_binary: Path | None) -> Iterator[str]:
    """URL of one real server for the whole run; most tests want `fresh_redis` instead."""
    server = PrivateRedis(tmp_path_factory.mktemp("redis"), redis_binary)
    yield server.ensure()
    server.release()


@pytest.fixture
def fresh_redis(redis_url: str) -> str:
    """URL of the shared server, emptied and with no other client left on it."""
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
        client.flushall()
    return redis_url


@pytest.fixture
def private_redis(tmp_path: Path, redis_binary: Path | None) -> Iterator[PrivateRedis]:
    """A server of the test's own, not started yet, that it may kill; its data folder is tmp_path."""
    server = PrivateRedis(tmp_path, redis_binary)
    yield server
    server.release()


@pytest.fixture(autouse=True)
def clean_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for every test, so that neither the user's settings nor data are read or touched.

    Children that a test starts inherit it. Returns the data folder that the settings will name.
    """
    for name in list(os.environ):
        if name.startswith(("REDIS_", "OPENAI_", "HARK_")) and not name.startswith("HARK_TEST_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("HARK_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # not the user's own
    return home / "data"


class _ErrorCollector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_unexpected_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which Hark or asyncio logged an error, unless it is marked `expect_errors`."""
    collector = _ErrorCollector()
    loggers = [logging.getLogger(ROOT), logging.getLogger("asyncio")]
    for logger in loggers:
        logger.addHandler(collector)
    yield
    for logger in loggers:
        logger.removeHandler(collector)
    if collector.found and request.node.get_closest_marker("expect_errors") is None:
        pytest.fail("errors were logged:\n" + "\n".join(collector.found))
