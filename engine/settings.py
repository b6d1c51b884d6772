"""Every setting, declared once: environment over TOML file over default.

Hides pydantic-settings and turns its errors into a SettingsError that names the value's source.
`REDIS_*` and `OPENAI_*` keep their usual names; the rest is `HARK_*`.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import platformdirs
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SourceError

from engine.errors import SettingsError
from engine.queues import QUEUES, QueueSpec


class QueueOverride(BaseModel, extra="forbid"):
    """What a settings file may change of one queue; see `queues.QueueSpec` for the meanings."""

    concurrency: int | None = Field(None, ge=1, le=1000)
    timeout_ms: int | None = Field(None, ge=100)
    attempts: int | None = Field(None, ge=1, le=100)
    backoff: Literal["exponential", "fixed"] | None = None
    backoff_ms: int | None = Field(None, ge=0)
    keep_completed_ms: int | None = Field(None, ge=0)
    keep_completed_count: int | None = Field(None, ge=0)
    keep_failed_ms: int | None = Field(None, ge=0)
    keep_failed_count: int | None = Field(None, ge=0)


def config_file() -> Path:
    """The TOML settings file in the user's configuration folder; it need not exist."""
    return platformdirs.user_config_path("hark", appauthor=False) / "settings.toml"


class Settings(BaseSettings):
    """Hark's settings. Build it with `load_settings`, which explains what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix="HARK_",
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        frozen=True,
    )

    redis_url: SecretStr | None = Field(
        None,
        description="Address of the Redis to use: redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://",
        validation_alias="REDIS_URL",
    )
    redis_host: str | None = Field(
        None, description="Host of the Redis to use, where there is no REDIS_URL", validation_alias="REDIS_HOST"
    )
    redis_port: int = Field(6379, ge=1, le=65535, description="Port of that Redis", validation_alias="REDIS_PORT")
    redis_username: str | None = Field(
        None, description="User of that Redis, where it is not the default one", validation_alias="REDIS_USERNAME"
    )
    redis_password: SecretStr | None = Field(
        None, description="Password of that Redis", validation_alias="REDIS_PASSWORD"
    )
    redis_tls: bool = Field(False, description="Speak TLS to that Redis", validation_alias="REDIS_TLS")
    redis_ca_file: Path | None = Field(
        None, description="Certificate (PEM) of the authority that signed Redis's, where the system does not know it"
    )
    redis_cert_file: Path | None = Field(None, description="Hark's own certificate (PEM), where Redis asks for one")
    redis_key_file: Path | None = Field(None, description="Key of that certificate (PEM)")
    openai_api_key: SecretStr | None = Field(
        None, description="Key of the OpenAI API or a compatible server", validation_alias="OPENAI_API_KEY"
    )
    openai_base_url: str | None = Field(
        None, description="Address of a compatible server, ending in /v1", validation_alias="OPENAI_BASE_URL"
    )
    transcription_model: str = Field("gpt-transcribe")
    chat_model: str = Field("gpt-6-luna")
    speech_model: str = Field("gpt-realtime-2.1-mini")
    voice: str | None = Field(None, description="Voice of spoken answers; the provider's own default otherwise")
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("hark", appauthor=False),
        description="Folder of Hark's own Redis, recordings and local tasks",
    )
    lease_ms: int = Field(30_000, ge=500, description="How long a worker holds a job without a sign of life")
    drain_ms: int = Field(30_000, ge=0, description="How long a stopping worker waits for its jobs")
    max_stalled: int = Field(1, ge=0, description="How often a job may lose its worker before it fails")
    production: bool = Field(
        False, description="The Redis is production: operators only look, until they unlock it with a reason"
    )
    production_name: str = Field("", max_length=40, description="What that connection is called, such as orders")
    production_unlock_minutes: float = Field(
        15, gt=0, le=480, description="How long an unlocking lasts where nobody says, in minutes"
    )
    hotkey: str = Field(
        "<f9>", description="Push-to-talk key while another program has the keyboard, such as <ctrl>+<space>"
    )
    api_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the HTTP API listens on; 0.0.0.0 for every network"
    )
    api_port: int = Field(3210, ge=0, le=65535, description="Port of the HTTP API; 0 for any free one")
    api_token: SecretStr | None = Field(
        None, description="Admin token of the HTTP API; without one its admin calls are off"
    )
    api_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Names, parted by commas, by which the HTTP API may be called besides loopback ones"
    )
    smtp_host: str | None = Field(None, description="Mail server that Hark sends through; without one it sends no mail")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of that server: 587 for STARTTLS, 465 for TLS")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How that connection is encrypted; none only to this machine"
    )
    smtp_user: str | None = Field(None, description="User of that server, often the whole address")
    smtp_password: SecretStr | None = Field(None, description="Password of that server; often an app password")
    mail_from: str | None = Field(
        None, description="Your address, such as Ada <ada@example.org>; the user of the mail server where it is one"
    )
    imap_host: str | None = Field(None, description="Mail server whose inbox Hark reads; without one it reads no mail")
    imap_port: int = Field(993, ge=1, le=65535, description="Port of that server: 993 for TLS, 143 for STARTTLS")
    imap_security: Literal["starttls", "tls", "none"] = Field(
        "tls", description="How that connection is encrypted; none only to this machine"
    )
    imap_user: str | None = Field(None, description="User of that server; the one for sending where not set")
    imap_password: SecretStr | None = Field(
        None, description="Password of that server; the one for sending where not set"
    )
    mail_command_senders: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses, parted by commas, whose mail is taken as commands; a sender can be forged"
    )
    mail_allow_plain: bool = Field(False, description="Let mail and passwords go unencrypted to other machines, too")
    mail_timeout_s: float = Field(30, ge=0.1, le=100, description="How long a mail server may be silent, in seconds")
    alert_no_worker_s: int = Field(
        30,
        ge=0,
        le=3600,
        description="Seconds that a queue's waiting jobs may be without a worker before an alert; 0: no alert",
    )
    alert_oldest_min: int = Field(
        15, ge=0, le=10_080, description="Minutes that a job may wait before an alert; 0: no alert"
    )
    alert_failure_percent: int = Field(
        20,
        ge=0,
        le=100,
        description="Percent of a queue's jobs of the last 5 minutes (20 or more) that may fail before an alert; "
        "0: no alert",
    )
    alert_job_failed_min: int = Field(
        10, ge=0, le=60, description="Minutes that an alert of a job that failed for good stays open; 0: no alert"
    )
    alert_redis_gone_s: int = Field(
        10, ge=0, le=3600, description="Seconds that Redis may not answer before an alert; 0: no alert"
    )
    alert_redis_memory_percent: int = Field(
        90, ge=0, le=100, description="Percent of its maxmemory that Redis may use before an alert; 0: no alert"
    )
    queues: dict[str, QueueOverride] = Field(default_factory=dict)

    @field_validator("api_hosts", "mail_command_senders", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    @cached_property
    def queue_specs(self) -> dict[str, QueueSpec]:
        """The eight queues' specs with this user's overrides in."""
        return {
            name: replace(spec, **self.queues[name].model_dump(exclude_none=True)) if name in self.queues else spec
            for name, spec in QUEUES.items()
        }

    @property
    def external_redis_url(self) -> str | None:
        """The URL of the Redis that the user named, password and certificates included, or None for Hark's own.

        Raises SettingsError for certificates beside a URL without TLS.
        """
        files = {
            "ssl_ca_certs": self.redis_ca_file,
            "ssl_certfile": self.redis_cert_file,
            "ssl_keyfile": self.redis_key_file,
        }
        options = "&".join(f"{name}={quote(str(file), safe='/')}" for name, file in files.items() if file)
        if self.redis_url is not None:
            url = self.redis_url.get_secret_value()
            if options and not url.startswith("rediss"):
                raise SettingsError(
                    "HARK_REDIS_CA_FILE or HARK_REDIS_CERT_FILE is set, but REDIS_URL does not use TLS.",
                    "Write rediss:// there, or remove the files.",
                )
        elif self.redis_host is not None:
            scheme = "rediss" if self.redis_tls or options else "redis"
            user = quote(self.redis_username or "", safe="")
            password = f":{quote(self.redis_password.get_secret_value(), safe='')}" if self.redis_password else ""
            host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
            url = f"{scheme}://{user}{password}{'@' if user or password else ''}{host}:{self.redis_port}"
        else:
            return None
        if options:
            url += ("&" if "?" in url else "?") + options
        return url

    @property
    def uses_openai(self) -> bool:
        """Whether a key or a base URL sends speech and understanding to a server."""
        return self.openai_api_key is not None or self.openai_base_url is not None


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` win over everything. Raises SettingsError."""
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(*_explain(_details(error)[0], overrides)) from error
    except SourceError as error:
        # The only setting that the environment gives as JSON.
        raise SettingsError(
            "environment variable HARK_QUEUES: it is not a JSON object.",
            'Write it like {"transcription": {"concurrency": 5}}, or remove it.',
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{config_file()} is not valid TOML: {error}.", "Correct it or move it away.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{config_file()} cannot be read: {error}.", "Correct it or move it away.") from error
    unknown = sorted(set(settings.queues) - set(QUEUES))
    if unknown:
        source = _source(["queues", unknown[0]], overrides)
        raise SettingsError(f"{source}: it is not a queue.", f"The queues are: {', '.join(QUEUES)}.")
    return settings


def settings_faults() -> list[SettingsError]:
    """Everything that is wrong with the settings, an error for each value; empty where they are valid."""
    try:
        load_settings()
    except SettingsError as error:
        if isinstance(error.__cause__, ValidationError):
            return [SettingsError(*_explain(detail, {})) for detail in _details(error.__cause__)]
        return [error]
    return []


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_input=False, include_url=False)


def _explain(detail: ErrorDetails, overrides: dict[str, Any]) -> tuple[str, str]:
    top, *inner = (str(part) for part in detail["loc"])
    field = next((name for name, info in Settings.model_fields.items() if info.validation_alias == top), top)
    field = field.lower().removeprefix("hark_") if field not in Settings.model_fields else field
    return f"{_source([field, *inner], overrides)}: {detail['msg']}.", "Correct or remove it."


def _source(path: list[str], overrides: dict[str, Any]) -> str:
    """Name where the value at `path` (a field and what is inside it) comes from."""
    field, *inner = path
    if field in overrides:
        return f"argument {'.'.join(path)}"
    info = Settings.model_fields.get(field)
    wanted = str(info.validation_alias) if info and info.validation_alias else f"HARK_{field.upper()}"
    variable = next((name for name, value in os.environ.items() if name.upper() == wanted and value), None)
    if variable is None:
        return f"{config_file()}: {'.'.join(path)}"
    return f"environment variable {'.'.join([variable, *inner])}"
