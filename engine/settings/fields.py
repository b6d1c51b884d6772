"""What a setting is, by its declaration alone: its name, how it is written, what is allowed, a value of it checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from engine.errors import BadInputError, did_you_mean
from engine.queues import QUEUES
from engine.settings.declared import QueueOverride, Settings
from engine.settings.loading import plain_fault
from engine.settings.sources import IN_KEYRING, is_secret, variable_of

QUEUES_NAME = "queues"
_UNITS = {"_ms": "ms", "_s": "s", "_min": "min", "_minutes": "min", "_days": "days", "_percent": "%", "_kb": "kB"}


class Kind(StrEnum):
    """How a value is written."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    """ "on" or "off"."""
    CHOICE = "choice"
    FILE = "file"
    FOLDER = "folder"
    LIST = "list"
    """Parted by commas."""
    SECRET = "secret"


class _Alone(Settings):
    """The declaration without the world: only what is given, so that one value can be checked by itself."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def declaration_of(name: str) -> FieldInfo:
    """How a setting is declared. Raises BadInputError where there is none of this name."""
    path = name.split(".")
    if len(path) == 3 and path[0] == QUEUES_NAME and path[1] in QUEUES and path[2] in QueueOverride.model_fields:
        return QueueOverride.model_fields[path[2]]
    if name in Settings.model_fields and name not in (QUEUES_NAME, IN_KEYRING):
        return Settings.model_fields[name]
    guess = did_you_mean(name, _names())
    raise BadInputError(f"There is no setting named {name[:100]!r}.", f"{guess}See them all by `hark settings`.")


def _names() -> list[str]:
    """What settings are called, those of single queues, too."""
    of_queues = [f"{QUEUES_NAME}.{queue}.{field}" for queue in QUEUES for field in QueueOverride.model_fields]
    return [*(name for name in Settings.model_fields if name not in (QUEUES_NAME, IN_KEYRING)), *of_queues]


def name_of(given: str) -> str:
    """The name of the setting that somebody calls by its environment variable or its name."""
    fields = Settings.model_fields.items()
    return next((name for name, info in fields if variable_of(name, info) == given.upper()), given)


def checked(path: list[str], raw: Any) -> Settings:
    """Settings in which the value at `path` is the only one given. Raises BadInputError where it is not allowed."""
    for part in reversed(path[1:]):
        raw = {part: raw}
    try:
        return _Alone(**{path[0]: raw})
    except ValidationError as error:
        fault = plain_fault(error.errors(include_input=False, include_url=False)[0])
        raise BadInputError(f"{'.'.join(path)}: {fault}.") from None


def secret_names() -> tuple[str, ...]:
    """The settings that are secrets."""
    return tuple(name for name, info in Settings.model_fields.items() if is_secret(info))


def _kinds(info: FieldInfo) -> tuple[Any, ...]:
    """The types of a field, without None."""
    annotation: Any = info.annotation
    if get_origin(annotation) in (Literal, tuple):
        return (annotation,)
    return tuple(part for part in get_args(annotation) or (annotation,) if part is not type(None))


def choices_of(info: FieldInfo) -> tuple[str, ...]:
    """The values that a setting can have, where they are few."""
    return tuple(str(choice) for part in _kinds(info) if get_origin(part) is Literal for choice in get_args(part))


def kind_of(name: str, info: FieldInfo) -> Kind:
    """How the value of a setting is written."""
    kinds = _kinds(info)
    if is_secret(info):
        return Kind.SECRET
    if choices_of(info):
        return Kind.CHOICE
    if bool in kinds:
        return Kind.SWITCH
    if int in kinds or float in kinds:
        return Kind.NUMBER
    if Path in kinds:
        return Kind.FOLDER if name.endswith("_dir") else Kind.FILE
    return Kind.LIST if any(get_origin(part) is tuple for part in kinds) else Kind.TEXT


def range_of(info: FieldInfo) -> str:
    """What is allowed, in words; "" where anything is."""
    low = high = ""
    for limit in info.metadata:
        match limit:
            case annotated_types.Ge(ge=bound):
                low = f"{bound:,}"
            case annotated_types.Gt(gt=bound):
                low = f"more than {bound:,}"
            case annotated_types.Le(le=bound) | annotated_types.Lt(lt=bound):
                high = f"{bound:,}"
            case annotated_types.MaxLen(max_length=most):
                return f"at most {most} characters"
            case _:
                continue
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"at most {high}" if high else ""


def unit_of(name: str) -> str:
    """The unit that a setting's name ends with; "" for none."""
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
