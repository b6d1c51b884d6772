"""The TOML settings file: where it lies, what it holds, and one value of it changed without harm to the rest.

Hides tomlkit, which keeps comments and order, and the writing by rename, so that no reader sees half a file. Only
its owner can read it. No secret is ever written here; `sources` refuses one that somebody else put in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from engine.errors import SettingsError
from engine.private_files import private_folder, write_private

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Value = bool | int | float | str | list[str]


def config_file() -> Path:
    """The TOML settings file in the user's configuration folder; it need not exist."""
    return platformdirs.user_config_path("hark", appauthor=False) / "settings.toml"


def read_file() -> dict[str, Any]:
    """What the file holds; nothing where there is none. Raises SettingsError where it cannot be read."""
    try:
        return tomllib.loads(config_file().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise explain_file(error) from error


def explain_file(error: tomllib.TOMLDecodeError | OSError | UnicodeDecodeError) -> SettingsError:
    """What it means that the file cannot be read."""
    remedy = "Correct it or move it away."
    if isinstance(error, tomllib.TOMLDecodeError):
        return SettingsError(f"{config_file()} is not valid TOML: {error}.", remedy)
    return SettingsError(f"{config_file()} cannot be read: {error}.", remedy)


def write_value(path: Sequence[str], value: Value) -> None:
    """Give the value at `path`, such as ["queues", "synthesis", "attempts"]. Raises SettingsError."""

    def change(document: TOMLDocument) -> None:
        table: Any = document
        for part in path[:-1]:
            table = table.setdefault(part, {})
        table[path[-1]] = value

    _rewrite(change)


def remove_value(path: Sequence[str]) -> None:
    """Take the value at `path` out, and tables that are empty then; nothing where it is not there."""

    def change(document: TOMLDocument) -> None:
        tables: list[Any] = [document]
        for part in path[:-1]:
            if part not in tables[-1]:
                return
            tables.append(tables[-1][part])
        tables[-1].pop(path[-1], None)
        for table, part in zip(reversed(tables[:-1]), reversed(path[:-1]), strict=True):
            if not table[part]:
                del table[part]

    if read_file():
        _rewrite(change)


def _rewrite(change: Callable[[TOMLDocument], None]) -> None:
    import tomlkit

    read_file()  # what is not valid is told, not overwritten
    # A link into somebody's folder of configurations stays one.
    target = config_file().resolve()
    try:
        private_folder(target.parent)
        document = tomlkit.parse(target.read_text("utf-8") if target.exists() else "")
        change(document)
        write_private(target, tomlkit.dumps(document).encode())
    except OSError as error:
        raise SettingsError(
            f"{target} cannot be written: {error.strerror or error}.", "Give yourself the right to write there."
        ) from error
