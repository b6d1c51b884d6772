"""The Lua scripts in `lua/`: one transition a file, each with the prelude before it."""

from __future__ import annotations

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


def register_scripts(redis: Redis) -> dict[str, AsyncScript]:
    """Every script, ready to be called on `redis`; loaded by the server when first used, again after a restart."""
    folder = files("engine.store") / "lua"
    prelude = (folder / "_prelude.lua").read_text(encoding="utf-8")
    return {
        name: redis.register_script(_first_line(name) + prelude + (folder / f"{name}.lua").read_text(encoding="utf-8"))
        for name in NAMES
    }
