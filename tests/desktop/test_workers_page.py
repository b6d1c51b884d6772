"""The Workers page by itself, and with the bridge on a real Redis."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.actions import REDIS_GONE, Actions
from desktop.bridge import Bridge
from desktop.console import workers
from desktop.pages.workers import REMEMBERED_MS, WorkersPage
from desktop.theme import Look
from desktop.window import Window
from engine.model import Snapshot, WorkerInfo
from engine.queues import QUEUES
from engine.settings import load_settings
from tests.desktop.snapshots import START_MS, snapshot
from tests.desktop.test_bridge import Emissions

DESK = WorkerInfo("desk:1", "desk", 1, tuple(QUEUES), START_MS - 7_200_000, START_MS - 2_000, 3)
SHED = WorkerInfo("shed:2", "shed", 2, ("synthesis", "transcription"), START_MS - 60_000, START_MS, 1)


def with_workers(*found: WorkerInfo, second: int = 0, **changes: dict[str, object]) -> Snapshot:
    """A snapshot in which these workers were heard of."""
    return replace(snapshot(second, **changes), workers=found, watching_commands_per_s=8.4)


@pytest.fixture
def page(qtbot: QtBot) -> WorkersPage:
    look = Look()
    look.dress()
    page = WorkersPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1100, 760)
    page.show_own_concurrency({name: spec.concurrency for name, spec in QUEUES.items()})
    page.show()
    return page


def told(page: WorkersPage, worker_id: str) -> list[tuple[str, str]]:
    return [(cell.first.whole, cell.second.whole) for cell in page.rows[worker_id].cells]


def test_a_row_tells_a_workers_machine_queues_load_and_last_sign_of_life(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK, SHED))
    assert told(page, "desk:1") == [
        ("desk", "process 1"),
        ("all queues", ", ".join(spec.title for spec in QUEUES.values())),
        ("3", "jobs"),
        ("2 h ago", ""),
        ("2 s ago", "alive"),
    ]
    assert told(page, "shed:2")[1:3] == [("Synthesis, Transcription", "2 queues"), ("1", "job")]


def test_a_worker_that_is_not_heard_of_any_more_stays_as_silent(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK, SHED))
    page.show_snapshot(with_workers(replace(DESK, seen_at_ms=START_MS + 20_000), second=20))
    assert told(page, "shed:2")[4] == ("silent for 20 s", "it is dead or hangs")
    assert page.rows["shed:2"].cells[0].first.property("tone") == "stale"
    assert page.rows["desk:1"].cells[0].first.property("tone") == "ink"


def test_a_worker_that_took_its_leave_has_ended(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK, SHED))
    page.show_snapshot(with_workers(DESK, second=1))
    page.show_snapshot(with_workers(replace(DESK, seen_at_ms=START_MS + 20_000), second=20))
    assert told(page, "shed:2")[4] == ("20 s ago", "ended as it should")
    page.show_snapshot(with_workers(replace(DESK, seen_at_ms=START_MS + 61_000), second=61))
    assert list(page.rows) == ["desk:1"]


def test_a_worker_that_stops_serves_nothing_more(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(replace(DESK, stopping=True)))
    assert told(page, "desk:1")[1] == ("nothing more", "it finishes what is active")


def test_a_worker_that_was_silent_for_long_is_forgotten(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK, SHED))
    second = REMEMBERED_MS // 1000 + 1
    page.show_snapshot(with_workers(replace(DESK, seen_at_ms=START_MS + REMEMBERED_MS + 1_000), second=second))
    assert list(page.rows) == ["desk:1"]


def test_no_worker_is_told_with_what_to_do(page: WorkersPage) -> None:
    page.show_snapshot(with_workers())
    assert page.message.isVisible()
    assert "hark worker" in page.message.text()


def test_a_queues_number_is_told_with_how_many_workers_serve_it(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK, synthesis={"concurrency": 7, "concurrency_set": True, "workers": 2}))
    row = page.concurrency["synthesis"]
    shown = (row.workers.whole, row.setting.whole, row.number.value())
    assert shown == ("2 workers", "set, own: 3", 7)
    untouched = page.concurrency["notification"]
    assert untouched.setting.whole == "own setting"
    assert (row.reset.isEnabled(), untouched.reset.isEnabled()) == (True, False)
    assert untouched.reset.toolTip() == "Each worker goes by its own setting already."


def test_a_queue_that_no_worker_serves_is_told_so(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(SHED, notification={"workers": 0}))
    assert page.concurrency["notification"].workers.whole == "no worker"


def test_a_number_is_set_by_button_or_with_enter(page: WorkersPage, qtbot: QtBot) -> None:
    page.show_snapshot(with_workers(DESK))
    row = page.concurrency["synthesis"]
    assert not row.set.isEnabled()
    assert row.set.toolTip() == "It is 3 already."
    row.number.setValue(6)
    with qtbot.waitSignal(page.concurrency_wanted) as asked:
        qtbot.mouseClick(row.set, Qt.MouseButton.LeftButton)
    assert asked.args == ["synthesis", 6]
    with qtbot.waitSignal(page.concurrency_wanted) as asked:
        qtbot.keyClick(row.number.lineEdit(), Qt.Key.Key_Return)
    assert asked.args == ["synthesis", 6]


def test_a_number_that_is_being_written_outlives_a_snapshot(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK))
    page.concurrency["synthesis"].number.setValue(6)
    page.show_snapshot(with_workers(DESK, second=1))
    assert page.concurrency["synthesis"].number.value() == 6


def test_the_workers_own_setting_is_asked_for_as_zero(page: WorkersPage, qtbot: QtBot) -> None:
    page.show_snapshot(with_workers(DESK, synthesis={"concurrency": 7, "concurrency_set": True}))
    with qtbot.waitSignal(page.concurrency_wanted) as asked:
        qtbot.mouseClick(page.concurrency["synthesis"].reset, Qt.MouseButton.LeftButton)
    assert asked.args == ["synthesis", 0]


def test_redis_and_what_looking_costs_it_are_told(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK))
    assert page.redis.whole == "redis://localhost:6379"
    assert page.cost.text() == "This window's looking costs it 8.4 commands a second."


def test_what_is_known_stays_grey_where_redis_is_gone(page: WorkersPage) -> None:
    page.show_snapshot(with_workers(DESK))
    page.show_gone()
    row = page.concurrency["synthesis"]
    assert page.age.whole.startswith("As of ")
    assert not any(widget.isEnabled() for widget in (row.number, row.set, row.reset))
    assert row.reset.toolTip() == REDIS_GONE
    assert page.rows["desk:1"].cells[0].first.property("tone") == "stale"


def test_the_apps_own_worker_is_told_and_can_be_restarted(page: WorkersPage, qtbot: QtBot) -> None:
    page.show_embedded("running", 1, 0)
    page.show_snapshot(with_workers(replace(DESK, host=socket.gethostname())))
    assert page.embedded.text() == "This app's worker runs as process 1."
    assert told(page, "desk:1")[0][1] == "process 1, this app's"
    with qtbot.waitSignal(page.restart_wanted):
        qtbot.mouseClick(page.restart, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("state", ["stopped", "stopping", "restarting"])
def test_a_worker_that_does_not_run_cannot_be_restarted(page: WorkersPage, state: str) -> None:
    page.show_embedded(state, None, 0)
    assert not page.restart.isEnabled()
    assert page.restart.toolTip()


def test_a_worker_that_ended_by_itself_is_told(page: WorkersPage) -> None:
    page.show_embedded("running", 1, 2)
    assert page.embedded.text().endswith("It ended by itself 2 times and was started again.")


async def test_a_number_that_is_set_on_the_page_holds_in_redis(fresh_redis: str, qapp: object) -> None:
    look = Look()
    look.dress()
    window, page = Window(look, Actions()), WorkersPage(look, Actions())
    bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
    workers.connect(page, bridge, window)
    page.show()
    sampled, noticed = Emissions(bridge.sampled), Emissions(bridge.noticed)
    bridge.start()
    await sampled.next()
    row = page.concurrency["synthesis"]
    for number, words, shown in (
        (6, "Each worker runs 6 of Synthesis at once.", "set, own: 3"),
        (0, "Each worker goes by its own setting of Synthesis.", "own setting"),
    ):
        page.concurrency_wanted.emit("synthesis", number)
        assert (await noticed.next())[1] == words
        while row.setting.whole != shown:
            await sampled.next()
    await bridge.close()
    page.close()
    window.deleteLater()
