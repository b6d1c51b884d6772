"""The user's own task list: one SQLite file, no account needed.

Hides the database. Safe for several processes at once (WAL) and for a job that runs twice: a task
has a key, and the same key is the same task.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    key TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL, done_at_ms INTEGER
)
"""


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the list."""

    key: str
    title: str
    created_at_ms: int


class LocalTasks:
    """The list in `folder`/tasks.sqlite. Methods block for a moment: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tasks.sqlite"

    def add(self, key: str, user_id: str, title: str) -> Task:
        """Put a task on the list, once however often `key` comes; returns the stored one."""
        with self._open() as database:
            database.execute(
                "INSERT INTO tasks VALUES (?, ?, ?, ?, NULL) ON CONFLICT (key) DO NOTHING",
                (key, user_id, title, int(time.time() * 1000)),
            )
            row = database.execute("SELECT key, title, created_at_ms FROM tasks WHERE key = ?", (key,)).fetchone()
        return Task(*row)

    def open_tasks(self, user_id: str) -> list[Task]:
        """What is still to be done, oldest first."""
        with self._open() as database:
            rows = database.execute(
                "SELECT key, title, created_at_ms FROM tasks WHERE user_id = ? AND done_at_ms IS NULL "
                "ORDER BY created_at_ms, rowid",
                (user_id,),
            ).fetchall()
        return [Task(*row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(self._path, timeout=10)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            with database:
                database.execute(_SCHEMA)
                yield database
        finally:
            database.close()
