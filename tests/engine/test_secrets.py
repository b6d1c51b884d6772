"""Secrets: kept in a keyring and nowhere else, and found nowhere when they are planted everywhere."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import keyring
import psutil
import pytest
import redis
from keyring.backends.fail import Keyring as NoKeyring
from pydantic import SecretStr

from engine.cli import main
from engine.client import Client
from engine.errors import BadInputError, SettingsError
from engine.job_types import (
    AskAI,
    AskAIBatch,
    CreateEvent,
    CreateTask,
    JobType,
    ProcessVoiceCommand,
    PushNotification,
    SendEmail,
    SyncInbox,
    SyncTasks,
)
from engine.model import JobOptions, JobState
from engine.monitor import Monitor
from engine.settings import Settings, config_file, load_settings, settings_faults
from engine.settings.editing import change_setting, keep_setting_secret, reset_setting
from engine.settings.fields import secret_names
from engine.settings.loading import set_variable
from engine.settings.sources import variable_of
from engine.settings.views import Origin, setting_view
from engine.store import Store, open_store
from tests.airtable_double import BASE, AirtableDouble, airtable
from tests.calendar_servers import faulting_proxy
from tests.keyrings import MemoryKeyring, missing_programs, secret_service
from tests.push_servers import PushFault, push_server
from tests.servers import OpenAIDouble, serving

SECRET = "planted-0123456789"
HARK = [sys.executable, "-m", "engine"]


@pytest.fixture
def keeper() -> Iterator[MemoryKeyring]:
    """A keyring in memory, for this process alone."""
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(NoKeyring())


@pytest.fixture
def no_keyring() -> None:
    """A machine without one."""
    keyring.set_keyring(NoKeyring())


def write_config(toml: str) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(toml)


# --- kept in the keyring ---


def test_a_secret_is_kept_in_the_keyring_and_only_its_name_in_the_file(keeper: MemoryKeyring) -> None:
    keep_setting_secret("openai_api_key", f"{SECRET}\n")
    assert keeper.kept == {("hark", "openai_api_key"): SECRET}
    assert config_file().read_text() == 'in_keyring = ["openai_api_key"]\n'
    assert load_settings().openai_api_key == SecretStr(SECRET)
    view = setting_view("openai_api_key")
    assert (view.origin, view.value, view.is_set) == (Origin.KEYRING, "", True)


def test_the_environment_wins_over_the_keyring_which_is_not_even_asked(
    keeper: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_setting_secret("openai_api_key", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    keeper.asked.clear()
    assert load_settings().openai_api_key == SecretStr("from-the-environment")
    assert keeper.asked == []


def test_a_keyring_is_not_asked_for_what_it_was_not_given(keeper: MemoryKeyring) -> None:
    keep_setting_secret("api_token", SECRET)
    keeper.asked.clear()
    load_settings()
    assert keeper.asked == ["api_token"]


def test_a_secret_is_taken_away_again(keeper: MemoryKeyring) -> None:
    keep_setting_secret("openai_api_key", SECRET)
    reset_setting("openai_api_key")
    assert (keeper.kept, config_file().read_text()) == ({}, "")
    assert load_settings().openai_api_key is None


def test_a_secret_that_the_keyring_has_no_more_is_told_with_the_ways_out(keeper: MemoryKeyring) -> None:
    keep_setting_secret("openai_api_key", SECRET)
    keeper.kept.clear()
    with pytest.raises(SettingsError, match="no openai_api_key any more") as caught:
        load_settings()
    assert "hark settings unset openai_api_key" in caught.value.remedy
    reset_setting("openai_api_key")
    load_settings()


def test_without_a_keyring_the_environment_variable_is_named(no_keyring: None) -> None:
    with pytest.raises(SettingsError) as caught:
        keep_setting_secret("smtp_password", SECRET)
    assert str(caught.value) == "No keyring here. Set the environment variable HARK_SMTP_PASSWORD instead."
    assert "HARK_SMTP_PASSWORD" in setting_view("smtp_password").locked
    assert not config_file().exists()


def test_what_a_broken_keyring_says_is_not_repeated(keeper: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_service: str, _name: str, password: str) -> None:
        raise RuntimeError(f"cannot keep {password}")

    monkeypatch.setattr(keeper, "set_password", refuse)
    with pytest.raises(SettingsError, match=r"does not answer as it should \(RuntimeError\)") as caught:
        keep_setting_secret("openai_api_key", SECRET)
    assert SECRET not in f"{caught.value}{caught.value.__cause__}"


def test_the_address_of_a_redis_without_a_password_is_no_secret(keeper: MemoryKeyring) -> None:
    keep_setting_secret("redis_url", "redis://db:6379")
    assert keeper.kept == {}
    assert load_settings().external_redis_url == "redis://db:6379"
    keep_setting_secret("redis_url", f"redis://:{SECRET}@db:6379")
    assert SECRET not in config_file().read_text()
    assert load_settings().external_redis_url == f"redis://:{SECRET}@db:6379"


# --- never in the file ---


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("openai_api_key", SECRET),
        ("redis_url", f"redis://:{SECRET}@db"),
        ("redis_url", f"redis://db?password={SECRET}"),
    ],
)
def test_a_secret_in_the_file_is_a_fault_with_its_remedy(name: str, value: str) -> None:
    write_config(f'{name} = "{value}"')
    [fault] = settings_faults()
    assert fault.message == f"{config_file()}: {name}: a secret must not be in this file."
    assert f"hark settings secret {name}" in fault.remedy
    assert SECRET not in f"{fault}"
    assert setting_view(name).fault.startswith("A secret must not be in the file")
    reset_setting(name)
    assert settings_faults() == []


@pytest.mark.parametrize("name", ["openai_api_key", "redis_password"])
def test_a_secret_is_not_set_as_if_it_were_none(name: str) -> None:
    with pytest.raises(BadInputError, match="hark settings secret"):
        change_setting(name, SECRET)
    assert not config_file().exists()


def test_the_command_reads_a_secret_from_its_input(
    keeper: MemoryKeyring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO(f"{SECRET}\n"))
    assert main(["settings", "secret", "openai_api_key"]) == 0
    assert keeper.kept["hark", "openai_api_key"] == SECRET
    assert main(["settings"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"openai_api_key +set +keyring", told)
    assert SECRET not in told


@pytest.mark.skipif(bool(missing_programs()), reason=f"needs {' and '.join(missing_programs())}")
def test_a_real_secret_service_keeps_it_from_one_program_to_the_next(tmp_path: Path) -> None:
    with secret_service(tmp_path) as environment:

        def run(*command: str, given: str = "") -> str:
            done = subprocess.run(
                [*HARK, *command], env=environment, input=given, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "kept in the keyring" in run("settings", "secret", "openai_api_key", given=f"{SECRET}\n")
        read = "from engine.settings import load_settings as l; print(l().openai_api_key.get_secret_value())"
        found = subprocess.run(
            [sys.executable, "-c", read], env=environment, capture_output=True, text=True, timeout=60
        )
        assert found.stdout.strip() == SECRET
        assert SECRET not in config_file().read_text()
        assert "openai_api_key is not set" in run("settings", "unset", "openai_api_key")


# --- planted everywhere, found nowhere ---


def planted(name: str) -> str:
    """The marked secret of a setting."""
    return f"planted-{name.replace('_', '-')}-0123456789"


@pytest.fixture
def plants(fresh_redis: str, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> Iterator[list[str]]:
    """Every secret of the settings, marked, in the environment of this process and of those that it starts."""
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    marks = []
    for name in secret_names():
        if name != "redis_url":
            monkeypatch.setenv(variable_of(name, Settings.model_fields[name]), planted(name))
            marks.append(planted(name))
    monkeypatch.setenv("HARK_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("HARK_IMAP_HOST", "127.0.0.1")
    for name in ("HARK_SMTP_PORT", "HARK_IMAP_PORT"):
        monkeypatch.setenv(name, str(unused_tcp_port))
    monkeypatch.setenv("HARK_SMTP_USER", "ada@example.org")
    monkeypatch.setenv("HARK_API_PORT", "0")
    monkeypatch.setenv("DEBUG", "hark*")
    # They refuse the key, and quote it in their refusal, as such servers do.
    with (
        serving(OpenAIDouble()) as server,
        push_server("another token") as ntfy,
        push_server() as service,
        faulting_proxy(unused_tcp_port) as calendar,
        airtable(AirtableDouble()) as table,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        calendar.fail("*", *[(401, {"WWW-Authenticate": 'Basic realm="calendars"'})] * 20)
        monkeypatch.setenv("HARK_CALENDAR_URL", calendar.url)
        monkeypatch.setenv("HARK_CALENDAR_USER", "ada")
        monkeypatch.setenv("HARK_AIRTABLE_URL", table.url)
        monkeypatch.setenv("HARK_AIRTABLE_BASE_ID", BASE)
        monkeypatch.setenv("HARK_NTFY_URL", ntfy.url)
        service.faults += [PushFault("status", 500)] * 9
        monkeypatch.setenv("HARK_NOTIFY_URLS", f"json://ada:{planted('notify_urls')}@127.0.0.1:{service.port}")
        yield marks


def whole_redis(url: str) -> str:
    """Everything in it, as text."""
    readers: dict[str, Callable[[Any, Any], object]] = {
        "string": lambda client, key: client.get(key),
        "hash": lambda client, key: client.hgetall(key),
        "list": lambda client, key: client.lrange(key, 0, -1),
        "set": lambda client, key: client.smembers(key),
        "zset": lambda client, key: client.zrange(key, 0, -1),
        "stream": lambda client, key: client.xrange(key),
    }
    with redis.Redis.from_url(url) as client:
        return "\n".join(f"{key!r} {readers[client.type(key).decode()](client, key)!r}" for key in client.scan_iter())


async def until_ended(store: Store, jobs: dict[str, str]) -> None:
    """Wait until each of the jobs (by its id, its queue) has ended."""
    async with asyncio.timeout(60):
        for job_id, queue in jobs.items():
            while True:
                position = await store.last_event(queue)
                if (await store.find(job_id)).state in (JobState.COMPLETED, JobState.FAILED):
                    break
                await store.events({queue: position}, 1000)


JOBS: dict[str, JobType] = {
    "task": CreateTask(title="control-title"),
    "voice": ProcessVoiceCommand(text="control-words"),
    "mail": SendEmail(to=("bob@example.org",), subject="control-subject", body="Hello"),
    "inbox": SyncInbox(),
    "push": PushNotification(title="control-notification"),
    "calendar": CreateEvent(title="control-event", start="2026-12-01T15:00"),
    "tasks": SyncTasks(),
    "ai": AskAI(prompt="control-prompt"),
    "batch": AskAIBatch(prompts=("control-first", "control-second")),
}


def test_no_planted_secret_is_found_anywhere(
    plants: list[str], capfd: pytest.CaptureFixture[str], clean_home: Path, tmp_path: Path
) -> None:
    places: dict[str, str] = {}
    log = (tmp_path / "worker.log").open("w+")
    worker = subprocess.Popen([*HARK, "worker", "--api", "--debug"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:

        async def work() -> None:
            settings = load_settings()
            async with open_store(settings) as store:
                client = Client(store, settings)
                for job_id, payload in JOBS.items():
                    await client.add(payload, JobOptions(job_id, attempts=1))
                await until_ended(store, {job_id: payload.queue for job_id, payload in JOBS.items()})
                places["snapshot"] = repr(await Monitor(store, settings).snapshot())
                places["settings"] = f"{settings!r} {settings.model_dump_json()}"
            log.seek(0)
            address = re.findall(r"http://\S+:\d+", log.read())[0]
            token = settings.api_token
            assert token is not None
            async with httpx2.AsyncClient(base_url=address, trust_env=False) as api:
                for path in ("/api/queue/status", "/metrics", "/health", "/openapi.json", "/nothing"):
                    answer = await api.get(path)
                    places[f"GET {path}"] = f"{answer.headers} {answer.text}"
                for bearer in ("wrong", token.get_secret_value()):
                    headers = {"authorization": f"Bearer {bearer}"}
                    answer = await api.post("/api/queue/pause/synthesis", headers=headers)
                    places[f"POST as {bearer[:5]}"] = f"{answer.status_code} {answer.headers} {answer.text}"

        asyncio.run(work())
        places["command line of the worker"] = " ".join(psutil.Process(worker.pid).cmdline())
        for command in (
            ["settings"],
            ["settings", "--json"],
            ["settings", "test", "openai", "--json"],
            ["settings", "test", "redis"],
            ["settings", "test", "calendar"],
            ["job", "calendar"],
            ["settings", "test", "airtable"],
            ["job", "tasks"],
            ["jobs", "ai-processing", "--json"],
            ["ai", "answers", "batch"],
            ["settings", "test", "notifications"],
            ["doctor", "--json"],
            ["status", "--json"],
            ["audit", "--json"],
            ["failures", "--json"],
            ["jobs", "email-processing", "--json"],
            ["job", "mail"],
            ["export", "task-processing", "--state", "completed"],
            ["export", "email-processing", "--state", "failed"],
            ["--debug", "status", "no-such-queue"],
        ):
            main(command)
            said = capfd.readouterr()
            places[" ".join(["hark", *command])] = said.out + said.err
    finally:
        worker.terminate()
        worker.wait(30)
    log.seek(0)
    places["log of the worker"] = log.read()
    log.close()
    places["Redis"] = whole_redis(os.environ["REDIS_URL"])
    for file in clean_home.parent.rglob("*"):
        if file.is_file():
            places[f"file {file.name}"] = file.read_bytes().decode(errors="replace")

    found = [f"{mark} in {place}" for mark in plants for place, text in places.items() if mark in text]
    assert found == []
    # What was not secret is there: the search looks where things are.
    assert "control-title" in places["Redis"]
    assert "control-title" in places["hark export task-processing --state completed"]
    assert "control-subject" in places["hark job mail"]
    assert "refuses the user or the password" in places["hark job calendar"]
    assert "refused the token (403)" in places["Redis"]
    assert "(401 AUTHENTICATION_REQUIRED)" in places["hark job tasks"]
    assert "control-first" in places["hark jobs ai-processing --json"]
    assert "refused the API key (401)" in places["hark jobs ai-processing --json"]
    assert "did not take the notification" in places["Redis"]
    assert "401" in places["Redis"]
    assert "hark" in places["log of the worker"]
    assert json.loads(places["hark settings --json"])
    assert set_variable("openai_api_key") == "OPENAI_API_KEY"
