"""The desktop app's composition root: makes what is behind the window, connects it, and takes it down in order.

Everything that a person wants goes window -> actions -> bridge -> engine, and comes back
engine -> bridge -> window. The jobs themselves run in the embedded pool's child process.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from desktop.bridge import Bridge
from desktop.console import (
    alerts,
    audit,
    charts,
    checkup,
    commands,
    conversations,
    demo,
    failures,
    jobs,
    notifications,
    queues,
    recordings,
    recurring,
    settings,
    talking,
    workers,
    write_lock,
)
from desktop.console.global_key import GlobalKey
from desktop.console.talk_pill import Pill
from desktop.theme import Look
from desktop.tray import Tray
from desktop.voice.control import VoiceControl
from desktop.window import Window
from desktop.window_state import WindowState
from engine.model import Snapshot
from engine.settings import Settings, load_settings
from engine.worker.embedded import EmbeddedPool

_DRAIN_S = 10.0
_RESTART_S = 60.0
_HEARTBEAT_MS = 200


class App(QObject):
    """The running app behind a window: `run` it once inside a Qt event loop."""

    ready = Signal()
    """Every page is there."""
    _pool_changed = Signal()

    def __init__(self, look: Look, window: Window, state: WindowState) -> None:
        """`state` is where the window was restored from, and is kept again."""
        super().__init__()
        self.window, self.state, self.actions = window, state, window.queue_actions
        self.bridge = Bridge(load_settings)
        self.voice = VoiceControl()
        self.talking = talking.Talking(window, self.voice, self.bridge)
        self.global_key = GlobalKey(window, self.voice, self.bridge)
        self.tray = Tray(look)
        self.pill = Pill(look, window, self.voice, self.bridge, self.tray)
        self._look = look
        self._pool: EmbeddedPool | None = None
        self._apply = False
        self._restarts_told = 0
        self._closed = asyncio.Event()
        self._connect_operator()
        checkup.connect(look, window, self.bridge)

    async def run(self) -> None:
        """Make the pages that are not there yet, connect, and return when the window was closed and all has ended."""
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._closed.set)
        # Python sees a signal only when it runs: this gives it the chance while the window is idle.
        heartbeat = QTimer()
        heartbeat.start(_HEARTBEAT_MS)
        heartbeat.timeout.connect(lambda: None)
        try:
            for _ in self.window.make_pages():
                await asyncio.sleep(0)
            self.ready.emit()
            self.bridge.start()
            await self._closed.wait()
        finally:
            heartbeat.stop()
            await self._close()

    async def _close(self) -> None:
        self.state.save(self.window, self.window.parts)
        self.window.hide()
        self.tray.close()
        self.pill.close()
        self.global_key.stop()
        self.voice.close()
        await self.bridge.close()
        if self._pool is not None:
            # Waits for the active jobs; what is left after that goes back to its queue when its lease ends.
            await asyncio.to_thread(self._pool.stop, _DRAIN_S)

    # Operator

    def _connect_operator(self) -> None:
        actions, bridge, window = self.actions, self.bridge, self.window
        actions.ask_requested.connect(self.talking.ask_in_words)
        # Where speech goes is told also while it has to wait for Redis.
        bridge.configured.connect(self._on_configured)
        bridge.opened.connect(self._on_opened)
        bridge.sampled.connect(self._on_sampled)
        bridge.gone.connect(window.show_gone)
        bridge.noticed.connect(window.notices.show_notice)
        bridge.crashed.connect(window.show_error)
        window.closing.connect(self._closed.set)
        window.watched.connect(bridge.watch)
        self.tray.open_requested.connect(window.come_to_front)
        commands.connect(window, actions, bridge, self.tray)
        write_lock.connect(window, actions, bridge)
        demo.connect(window, bridge)
        notifications.connect(window, bridge, self.tray)
        self._pool_changed.connect(self._on_pool_changed, Qt.ConnectionType.QueuedConnection)
        window.page_made.connect(self._connect_page)
        for word in window.made:
            self._connect_page(word)

    def _connect_page(self, word: str) -> None:
        actions, bridge, window = self.actions, self.bridge, self.window
        match word:
            case "Assistant":
                self.talking.connect_page(window.assistant)
                recordings.connect(window.assistant, self._look, self.talking, self.voice, bridge)
                conversations.connect(window.assistant, self._look, bridge, window)
            case "Queues":
                queues.connect(window.queues, actions, bridge, window)
            case "Charts":
                charts.connect(window.charts, bridge, window)
            case "Jobs":
                jobs.connect(window.jobs, bridge, window)
            case "Failures":
                failures.connect(window.failures, bridge, window)
            case "Recurring":
                recurring.connect(window.recurring, bridge, window)
            case "Workers":
                workers.connect(window.workers, bridge, window)
                window.workers.restart_wanted.connect(self._restart_pool)
            case "Audit":
                audit.connect(window.audit, bridge, window)
            case "Alerts":
                alerts.connect(window.alerts, bridge, window, self.tray)
            case "Settings":
                settings.connect(window.settings, bridge, window)
                self.global_key.connect_page(window.settings)
                window.settings.restart_wanted.connect(self._apply_settings)

    def _on_configured(self, settings: Settings) -> None:
        commands_only = not settings.uses_openai
        self.window.assistant.show_destination(speech_destination(settings), commands_only=commands_only)

    def _on_opened(self, settings: Settings) -> None:
        if self._pool is None:
            self._pool = EmbeddedPool(settings, on_change=self._pool_changed.emit)
            self._pool.start()
            self.global_key.use(settings)
        elif self._apply:
            self._pool.restart(_RESTART_S, settings)
            self.global_key.use(settings)
            self.window.settings.show_restarted()
        self._apply = False

    def _on_sampled(self, snapshot: Snapshot) -> None:
        count = len(snapshot.workers)
        workers = "1 worker" if count == 1 else f"{count} workers"
        cost = f"This window's looking costs it {snapshot.watching_commands_per_s:,.1f} commands a second."
        self.window.show_connected(f"Connected\n{workers}", f"{snapshot.redis}\n{cost}")

    def _apply_settings(self) -> None:
        """Connect by the settings as they are saved now; the worker follows when that has succeeded."""
        self._apply = True
        self.bridge.reopen()

    def _restart_pool(self) -> None:
        if self._pool is not None:
            self._pool.restart(_RESTART_S)

    def _on_pool_changed(self) -> None:
        pool = self._pool
        if pool is not None:
            self.window.workers.show_embedded(pool.state, pool.pid, pool.restarts)
        if pool is not None and pool.state == "waiting" and pool.restarts != self._restarts_told:
            self._restarts_told = pool.restarts
            last = pool.error_lines[-1] if pool.error_lines else f"exit code {pool.last_exit_code}"
            self.window.notices.show_notice(
                "warning", "The worker on this machine ended and is started again.", f"It said: {last}"
            )


def speech_destination(settings: Settings) -> str:
    """Where recordings go, in words."""
    if not settings.uses_openai:
        return "Speech stays on this machine"
    host = urlsplit(settings.openai_base_url or "https://api.openai.com").hostname
    return f"Speech is sent to {host}"
