"""The settings as somebody sees them: each with its meaning, range and source, and whether it can be changed here.

Made from the declaration alone, so that a new setting is on the settings page and in `hark settings` by itself. A
value of one queue is a setting, too, named like `queues.synthesis.attempts`. No secret is ever read for a view.
It may wait for a disk or a keyring: call it in a thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from engine.errors import BadInputError, did_you_mean
from engine.queues import QUEUES
from engine.schedules import interval_text
from engine.settings.declared import GROUPS, QueueOverride, Settings
from engine.settings.file import config_file, read_file
from engine.settings.loading import plain_fault, set_variable
from engine.settings.secrets import no_keyring
from engine.settings.sources import IN_KEYRING, holds_secret, is_secret, kept_in_keyring, variable_of

QUEUES_NAME = "queues"
_UNITS = {"_ms": "ms", "_s": "s", "_min": "min", "_minutes": "min", "_days": "days", "_percent": "%", "_kb": "kB"}
_EFFECTS = {
    "restart": "Takes effect when Hark or its worker restarts.",
    "api": "Takes effect when `hark api` restarts.",
}


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


class Origin(StrEnum):
    """What gives a value, the strongest first."""

    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingView:
    """One setting. `value` and `default` are text as it is written, "" for none; a secret's are always ""."""

    name: str
    title: str
    description: str
    group: str
    kind: Kind
    unit: str
    range: str
    """What is allowed, in words; "" where anything is."""
    choices: tuple[str, ...]
    default: str
    value: str
    meaning: str
    """The value in a unit that is easier to read, such as "30s"; "" where it needs none."""
    origin: Origin
    source: str
    """The origin in words, such as "environment variable REDIS_URL"."""
    locked: str
    """Why it cannot be changed here; "" where it can."""
    fault: str
    """What is wrong with the value; "" where nothing is."""
    effect: str
    """When a change takes effect, in words."""
    in_api: bool
    """Whether it matters to `hark api` alone."""

    @property
    def is_set(self) -> bool:
        """Whether anything but the default gives the value."""
        return self.origin is not Origin.DEFAULT


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


def setting_views() -> tuple[SettingView, ...]:
    """All settings in the order of their groups. Raises SettingsError where the file cannot be read."""
    file, kept, keyring_fault = read_file(), kept_in_keyring(Settings), no_keyring()
    plain = [
        _view(name, info, file, kept, keyring_fault)
        for name, info in Settings.model_fields.items()
        if name not in (QUEUES_NAME, IN_KEYRING)
    ]
    order = {group: place for place, group in enumerate(GROUPS)}
    views = [*plain, *_queue_views(file)]
    return tuple(sorted(views, key=lambda view: order.get(view.group, len(order))))


def setting_view(name: str) -> SettingView:
    """One of them. Raises BadInputError where there is none of this name."""
    declaration_of(name)
    return next(view for view in setting_views() if view.name == name)


def secret_names() -> tuple[str, ...]:
    """The settings that are secrets."""
    return tuple(name for name, info in Settings.model_fields.items() if is_secret(info))


# --- views ---


def _view(
    name: str, info: FieldInfo, file: dict[str, Any], kept: list[str], keyring_fault: str, group: str = ""
) -> SettingView:
    variable = set_variable(name)
    raw: Any = None
    if variable is not None:
        origin, source, raw = Origin.ENVIRONMENT, f"environment variable {variable}", os.environ[variable]
    elif name in kept:
        origin, source = Origin.KEYRING, "keyring"
    elif name in file:
        origin, source, raw = Origin.FILE, config_file().name, file[name]
    else:
        origin, source = Origin.DEFAULT, "default"
    locked = locked_by(variable)
    fault = ""
    if is_secret(info):
        if origin is Origin.FILE and holds_secret(name, info, raw):
            fault = "A secret must not be in the file: replace it here, or remove it."
        if keyring_fault and not locked and name != "redis_url":
            locked = f"No keyring here: set the environment variable {variable_of(name, info)} instead."
    default = text_of(info.get_default(call_default_factory=True))
    value = default if raw is None else _shown(raw)
    if raw is not None and not is_secret(info):
        try:
            value = text_of(getattr(checked([name], raw), name))
        except BadInputError as error:
            fault = error.message
    if is_secret(info):
        value = default = ""
    return _described(name, info, group, default, value, origin, source, locked, fault)


