"""Two copies of a task list, made one: what the list here takes, and what the copy there is told.

Plain data in, plain data out: no database, no network. Each field is merged by itself, by what both sides had when they
last agreed: the side that changed it wins. Where both did, the list here wins; where one side deleted a task and the
other changed it, the change wins. Each such conflict is told.

What was agreed on is a pair for each field, as it is written here and there: a copy may keep less than was sent, such
as a day in place of a moment, and that is no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]
"""A task's merged fields: `title`, `notes` and `due` as text ("" for none), `done` as a bool."""
Seen = Mapping[str, Sequence[Any]]
"""By field what was last agreed on: as it is here, as it is there. Empty before the first time."""
FIELDS = ("title", "notes", "due", "done")
LONGEST_TITLE = 1000


@dataclass(frozen=True, slots=True)
class Here:
    """A task of the list here. `row` is the copy's row that was made of it, `rev` counts its changes."""

    key: str
    rev: int
    values: Values
    deleted: bool
    row: str | None
    seen: Seen


@dataclass(frozen=True, slots=True)
class There:
    """A row of the copy. `key` may be empty, or another row's, where a person has made the row."""

    row: str
    key: str
    values: Values
    created: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """What the list here takes: `values` to set, or `deleted`. `rev` None: a new task.

    Not `settled` where something is still to be pushed.
    """

    key: str
    rev: int | None
    row: str | None
    values: Values
    seen: Seen
    deleted: bool = False
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Push:
    """What the copy is told of a task: `values` to set.

    `row` is given only for a row whose key is to be written. `rev` is the task's that these values are of.
    """

    key: str
    rev: int | None
    row: str | None
    values: Values
    seen: Seen
    is_new: bool = False

    def agreed(self, written: Values, created: bool) -> Seen:
        """What is agreed on once the copy has `written`.

        A row that was unexpectedly `created`, since it had gone meanwhile, has only what was sent.
        """
        sent = {name: (value, written[name]) for name, value in self.values.items()}
        return sent if created and not self.is_new else {**self.seen, **sent}


@dataclass(slots=True)
class Plan:
    """All that makes the two one."""

    takes: list[Take] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    drops: list[tuple[str, str]] = field(default_factory=list)
    """Keys and rows that the copy is to delete."""
    forgets: list[str] = field(default_factory=list)
    """Keys of tasks that are deleted on both sides."""
    conflicts: list[str] = field(default_factory=list)
    """Sentences."""


def merge_lists(here: Iterable[Here], there: Iterable[There], others: frozenset[str] = frozenset()) -> Plan:
    """What makes the list here and its copy one. `others` are keys of rows that are not this user's."""
    tasks = {task.key: task for task in here}
    rows = _rows_by_key(tasks.values(), there, others)
    plan = Plan()
    for key, task in tasks.items():
        row = rows.pop(key, None)
        if row is None:
            _gone_there(task, plan)
        elif task.deleted:
            _deleted_here(task, row, plan)
        else:
            _on_both_sides(task, row, plan)
    for key, row in rows.items():
        _new_there(key, row, plan)
    return plan


def _rows_by_key(tasks: Iterable[Here], there: Iterable[There], others: frozenset[str]) -> dict[str, There]:
    """Each row under the key that it has or ought to have: two rows never share one, as when a person copies a row."""
    known = {task.row: task.key for task in tasks if task.row}
    ordered = sorted(there, key=lambda row: (row.row not in known, row.created, row.row))
    found: dict[str, There] = {}
    for row in ordered:
        key = known.get(row.row) or row.key
        if key in others:
            continue
        if not key or key in found:
            key = f"airtable-{row.row}"
        found[key] = row
    return found


def _on_both_sides(task: Here, row: There, plan: Plan) -> None:
    taken: dict[str, Any] = {}
    pushed: dict[str, Any] = {}
    seen: dict[str, Sequence[Any]] = {}
    for name in FIELDS:
        ours, theirs = task.values[name], row.values[name]
        before = task.seen.get(name)
        changed_here = ours != before[0] if before else bool(ours)
        changed_there = theirs != before[1] if before else bool(theirs)
        if name == "title" and not theirs:
            changed_here, changed_there = True, False  # a task needs one
        if ours == theirs or not (changed_here or changed_there):
            seen[name] = (ours, theirs) if ours == theirs or before is None else tuple(before)
        elif not changed_here:
            taken[name] = _fit(name, theirs)
            seen[name] = (taken[name], theirs)
        else:
            pushed[name] = ours
            if before:
                seen[name] = tuple(before)
            if changed_there:
                plan.conflicts.append(
                    f"{_quoted(task.values['title'])}: {name} was changed on both sides. Kept: {_quoted(ours)}. "
                    f"Overwritten in the copy: {_quoted(theirs)}."
                )
    wants_key = row.key != task.key
    if taken or row.row != task.row or seen != {name: tuple(pair) for name, pair in task.seen.items()}:
        plan.takes.append(Take(task.key, task.rev, row.row, taken, seen, settled=not pushed))
    if pushed or wants_key:
        # Taking counts as a change of the task, too.
        rev = task.rev + bool(taken)
        plan.pushes.append(Push(task.key, rev, row.row if wants_key else None, pushed, seen))


def _new_there(key: str, row: There, plan: Plan) -> None:
    """A row that no task here is of. Empty rows and old finished ones are left alone."""
    if not row.values["title"] or row.values["done"]:
        return
    values = {name: _fit(name, row.values[name]) for name in FIELDS}
    seen = {name: (values[name], row.values[name]) for name in FIELDS}
    plan.takes.append(Take(key, None, row.row, values, seen))
    if row.key != key:
        plan.pushes.append(Push(key, None, row.row, {}, seen))


def _deleted_here(task: Here, row: There, plan: Plan) -> None:
    changed = {
        name: _fit(name, row.values[name])
        for name in FIELDS
        if name in task.seen and row.values[name] != task.seen[name][1]
    }
    if not changed or not (row.values["title"] or task.values["title"]):
        plan.drops.append((task.key, row.row))
        return
    if not changed.get("title", True):
        del changed["title"]
    plan.conflicts.append(
        f"{_quoted(task.values['title'])} was deleted here and changed in the copy. It is on the list again."
    )
    seen = {**task.seen, **{name: (changed[name], row.values[name]) for name in changed}}
    plan.takes.append(Take(task.key, task.rev, row.row, changed, seen))


def _gone_there(task: Here, plan: Plan) -> None:
    if task.deleted:
        plan.forgets.append(task.key)
        return
    changed = any(task.values[name] != task.seen[name][0] for name in task.seen)
    if task.row is not None and not changed:
        plan.takes.append(Take(task.key, task.rev, None, {}, {}, deleted=True))
        return
    if task.row is not None:
        plan.conflicts.append(
            f"{_quoted(task.values['title'])} was deleted in the copy and changed here. It is written there again."
        )
    plan.pushes.append(Push(task.key, task.rev, None, task.values, {}, is_new=True))


def _fit(name: str, value: Any) -> Any:
    """A value as the list here keeps it."""
    return value[:LONGEST_TITLE] if name == "title" else value


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return "done" if value else "not done"
    text = " ".join(value.split())
    return f"“{text if len(text) <= 80 else text[:79] + '…'}”" if text else "nothing"
