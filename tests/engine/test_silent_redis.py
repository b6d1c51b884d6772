"""A Redis that takes connections and says nothing: it hangs, or something else listens at its port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.errors import RedisGoneError
from engine.store import Store, connect
from tests.engine.test_cli import HARK
from tests.engine.worker_process import LIMIT_S


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A listener whose connections the test takes, and answers nothing on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        yield listener


def _address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _greeted(listener: socket.socket) -> Iterator[None]:
    """The time from when a client's first words have come."""
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(1024)
        yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", [["worker"], ["worker", "--api"], ["api"]])
def test_what_serves_ends_when_told_to_also_while_it_waits_for_the_first_answer(
    silent: socket.socket, command: list[str], number: signal.Signals
) -> None:
    environment = {**os.environ, "REDIS_URL": f"redis://{_address(silent)}", "HARK_API_PORT": "0"}
    process = subprocess.Popen([*HARK, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        with _greeted(silent):
            process.send_signal(number)
            out, errors = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    assert (process.returncode, out, errors) == (0, b"", b"")
    silent.setblocking(False)
    with pytest.raises(BlockingIOError):  # it did not wait for that answer, or it would have asked once more
        silent.accept()


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
async def test_its_silence_is_told_after_two_tries_at_most_to_connect(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(connect, "_CONNECT_S", 0.1)
    store = Store(f"{scheme}://{_address(silent)}")
    with pytest.raises(RedisGoneError, match=r"does not answer \(no reply in time\)"):
        await store.reach()
    await store.close()
    silent.setblocking(False)
    heard = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            heard += 1
    assert 1 <= heard <= 2


async def test_one_that_answers_the_second_try_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "_CONNECT_S", 0.1)
    left = asyncio.Event()

    async def waking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say nothing until the first client has gone; answer the next."""
        while heard := await reader.read(1024):
            if left.is_set():
                writer.write(b"+PONG\r\n" if b"PING" in heard else b"+OK\r\n" * heard.count(b"*"))
        left.set()
        writer.close()

    server = await asyncio.start_server(waking, "127.0.0.1", 0)
    store = Store(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}?protocol=2")
    await store.ping()
    assert left.is_set()
    await store.close()
    server.close()
    await server.wait_closed()


async def test_a_command_has_more_time_than_a_greeting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "_CONNECT_S", 0.1)
    await store.ping()
    assert await store.wait_for_work(["ai-processing"], "w", 0.5) is None
