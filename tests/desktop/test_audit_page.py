"""The Audit page: driven by entries and batches as its wiring hands them over, and wired to a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import audit
from desktop.pages.audit import AuditPage
from desktop.pages.audit_cells import depths_text, remaining_text
from desktop.theme import Look
from desktop.window import Window
from engine.admin import Admin
from engine.model import AuditEntry, JobState, QuarantineBatch
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.failed_jobs import fail_jobs
from tests.desktop.snapshots import START_MS
from tests.desktop.test_bridge import Emissions

ENTRY = AuditEntry(
    id="1-0",
    queue="email-processing",
    at_ms=START_MS - 180_000,
    actor="ada (window)",
    action="clean",
    reason="old mailbox",
    touched=12,
    before={"waiting": 3, "failed": 12},
    after={"waiting": 3, "failed": 0},
    arguments={"state": "failed"},
)
BATCH = QuarantineBatch(
    id="batch-1",
    queue="email-processing",
    at_ms=START_MS - 180_000,
    until_ms=START_MS + 23 * 3_600_000 + 57 * 60_000,
    actor="ada (window)",
    reason="old mailbox",
    counts={JobState.FAILED: 12},
    left=11,
)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[AuditPage]:
    look = Look()
    look.dress()
    page = AuditPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1060, 760)
    page.show()
    yield page
    if page.dialog is not None:
        page.dialog.reject()


def test_an_action_tells_who_did_what_when_why_and_to_how_many(page: AuditPage) -> None:
    page.show_actions((ENTRY,), START_MS)
    assert page.actions_table.texts(0) == [
        "3 min ago",
        "ada (window)",
        "clean",
        "Email",
        "12",
        "failed 12 → 0",
        "old mailbox",
    ]


def test_depths_that_an_action_left_alone_are_unchanged() -> None:
    assert depths_text({"failed": 3}, {"failed": 3}) == "unchanged"
    assert depths_text({"failed": 3, "waiting": 0}, {"failed": 0, "waiting": 3}) == "failed 3 → 0, waiting 0 → 3"


@pytest.mark.parametrize(
    ("left_ms", "words"), [(86_340_000, "23 h 59 min"), (240_000, "4 min"), (59_999, "less than 1 min")]
)
def test_what_is_left_of_the_day_is_told(left_ms: int, words: str) -> None:
    assert remaining_text(left_ms) == words


def test_without_actions_it_says_so(page: AuditPage) -> None:
    page.show_actions((), START_MS)
    assert page.empty_text.startswith("No actions.")


def test_another_queue_is_asked_for(page: AuditPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.actions_wanted) as asked:
        page.queues.setCurrentIndex(page.queues.findData("synthesis"))
    assert asked.args == ["synthesis", ""]


def test_the_actions_of_one_person_are_asked_for_when_the_typing_rests(page: AuditPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.actions_wanted, check_params_cb=lambda _, who: who == "ada") as asked:
        qtbot.keyClicks(page.who_field, "ada")
    assert asked.args == ["", "ada"]
    page.show_actions((), START_MS)
    assert page.empty_text == "No actions of ada. The whole trail was looked through."


def test_the_quarantine_is_asked_for_when_it_is_shown(page: AuditPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.batches_wanted) as asked:
        qtbot.mouseClick(page.views["quarantine"], Qt.MouseButton.LeftButton)
    assert asked.args == [""]


def test_when_redis_is_gone_the_rows_stay_with_the_reason(page: AuditPage) -> None:
    page.show_actions((ENTRY,), START_MS)
    page.show_gone("The trail cannot be read.")
    assert page.actions_table.rowCount() == 1
    assert page.age.whole.endswith(" ago: The trail cannot be read.")
    page.show_actions((ENTRY,), START_MS)
    assert page.age.whole == ""


class TestQuarantine:
    def test_a_batch_tells_what_is_there_and_for_how_long(self, page: AuditPage) -> None:
        page.show_view("quarantine")
        page.show_batches((BATCH,), START_MS)
        assert page.batches_table.texts(0) == [
            "3 min ago",
            "Email",
            "12 failed",
            "11",
            "23 h 57 min",
            "ada (window)",
            "old mailbox",
        ]

    def test_restore_asks_first(self, page: AuditPage, qtbot: QtBot) -> None:
        page.show_view("quarantine")
        page.show_batches((BATCH,), START_MS)
        page.batches_table.setCurrentCell(0, 0)
        qtbot.mouseClick(page.restore, Qt.MouseButton.LeftButton)
        dialog = page.dialog
        assert dialog is not None
        assert "11 jobs of Email" in dialog.words.text()
        dialog.reason.setText("cleaned by mistake")
        with qtbot.waitSignal(page.restore_wanted) as asked:
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        assert asked.args == [BATCH, "cleaned by mistake"]
        assert page.dialog is None

    def test_the_enter_key_restores_the_chosen_batch(self, page: AuditPage, qtbot: QtBot) -> None:
        page.show_view("quarantine")
        page.show_batches((BATCH,), START_MS)
        page.batches_table.setCurrentCell(0, 0)
        page.activateWindow()
        qtbot.waitUntil(page.isActiveWindow)  # a shortcut works in the active window only
        page.batches_table.setFocus()
        qtbot.keyClick(page.batches_table, Qt.Key.Key_Return)
        assert page.dialog is not None

    def test_restore_says_why_it_cannot_be_done(self, page: AuditPage) -> None:
        page.show_view("quarantine")
        page.show_batches((replace(BATCH, left=0),), START_MS)
        assert (page.restore.isEnabled(), page.restore.toolTip()) == (False, "Choose what is to come back.")
        page.batches_table.setCurrentCell(0, 0)
        assert (page.restore.isEnabled(), page.restore.toolTip()) == (False, "All of these jobs are back already.")

    def test_the_chosen_batch_stays_chosen_when_another_comes(self, page: AuditPage) -> None:
        page.show_view("quarantine")
        page.show_batches((BATCH,), START_MS)
        page.batches_table.setCurrentCell(0, 0)
        page.show_batches((replace(BATCH, id="batch-2"), BATCH), START_MS)
        assert page.batches_table.chosen == "batch-1"


async def test_a_clean_is_seen_and_its_jobs_come_back(fresh_redis: str, qtbot: QtBot) -> None:
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    page = window.audit
    bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
    audit.connect(page, bridge, window)
    opened, answered, noticed = Emissions(bridge.opened), Emissions(bridge.answered), Emissions(bridge.noticed)
    bridge.start()
    await opened.next()
    store = Store(fresh_redis)
    await fail_jobs(store, "email-processing", 3)
    await Admin(store).clean("email-processing", JobState.FAILED, actor="ada", reason="test")

    page.actions_wanted.emit("", "")
    await answered.next()
    assert page.actions_table.texts(0)[1:] == ["ada", "clean", "Email", "3", "failed 3 → 0", "test"]
    page.batches_wanted.emit("")
    await answered.next()
    page.show_view("quarantine")
    page.batches_table.setCurrentCell(0, 0)
    page.restore.click()
    assert page.dialog is not None
    page.dialog.confirm.click()
    assert (await noticed.next())[:2] == ("success", "3 jobs of Email came back.")
    assert await store.depth("email-processing", JobState.FAILED) == 3
    await bridge.close()
    await store.close()
