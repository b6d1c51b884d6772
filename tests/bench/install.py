"""Installs the peers into `.peers`, each in an environment of its own, so that no pins of theirs meet Hark's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
REPOSITORY = HERE.parents[1]
_INSTALL_S = 600


class PeerFailedError(Exception):
    """A peer could not be installed or run; the message says why."""


@dataclass(frozen=True)
class Peer:
    """One library: how it is called in the table, what is installed for it, and its program."""

    name: str
    title: str
    program: str
    packages: tuple[str, ...] = ()

    def install(self) -> str:
        """Install it where it is not yet; return its version. Raises PeerFailedError."""
        if self.name == "hark":
            return "this checkout"
        if self.program.endswith(".js"):
            return self._install_node()
        return self._install_python()

    def command(self) -> list[str]:
        """The program, to be followed by a role and its options."""
        program = str(HERE / "peers" / self.program)
        if self.program.endswith(".js"):
            return ["node", program]
        if self.name == "hark":
            return [sys.executable, program]
        return [str(self._python), program]

    @property
    def _python(self) -> Path:
        return PEERS / self.name / "bin" / "python"

    def _install_node(self) -> str:
        folder = PEERS / "node"
        for tool in ("node", "npm"):
            if shutil.which(tool) is None:
                raise PeerFailedError(f"{tool} is not on this machine")
        if not all((folder / "node_modules" / package / "package.json").exists() for package in self.packages):
            folder.mkdir(parents=True, exist_ok=True)
            _call(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *self.packages])
        versions = []
        for package in self.packages:
            found = re.search(r'"version": "([^"]+)"', (folder / "node_modules" / package / "package.json").read_text())
            versions.append(f"{package} {found.group(1) if found else '?'}")
        return ", ".join([*versions, f"node {_call(['node', '--version']).strip()}"])

    def _install_python(self) -> str:
        done = PEERS / self.name / "installed.json"
        wanted = ["uvloop", "hiredis", *self.packages]
        known = json.loads(done.read_text()) if done.exists() else {}
        if known.get("packages") != wanted:
            _call([sys.executable, "-m", "venv", "--clear", str(PEERS / self.name)])
            pip = [str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _call([*pip, *wanted])
            frozen = _call([*pip[:3], "freeze", "--disable-pip-version-check"]).lower().splitlines()
            told = {re.split(r"[\[=<>]", package)[0] for package in self.packages} | {"redis", "coredis"}
            versions = ", ".join(line.replace("==", " ") for line in frozen if line.split("==")[0] in told)
            known = {"packages": wanted, "versions": versions}
            done.write_text(json.dumps(known))
        return str(known["versions"])


def _call(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=True)
    except subprocess.CalledProcessError as error:
        raise PeerFailedError(f"`{' '.join(command)}` failed: {error.stderr.strip()[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerFailedError(f"`{' '.join(command)}` failed: {error}") from error
    return done.stdout


ALL: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("hark", "Hark", "hark_peer.py"),
        Peer("bullmq", "BullMQ (node)", "bullmq.js", ("bullmq", "ioredis")),
        Peer("bullmq-py", "bullmq (PyPI)", "bullmq_peer.py", ("bullmq",)),
        Peer("taskiq", "taskiq-redis", "taskiq_peer.py", ("taskiq-redis",)),
        Peer("arq", "arq", "arq_peer.py", ("arq",)),
        Peer("saq", "saq", "saq_peer.py", ("saq[redis]", "typing_extensions")),
        Peer("streaq", "streaq", "streaq_peer.py", ("streaq",)),
        Peer("celery", "Celery", "celery_peer.py", ("celery[redis]",)),
    )
}

Note = Callable[[str], None]


def install(names: list[str], note: Note) -> tuple[dict[str, Peer], dict[str, str], dict[str, str]]:
    """Install those named; returns the peers that can run, all versions, and the reasons of the others."""
    ready, versions, missing = {}, {}, {}
    for name in names:
        peer = ALL[name]
        try:
            versions[name] = peer.install()
            ready[name] = peer
        except PeerFailedError as error:
            missing[name] = str(error)
            note(f"{peer.title} cannot be installed: {error}")
    return ready, versions, missing
