"""Settings: where a value comes from, what is said of one that cannot be used, how one is seen and changed."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.errors import BadInputError, HarkError, NotFoundError, PermanentError, SettingsError
from engine.queues import QUEUES
from engine.settings import config_file, load_settings
from engine.settings.declared import GROUPS
from engine.settings.editing import change_setting, reset_setting
from engine.settings.fields import Kind
from engine.settings.views import setting_view, setting_views
from engine.trials import TRIALS, try_apart, try_service
from tests.servers import KEY, OpenAIDouble, serving
from tests.settings_reference import FILE, reference


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
        ("REDIS_PORT", "99999", "It must be 65,535 or less"),
        ("REDIS_PORT", "http", "It must be a whole number"),
        ("HARK_LEASE_MS", "1", "It must be 500 or more"),
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


# --- seen ---


def test_every_setting_has_what_its_page_shows() -> None:
    bare = [view.name for view in setting_views() if not (view.title and view.description and view.group in GROUPS)]
    assert bare == []


@pytest.mark.parametrize(
    ("name", "kind", "unit", "allowed", "meaning"),
    [
        ("lease_ms", Kind.NUMBER, "ms", "500 or more", "30s"),
        ("redis_port", Kind.NUMBER, "", "1 to 65,535", ""),
        ("production_unlock_minutes", Kind.NUMBER, "min", "more than 0 to 480", ""),
        ("alert_failure_percent", Kind.NUMBER, "%", "0 to 100", ""),
        ("production_name", Kind.TEXT, "", "at most 40 characters", ""),
        ("redis_tls", Kind.SWITCH, "", "", ""),
        ("redis_ca_file", Kind.FILE, "", "", ""),
        ("data_dir", Kind.FOLDER, "", "", ""),
        ("api_hosts", Kind.LIST, "", "", ""),
        ("api_token", Kind.SECRET, "", "", ""),
        ("queues.synthesis.backoff", Kind.CHOICE, "", "", ""),
        ("queues.synthesis.timeout_ms", Kind.NUMBER, "ms", "100 or more", "1m"),
    ],
)
def test_a_setting_is_described_from_its_declaration(
    name: str, kind: Kind, unit: str, allowed: str, meaning: str
) -> None:
    view = setting_view(name)
    assert (view.kind, view.unit, view.range, view.meaning) == (kind, unit, allowed, meaning)


def test_a_value_tells_where_it_comes_from_and_whether_it_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('voice = "file"\n[queues.synthesis]\nattempts = 7')
    monkeypatch.setenv("HARK_CHAT_MODEL", "environment")
    seen = {name: setting_view(name) for name in ("chat_model", "voice", "speech_model", "queues.synthesis.attempts")}
    assert [(view.value, view.source) for view in seen.values()] == [
        ("environment", "environment variable HARK_CHAT_MODEL"),
        ("file", "settings.toml"),
        ("gpt-realtime-2.1-mini", "default"),
        ("7", "settings.toml"),
    ]
    assert "HARK_CHAT_MODEL decides" in seen["chat_model"].locked
    assert not seen["voice"].locked


def test_a_fault_is_told_at_its_own_value_and_the_others_are_seen() -> None:
    write_config("lease_ms = 1\ndrain_ms = 5000\n[queues.synthesis]\nattempts = 0")
    assert setting_view("lease_ms").fault == "lease_ms: It must be 500 or more."
    assert setting_view("queues.synthesis.attempts").fault.endswith("It must be 1 or more.")
    assert (setting_view("drain_ms").value, setting_view("drain_ms").fault) == ("5000", "")


# --- changed ---


def test_a_change_keeps_comments_and_the_other_values() -> None:
    write_config("# mine\nlease_ms = 20000  # long enough\n\n[queues.synthesis]  # slow\nattempts = 4\n")
    change_setting("lease_ms", "40000")
    change_setting("redis_tls", "on")
    change_setting("api_hosts", "a.lan, b.lan")
    change_setting("queues.synthesis.timeout_ms", "5000")
    assert config_file().read_text() == (
        "# mine\nlease_ms = 40000  # long enough\n"
        'redis_tls = true\napi_hosts = ["a.lan", "b.lan"]\n\n'
        "[queues.synthesis]  # slow\nattempts = 4\ntimeout_ms = 5000\n"
    )
    settings = load_settings()
    assert (settings.lease_ms, settings.redis_tls, settings.api_hosts) == (40_000, True, ("a.lan", "b.lan"))
    assert settings.queue_specs["synthesis"].timeout_ms == 5_000


def test_only_its_owner_may_read_the_file() -> None:
    change_setting("voice", "en-gb")
    assert config_file().stat().st_mode & 0o777 == 0o600
    assert [path.name for path in config_file().parent.iterdir()] == ["settings.toml"]


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    config_file().parent.mkdir(parents=True)
    (tmp_path / "dotfiles.toml").write_text("lease_ms = 20000\n")
    config_file().symlink_to(tmp_path / "dotfiles.toml")
    change_setting("lease_ms", "30000")
    assert config_file().is_symlink()
    assert (tmp_path / "dotfiles.toml").read_text() == "lease_ms = 30000\n"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lease_ms", "1", "lease_ms: It must be 500 or more."),
        ("lease_ms", "soon", "lease_ms: It must be a whole number."),
        ("ai_timeout_s", "9999", "ai_timeout_s: It must be 280 or less."),
        ("queues.synthesis.backoff", "linear", "queues.synthesis.backoff: It must be 'exponential' or 'fixed'."),
        ("quiet_start", "25:00", "quiet_start: It must be a time of day, such as 07:00 or 22:30."),
        ("calendar_timezone", "Middle/Earth", "There is no time zone 'Middle/Earth'."),
        ("hotkey", "f9", "hotkey: 'f9' is not a key."),
        ("openai_base_url", "localhost:8080", "openai_base_url: It is not the address of a server."),
        ("queues.nope.attempts", "3", "There is no setting named 'queues.nope.attempts'."),
        ("in_keyring", "x", "There is no setting named 'in_keyring'."),
    ],
)
def test_a_value_that_is_not_allowed_is_not_written(name: str, value: str, told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        change_setting(name, value)
    assert caught.value.message == told
    assert not config_file().exists()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("queues.email.attempts", "queues.email-processing.attempts"), ("openai_key", "openai_api_key")],
)
def test_a_setting_that_may_have_been_meant_is_named(name: str, meant: str) -> None:
    with pytest.raises(BadInputError) as caught:
        change_setting(name, "3")
    assert caught.value.remedy.startswith(f"Did you mean {meant}? ")


def test_a_queue_that_may_have_been_meant_in_the_file_is_named() -> None:
    write_config("[queues.email]\nattempts = 3\n")
    with pytest.raises(SettingsError, match=r"it is not a queue\. Did you mean email-processing\?"):
        load_settings()


def test_nothing_is_written_over_a_file_that_is_not_valid() -> None:
    write_config("lease_ms = ")
    with pytest.raises(SettingsError, match="not valid TOML"):
        change_setting("voice", "en-gb")
    assert config_file().read_text() == "lease_ms = "


def test_what_the_environment_gives_is_changed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARK_LEASE_MS", "9000")
    for change in (lambda: change_setting("lease_ms", "10000"), lambda: reset_setting("lease_ms")):
        with pytest.raises(SettingsError, match="HARK_LEASE_MS decides"):
            change()


def test_an_empty_value_and_a_reset_bring_the_default_back() -> None:
    change_setting("voice", "en-gb")
    change_setting("queues.synthesis.attempts", "9")
    change_setting("voice", "")
    reset_setting("queues.synthesis.attempts")
    assert (load_settings().voice, load_settings().queue_specs) == (None, QUEUES)
    assert config_file().read_text().strip() == ""


# --- on the command line, and tried out ---


def test_the_command_lists_sets_and_unsets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "set", "lease_ms", "20000"]) == 0
    assert capsys.readouterr().out.startswith("lease_ms is 20000 ms. Takes effect when")
    assert main(["settings", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert (told["lease_ms"]["value"], told["lease_ms"]["source"]) == ("20000", "settings.toml")
    assert "value" not in told["openai_api_key"]
    assert main(["settings", "unset", "lease_ms"]) == 0
    assert main(["settings", "set", "HARK_LEASE_MS", "1"]) == 1
    assert capsys.readouterr().err == "hark: lease_ms: It must be 500 or more.\n"


def test_a_service_that_is_not_set_up_is_no_failure_where_all_are_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.trials.TRIALS", {name: TRIALS[name] for name in ("openai", "airtable", "mail")})
    assert main(["settings", "test"]) == 0
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["-     "] * 3
    assert main(["settings", "test", "mail"]) == 1
    monkeypatch.setenv("HARK_AIRTABLE_BASE_ID", "appHalf")
    assert main(["settings", "test"]) == 1


async def test_services_are_tried_out(fresh_redis: str) -> None:
    settings = load_settings(redis_url=fresh_redis)
    assert (await try_service("redis", settings)).startswith("Redis at ")
    assert "can be read and written" in await try_service("tasks", settings)
    with pytest.raises(SettingsError, match="No key and no server is set"):
        await try_service("openai", settings)
    with pytest.raises(NotFoundError, match="The services are: redis, openai"):
        await try_service("fax", settings)


async def test_the_models_of_a_server_are_looked_at() -> None:
    with serving(OpenAIDouble()) as server:
        settings = load_settings(openai_api_key=KEY, openai_base_url=server.base_url)
        assert "has the chosen models" in await try_service("openai", settings)
        with pytest.raises(SettingsError, match="does not list the model") as caught:
            await try_service("openai", settings.model_copy(update={"chat_model": "no-such-model"}))
        assert caught.value.remedy == "Set chat_model to one it has."
        with pytest.raises(PermanentError, match="refused the API key"):
            await try_service("openai", load_settings(openai_api_key="wrong", openai_base_url=server.base_url))


async def test_speech_hears_itself() -> None:
    assert "heard as 'What time is it'" in await try_service("speech", load_settings())


async def test_a_trial_apart_tells_the_same_from_a_process_of_its_own(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    assert await try_apart("redis") == await try_service("redis", load_settings())
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(HarkError, match=r"127\.0\.0\.1"):
        await try_apart("redis")


def test_the_reference_in_the_documents_is_the_declarations() -> None:
    assert FILE.read_text() == reference(), "run: python -m tests.settings_reference"
