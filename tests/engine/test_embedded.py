"""The embedded worker pool: started, restarted when it dies, drained or killed at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from engine import open_engine
from engine.queues import QUEUES
from engine.settings import load_settings
from engine.worker.embedded import EmbeddedPool

#: Children with the one habit of the worker that supervision rests on: they end with their input.
_DRAINS = "import sys; print('ready', file=sys.stderr, flush=True); sys.stdin.read()"
_FAILS = "import sys; sys.exit('no such luck')"
_HANGS = "import sys, signal; print('ready', file=sys.stderr, flush=True); signal.pause()"


class _Watched:
    """A pool whose changes a test can wait for."""

    def __init__(self, command: list[str] | None) -> None:
        self._changed = threading.Condition()
        self.states: list[str] = []
        self.pool = EmbeddedPool(load_settings(), self._note, command)

    def _note(self) -> None:
        with self._changed:
            self.states.append(self.pool.state)
            self._changed.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 30), self.states

    def wait_for_line(self, text: str) -> None:
        """Wait until the child has written `text`; its lines raise no change of state."""
        with self._changed:
            while not any(text in line for line in self.pool.error_lines):
                self._changed.wait(0.01)


@contextmanager
def _pool(command: list[str] | None) -> Iterator[_Watched]:
    watched = _Watched(command)
    watched.pool.start()
    yield watched
    watched.pool.stop(30)


def _python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_the_child_runs_until_stop_and_then_ends_by_itself() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait_for_line("ready")
        watched.pool.stop(30)
        assert watched.pool.last_exit_code == 0
        assert watched.states == ["running", "stopping", "stopped"]


def test_a_killed_child_is_started_again() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait_for_line("ready")
        first = watched.pool.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        watched.wait(lambda: watched.pool.restarts == 1 and watched.pool.state == "running")
        assert watched.pool.pid != first
        assert watched.states == ["running", "waiting", "running"]


def test_a_restart_lets_the_child_end_and_starts_another() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait_for_line("ready")
        first = watched.pool.pid
        watched.pool.restart(30)
        watched.wait(lambda: watched.states == ["running", "restarting", "running"])
        assert watched.pool.pid not in (None, first)
        assert watched.pool.last_exit_code == 0
        assert watched.pool.restarts == 0


def test_a_restart_kills_a_child_that_does_not_end() -> None:
    with _pool(_python(_HANGS)) as watched:
        watched.wait_for_line("ready")
        watched.pool.restart(0.1)
        watched.wait(lambda: watched.states == ["running", "restarting", "running"])
        assert watched.pool.last_exit_code == -signal.SIGKILL
        watched.pool.stop(0.1)


def test_a_stop_that_comes_upon_a_restart_starts_no_other() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait_for_line("ready")
        watched.pool.restart(30)
        watched.pool.stop(30)
        assert watched.pool.state == "stopped"
        assert watched.pool.pid is None


def test_a_child_that_fails_leaves_its_last_words() -> None:
    with _pool(_python(_FAILS)) as watched:
        watched.wait(lambda: watched.pool.state == "waiting")
        assert watched.pool.error_lines == ("no such luck",)
        assert watched.pool.last_exit_code == 1


def test_a_program_that_is_not_there_is_told() -> None:
    with _pool(["/no/such/program"]) as watched:
        watched.wait(lambda: watched.pool.state == "waiting")
        assert "/no/such/program cannot be started: No such file" in watched.pool.error_lines[0]


def test_stop_does_not_wait_for_the_next_restart() -> None:
    with _pool(_python(_FAILS)) as watched:
        watched.wait(lambda: watched.states.count("waiting") == 2)
        watched.pool.stop(30)
        assert watched.pool.state == "stopped"


def test_a_child_that_does_not_end_is_killed_at_the_deadline() -> None:
    with _pool(_python(_HANGS)) as watched:
        watched.wait_for_line("ready")
        watched.pool.stop(0.1)
        assert watched.pool.last_exit_code == -signal.SIGKILL


def test_it_can_be_started_again_after_stop() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait(lambda: watched.pool.state == "running")
        watched.pool.stop(30)
        watched.pool.start()
        watched.wait(lambda: watched.pool.state == "running")
        assert watched.pool.restarts == 0


def test_starting_twice_starts_one_child() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait(lambda: watched.pool.state == "running")
        first = watched.pool.pid
        watched.pool.start()
        assert watched.pool.pid == first


def test_the_child_gets_the_apps_settings() -> None:
    tells = "import os, sys; print(os.environ['HARK_DATA_DIR'], file=sys.stderr, flush=True); sys.stdin.read()"
    with _pool(_python(tells)) as watched:
        watched.wait_for_line(str(load_settings().data_dir))


def test_the_child_ends_when_the_app_is_killed() -> None:
    app = f"""
import sys, time
from engine.settings import load_settings
from engine.worker.embedded import EmbeddedPool
pool = EmbeddedPool(load_settings(), command=[sys.executable, "-c", {_DRAINS!r}])
pool.start()
while not pool.error_lines:
    time.sleep(0.01)
print(pool.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(_python(app), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
    gone, alive = psutil.wait_procs([child], timeout=30)
    assert gone == [child]
    assert alive == []


async def test_hark_s_own_worker_serves_every_queue_and_drains(fresh_redis: str) -> None:
    settings = load_settings(redis_url=fresh_redis)
    pool = EmbeddedPool(settings)
    pool.start()
    try:
        async with open_engine(settings) as engine:
            while not (snapshot := await engine.monitor.snapshot()).workers:
                assert pool.state != "waiting", pool.error_lines
                await asyncio.sleep(0.02)
        assert set(snapshot.workers[0].queues) == set(QUEUES)
    finally:
        await asyncio.to_thread(pool.stop, 30)
    assert pool.last_exit_code == 0, pool.error_lines


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX")
def test_ctrl_c_in_the_terminal_does_not_reach_the_child() -> None:
    with _pool(_python(_DRAINS)) as watched:
        watched.wait(lambda: watched.pool.state == "running")
        assert watched.pool.pid is not None
        assert os.getsid(watched.pool.pid) != os.getsid(0)