def _queue_views(file: dict[str, Any]) -> Iterator[SettingView]:
    variable = set_variable(QUEUES_NAME)
    tables = file.get(QUEUES_NAME, {})
    try:
        given = json.loads(os.environ[variable]) if variable is not None else {}
    except ValueError:
        given = {}  # the view of the settings as a whole tells of it
    for queue, spec in QUEUES.items():
        for field, info in QueueOverride.model_fields.items():
            default = text_of(getattr(spec, field))
            origin, source, raw, fault = Origin.DEFAULT, "default", None, ""
            for where, values in ((Origin.ENVIRONMENT, given), (Origin.FILE, tables)):
                table = values.get(queue) if isinstance(values, dict) else None
                if isinstance(table, dict) and table.get(field) is not None:
                    origin, raw = where, table[field]
                    source = f"environment variable {variable}" if where is Origin.ENVIRONMENT else config_file().name
                    break
            if raw is not None:
                try:
                    checked([QUEUES_NAME, queue, field], raw)
                except BadInputError as error:
                    fault = error.message
            value = default if raw is None else _shown(raw)
            yield _described(
                f"{QUEUES_NAME}.{queue}.{field}",
                info,
                "Queues",
                default,
                value,
                origin,
                source,
                locked_by(variable),
                fault,
            )


def _described(
    name: str,
    info: FieldInfo,
    group: str,
    default: str,
    value: str,
    origin: Origin,
    source: str,
    locked: str,
    fault: str,
) -> SettingView:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    effect = str(extra.get("effect", "restart"))
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    short = unit == "ms" and value.isdecimal() and int(value) >= 1000
    return SettingView(
        name=name,
        title=info.title or name,
        description=info.description or "",
        group=group or str(extra.get("group", "Other")),
        kind=kind_of(name, info),
        unit=unit,
        range=_range(info),
        choices=_choices(info),
        default=default,
        value=value,
        meaning=interval_text(int(value)) if short else "",
        origin=origin,
        source=source,
        locked=locked,
        fault=fault,
        effect=_EFFECTS[effect],
        in_api=effect == "api",
    )


def text_of(value: object) -> str:
    """A value as it is written: on and off, lists with commas, "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (tuple, list)):
        return ", ".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(raw: object) -> str:
    return text_of(raw) if not isinstance(raw, dict) else ""


def locked_by(variable: str | None) -> str:
    """Why a value that this environment variable gives cannot be changed here; "" where none gives it."""
    if variable is None:
        return ""
    return f"The environment variable {variable} decides: change or remove it where Hark is started."


# --- what a field is ---


def _kinds(info: FieldInfo) -> tuple[Any, ...]:
    """The types of a field, without None."""
    annotation: Any = info.annotation
    if get_origin(annotation) in (Literal, tuple):
        return (annotation,)
    return tuple(part for part in get_args(annotation) or (annotation,) if part is not type(None))


def _choices(info: FieldInfo) -> tuple[str, ...]:
    return tuple(str(choice) for part in _kinds(info) if get_origin(part) is Literal for choice in get_args(part))


def kind_of(name: str, info: FieldInfo) -> Kind:
    """How the value of a setting is written."""
    kinds = _kinds(info)
    if is_secret(info):
        return Kind.SECRET
    if _choices(info):
        return Kind.CHOICE
    if bool in kinds:
        return Kind.SWITCH
    if int in kinds or float in kinds:
        return Kind.NUMBER
    if Path in kinds:
        return Kind.FOLDER if name.endswith("_dir") else Kind.FILE
    return Kind.LIST if any(get_origin(part) is tuple for part in kinds) else Kind.TEXT


def _range(info: FieldInfo) -> str:
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


# --- checking ---


def declaration_of(name: str) -> FieldInfo:
    """How a setting is declared. Raises BadInputError where there is none of this name."""
    path = name.split(".")
    if len(path) == 3 and path[0] == QUEUES_NAME and path[1] in QUEUES and path[2] in QueueOverride.model_fields:
        return QueueOverride.model_fields[path[2]]
    if name in Settings.model_fields and name not in (QUEUES_NAME, IN_KEYRING):
        return Settings.model_fields[name]
    guess = did_you_mean(name, [*Settings.model_fields, *_queue_names()])
    raise BadInputError(f"There is no setting named {name[:100]!r}.", f"{guess}See them all by `hark settings`.")


def _queue_names() -> list[str]:
    """What the settings of single queues are called."""
    return [f"{QUEUES_NAME}.{queue}.{field}" for queue in QUEUES for field in QueueOverride.model_fields]


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
