"""The settings read and checked; what is wrong with them, named with its source.

Hides pydantic's errors. No message repeats a value: it might be a secret.
"""

from __future__ import annotations

import os
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as SourceError

from engine.errors import SettingsError
from engine.queues import QUEUES, known_queues
from engine.settings.declared import Settings
from engine.settings.file import config_file
from engine.settings.sources import variable_of

_FAULTS = {
    "bool_parsing": "It must be on or off",
    "bool_type": "It must be on or off",
    "int_parsing": "It must be a whole number",
    "int_from_float": "It must be a whole number",
    "int_type": "It must be a whole number",
    "float_parsing": "It must be a number",
    "float_type": "It must be a number",
    "greater_than_equal": "It must be {ge} or more",
    "greater_than": "It must be more than {gt}",
    "less_than_equal": "It must be {le} or less",
    "literal_error": "It must be {expected}",
    "string_too_long": "It may have {max_length} characters at most",
    "string_too_short": "It must not be empty",
    "string_type": "It must be text",
    "extra_forbidden": "There is no setting of this name",
}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` win over everything. Raises SettingsError."""
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise explain_validation(error, overrides)[0] from error
    except SourceError as error:
        # The only setting that the environment gives as JSON.
        raise SettingsError(
            "environment variable HARK_QUEUES: it is not a JSON object.",
            'Write it like {"transcription": {"concurrency": 5}}, or remove it.',
        ) from error
    unknown = sorted(set(settings.queues) - set(QUEUES))
    if unknown:
        source = _source(["queues", unknown[0]], overrides)
        raise SettingsError(f"{source}: it is not a queue.", known_queues(unknown[0]))
    return settings


def settings_faults() -> list[SettingsError]:
    """Everything that is wrong with the settings, an error for each value; empty where they are valid."""
    try:
        load_settings()
    except SettingsError as error:
        if isinstance(error.__cause__, ValidationError):
            return explain_validation(error.__cause__, {})
        return [error]
    return []


def set_variable(name: str) -> str | None:
    """The environment variable that gives the setting `name`, as it is written there; None where none does."""
    info = Settings.model_fields.get(name)
    wanted = variable_of(name, info) if info is not None else f"HARK_{name.upper()}"
    return next((variable for variable, value in os.environ.items() if variable.upper() == wanted and value), None)


def explain_validation(error: ValidationError, overrides: dict[str, Any]) -> list[SettingsError]:
    """An error for each value that is wrong."""
    return [SettingsError(*_explain(detail, overrides)) for detail in _details(error)]


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_input=False, include_url=False)


def _explain(detail: ErrorDetails, overrides: dict[str, Any]) -> tuple[str, str]:
    top, *inner = (str(part) for part in detail["loc"])
    field = next((name for name, info in Settings.model_fields.items() if info.validation_alias == top), top)
    field = field.lower().removeprefix("hark_") if field not in Settings.model_fields else field
    return f"{_source([field, *inner], overrides)}: {plain_fault(detail)}.", "Correct or remove it."


def plain_fault(detail: ErrorDetails) -> str:
    """What is wrong with a value, in plain words and without a full stop; pydantic's are made for programmers."""
    limits = {
        name: f"{int(limit) if limit == int(limit) else limit:,}"
        for name, limit in detail.get("ctx", {}).items()
        if isinstance(limit, (int, float))
    }
    words = _FAULTS.get(detail["type"])
    return words.format(**detail.get("ctx", {}) | limits) if words else detail["msg"].removeprefix("Value error, ")


def _source(path: list[str], overrides: dict[str, Any]) -> str:
    """Name where the value at `path` (a field and what is inside it) comes from."""
    field, *inner = path
    if field in overrides:
        return f"argument {'.'.join(path)}"
    variable = set_variable(field)
    if variable is None:
        return f"{config_file()}: {'.'.join(path)}"
    return f"environment variable {'.'.join([variable, *inner])}"
