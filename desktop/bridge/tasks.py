"""Every task that the window has at work: named, kept until done, cancelled at the end, its failure told."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.errors import HarkError
from engine.log import get_logger

_log = get_logger("bridge")


class Tasks(QObject):
    """The part of `Bridge` for tasks: a HarkError becomes a notice with its remedy, anything else is Hark's fault."""

    noticed = Signal(str, str, str)
    """Kind ("success" or "error"), text and remedy of something to tell."""
    crashed = Signal(str, str)
    """What failed, and the traceback, of an error that is Hark's own."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def _cancel_tasks(self, last: str) -> None:
        """Cancel all; those named `last` when the others have let go of what they read from. No new ones begin."""
        self._closing = True
        kept = {task for task in self._tasks if task.get_name() == last}
        for tasks in (self._tasks - kept, kept):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if self._closing:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, HarkError):
            self.noticed.emit("error", error.message, error.remedy)
        elif error is not None:
            # What it says is shown, not logged: it may quote what somebody said.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s failed: %s\n%s", task.get_name(), type(error).__name__, where)
            details = "".join(traceback.format_exception(error))
            self.crashed.emit(f"An error in Hark: {task.get_name()} failed.", details)
