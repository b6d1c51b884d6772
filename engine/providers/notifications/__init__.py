"""Where notifications go besides this desktop: an ntfy server, and the services that Apprise knows.

`push_targets(settings)` gives those that are set up. A target is told once by whoever keeps a ledger of its `name`;
its `send` returns when the service has acknowledged, and raises PermanentError or RetryableError otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Push:
    """What is told. `id` is the same whenever it is sent again."""

    id: str
    title: str
    text: str
    urgent: bool = False


class PushTarget(Protocol):
    """One receiver."""

    @property
    def name(self) -> str:
        """What it is called in results and errors; nothing of a secret is in it."""
        ...

    async def send(self, push: Push) -> None:
        """Return once the service has taken it."""
        ...


def push_targets(settings: Settings) -> tuple[PushTarget, ...]:
    """The services that are set up. Raises SettingsError for one that cannot be used."""
    from engine.providers.notifications.ntfy import ntfy_target
    from engine.providers.notifications.services import service_targets

    ntfy = ntfy_target(settings)
    return (*((ntfy,) if ntfy else ()), *service_targets(settings))
