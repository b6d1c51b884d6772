"""Every setting, declared once: arguments over environment over keyring over TOML file over default.

`load_settings()` reads and checks them. `declared` is the one list of them, from which the settings page, `hark
settings` and `hark doctor` are made; `fields` tells what one is, `views` shows them with their sources and `editing`
changes them.
`REDIS_*` and `OPENAI_*` keep their usual names in the environment; the rest is `HARK_*`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.settings.file import config_file

if TYPE_CHECKING:
    from engine.settings.declared import QueueOverride, Settings
    from engine.settings.loading import load_settings, settings_faults

__all__ = ["QueueOverride", "Settings", "config_file", "load_settings", "settings_faults"]


def __getattr__(name: str) -> Any:
    """Import what needs pydantic when it is first asked for: a window wants to know its file before it needs that."""
    if name in ("QueueOverride", "Settings"):
        from engine.settings import declared

        return getattr(declared, name)
    if name in ("load_settings", "settings_faults"):
        from engine.settings import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
