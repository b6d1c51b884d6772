"""Searching jobs: `args.to:anna error:timeout older:1h report` as a predicate on a job's record.

Hides the small language. The window's search, `hark jobs --search` and the bulk actions on "all that match" use it.

A query is words with AND between them; quotes keep spaces together. A word is one of

    name:create-task   id:ab12   trace:ab12   state:failed   worker:host   signature:1f2e...
    error:timeout      text in the error                args:anna   text anywhere in the arguments
    args.to:anna       text in that argument; dots go deeper (args.event.title:lunch)
    older:2h newer:30m by the time the job was added;   units ms s m h d
    anything           text in id, name, arguments or error
    -word              not that

Letters' case does not matter.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import BadInputError
from engine.model import Job

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FIELDS = ("name", "id", "trace", "state", "worker", "signature", "error")
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make one for each job looked at
_Test = Callable[[Job, int], bool]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A parsed query; made by `parse_filter`."""

    query: str
    _tests: tuple[_Test, ...]

    @property
    def signature(self) -> str | None:
        """The signature that the query asks for and nothing else; its jobs need no search."""
        found = re.fullmatch(r"signature:(stalled|[0-9a-f]{12})", self.query.strip())
        return found[1] if found else None

    def matches(self, job: Job, now_ms: int) -> bool:
        """Whether a job is one of those asked for; `now_ms` is the Unix time that ages count back from."""
        return all(test(job, now_ms) for test in self._tests)


def parse_filter(query: str) -> JobFilter:
    """Read a query. Raises BadInputError that names the word it does not understand."""
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise BadInputError(f"The search {query!r} has a quote without its partner.", "Close it.") from error
    return JobFilter(query, tuple(_test(word) for word in words))


def _test(word: str) -> _Test:
    if word.startswith("-") and len(word) > 1:
        wanted = _test(word[1:])
        return lambda job, now_ms: not wanted(job, now_ms)
    key, colon, value = word.partition(":")
    text = value.casefold()
    if colon and key in ("older", "newer"):
        span_ms = _span_ms(word, value)
        if key == "older":
            return lambda job, now_ms: job.created_at_ms <= now_ms - span_ms
        return lambda job, now_ms: job.created_at_ms >= now_ms - span_ms
    if colon and key in _FIELDS:
        return lambda job, _: text in str(getattr(job, key) or "").casefold()
    if colon and key == "args":
        return lambda job, _: text in _as_text(job.arguments)
    if colon and key.startswith("args."):
        path = key.split(".")[1:]
        return lambda job, _: text in _as_text(_inside(job.arguments, path))
    if colon and re.fullmatch(r"[a-z_]+", key) and not value.startswith("//"):  # an address is a word
        known = ", ".join(f"{name}:" for name in (*_FIELDS, "args", "args.<name>", "older", "newer"))
        raise BadInputError(f"The search knows no {key!r}.", f"It knows {known}.")
    anything = word.casefold()
    return lambda job, _: (
        anything in job.id.casefold()
        or anything in job.name.casefold()
        or anything in (job.error or "").casefold()
        or anything in _as_text(job.arguments)
    )


def _span_ms(word: str, value: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15})(ms|s|m|h|d)", value)
    if found is None:
        raise BadInputError(f"{word!r} gives no time.", "Write it like older:2h; the units are ms, s, m, h and d.")
    return int(found[1]) * _UNITS_MS[found[2]]


def _inside(value: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return ""
    return value


def _as_text(value: Any) -> str:
    return (value if isinstance(value, str) else _encode(value)).casefold()
