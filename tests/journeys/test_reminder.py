"""A reminder from the words of a person to the notice on the desktop, through real programs."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from engine.client import Client
from engine.model import JobState
from engine.queues import NOTIFICATION
from engine.settings import load_settings
from engine.store import Store
from tests.engine.worker_process import worker_process

HARK = (sys.executable, "-m", "engine")


async def test_a_reminder_that_was_asked_for_is_told_once(fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    command = [*HARK, "ask", "remind me in one second to stretch"]
    # `ask` starts a worker for the time of the command only: mostly nobody is there when the reminder is due.
    asked = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=100, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "I will remind you today at" in asked.stdout or "I will remind you tomorrow at" in asked.stdout

    settings = load_settings(redis_url=fresh_redis)
    store = Store(fresh_redis)
    try:
        client = Client(store, settings)
        with worker_process(*HARK[1:], "worker", "--queue", NOTIFICATION):
            async with asyncio.timeout(60):
                while not (told := await store.jobs(NOTIFICATION, JobState.COMPLETED, 0, 10)):
                    await store.events({NOTIFICATION: await store.last_event(NOTIFICATION)}, 200)
        notices = await client.take_notices()
        assert [(notice.title, notice.text) for notice in notices] == [("Reminder", "stretch")]
        assert [job.id for job in told] == [notice.id for notice in notices]
        assert await client.reminders() == ()
    finally:
        await store.close()
