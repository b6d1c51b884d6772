"""Where values come from besides arguments and the environment: the keyring and the TOML file.

The file names in `in_keyring` whose secrets the keyring has, so that a machine without a keyring, or with a locked
one, is asked for nothing that it does not have.
"""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from engine.errors import SettingsError
from engine.settings.file import config_file, read_file
from engine.settings.secrets import read_secret

IN_KEYRING = "in_keyring"


def variable_of(name: str, info: FieldInfo) -> str:
    """The environment variable of a setting."""
    return str(info.validation_alias) if info.validation_alias else f"HARK_{name.upper()}"


def is_secret(info: FieldInfo) -> bool:
    """Whether the setting's value is never shown and never written into the file."""
    return SecretStr in (info.annotation, *get_args(info.annotation))


def holds_secret(name: str, info: FieldInfo, value: object) -> bool:
    """Whether `value` must not be in the file: a secret, but not the address of a Redis without a password."""
    if not is_secret(info) or name != "redis_url":
        return is_secret(info)
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return True
    return parts.password is not None or "password" in parse_qs(parts.query)


class FileSource(PydanticBaseSettingsSource):
    """The TOML file. Raises SettingsError for one that cannot be read or that holds a secret."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the file is taken whole."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        values = read_file()
        for name, info in self.settings_cls.model_fields.items():
            if name in values and holds_secret(name, info, values[name]):
                raise SettingsError(
                    f"{config_file()}: {name}: a secret must not be in this file.",
                    f"Take the line out; give the secret by `hark settings secret {name}` or by "
                    f"the environment variable {variable_of(name, info)}.",
                )
        return values


class KeyringSource(PydanticBaseSettingsSource):
    """Those secrets that the file says are in the keyring, and that nothing before it gives."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: only what is named is asked for."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in kept_in_keyring(self.settings_cls):
            info = self.settings_cls.model_fields[name]
            variable = variable_of(name, info)
            if {name, variable} & self.current_state.keys():
                continue
            secret = read_secret(name, variable)
            if secret is None:
                raise SettingsError(
                    f"The keyring has no {name} any more.",
                    f"Give it again by `hark settings secret {name}`, or run `hark settings unset {name}`.",
                )
            found[name] = SecretStr(secret)
        return found


def kept_in_keyring(settings_class: type[BaseSettings]) -> list[str]:
    """The names of the secrets that the file says are in the keyring. Raises SettingsError."""
    listed = read_file().get(IN_KEYRING, [])
    if not isinstance(listed, list):
        return []  # the declaration says what is wrong with it
    fields = settings_class.model_fields
    return [name for name in listed if name in fields and is_secret(fields[name])]
