"""Every setting, declared once: arguments over environment over keyring over TOML file over default.

`load_settings()` reads and checks them. `declared` is the one list of them, from which the settings page, `hark
settings` and `hark doctor` are made; `views` shows them with their sources and `editing` changes them.
`REDIS_*` and `OPENAI_*` keep their usual names in the environment; the rest is `HARK_*`.
"""

from __future__ import annotations

from engine.settings.declared import QueueOverride, Settings
from engine.settings.file import config_file
from engine.settings.loading import load_settings, settings_faults

__all__ = ["QueueOverride", "Settings", "config_file", "load_settings", "settings_faults"]
