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
from typing import Any

from pydantic.fields import FieldInfo

from engine.errors import BadInputError
from engine.queues import QUEUES
from engine.schedules import interval_text
from engine.settings.declared import GROUPS, QueueOverride, Settings
from engine.settings.fields import QUEUES_NAME, Kind, checked, choices_of, declaration_of, kind_of, range_of, unit_of
from engine.settings.file import config_file, read_file
from engine.settings.loading import set_variable
from engine.settings.secrets import no_keyring
from engine.settings.sources import IN_KEYRING, holds_secret, is_secret, kept_in_keyring, variable_of
from engine.settings.talk_keys import words_of

_EFFECTS = {
    "restart": "Takes effect when Hark or its worker restarts.",
    "api": "Takes effect when `hark api` restarts.",
}


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
    """The value as it is easier to read, such as "30s" or "Ctrl+Space"; "" where it needs that not."""
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
    unit = unit_of(name)
    short = unit == "ms" and value.isdecimal() and int(value) >= 1000
    return SettingView(
        name=name,
        title=info.title or name,
        description=info.description or "",
        group=group or str(extra.get("group", "Other")),
        kind=kind_of(name, info),
        unit=unit,
        range=range_of(info),
        choices=choices_of(info),
        default=default,
        value=value,
        meaning=words_of(value) if name == "hotkey" else interval_text(int(value)) if short else "",
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
