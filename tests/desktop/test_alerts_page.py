"""Alerts in the window: the page and the rail's badge by themselves, the tray, and all of it on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSystemTrayIcon
from pytestqt.qtbot import QtBot

from desktop.actions import REDIS_GONE, Actions
from desktop.bridge import Bridge
from desktop.console import alerts
from desktop.pages.alerts import AlertsPage
from desktop.theme import Look
from desktop.tray import Tray, badged, notification_of, tooltip_of
from desktop.window import Window
from engine.admin import Admin
from engine.model import Alert, Severity, Silence
from engine.settings import load_settings
from engine.store import NewJob, Store
from engine.store.server import PrivateRedis
from tests.desktop.failed_jobs import fail_jobs
from tests.desktop.snapshots import START_MS
from tests.desktop.test_bridge import Emissions, kill_server

EMAIL = "email-processing"
UNSERVED = Alert(
    f"no-worker:{EMAIL}",
    "no-worker",
    EMAIL,
    Severity.CRITICAL,
    "Nothing runs on Email: no worker serves this queue, 12 jobs wait.",
    "Start `hark worker`.",
    START_MS - 180_000,
)
FAILED = Alert(
    "job-failed:synthesis",
    "job-failed",
    "synthesis",
    Severity.WARNING,
    "1 job of Synthesis failed for good in the last 10 minutes.",
    "See why on the Failures page.",
    START_MS - 20_000,
)
GONE = Alert("redis-gone", "redis-gone", None, Severity.CRITICAL, "Redis does not answer.", "Start it.", START_MS)
KNOWN = replace(UNSERVED, silence=Silence(START_MS - 60_000, "anna", None, "new worker comes"))


@pytest.fixture
def look(qapp: object) -> Look:
    look = Look()
    look.dress()
    return look


@pytest.fixture
def page(qtbot: QtBot, look: Look) -> AlertsPage:
    page = AlertsPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1100, 760)
    page.show()
    return page


@pytest.fixture
def window(qtbot: QtBot, look: Look) -> Window:
    window = Window(look, Actions())
    qtbot.addWidget(window)
    window.show()
    return window


# --- the page ---


def test_an_alert_tells_what_is_wrong_what_to_do_and_since_when(page: AlertsPage) -> None:
    page.show_alerts((UNSERVED, FAILED), (), START_MS)
    row = page.rows[UNSERVED.key]
    assert (row.message.text(), row.remedy.text()) == (UNSERVED.message, "Start “hark worker”.")
    assert row.facts.text() == "Critical · No worker, Email · began 3 min ago"
    assert not row.known.isVisible()
    assert page.count.text() == "2 open"


def test_no_alert_is_told_in_words(page: AlertsPage) -> None:
    assert page.empty_text == "Looking…"
    page.show_alerts((UNSERVED,), (), START_MS)
    assert page.empty_text == ""
    page.show_alerts((), (), START_MS)
    assert (page.empty_text, page.rows) == ("No alert is open.", {})
    page.show_alerts((), (), START_MS, gone=True)
    assert page.empty_text == "Nothing can be known: Redis does not answer."


def test_one_that_somebody_knows_of_says_who_and_can_be_told_again(page: AlertsPage, qtbot: QtBot) -> None:
    page.show_alerts((KNOWN, FAILED), (), START_MS)
    row = page.rows[KNOWN.key]
    assert row.known.whole == "Acknowledged by anna, 1 min ago: new worker comes"
    assert page.count.text() == "2 open, 1 acknowledged or snoozed"
    with qtbot.waitSignal(page.unsilence_wanted) as asked:
        qtbot.mouseClick(row.acknowledge, Qt.MouseButton.LeftButton)
    assert asked.args == [KNOWN.key]


def test_a_snooze_says_how_long_it_lasts(page: AlertsPage) -> None:
    snoozed = replace(FAILED, silence=Silence(START_MS, "ben", START_MS + 25 * 60_000))
    page.show_alerts((snoozed,), (), START_MS)
    assert page.rows[FAILED.key].known.whole == "Snoozed by ben, 25 min left"


def test_each_button_asks_for_its_alert(page: AlertsPage, qtbot: QtBot) -> None:
    page.show_alerts((UNSERVED, FAILED), (), START_MS)
    row = page.rows[UNSERVED.key]
    with qtbot.waitSignal(page.acknowledge_wanted) as asked:
        qtbot.mouseClick(row.acknowledge, Qt.MouseButton.LeftButton)
    assert asked.args == [UNSERVED.key]
    for button, minutes in zip(row.snoozes, (30, 240), strict=True):
        with qtbot.waitSignal(page.snooze_wanted) as asked:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == [UNSERVED.key, minutes]
    with qtbot.waitSignal(page.queue_wanted) as asked:
        qtbot.mouseClick(row.show_cause, Qt.MouseButton.LeftButton)
    assert asked.args == [EMAIL]
    with qtbot.waitSignal(page.failures_wanted):
        qtbot.mouseClick(page.rows[FAILED.key].show_cause, Qt.MouseButton.LeftButton)


def test_while_redis_is_gone_only_its_own_alert_can_be_acknowledged(page: AlertsPage) -> None:
    page.show_alerts((GONE, UNSERVED), (), START_MS, gone=True)
    stale, gone = page.rows[UNSERVED.key], page.rows["redis-gone"]
    assert (stale.acknowledge.isEnabled(), stale.acknowledge.toolTip()) == (False, REDIS_GONE)
    assert stale.message.property("tone") == "stale"
    assert gone.acknowledge.isEnabled()
    assert (gone.show_cause.isEnabled(), gone.show_cause.toolTip()) == (
        False,
        "It concerns Redis, and so all queues.",
    )


def test_what_has_ended_is_told_below(page: AlertsPage) -> None:
    assert not page.ended.isVisible()
    page.show_alerts((), (replace(UNSERVED, ended_at_ms=START_MS - 60_000),), START_MS)
    assert page.ended.texts(0) == ["1 min ago", "No worker, Email", "2 min", UNSERVED.message]


def test_every_control_has_a_name(page: AlertsPage) -> None:
    page.show_alerts((UNSERVED,), (), START_MS)
    row = page.rows[UNSERVED.key]
    assert [button.accessibleName() for button in (row.acknowledge, *row.snoozes, row.show_cause)] == [
        "Acknowledge: No worker, Email",
        "Snooze 30 min: No worker, Email",
        "Snooze 4 h: No worker, Email",
        "Show queue: No worker, Email",
    ]


# --- the rail and the tray ---


def test_the_rail_has_a_badge_while_alerts_are_open(window: Window, qtbot: QtBot) -> None:
    assert not window.rail.alert_badge.isVisible()
    window.show_alerts((UNSERVED, FAILED))
    assert (window.rail.alert_badge.isVisible(), window.rail.alert_badge.text().strip()) == (True, "2 alerts")
    assert UNSERVED.message in window.rail.alert_badge.toolTip()
    with qtbot.waitSignal(window.alerts_wanted):
        qtbot.mouseClick(window.rail.alert_badge, Qt.MouseButton.LeftButton)
    window.show_alerts(())
    assert not window.rail.alert_badge.isVisible()


def test_the_tooltip_and_the_notification_say_what_is_wrong() -> None:
    assert tooltip_of(()) == "Hark"
    assert tooltip_of((UNSERVED,)) == f"Hark: 1 alert\n{UNSERVED.message}"
    assert tooltip_of((UNSERVED,) * 5).splitlines()[-1] == "and 2 more"
    assert notification_of((UNSERVED,)) == ("Hark: No worker", f"{UNSERVED.message} Start “hark worker”.")
    assert notification_of((UNSERVED, FAILED)) == ("Hark: 2 alerts", f"{UNSERVED.message}\n{FAILED.message}")


@pytest.mark.parametrize(("role", "shown"), [("danger", True), ("caution", True), ("", False)])
def test_the_icon_wears_a_dot_of_the_alerts_colour(look: Look, role: str, shown: bool) -> None:
    image = badged(look, role).pixmap(64, 64).toImage()
    scale = image.width() / 64
    dot = image.pixelColor(int(49 * scale), int(49 * scale))
    assert (dot.name() == look.hex(role or "danger")) == shown


def test_the_dot_goes_with_the_last_alert(look: Look) -> None:
    before = badged(look, "").pixmap(64, 64).toImage()
    badged(look, "danger")
    assert badged(look, "").pixmap(64, 64).toImage() == before


class Screen:
    """A desktop with a tray, which this machine's display has not: it remembers what an icon was told to show."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[tuple[str, str]] = []
        self.tooltip = ""
        monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
        monkeypatch.setattr(QSystemTrayIcon, "show", lambda icon: None)
        monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda icon, *told: self.shown.append(told[:2]))


