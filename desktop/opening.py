"""How Hark starts: the window first, with the page that was left, then everything else.

Only the window's frame and that page are imported before it is painted. What is behind them, from the event loop to
the connection and the other pages, follows piece by piece, and the window answers in between.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop.actions import Actions
from desktop.theme import Look
from desktop.window import Window
from desktop.window_state import WindowState
from engine.log import configure
from engine.settings import config_file

_PAINTED_WITHIN_MS = 1_000
"""A window that opens minimised is not painted at all."""
_COLLECT_AFTER = (20_000, 20, 50)
"""New objects until the garbage collector looks at the youngest; of those looks until one at older ones, and again."""
_PIECES = (
    "asyncio",
    "numpy",
    "pydantic",
    "pyqtgraph",
    "engine.settings.declared",
    "engine.job_types",
    "desktop.pages.assistant",
    "desktop.pages.queues",
    "desktop.pages.charts",
    "desktop.pages.jobs",
    "desktop.pages.failures",
    "desktop.pages.recurring",
    "desktop.pages.schedule_dialog",
    "desktop.pages.audit",
    "desktop.pages.settings",
    "desktop.pages.setting_section",
    "desktop.voice.control",
    "desktop.app",
    "qasync",
)
"""What is imported after the first paint, in pieces that do not take long."""


def run() -> int:
    """Open the window and run until it is closed; the exit code."""
    configure()
    # Nothing that a start makes is garbage; `_settle_memory` turns the collector on again.
    gc.disable()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Hark")
    application.setDesktopFileName("hark")
    # The loop must outlive the window: what is active has to end first.
    application.setQuitOnLastWindowClosed(False)
    hints = QGuiApplication.styleHints()
    look = Look(dark=hints.colorScheme() == Qt.ColorScheme.Dark)
    hints.colorSchemeChanged.connect(lambda scheme: look.follow(scheme == Qt.ColorScheme.Dark))
    window, state = open_window(look)
    with contextlib.suppress(KeyboardInterrupt):
        _wait_for_paint(window)
        for piece in _PIECES:
            importlib.import_module(piece)
            application.processEvents()
        _live(application, look, window, state)
    return 0


def open_window(look: Look) -> tuple[Window, WindowState]:
    """Show the window as it was left, with that page only; and where it was restored from."""
    look.dress()
    state = WindowState(config_file().parent)
    window = Window(look, Actions())
    window.page_made.connect(lambda word: state.restore_part(word, window.made[word]))
    state.restore(window, window.parts)
    window.show()
    return window, state


def _wait_for_paint(window: Window) -> None:
    loop = QEventLoop()
    first = _FirstPaint(window)
    # Queued: the whole of the window is painted before the loop turns again.
    first.painted.connect(loop.quit, Qt.ConnectionType.QueuedConnection)
    QTimer.singleShot(_PAINTED_WITHIN_MS, loop.quit)
    loop.exec()
    window.removeEventFilter(first)


class _FirstPaint(QObject):
    """Tells that its window is being painted."""

    painted = Signal()

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted.emit()
        return False


def _live(application: QApplication, look: Look, window: Window, state: WindowState) -> None:
    """All the rest of the app's life."""
    import asyncio

    from qasync import QEventLoop as Loop

    from desktop.app import App

    async def main() -> None:
        app = App(look, window, state)
        app.ready.connect(_settle_memory)
        await app.run()

    with asyncio.Runner(loop_factory=lambda: Loop(application)) as runner:
        runner.run(main())


def _settle_memory() -> None:
    """Let the garbage collector pass over all that the start has made, and come less often.

    A full collection that walks through the modules and ten pages' widgets holds the window up for tens of ms.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*_COLLECT_AFTER)
