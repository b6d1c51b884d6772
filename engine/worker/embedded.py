"""The desktop app's own worker pool: a child process, kept alive, ended with the app.

Hides starting, watching, restarting and ending it. The child is the program that a headless server
runs, `python -m engine worker`; only its end differs: end of file on its standard input means
"finish what is active and exit", so that the death of the app, however it dies, ends it, too.

It is started as a new program and never forked, because the app has Qt's threads; and it is watched
by a thread, so that neither Qt nor an event loop has to be alive for it to be ended properly.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from engine.log import get_logger
from engine.settings import Settings

_log = get_logger("embedded")

PoolState = Literal["stopped", "running", "waiting", "restarting", "stopping"]

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
#: A child that lived this long counts as healthy: its next end is answered at once again.
_HEALTHY_S = 60.0
_LINES_KEPT = 20


class EmbeddedPool:
    """Runs and supervises the worker child of one app.

    `state` is "running" while the child lives, "waiting" before it is started again, "restarting" after
    `restart()` until the child has gone, "stopping" so after `stop()`, else "stopped". `on_change` is called
    after each change of it, from the supervising thread or the one that called; it must not block.

    `command` replaces the command line of the child.
    """

    def __init__(
        self,
        settings: Settings,
        on_change: Callable[[], None] = lambda: None,
        command: Sequence[str] | None = None,
    ) -> None:
        self._settings = settings
        self._on_change = on_change
        self._command = list(command) if command is not None else worker_command()
        self._lock = threading.Lock()
        self._stop_asked = threading.Event()
        self._restart_asked = threading.Event()
        self._wake = threading.Event()
        """Something is asked: what waits for the next start need not."""
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.state: PoolState = "stopped"
        self.restarts = 0
        self.last_exit_code: int | None = None

    @property
    def error_lines(self) -> tuple[str, ...]:
        """The last lines that the child wrote to its standard error, oldest first."""
        return tuple(self._lines)

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        process = self._process
        return process.pid if process is not None else None

    def start(self) -> None:
        """Start the child and its supervision; does nothing where they run already."""
        with self._lock:
            if self._thread is not None:
                return
            self._stop_asked.clear()
            self._restart_asked.clear()
            self._wake.clear()
            self._thread = threading.Thread(target=self._supervise, name="hark-embedded-pool", daemon=True)
            self._thread.start()

    def stop(self, deadline_s: float) -> None:
        """Have the child finish what is active and exit; kill it after `deadline_s` seconds.

        Returns when it has gone. The jobs of a killed child go back to waiting when their leases end.
        """
        with self._lock:
            if self._thread is None:
                return
            self._enter("stopping")
            self._stop_asked.set()
            self._wake.set()
            self._close_input()
            self._thread.join(deadline_s)
            while self._thread.is_alive():
                _log.warning("the worker did not finish in %.0f s and is killed", deadline_s)
                self._kill(self._process)
                self._thread.join(1)
            self._thread = None
            self._enter("stopped")

    def restart(self, deadline_s: float, settings: Settings | None = None) -> None:
        """Have the child finish what is active and exit, kill it after `deadline_s` seconds, and start another.

        The next one goes by `settings` where they are given. Returns at once: the supervision carries it out. Does
        nothing where the pool is stopped.
        """
        if settings is not None:
            self._settings = settings
        if self._stop_asked.is_set() or self._restart_asked.is_set():
            return
        process = self._process
        if process is not None:
            self._restart_asked.set()
            self._enter("restarting")
            ender = threading.Thread(
                target=self._end, args=(process, deadline_s), name="hark-embedded-restart", daemon=True
            )
            ender.start()
        # Where none runs, the next one only waits to be started.
        self._wake.set()

    def _end(self, process: subprocess.Popen[bytes], deadline_s: float) -> None:
        """Ask one child to end, and see to it that it does."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            _log.warning("the worker did not finish in %.0f s and is killed", deadline_s)
            self._kill(process)

    def _supervise(self) -> None:
        delay_s = _FIRST_DELAY_S
        while not self._stop_asked.is_set():
            started = time.monotonic()
            self._run_once()
            if self._stop_asked.is_set():
                return
            if self._restart_asked.is_set():
                self._restart_asked.clear()
                delay_s = _FIRST_DELAY_S
                continue
            if time.monotonic() - started >= _HEALTHY_S:
                delay_s = _FIRST_DELAY_S
            _log.warning("the worker ended (exit code %s); next start in %.1f s", self.last_exit_code, delay_s)
            self._enter("waiting")
            self._wake.wait(delay_s)
            self._wake.clear()
            if self._stop_asked.is_set():
                return
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
            self.restarts += 1

    def _run_once(self) -> None:
        """Start the child and return when it has ended, or could not be started."""
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=self._environment(),
                # Ctrl-C in the app's terminal must not reach the child: it drains by its input's end.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._lines.append(f"{self._command[0]} cannot be started: {error.strerror or error}")
            self.last_exit_code = None
            return
        reader = threading.Thread(target=self._read_errors, args=(process,), name="hark-embedded-log", daemon=True)
        reader.start()
        self._process = process
        self._wake.clear()
        if self._stop_asked.is_set():
            self._close_input()
        else:
            self._enter("running")
        self.last_exit_code = process.wait()
        # A grandchild may hold the pipe open: what comes later than this is not waited for.
        reader.join(1)
        self._close_input()
        self._process = None

    def _read_errors(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the child's last lines, and show them where the app's own errors go."""
        assert process.stderr is not None
        with process.stderr as stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip()
                self._lines.append(line)
                if sys.stderr is not None:
                    print(line, file=sys.stderr)

    def _environment(self) -> dict[str, str]:
        """The app's environment with its settings said in it, wherever the app has them from."""
        environment = {
            **os.environ,
            "HARK_DATA_DIR": str(self._settings.data_dir),
            "HARK_LEASE_MS": str(self._settings.lease_ms),
            "HARK_DRAIN_MS": str(self._settings.drain_ms),
        }
        if self._settings.external_redis_url is not None:
            environment["REDIS_URL"] = self._settings.external_redis_url
        return environment

    def _close_input(self) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _kill(self, process: subprocess.Popen[bytes] | None) -> None:
        """Kill a child and whatever it started; Hark's own Redis has a session of its own and stays."""
        if process is None or process.poll() is not None:
            return
        if sys.platform == "win32":
            process.kill()
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            _log.debug("the worker ended just before it was to be killed")

    def _enter(self, state: PoolState) -> None:
        if state != self.state and not (state == "waiting" and self._stop_asked.is_set()):
            self.state = state
            self._on_change()


def worker_command() -> list[str]:
    """The command line of the child: this Python, or in a frozen bundle this very program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "worker", "--embedded"]
    return [sys.executable, "-m", "engine", "worker", "--embedded"]
