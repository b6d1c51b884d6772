"""docs/settings.md, made from the declaration of the settings: `python -m tests.settings_reference` writes it anew."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from engine.settings.declared import Settings
from engine.settings.fields import QUEUES_NAME
from engine.settings.sources import variable_of
from engine.settings.views import SettingView, setting_views

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = """# Settings

Each can be given by its environment variable, by its name in `settings.toml` in your configuration folder, on the
Settings page, or by `hark settings set NAME VALUE`; the environment wins. Secrets are kept in the system's keyring
(`hark settings secret NAME`) or given by the environment, never in the file. Without a keyring only the environment
is left for them. `hark settings` shows what is set and from where; `hark settings test` tries the services out.
"""
_TABLE = """| variable | name | meaning | allowed | default |
| --- | --- | --- | --- | --- |
"""
_QUEUES = """## Queues

In the file a table for each queue, such as `[queues.synthesis]`; on the command line `queues.synthesis.attempts`; in
the environment all of it as JSON: `HARK_QUEUES={"synthesis": {"attempts": 5}}`.

| name | meaning | allowed |
| --- | --- | --- |
"""
_KEYRING = """
`in_keyring` (`HARK_IN_KEYRING`) is a list that Hark writes into the file by itself: the secrets that the keyring has.
"""


def reference() -> str:
    """The whole text; the same on every machine."""
    views = [view for view in setting_views() if not view.name.startswith(f"{QUEUES_NAME}.")]
    parts = [_HEAD]
    for group, members in groupby(views, lambda view: view.group):
        parts.append(
            f"## {group}\n\n| variable | name | meaning | allowed | default |\n| --- | --- | --- | --- | --- |"
        )
        parts[-1] += "".join(f"\n{_row(view)}" for view in members) + "\n"
    queues = [view for view in setting_views() if view.name.startswith(f"{QUEUES_NAME}.synthesis.")]
    of_one = "".join(
        f"| `{view.name.rpartition('.')[2]}` | {view.description} | {_allowed(view)} |\n" for view in queues
    )
    return "\n".join([*parts, _QUEUES + of_one + _KEYRING])


def _row(view: SettingView) -> str:
    info = Settings.model_fields[view.name]
    default = f"`{view.default}`" if view.default else ""
    if view.name == "data_dir":
        default = "in your data folder"
    meaning = f"{view.title}: {view.description}".replace("|", "\\|").replace("<", "&lt;")
    return f"| `{variable_of(view.name, info)}` | `{view.name}` | {meaning} | {_allowed(view)} | {default} |"


def _allowed(view: SettingView) -> str:
    words = ", ".join(view.choices) or view.range or view.kind.value
    return f"{words} {view.unit}".strip()


if __name__ == "__main__":
    FILE.write_text(reference())
