"""Keyrings for tests: a real Secret Service of the test's own, and one of keyring's own kind that lives in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

_PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")


class MemoryKeyring(KeyringBackend):
    """Keeps secrets until it is forgotten."""

    # keyring lists every backend there is and takes the one of the highest priority: never this one by itself.
    priority = -1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


def missing_programs() -> list[str]:
    """What `secret_service` needs and this machine has not."""
    return [program for program in _PROGRAMS if shutil.which(program) is None]


@contextmanager
def private_bus(environment: Mapping[str, str]) -> Iterator[str]:
    """A D-Bus of the test's own; gives its address."""
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert bus.stdout is not None
    try:
        yield bus.stdout.readline().strip()
    finally:
        bus.kill()
        bus.wait()
        bus.stdout.close()


@contextmanager
def secret_service(folder: Path) -> Iterator[dict[str, str]]:
    """GNOME's keyring, unlocked, on a bus of its own; gives the environment in which a program finds it."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHON_KEYRING_BACKEND"},
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
    }
    keeper = None
    with private_bus(environment) as address:
        environment["DBUS_SESSION_BUS_ADDRESS"] = address
        try:
            keeper = subprocess.Popen(
                ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
                env={**environment, "XDG_DATA_HOME": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert keeper.stdin is not None
            keeper.stdin.write(b"password of a test\n")
            keeper.stdin.close()
            # It says where it listens once it does.
            assert keeper.stdout is not None
            keeper.stdout.readline()
            yield environment
        finally:
            if keeper is not None:
                keeper.kill()
                keeper.wait()
                assert keeper.stdout is not None
                keeper.stdout.close()
