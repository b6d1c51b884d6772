"""The rules of the house: what may import what, what things are called, what the lock file holds.

Every import contract of .importlinter is also seen to break: a test copies the code, plants a
forbidden import, and expects that contract to be named.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("engine", "desktop")
_MODULES = sorted(path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py"))

#: contract -> the module to spoil and the line that spoils it
_VIOLATIONS = {
    "desktop sits on engine": ("engine/model.py", "import desktop.theme"),
    "engine layers": ("engine/queues.py", "import engine.store.store"),
    "desktop layers": ("desktop/theme.py", "import desktop.pages"),
    "engine has no GUI": ("engine/audio.py", "import sounddevice"),
    "only the store speaks Redis": ("engine/client.py", "import redis"),
    "pages and widgets know engine only as data": ("desktop/pages/__init__.py", "import engine.client"),
    "only app and bridge touch the event loop": ("desktop/widgets/__init__.py", "import asyncio"),
    "the push-to-talk machine is plain Python": ("desktop/voice/push_to_talk.py", "import PySide6.QtCore"),
}


def _lint_imports(root: Path) -> str:
    """What lint-imports says about the code under `root`."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config", ".importlinter"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def _contract_names() -> set[str]:
    contracts = ConfigParser()
    contracts.read(_ROOT / ".importlinter")
    return {contracts[section]["name"] for section in contracts.sections() if section.startswith("importlinter:")}


def test_the_code_keeps_every_import_contract() -> None:
    said = _lint_imports(_ROOT)
    assert f"{len(_contract_names())} kept, 0 broken" in said, said


def test_every_contract_has_a_violation_to_prove_it() -> None:
    assert set(_VIOLATIONS) == _contract_names()


@pytest.mark.parametrize("contract", _VIOLATIONS)
def test_a_contract_breaks_when_it_is_violated(contract: str, tmp_path: Path) -> None:
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_ROOT / ".importlinter", tmp_path)
    module, line = _VIOLATIONS[contract]
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{line}\n")
    assert f"{contract} BROKEN" in _lint_imports(tmp_path)


def test_no_module_is_a_drawer_for_everything() -> None:
    vague = {"utils", "util", "misc", "common", "manager", "helper", "helpers"}
    named = [path.relative_to(_ROOT) for path in _MODULES if vague & {*path.parts, *path.stem.split("_")}]
    assert named == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path.relative_to(_ROOT)
        for path in _MODULES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_the_engine_starts_without_the_slow_imports() -> None:
    heavy = "{'openai', 'pocketsphinx', 'dateparser', 'hassil', 'PySide6'}"
    look = f"import sys, engine.client, engine.admin, engine.monitor; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


class TestLockFile:
    """requirements.lock is complete, checked by hashes and free of addresses."""

    _TEXT = (_ROOT / "requirements.lock").read_text()

    def test_it_names_no_host(self) -> None:
        assert re.findall(r"\S+://\S+|--(?:index|extra|find|trusted)\S*", self._TEXT) == []

    def test_every_package_is_pinned_with_hashes(self) -> None:
        entries = re.split(r"\n(?=[a-z0-9])", self._TEXT)
        loose = [
            entry.splitlines()[0]
            for entry in entries
            if not re.match(r"[\w.-]+==", entry) or "--hash=sha256:" not in entry
        ]
        assert loose == []

    def test_it_satisfies_every_dependency_of_the_project(self) -> None:
        project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
        # The models of the extra `whisper` are the user's own choice, and so is what runs them.
        extras = [wanted for name, wanted in project["optional-dependencies"].items() if name != "whisper"]
        wanted = [Requirement(text) for text in chain(project["dependencies"], *extras)]
        locked: dict[str, set[str]] = {}
        for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", self._TEXT, re.MULTILINE):
            locked.setdefault(canonicalize_name(name), set()).add(version)
        unmet = [
            str(want)
            for want in wanted
            if not any(want.specifier.contains(version) for version in locked.get(canonicalize_name(want.name), set()))
        ]
        assert unmet == [], "run: make lock"
