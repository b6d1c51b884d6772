"""Notifications and reminders in the window: shown once, also what came while it was closed, and kept until closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QSystemTrayIcon

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import notifications
from desktop.theme import Look
from desktop.tray import Tray, message_of
from desktop.window import Window
from engine.client import Client
from engine.model import Notice
from engine.queues import NOTIFICATION
from engine.settings import load_settings
from engine.store import open_store
from tests.desktop.test_queues_console import until
from tests.engine.hands import running


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Window]:
    """A window that is connected."""
    look = Look()
    look.dress()
    window = Window(look, Actions())
    bridge = Bridge(lambda: load_settings(redis_url=url))
    notifications.connect(window, bridge, Tray(look))
    sampled: list[object] = []
    bridge.sampled.connect(sampled.append)
    window.show()
    try:
        bridge.start()
        await until(lambda: len(sampled) > 1)
        yield window
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


@asynccontextmanager
async def worker_on(url: str) -> AsyncIterator[Client]:
    """A worker in this process, and a client for it."""
    settings = load_settings(redis_url=url)
    async with running(settings, [NOTIFICATION]), open_store(settings) as store:
        yield Client(store, settings)


async def fire(client: Client, text: str) -> None:
    """Let a reminder come to its moment and be told."""
    handle = await client.remind("local", text, datetime.now(UTC) + timedelta(milliseconds=20))
    assert (await handle.result(30))["told"] == ["desktop"]


async def test_a_reminder_that_fired_while_the_window_was_closed_is_shown_once_when_it_opens(
    qapp: object, fresh_redis: str
) -> None:
    async with worker_on(fresh_redis) as client:
        await fire(client, "Call Anna")
    async with opened(fresh_redis) as window:
        await until(window.told.isVisible)
        assert window.told.text == "Reminder Call Anna"
    async with opened(fresh_redis) as again:
        assert not again.told.isVisible()


async def test_a_reminder_is_shown_while_the_window_is_open(qapp: object, fresh_redis: str) -> None:
    async with opened(fresh_redis) as window, worker_on(fresh_redis) as client:
        assert not window.told.isVisible()
        await fire(client, "Stretch")
        await until(window.told.isVisible)
        assert window.told.text == "Reminder Stretch"


async def test_several_are_told_one_after_the_other_as_they_are_closed(qapp: object, fresh_redis: str) -> None:
    async with worker_on(fresh_redis) as client:
        for text in ("Call Anna", "Stretch"):
            await fire(client, text)
    async with opened(fresh_redis) as window:
        await until(window.told.isVisible)
        assert window.told.text == "Reminder (and 1 more) Call Anna"
        close = window.told.findChildren(type(window.told.action))[-1]
        close.click()
        assert window.told.text == "Reminder Stretch"
        close.click()
        assert not window.told.isVisible()


def notices(*texts: str) -> Sequence[Notice]:
    return [Notice(text, "Reminder", text, 0) for text in texts]


def test_the_tray_tells_of_several_in_one_message() -> None:
    assert message_of(notices("Call Anna")) == ("Reminder", "Call Anna")
    title, text = message_of(notices("a", "b\nlate", "c", "d", "e"))
    assert title == "Hark: 5 notifications"
    assert text.splitlines() == ["Reminder: a", "Reminder: b late", "Reminder: c", "and 2 more"]


def test_a_click_on_the_trays_message_opens_what_it_told_of(qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    look = Look()
    look.dress()
    tray = Tray(look)
    clicked: list[str] = []
    tray.open_requested.connect(lambda: clicked.append("window"))
    tray.alerts_requested.connect(lambda: clicked.append("alerts"))
    assert tray._icon is not None
    tray._icon.messageClicked.emit()
    tray.tell(notices("Call Anna"))
    tray._icon.messageClicked.emit()
    tray.close()
    assert clicked == ["alerts", "window"]
