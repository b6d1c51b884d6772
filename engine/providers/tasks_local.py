"""The user's own task list: one SQLite file, no account needed.

Hides the database. Safe for several processes at once (WAL), and for a job that runs twice: a task's key is the id of
the job that made it, and a change is remembered by its job. A deleted task stays for 30 days, unseen, so that whoever
keeps a copy of the list can be told. `rev` counts a task's changes and `synced_rev` is the last that the copy has, so
the tasks whose two differ are what is still to be sent; `seen` is what both sides last agreed on (`tasks_merge`).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.due import Due, due_text, parse_due
from engine.errors import HarkError, NotFoundError, PermanentError, RetryableError
from engine.private_files import private_folder, touch_private
from engine.providers.tasks_merge import Here, Seen, Take, Values

_STEPS = (
    (
        "CREATE TABLE IF NOT EXISTS tasks (key TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL, "
        "created_at_ms INTEGER NOT NULL, done_at_ms INTEGER)",
        "ALTER TABLE tasks ADD COLUMN notes TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE tasks ADD COLUMN due TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE tasks ADD COLUMN changed_at_ms INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE tasks ADD COLUMN deleted_at_ms INTEGER",
        "ALTER TABLE tasks ADD COLUMN rev INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE tasks ADD COLUMN synced_rev INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE tasks ADD COLUMN remote_id TEXT",
        "ALTER TABLE tasks ADD COLUMN remote_place TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE tasks ADD COLUMN seen TEXT NOT NULL DEFAULT '{}'",
        "UPDATE tasks SET changed_at_ms = max(created_at_ms, coalesce(done_at_ms, 0))",
        "CREATE TABLE applied (job_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL)",
    ),
)
"""What leads from each version of the file to the next; the first is the table of Hark's first release, or none."""
_KEPT_MS = 30 * 86_400_000
_COLUMNS = "key, title, notes, due, done_at_ms, created_at_ms, changed_at_ms"


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the list; times are Unix times in ms."""

    key: str
    title: str
    notes: str
    due: Due | None
    done_at_ms: int | None
    created_at_ms: int
    changed_at_ms: int

    @property
    def is_done(self) -> bool:
        """Whether it is finished."""
        return self.done_at_ms is not None


class LocalTasks:
    """The list in `folder`/tasks.sqlite. Methods block for a moment: call them in a thread.

    They raise RetryableError where the file is held too long, PermanentError where it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tasks.sqlite"

    # --- the user's side ---

    def add(self, key: str, user_id: str, title: str, notes: str = "", due: Due | None = None) -> Task:
        """Put a task on the list, once however often `key` comes; returns the stored one."""
        now = _now_ms()
        with self._open() as database:
            database.execute(
                "INSERT INTO tasks (key, user_id, title, notes, due, created_at_ms, changed_at_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, user_id, title, notes, due_text(due) if due is not None else "", now, now),
            )
            return _task(database.execute(f"SELECT {_COLUMNS} FROM tasks WHERE key = ?", (key,)).fetchone())

    def change(self, job_id: str, user_id: str, key: str, changes: Mapping[str, Any]) -> Task:
        """Set some of a task's `title`, `notes`, `due` (text, "" for none) and `done`.

        Once however often `job_id` comes: a second run does not undo what was changed after the first. Raises
        NotFoundError where there is no such task.
        """
        with self._open() as database:
            first, before = self._begin(database, job_id, user_id, key)
            changed = {name: value for name, value in changes.items() if before[name] != value}
            if first and changed:
                _write(database, key, changed, _now_ms())
            return _task(database.execute(f"SELECT {_COLUMNS} FROM tasks WHERE key = ?", (key,)).fetchone())

    def delete(self, job_id: str, user_id: str, key: str) -> Task:
        """Take a task off the list; once however often `job_id` comes. Raises NotFoundError where there is none."""
        now = _now_ms()
        with self._open() as database:
            first, _ = self._begin(database, job_id, user_id, key)
            if first:
                database.execute(
                    "UPDATE tasks SET deleted_at_ms = ?, changed_at_ms = ?, rev = rev + 1 WHERE key = ?",
                    (now, now, key),
                )
            return _task(database.execute(f"SELECT {_COLUMNS} FROM tasks WHERE key = ?", (key,)).fetchone())

    def open_tasks(self, user_id: str) -> list[Task]:
        """What is still to be done, oldest first."""
        return [task for task in self.all_tasks(user_id) if not task.is_done]

    def all_tasks(self, user_id: str) -> list[Task]:
        """The whole list with what is done, oldest first."""
        with self._open() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM tasks WHERE user_id = ? AND deleted_at_ms IS NULL "
                "ORDER BY created_at_ms, rowid",
                (user_id,),
            ).fetchall()
        return [_task(row) for row in rows]

    # --- the side of whoever keeps a copy ---

    def to_merge(self, user_id: str, place: str) -> tuple[list[Here], frozenset[str]]:
        """The user's tasks, deleted ones too, as they stand to the copy at `place`, and the keys of others' tasks.

        What was agreed with another place counts for nothing here.
        """
        with self._open() as database:
            rows = database.execute(
                "SELECT key, title, notes, due, done_at_ms, deleted_at_ms, rev, remote_id, remote_place, seen "
                "FROM tasks WHERE user_id = ? ORDER BY created_at_ms, rowid",
                (user_id,),
            ).fetchall()
            others = database.execute("SELECT key FROM tasks WHERE user_id <> ?", (user_id,)).fetchall()
        here = []
        for key, title, notes, due, done_at, deleted_at, rev, remote_id, remote_place, seen in rows:
            values = {"title": title, "notes": notes, "due": due, "done": done_at is not None}
            known = remote_place == place
            agreed = json.loads(seen) if known else {}
            here.append(Here(key, rev, values, deleted_at is not None, remote_id if known else None, agreed))
        return here, frozenset(key for (key,) in others)

    def take(self, user_id: str, place: str, takes: Iterable[Take]) -> set[str]:
        """Put what came from the copy on the list; returns the keys of those left alone, changed meanwhile."""
        now = _now_ms()
        passed_over = set()
        with self._open() as database:
            for take in takes:
                if not self._is_as_read(database, user_id, take, now):
                    passed_over.add(take.key)
                    continue
                if take.deleted:
                    database.execute(
                        "UPDATE tasks SET deleted_at_ms = ?, changed_at_ms = ?, rev = rev + 1 WHERE key = ?",
                        (now, now, take.key),
                    )
                else:
                    database.execute("UPDATE tasks SET deleted_at_ms = NULL WHERE key = ?", (take.key,))
                    if take.values:
                        _write(database, take.key, take.values, now)
                self._agree(database, place, take.key, take.row, take.seen)
                if take.settled:
                    database.execute("UPDATE tasks SET synced_rev = rev WHERE key = ?", (take.key,))
        return passed_over

    def agree(self, place: str, key: str, rev: int | None, row: str | None, seen: Seen) -> None:
        """The copy has a task as it was at `rev` (None: nothing but its key went there), in its `row`."""
        with self._open() as database:
            self._agree(database, place, key, row, seen)
            if rev is not None:
                database.execute("UPDATE tasks SET synced_rev = ? WHERE key = ?", (rev, key))

    def forget(self, place: str, keys: Iterable[str]) -> None:
        """Deleted tasks that the copy has no more."""
        with self._open() as database:
            for key in keys:
                self._agree(database, place, key, None, {})
                database.execute("UPDATE tasks SET synced_rev = rev WHERE key = ?", (key,))

    # --- inside ---

    @staticmethod
    def _is_as_read(database: sqlite3.Connection, user_id: str, take: Take, now: int) -> bool:
        """Whether a task is still as it was when the two lists were merged; a new one is put there."""
        if take.rev is not None:
            read = database.execute("SELECT 1 FROM tasks WHERE key = ? AND rev = ?", (take.key, take.rev))
            return read.fetchone() is not None
        added = database.execute(
            "INSERT INTO tasks (key, user_id, title, created_at_ms, changed_at_ms, rev) VALUES (?, ?, ?, ?, ?, 0) "
            "ON CONFLICT (key) DO NOTHING",
            (take.key, user_id, take.values["title"], now, now),
        )
        return added.rowcount == 1

    @staticmethod
    def _agree(database: sqlite3.Connection, place: str, key: str, row: str | None, seen: Seen) -> None:
        database.execute(
            "UPDATE tasks SET remote_id = ?, remote_place = ?, seen = ? WHERE key = ?",
            (row, place, json.dumps(seen, ensure_ascii=False), key),
        )

    @staticmethod
    def _begin(database: sqlite3.Connection, job_id: str, user_id: str, key: str) -> tuple[bool, Values]:
        """Whether a job's change is still to be made, and the task's values before it."""
        row = database.execute(
            "SELECT title, notes, due, done_at_ms, deleted_at_ms FROM tasks WHERE key = ? AND user_id = ?",
            (key, user_id),
        ).fetchone()
        noted = database.execute(
            "INSERT INTO applied VALUES (?, ?) ON CONFLICT (job_id) DO NOTHING", (job_id, _now_ms())
        )
        first = noted.rowcount == 1
        if row is None or (first and row[4] is not None):
            raise NotFoundError(f"There is no task {key} on the list.", "It may have been deleted; look at the list.")
        return first, {"title": row[0], "notes": row[1], "due": row[2], "done": row[3] is not None}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database in one transaction, which nobody else writes during."""
        try:
            private_folder(self._path.parent)
            touch_private(self._path)  # SQLite's own files beside it get the same mode
            database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
            try:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("BEGIN IMMEDIATE")
                try:
                    self._migrate(database)
                    yield database
                except BaseException:
                    if database.in_transaction:  # a full disk has ended it already
                        database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
            finally:
                database.close()
        except sqlite3.Error as error:
            raise _explained(error, self._path) from error
        except OSError as error:
            raise PermanentError(
                f"The task list {self._path} cannot be used ({error.strerror}).", "Check HARK_DATA_DIR and its rights."
            ) from error

    def _migrate(self, database: sqlite3.Connection) -> None:
        """Bring the file to this version."""
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == len(_STEPS):
            return
        if version > len(_STEPS):
            raise PermanentError(f"The task list {self._path} was written by a newer Hark.", "Update Hark here, too.")
        for step in _STEPS[version:]:
            for statement in step:
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(_STEPS)}")

    def drop_old(self) -> None:
        """Forget jobs' changes after 30 days, and deleted tasks that no copy is still to be told of."""
        before = _now_ms() - _KEPT_MS
        with self._open() as database:
            database.execute(
                "DELETE FROM tasks WHERE deleted_at_ms < ? AND (remote_place = '' OR synced_rev = rev)", (before,)
            )
            database.execute("DELETE FROM applied WHERE at_ms < ?", (before,))


