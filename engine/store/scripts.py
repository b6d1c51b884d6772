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
    "promote",
    "retain",
    "set_paused",
    "retry",
    "clean",
    "remove",
    "progress",
    "sample",
)


def register_scripts(redis: Redis) -> dict[str, AsyncScript]:
    """Every script, ready to be called on `redis`; loaded by the server when first used, again after a restart."""
    folder = files("engine.store") / "lua"
    prelude = (folder / "_prelude.lua").read_text(encoding="utf-8")
    return {
        name: redis.register_script(prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")) for name in NAMES
    }
