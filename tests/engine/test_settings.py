"""Settings: where a value comes from, and what is said about one that cannot be used."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.queues import QUEUES
from engine.settings import config_file, load_settings


def write_config(toml: str) -> None:
    """Make `toml` the user's settings file (the home is the test's own)."""
    config_file().parent.mkdir(parents=True)
    config_file().write_text(toml)


def test_nothing_set_means_hark_alone() -> None:
    settings = load_settings()
    assert settings.external_redis_url is None
    assert not settings.uses_openai
    assert settings.queue_specs == QUEUES


def test_arguments_win_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('chat_model = "file"\nvoice = "file"\nspeech_model = "file"')
    monkeypatch.setenv("HARK_CHAT_MODEL", "environment")
    monkeypatch.setenv("HARK_VOICE", "environment")
    settings = load_settings(chat_model="argument")
    assert (settings.chat_model, settings.voice, settings.speech_model) == ("argument", "environment", "file")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings = load_settings()
    assert settings.redis_port == 6379
    assert not settings.uses_openai


def test_other_programs_variables_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VOICE", "QUEUES", "CHAT_MODEL"):
        monkeypatch.setenv(name, "foreign")
    settings = load_settings()
    assert (settings.voice, settings.queues, settings.chat_model) == (None, {}, "gpt-6-luna")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("REDIS_PORT", "99999", "less than or equal to 65535"),
        ("REDIS_PORT", "http", "valid integer"),
        ("HARK_LEASE_MS", "1", "greater than or equal to 500"),
        ("HARK_QUEUES", "fast", "not a JSON object"),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^environment variable {name}: .*{allowed}"):
        load_settings()


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        ("redis_port = 99999", "redis_port"),
        ("lease_ms = 1", "lease_ms"),
        ('colour = "red"', "colour"),
        ("[queues.transcription]\nconcurrency = 0", "queues.transcription.concurrency"),
        ('[queues.transcription]\nbackoff = "linear"', "queues.transcription.backoff"),
        ("[queues.transkription]\nconcurrency = 1", "queues.transkription"),
    ],
)
def test_a_bad_line_of_the_file_is_named(toml: str, name: str) -> None:
    write_config(toml)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.message.startswith(f"{config_file()}: {name}: ")


def test_a_bad_argument_is_not_blamed_on_the_file() -> None:
    with pytest.raises(SettingsError, match=r"^argument redis_port: "):
        load_settings(redis_port=0)


def test_a_file_that_is_no_toml_is_named() -> None:
    write_config("lease_ms = ")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML"):
        load_settings()


def test_a_file_that_is_no_text_is_named() -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"settings\.toml cannot be read"):
        load_settings()


def test_a_queue_keeps_what_is_not_overridden() -> None:
    write_config("[queues.transcription]\nconcurrency = 7\nkeep_completed_count = 5")
    spec = load_settings().queue_specs["transcription"]
    assert (spec.concurrency, spec.keep_completed_count) == (7, 5)
    assert (spec.timeout_ms, spec.attempts) == (120_000, 3)


def test_an_unknown_queue_names_the_eight() -> None:
    with pytest.raises(SettingsError, match=r"queues\.nope.*The queues are: voice-processing, .*, notification"):
        load_settings(queues={"nope": {}})


@pytest.mark.parametrize(
    "secret",
    [
        {"openai_api_key": "planted-secret"},
        {"redis_password": "planted-secret"},
        {"redis_url": "redis://:planted-secret@host"},
    ],
)
def test_secrets_show_in_no_text(secret: dict[str, Any]) -> None:
    settings = load_settings(**secret)
    assert "planted" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_secrets_show_in_no_error() -> None:
    planted = {"redis_password": ["planted-secret"], "openai_api_key": {"planted": "planted-secret"}}
    with pytest.raises(SettingsError) as caught:
        load_settings(**planted)
    assert "planted-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"redis_host": "db"}, "redis://db:6379"),
        ({"redis_host": "db", "redis_port": 7000, "redis_password": "p@ss/word"}, "redis://:p%40ss%2Fword@db:7000"),
        ({"redis_host": "::1"}, "redis://[::1]:6379"),
        ({"redis_host": "db", "redis_url": "rediss://other"}, "rediss://other"),
    ],
)
def test_redis_may_be_named_by_url_or_by_its_parts(parts: dict[str, Any], url: str) -> None:
    assert load_settings(**parts).external_redis_url == url
