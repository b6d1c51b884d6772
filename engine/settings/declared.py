"""The one list of Hark's settings: each with its group, title, meaning, range and default.

A unit is the end of a name (`lease_ms`); a secret is a `SecretStr`; `editing` derives the rest of the settings page.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import platformdirs
from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from engine.errors import SettingsError
from engine.model import MemoryBounds
from engine.queues import AI_PROCESSING, QUEUES, QueueSpec
from engine.settings.sources import FileSource, KeyringSource

GROUPS = (
    "General",
    "Redis",
    "OpenAI",
    "Speech",
    "Worker",
    "Queues",
    "HTTP API",
    "Mail",
    "Calendar",
    "Tasks",
    "Notifications",
    "Alerts",
)
"""The sections of the settings, in order; a group that is not named here comes after these."""

Effect = Literal["restart", "api"]
"""When a change takes effect: with the next restart of Hark or its worker, or with the next `hark api`."""


def setting(
    default: Any,
    group: str,
    title: str,
    description: str,
    *,
    env: str | None = None,
    effect: Effect = "restart",
    factory: Any = None,
    **limits: Any,
) -> Any:
    """Declare one: `env` names its environment variable where that is not HARK_ and its name.

    `limits` are pydantic's (`ge`, `le`, `gt`, `max_length`, ...); `factory` makes a default that is not the same
    everywhere.
    """
    given: dict[str, Any] = {"default_factory": factory} if factory is not None else {"default": default}
    extra: JsonDict = {"group": group, "effect": effect}
    return Field(**given, title=title, description=description, validation_alias=env, json_schema_extra=extra, **limits)


class QueueOverride(BaseModel, extra="forbid"):
    """What may be changed of one queue; see `queues.QueueSpec` for the meanings and defaults."""

    concurrency: int | None = Field(None, ge=1, le=1000, title="At once", description="Jobs that a worker runs at once")
    timeout_ms: int | None = Field(None, ge=100, title="Time limit", description="The longest that one attempt may run")
    attempts: int | None = Field(None, ge=1, le=100, title="Attempts", description="How often a job is tried in all")
    backoff: Literal["exponential", "fixed"] | None = Field(
        None, title="Back-off", description="Whether the wait before the next attempt doubles each time"
    )
    backoff_ms: int | None = Field(None, ge=0, title="First wait", description="The wait before the second attempt")
    keep_completed_ms: int | None = Field(
        None, ge=0, title="Keep completed for", description="How long completed jobs are kept"
    )
    keep_completed_count: int | None = Field(
        None, ge=0, title="Completed kept", description="The most completed jobs that are kept"
    )
    keep_failed_ms: int | None = Field(None, ge=0, title="Keep failed for", description="How long failed jobs are kept")
    keep_failed_count: int | None = Field(
        None, ge=0, title="Failed kept", description="The most failed jobs that are kept"
    )


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

    data_dir: Path = setting(
        None,
        "General",
        "Data folder",
        "Folder of Hark's own Redis, recordings and local tasks",
        factory=lambda: platformdirs.user_data_path("hark", appauthor=False),
    )
    hotkey: str = setting(
        "<f9>",
        "Speech",
        "Push-to-talk key",
        "Key while another program has the keyboard, such as <ctrl>+<space>",
    )
    confirm: bool = setting(
        True,
        "General",
        "Ask first",
        "What a command would send or destroy is read back, and done after a yes",
    )
    conversation_turns: int = setting(
        20,
        "General",
        "Turns remembered",
        "So many exchanges of a conversation are remembered, the last ones; 0: none",
        ge=0,
        le=200,
    )
    conversation_kb: int = setting(
        64, "General", "Memory", "The most that is remembered of one conversation; older turns go", ge=4, le=1024
    )
    conversation_days: float = setting(
        30, "General", "Remembered for", "How long a turn of a conversation is remembered", ge=0.01, le=365
    )
    talk_key: Literal["both", "hold", "tap"] = setting(
        "both",
        "Speech",
        "Talk key",
        "What the push-to-talk key does: hold it while you speak, tap it to begin and to end, or both",
    )
    hands_free: bool = setting(
        False, "Speech", "Hands-free", "A tapped recording ends by itself once you have stopped speaking"
    )
    longest_recording_s: int = setting(
        60,
        "Speech",
        "Longest recording",
        "A recording that is still going on after so long is sent as it is; the window counts the last 10 s down",
        ge=15,
        le=600,
    )
    keep_recordings_days: float = setting(
        0,
        "Speech",
        "Keep recordings for",
        "How long a recording stays on this machine after it was understood; 0: until then",
        ge=0,
        le=365,
    )
    keep_unheard_days: float = setting(
        7,
        "Speech",
        "Keep failed recordings for",
        "How long a recording that failed or was cancelled stays, to be tried again",
        ge=0.01,
        le=365,
    )

    redis_url: SecretStr | None = setting(
        None,
        "Redis",
        "Address",
        "Address of the Redis to use: redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://. "
        "Without address and host Hark runs its own",
        env="REDIS_URL",
    )
    redis_host: str | None = setting(
        None, "Redis", "Host", "Host of the Redis to use, where there is no address", env="REDIS_HOST"
    )
    redis_port: int = setting(6379, "Redis", "Port", "Port of that Redis", env="REDIS_PORT", ge=1, le=65535)
    redis_username: str | None = setting(
        None, "Redis", "User", "User of that Redis, where it is not the default one", env="REDIS_USERNAME"
    )
    redis_password: SecretStr | None = setting(
        None, "Redis", "Password", "Password of that Redis", env="REDIS_PASSWORD"
    )
    redis_tls: bool = setting(False, "Redis", "TLS", "Speak TLS to that Redis", env="REDIS_TLS")
    redis_ca_file: Path | None = setting(
        None,
        "Redis",
        "Authority's certificate",
        "Certificate (PEM) of the authority that signed Redis's, where the system does not know it",
    )
    redis_cert_file: Path | None = setting(
        None, "Redis", "Own certificate", "Hark's own certificate (PEM), where Redis asks for one"
    )
    redis_key_file: Path | None = setting(None, "Redis", "Key file", "Key of that certificate (PEM)")
    production: bool = setting(
        False, "Redis", "Production", "The Redis is production: operators only look, until they unlock it with a reason"
    )
    production_name: str = setting(
        "", "Redis", "Name of the connection", "What a production Redis is called, such as orders", max_length=40
    )
    production_unlock_minutes: float = setting(
        15, "Redis", "Unlocked for", "How long an unlocking lasts where nobody says", gt=0, le=480
    )

    openai_api_key: SecretStr | None = setting(
        None, "OpenAI", "API key", "Key of the OpenAI API or a compatible server", env="OPENAI_API_KEY"
    )
    openai_base_url: str | None = setting(
        None, "OpenAI", "Server", "Address of a compatible server, ending in /v1", env="OPENAI_BASE_URL"
    )
    transcription_model: str = setting("gpt-transcribe", "OpenAI", "Transcription model", "Turns speech into text")
    chat_model: str = setting("gpt-6-luna", "OpenAI", "Chat model", "Understands commands and answers")
    speech_model: str = setting("gpt-realtime-2.1-mini", "OpenAI", "Speech model", "Speaks the answers")
    ai_timeout_s: float = setting(
        QUEUES[AI_PROCESSING].part_ms / 1000,
        "OpenAI",
        "Patience",
        "How long the answer to one general request may take",
        ge=0.1,
        le=280,
    )
    ai_at_once: int = setting(
        QUEUES[AI_PROCESSING].parts_at_once,
        "OpenAI",
        "Batch at once",
        "So many prompts of a batch are asked at the same time",
        ge=1,
        le=50,
    )
    voice: str | None = setting(
        None, "Speech", "Voice", "Voice of spoken answers; the provider's own default otherwise"
    )

    whisper_model: Path | None = setting(
        None,
        "Speech",
        "Whisper model",
        "File of a Whisper model (ggml) on the worker's machine, which then hears speech that no server does; needs "
        "Hark's extra whisper",
    )

    lease_ms: int = setting(30_000, "Worker", "Lease", "How long a worker holds a job without a sign of life", ge=500)
    drain_ms: int = setting(30_000, "Worker", "Drain", "How long a stopping worker waits for its jobs", ge=0)
    max_stalled: int = setting(1, "Worker", "Lost workers", "How often a job may lose its worker before it fails", ge=0)

    api_host: str = setting(
        "127.0.0.1",
        "HTTP API",
        "Listens on",
        "Address that the HTTP API listens on; 0.0.0.0 for every network",
        effect="api",
        min_length=1,
    )
    api_port: int = setting(
        3210, "HTTP API", "Port", "Port of the HTTP API; 0 for any free one", effect="api", ge=0, le=65535
    )
    api_token: SecretStr | None = setting(
        None,
        "HTTP API",
        "Admin token",
        "Admin token of the HTTP API; without one its admin calls are off",
        effect="api",
    )
    api_hosts: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "HTTP API",
        "Names",
        "Names, parted by commas, by which the HTTP API may be called besides loopback ones",
        effect="api",
    )

    smtp_host: str | None = setting(
        None, "Mail", "Sending server", "Mail server that Hark sends through; without one it sends no mail"
    )
    smtp_port: int = setting(
        587, "Mail", "Sending port", "Port of that server: 587 for STARTTLS, 465 for TLS", ge=1, le=65535
    )
    smtp_security: Literal["starttls", "tls", "none"] = setting(
        "starttls", "Mail", "Sending encryption", "How that connection is encrypted; none only to this machine"
    )
    smtp_user: str | None = setting(None, "Mail", "Sending user", "User of that server, often the whole address")
    smtp_password: SecretStr | None = setting(
        None, "Mail", "Sending password", "Password of that server; often an app password"
    )
    mail_from: str | None = setting(
        None,
        "Mail",
        "Your address",
        "Such as Ada <ada@example.org>; the user of the mail server where it is one",
    )
    imap_host: str | None = setting(
        None, "Mail", "Reading server", "Mail server whose inbox Hark reads; without one it reads no mail"
    )
    imap_port: int = setting(
        993, "Mail", "Reading port", "Port of that server: 993 for TLS, 143 for STARTTLS", ge=1, le=65535
    )
    imap_security: Literal["starttls", "tls", "none"] = setting(
        "tls", "Mail", "Reading encryption", "How that connection is encrypted; none only to this machine"
    )
    imap_user: str | None = setting(
        None, "Mail", "Reading user", "User of that server; the one for sending where not set"
    )
    imap_password: SecretStr | None = setting(
        None, "Mail", "Reading password", "Password of that server; the one for sending where not set"
    )
    mail_command_senders: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Mail",
        "Command senders",
        "Addresses, parted by commas, whose mail is taken as commands; a sender can be forged",
    )
    contacts: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Mail",
        "Contacts",
        "People, parted by commas, such as Anna Berg <anna@example.org>, whom a spoken command can name; they come "
        "before those who wrote to you",
    )
    mail_allow_plain: bool = setting(
        False, "Mail", "Allow unencrypted", "Let mail and passwords go unencrypted to other machines, too"
    )
    mail_timeout_s: float = setting(30, "Mail", "Patience", "How long a mail server may be silent", ge=0.1, le=100)

    calendar_url: str | None = setting(
        None,
        "Calendar",
        "Address",
        "CalDAV address of your calendars, such as https://calendar.example.org/; without one Hark keeps no calendar",
    )
    calendar_user: str | None = setting(None, "Calendar", "User", "User of that server, often an email address")
    calendar_password: SecretStr | None = setting(
        None, "Calendar", "Password", "Password of that server; often an app password"
    )
    calendar_names: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Calendar",
        "Calendars",
        "Names, parted by commas, of the calendars to use; new events go into the first. All of them where not set",
    )
    calendar_event_minutes: int = setting(
        60, "Calendar", "Length", "How long a new event is where nobody says", ge=1, le=1440
    )
    calendar_timezone: str | None = setting(
        None, "Calendar", "Time zone", "Such as Europe/Berlin; this machine's where not set"
    )
    calendar_timeout_s: float = setting(
        30, "Calendar", "Patience", "How long the calendar server may be silent", ge=0.1, le=50
    )

    airtable_token: SecretStr | None = setting(
        None,
        "Tasks",
        "Airtable token",
        "Token of your Airtable account, with the scopes data.records:read and data.records:write",
    )
    airtable_base_id: str | None = setting(
        None, "Tasks", "Airtable base", "Part of the base's address that starts with app; without one tasks stay here"
    )
    airtable_table: str = setting(
        "Tasks", "Tasks", "Airtable table", "Name of the table, or the part of its address that starts with tbl"
    )
    airtable_key_field: str = setting("Key", "Tasks", "Key field", "Text field for Hark's own key", min_length=1)
    airtable_title_field: str = setting("Name", "Tasks", "Title field", "Text field for a task's title", min_length=1)
    airtable_notes_field: str = setting("Notes", "Tasks", "Notes field", "Text field for its notes", min_length=1)
    airtable_due_field: str = setting("Due", "Tasks", "Due field", "Date field, best with times", min_length=1)
    airtable_done_field: str = setting("Done", "Tasks", "Done field", "Checkbox for what is done", min_length=1)
    airtable_url: str = setting("https://api.airtable.com", "Tasks", "Airtable server", "Address of Airtable's API")
    airtable_timeout_s: int = setting(30, "Tasks", "Airtable patience", "How long Airtable may be silent", ge=1, le=60)

    notify_targets: Annotated[tuple[Literal["desktop", "push", "email"], ...], NoDecode] = setting(
        ("desktop", "push"),
        "Notifications",
        "Told by",
        "Where notifications and reminders go, parted by commas: desktop, push (those below that are set), email",
    )
    ntfy_url: str = setting("https://ntfy.sh", "Notifications", "ntfy server", "Address of the ntfy server")
    ntfy_topic: SecretStr | None = setting(
        None, "Notifications", "ntfy topic", "Topic to publish to; whoever knows it can read it"
    )
    ntfy_token: SecretStr | None = setting(
        None, "Notifications", "ntfy token", "Access token of that server, where the topic needs one"
    )
    notify_urls: SecretStr | None = setting(
        None,
        "Notifications",
        "Other services",
        "Addresses of other services in Apprise's form, parted by spaces: https://appriseit.com/services/",
    )
    notify_timeout_s: float = setting(
        10, "Notifications", "Patience", "How long a push service may take", ge=0.1, le=20
    )
    quiet_start: str | None = setting(
        None,
        "Notifications",
        "Quiet from",
        "Time of day, such as 22:00, from which notifications wait; urgent ones and reminders at their moment do not",
    )
    quiet_end: str | None = setting(
        None,
        "Notifications",
        "Quiet until",
        "Time of day, such as 07:00, until which they wait",
    )

    alert_no_worker_s: int = setting(
        30,
        "Alerts",
        "No worker",
        "How long a queue's waiting jobs may be without a worker; 0: no alert",
        ge=0,
        le=3600,
    )
    alert_oldest_min: int = setting(15, "Alerts", "Oldest job", "How long a job may wait; 0: no alert", ge=0, le=10_080)
    alert_failure_percent: int = setting(
        20,
        "Alerts",
        "Failures",
        "Part of a queue's jobs of the last 5 minutes (20 or more) that may fail; 0: no alert",
        ge=0,
        le=100,
    )
    alert_job_failed_min: int = setting(
        10,
        "Alerts",
        "Failed job",
        "How long an alert of a job that failed for good stays open; 0: no alert",
        ge=0,
        le=60,
    )
    alert_redis_gone_s: int = setting(
        10, "Alerts", "Redis gone", "How long Redis may not answer; 0: no alert", ge=0, le=3600
    )
    alert_redis_memory_percent: int = setting(
        90, "Alerts", "Redis memory", "Part of its maxmemory that Redis may use; 0: no alert", ge=0, le=100
    )

    queues: dict[str, QueueOverride] = Field(default_factory=dict)
    in_keyring: tuple[str, ...] = Field((), description="Names of the secrets that are in the keyring")

    @field_validator("notify_targets", "api_hosts", "mail_command_senders", "contacts", "calendar_names", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("quiet_start", "quiet_end")
    @classmethod
    def _require_time_of_day(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is None:
            raise ValueError("It must be a time of day, such as 07:00 or 22:30")
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
        """Order of precedence: arguments, environment, keyring, TOML file."""
        return init_settings, env_settings, KeyringSource(settings_cls), FileSource(settings_cls)

    @cached_property
    def queue_specs(self) -> dict[str, QueueSpec]:
        """The eight queues' specs with this user's overrides in."""
        specs = {
            name: replace(spec, **self.queues[name].model_dump(exclude_none=True)) if name in self.queues else spec
            for name, spec in QUEUES.items()
        }
        part_ms = round(self.ai_timeout_s * 1000)
        specs[AI_PROCESSING] = replace(specs[AI_PROCESSING], part_ms=part_ms, parts_at_once=self.ai_at_once)
        return specs

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
    def memory_bounds(self) -> MemoryBounds:
        """How much is remembered of a conversation."""
        keep_ms = round(self.conversation_days * 86_400_000)
        return MemoryBounds(self.conversation_turns, self.conversation_kb * 1024, keep_ms)

    @property
    def uses_openai(self) -> bool:
        """Whether a key or a base URL sends speech and understanding to a server."""
        return self.openai_api_key is not None or self.openai_base_url is not None