def test_the_tray_tells_of_an_alert_and_stays_marked(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    tray = Tray(look)
    icon = tray.findChild(QSystemTrayIcon)
    assert icon is not None
    plain = icon.icon().cacheKey()
    tray.show_alerts((UNSERVED,))
    tray.notify((UNSERVED,))
    tray.notify(())
    assert screen.shown == [notification_of((UNSERVED,))]
    assert icon.toolTip().startswith("Hark: 1 alert")
    assert icon.icon().cacheKey() != plain
    tray.show_alerts(())
    assert icon.toolTip() == "Hark"
    tray.close()


def test_the_trays_menu_leads_to_the_alerts_while_there_are_some(
    look: Look, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    Screen(monkeypatch)
    window, tray = Window(look, Actions()), Tray(look)
    qtbot.addWidget(window)
    tray.fill(window.catalogue, ["window.quit"])
    icon = tray.findChild(QSystemTrayIcon)
    assert icon is not None

    def entries() -> list[str]:
        return [entry.text() for entry in icon.contextMenu().actions() if entry.isVisible() and entry.text()]

    assert entries() == ["Open Hark", "Quit Hark"]  # no keys: they work in the window only
    tray.show_alerts((UNSERVED, FAILED))
    assert entries() == ["Open Hark", "Show 2 alerts", "Quit Hark"]
    with qtbot.waitSignal(tray.alerts_requested):
        next(entry for entry in icon.contextMenu().actions() if entry.text() == "Show 2 alerts").trigger()
    tray.close()


# --- on a real Redis ---


class Told(Tray):
    """The app's tray; what it would notify the desktop of is kept."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.told: list[str] = []

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Keep it, and do as ever."""
        self.told += [alert.key for alert in alerts]
        super().notify(alerts)


class Console:
    """The page in its window, connected as the app connects it."""

    def __init__(self, look: Look, url: str) -> None:
        self.window = Window(look, Actions())
        self.page = self.window.alerts
        self.tray = Told(look)
        self.url = url
        self.bridge = Bridge(lambda: load_settings(redis_url=url, alert_no_worker_s=1, alert_redis_gone_s=1))
        alerts.connect(self.page, self.bridge, self.window, self.tray)
        self.window.show()
        self.window.open_page(self.page)
        self.sampled, self.noticed = Emissions(self.bridge.sampled), Emissions(self.bridge.noticed)
        self._heard = asyncio.Event()
        for signal in (self.bridge.sampled, self.bridge.gone, self.bridge.answered):
            signal.connect(lambda *_: self._heard.set())

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for something to be so, which only what the bridge hears can change."""
        async with asyncio.timeout(30):
            while not met():
                self._heard.clear()
                await self._heard.wait()

    async def close(self) -> None:
        await self.bridge.close()
        self.window.hide()
        self.window.deleteLater()


@pytest.fixture
async def console(look: Look, fresh_redis: str) -> AsyncIterator[Console]:
    console = Console(look, fresh_redis)
    yield console
    await console.close()


@pytest.fixture
async def store(fresh_redis: str) -> AsyncIterator[Store]:
    store = Store(fresh_redis)
    yield store
    await store.close()


async def let_wait(store: Store) -> None:
    await store.add(EMAIL, [NewJob("letter", "send-email", "{}", 3, 1, "fixed", 0, 1_000)])


async def test_an_alert_begins_is_acknowledged_for_all_and_ends(console: Console, store: Store) -> None:
    await let_wait(store)
    console.bridge.start()
    await console.until(lambda: UNSERVED.key in console.page.rows)
    assert console.tray.told == [UNSERVED.key]
    assert console.window.rail.alert_badge.text().strip() == "1 alert"
    row = console.page.rows[UNSERVED.key]
    console.window.catalogue.run(console.window.catalogue.command(f"alert.acknowledge.{UNSERVED.key}"))
    assert (await console.noticed.next())[1] == "Acknowledged: nobody is told of this alert until it ends."
    await console.until(lambda: row.known.whole.startswith("Acknowledged by "))
    (entry,) = await Admin(store).audit()
    assert (entry.queue, entry.action) == (EMAIL, "acknowledge-alert")
    console.page.queue_wanted.emit(EMAIL)
    assert console.window.page is console.window.queues
    assert console.window.queues.selected == EMAIL


async def test_what_another_has_acknowledged_before_is_not_told(console: Console, store: Store) -> None:
    await Admin(store).acknowledge_alert(UNSERVED.key, actor="anna")
    await let_wait(store)
    console.bridge.start()
    await console.until(lambda: UNSERVED.key in console.page.rows)
    assert console.page.rows[UNSERVED.key].known.whole.startswith("Acknowledged by anna")
    assert console.tray.told == []


async def test_a_failed_job_is_told_of(console: Console, store: Store) -> None:
    console.bridge.start()
    await console.sampled.next()
    await fail_jobs(store, "synthesis", 3)
    await console.until(lambda: FAILED.key in console.page.rows)
    assert console.tray.told == [FAILED.key]
    assert console.page.rows[FAILED.key].message.text().startswith("Jobs of Synthesis failed for good 3 times")


async def test_a_redis_that_is_gone_is_an_alert_of_the_window_itself(look: Look, private_redis: PrivateRedis) -> None:
    console = Console(look, private_redis.ensure())
    console.bridge.start()
    await console.sampled.next()
    await asyncio.to_thread(kill_server, console.url)
    await console.until(lambda: "redis-gone" in console.page.rows)
    assert console.tray.told == ["redis-gone"]
    console.page.acknowledge_wanted.emit("redis-gone")
    assert console.page.rows["redis-gone"].known.whole.startswith("Acknowledged by you")
    await asyncio.to_thread(private_redis.ensure)
    await console.until(lambda: "redis-gone" not in console.page.rows)
    assert console.page.ended.texts(0)[1] == "Redis gone"
    await console.close()
