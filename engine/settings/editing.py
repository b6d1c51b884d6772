"""One setting changed: a value in the file, a secret in the keyring, or either taken away again.

A value is checked before anything is written. What an environment variable gives cannot be changed here. It all may
wait for a disk or a keyring, which may ask the person to unlock it: call it in a thread.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from engine.errors import BadInputError, SettingsError
from engine.schedules import in_zone
from engine.settings.declared import Settings
from engine.settings.fields import Kind, checked, declaration_of, kind_of
from engine.settings.file import remove_value, write_value
from engine.settings.loading import set_variable
from engine.settings.secrets import forget_secret, keep_secret, no_keyring
from engine.settings.sources import IN_KEYRING, holds_secret, is_secret, kept_in_keyring, variable_of
from engine.settings.talk_keys import require_talk_key
from engine.settings.views import locked_by


def change_setting(name: str, text: str) -> None:
    """Write a value into the file; "" means the default. Raises BadInputError or SettingsError where it cannot be."""
    info = _require_free(name)
    if holds_secret(name, info, text) and text:
        raise BadInputError(
            f"{name} is a secret and is not written into a file.", f"Give it by `hark settings secret {name}`."
        )
    if not text:
        reset_setting(name)
        return
    if kind_of(name, info) in (Kind.FILE, Kind.FOLDER):
        text = str(Path(text).expanduser())
    _require_usable(name, text, secret=is_secret(info))
    path = name.split(".")
    value: Any = text if is_secret(info) else checked(path, text).model_dump(mode="json")
    if not is_secret(info):
        for part in path:
            value = value[part]
    write_value(path, value)
    if is_secret(info):
        _list_in_keyring(name, False)


def reset_setting(name: str) -> None:
    """Take a value out of the file, or a secret out of the keyring: the default holds again."""
    info = _require_free(name)
    remove_value(name.split("."))
    if is_secret(info) and name in kept_in_keyring(Settings):
        # First: where the keyring does not answer, Hark does not wait for this secret any more.
        _list_in_keyring(name, False)
        if not no_keyring():
            forget_secret(name, variable_of(name, info))


def keep_setting_secret(name: str, secret: str) -> None:
    """Keep a secret in the keyring (the address of a Redis without a password: in the file).

    Raises BadInputError for a setting that is no secret or a secret that cannot be one, SettingsError where there
    is no keyring.
    """
    info = _require_free(name)
    secret = secret.strip()
    if not is_secret(info):
        raise BadInputError(f"{name} is not a secret.", f"Give it by `hark settings set {name} VALUE`.")
    if not secret:
        raise BadInputError("There is no secret.", f"To take one away, run `hark settings unset {name}`.")
    checked([name], secret)
    if not holds_secret(name, info, secret):
        change_setting(name, secret)
        return
    keep_secret(name, variable_of(name, info), secret)
    _list_in_keyring(name, True)
    remove_value([name])


def _require_usable(name: str, text: str, *, secret: bool) -> None:
    """What a start of Hark lets pass, since only some commands need it, is told to whoever writes it."""
    if name == "calendar_timezone":
        in_zone(0, text)
    elif name == "hotkey":
        require_talk_key(text)
    elif name.endswith("_url") and not secret and re.match(r"https?://[^/?#\s]", text) is None:
        raise BadInputError(f"{name}: It is not the address of a server.", "Write it like https://host.example/.")


def _require_free(name: str) -> FieldInfo:
    """The setting's declaration, where nothing stronger than the file gives it."""
    info = declaration_of(name)
    locked = locked_by(set_variable(name.split(".")[0]))
    if locked:
        raise SettingsError(f"{name} cannot be changed here.", locked)
    return info


def _list_in_keyring(name: str, there: bool) -> None:
    names = set(kept_in_keyring(Settings))
    wanted = names | {name} if there else names - {name}
    if wanted and wanted != names:
        write_value([IN_KEYRING], sorted(wanted))
    elif not wanted and names:
        remove_value([IN_KEYRING])