def _write(database: sqlite3.Connection, key: str, changed: Mapping[str, Any], now: int) -> None:
    """Set columns of a task; `done` becomes the time it was done."""
    for name in ("title", "notes", "due"):
        if name in changed:
            database.execute(f"UPDATE tasks SET {name} = ? WHERE key = ?", (changed[name], key))
    if "done" in changed:
        database.execute("UPDATE tasks SET done_at_ms = ? WHERE key = ?", (now if changed["done"] else None, key))
    database.execute("UPDATE tasks SET changed_at_ms = ?, rev = rev + 1 WHERE key = ?", (now, key))


def _task(row: tuple[Any, ...]) -> Task:
    key, title, notes, due, done_at_ms, created_at_ms, changed_at_ms = row
    return Task(key, title, notes, parse_due(due) if due else None, done_at_ms, created_at_ms, changed_at_ms)


def _explained(error: sqlite3.Error, path: Path) -> HarkError:
    if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error)):
        return RetryableError(f"The task list {path} is held by another program ({error}).")
    remedy = "Check that its folder can be written and its disk is not full."
    if not isinstance(error, sqlite3.OperationalError):
        remedy = "Move the file away; Hark begins a new one."
    return PermanentError(f"The task list {path} cannot be used ({error}).", remedy)


def _now_ms() -> int:
    return int(time.time() * 1000)
