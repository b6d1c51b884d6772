"""The Lua scripts in `lua/`: one transition a file, each with the prelude before it."""

from __future__ import annotations

import functools
import re
from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

NAMES = (
    "add",
    "take",
    "extend",
    "finish",
    "fail",
    "release",
    "recover",
    "tick",
    "retain",
    "fold",
    "set_paused",
    "set_concurrency",
    "cancel",
    "promote",
    "retry",
    "clean",
    "restore",
    "remove",
    "progress",
    "sample",
    "schedules",
    "write_schedule",
    "fire",
    "note_action",
    "pace",
    "hold",
    "answer",
    "remember",
    "outcome",
    "keep_answer",
)


_READING = ("sample", "schedules")
_GROWING = ("add", "fire")


def _first_line(name: str) -> str:
    """What a server whose memory is full or whose disk refuses writes is to do with a script.

    Only what adds jobs is refused while memory is full: jobs in hand must keep their leases and come to their ends,
    and cleaning is what makes room. (Without such a line the first command that may need memory is refused.)
    Scripts that only read go on whatever happens.
    """
    if name in _GROWING:
        return ""
    return "#!lua flags=no-writes\n" if name in _READING else "#!lua flags=allow-oom\n"


def _needed(prelude: str, script: str) -> str:
    """The parts of the prelude that a script uses, by name: making thirty functions it does not call costs 15 us.

    A part is a block of lines that begins with `local` (and the comment before it) up to the next such line.
    """
    parts = re.split(r"^(?=(?:--[^\n]*\n)*local )", prelude, flags=re.MULTILINE)
    wanted: list[str] = []
    text = script
    for part in reversed(parts):
        declared = re.match(r"(?:--[^\n]*\n)*local (?:function )?([\w, ]+)", part)
        names = re.findall(r"\w+", declared[1]) if declared else []
        if any(re.search(rf"\b{name}\b", text) for name in names):
            wanted.append(part)
            text += re.sub(r"--[^\n]*", "", part)
    return "".join(reversed(wanted))


_ALWAYS = """#!lua flags=allow-oom
return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
"""
"""One command that is run although Redis is full, such as a worker's sign of life."""
_REPLACE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""Put another text, for a time in ms, in place of one that is still there."""


def register_scripts(redis: Redis) -> dict[str, AsyncScript]:
    """Every script, ready to be called on `redis`; loaded by the server when first used, again after a restart."""
    return {name: redis.register_script(text) for name, text in _texts().items()}


@functools.cache
def _texts() -> dict[str, str]:
    folder = files("engine.store") / "lua"
    prelude = (folder / "_prelude.lua").read_text(encoding="utf-8")
    texts = {"always": _ALWAYS, "replace": _REPLACE}
    for name in NAMES:
        script = (folder / f"{name}.lua").read_text(encoding="utf-8")
        texts[name] = _first_line(name) + _needed(prelude, script) + script
    return texts
