"""Secrets in the operating system's keyring: the only place where Hark ever writes one.

Hides `keyring`, whose import and whose answer may be slow, and which may ask the person to unlock it: it is touched
only for a secret that the settings file names as kept there. Nothing here repeats what a keyring said: it may quote.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from engine.errors import SettingsError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "hark"
"""What the entries are filed under; the user name of each is the name of the setting."""

_T = TypeVar("_T")


def read_secret(name: str, variable: str) -> str | None:
    """The secret of the setting `name`, or None where the keyring has none (any more).

    `variable` is the environment variable that can give it instead. Raises SettingsError, as all of these.
    """
    return _asked(variable, lambda backend: backend.get_password(SERVICE, name))


def keep_secret(name: str, variable: str, secret: str) -> None:
    """Keep the secret, in place of one that is there."""
    _asked(variable, lambda backend: backend.set_password(SERVICE, name, secret))


def forget_secret(name: str, variable: str) -> None:
    """Take the secret out; nothing where it is not there."""

    def forget(backend: KeyringBackend) -> None:
        if backend.get_password(SERVICE, name) is not None:
            backend.delete_password(SERVICE, name)

    _asked(variable, forget)


def no_keyring() -> str:
    """Why no secret can be kept, in words; "" where one can."""
    return "" if _backend() is not None else "This machine has no keyring that Hark can use."


def _asked(variable: str, ask: Callable[[KeyringBackend], _T]) -> _T:
    backend = _backend()
    if backend is None:
        raise SettingsError("No keyring here.", f"Set the environment variable {variable} instead.")
    try:
        return ask(backend)
    except Exception as error:  # noqa: BLE001 - a backend is any program's, and raises what it likes
        raise SettingsError(
            f"The keyring does not answer as it should ({type(error).__name__}).",
            f"Unlock it and try again, or set the environment variable {variable} instead.",
        ) from None


def _backend() -> KeyringBackend | None:
    """The keyring of this machine, or None: not installed, or one that keeps nothing."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:  # a worker on a server does without it
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, (fail.Keyring, null.Keyring)) else backend
