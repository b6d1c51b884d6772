"""`Client`: what submits work, and follows it."""

from __future__ import annotations

from uuid import uuid4

from engine import queues
from engine.client.ai import Asking
from engine.client.calendar import Calendars
from engine.client.mail import Mail
from engine.client.notifying import Notifying
from engine.client.talking import Talking
from engine.client.tasks import TaskList

_DEMO_STOP, _DEMO_STOP_TTL_S = "demo-stop", 3_600


class Client(Talking, TaskList, Mail, Calendars, Asking, Notifying):
    """Submits jobs to one Redis. Methods raise RedisGoneError where it does not answer."""

    async def stop_demo(self) -> None:
        """Tell whoever makes demo traffic on this Redis to end it."""
        await self._store.put_blob(queues.NOTIFICATION, _DEMO_STOP, uuid4().hex.encode(), _DEMO_STOP_TTL_S)

    async def demo_stop(self) -> bytes | None:
        """What the last `stop_demo` has left: another value means that there was one meanwhile."""
        return await self._store.get_blob(queues.NOTIFICATION, _DEMO_STOP)
