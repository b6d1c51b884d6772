"""The Recurring page by itself, and with the bridge on a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import recurring
from desktop.pages.recurring import RecurringPage
from desktop.pages.recurring_words import cron_words, duration_words, slot_text
from desktop.pages.schedule_dialog import Draft, ScheduleDialog
from desktop.theme import Look
from desktop.widgets.text import Text
from desktop.window import Window
from engine.job_types import SyncInbox
from engine.model import Job, JobState, Schedule
from engine.settings import load_settings
from tests.desktop.test_bridge import Emissions

NOON_MS = 1_767_614_400_000
"""Monday 2026-01-05 12:00:00 UTC."""
MINUTE_MS = 60_000
MAIL = Schedule(
    "morning-mail",
    "email-processing",
    "sync-inbox",
    {},
    cron="*/30 * * * *",
    next_at_ms=NOON_MS + 12 * MINUTE_MS,
    last_at_ms=NOON_MS - 18 * MINUTE_MS,
    last_job="morning-mail:1",
)
TIDY = Schedule("tidy", "task-processing", "sync-tasks", {}, every_ms=5_400_000, enabled=False)


def job(state: JobState, **fields: Any) -> Job:
    """The last job of MAIL."""
    return Job("morning-mail:1", MAIL.queue, MAIL.job_name, {}, state, 3, 3, 1, 1000, NOON_MS, **fields)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[RecurringPage]:
    look = Look()
    look.dress()
    page = RecurringPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1100, 760)
    page.show()
    yield page
    if page.dialog is not None:
        page.dialog.reject()
    if page.question is not None:
        page.question.reject()


def test_on_a_small_screen_at_150_percent_nothing_is_cut(page: RecurringPage, qtbot: QtBot) -> None:
    page.show_schedules((MAIL, TIDY), {}, NOON_MS)
    page.resize(789, 480)
    cells = [page.rows[MAIL.id].name, page.rows[MAIL.id].when, page.rows[MAIL.id].next, page.rows[MAIL.id].last]
    qtbot.waitUntil(lambda: all(cell.first.text() == cell.first.whole for cell in cells))
    page.open_add()
    assert page.dialog is not None
    assert page.dialog.sizeHint().height() <= 500  # of 533, with a title bar


def test_the_titles_stand_over_their_columns(page: RecurringPage, qtbot: QtBot) -> None:
    page.show_schedules((MAIL,), {}, NOON_MS)
    row = page.rows[MAIL.id]
    titles = {text.text(): text for text in page.findChildren(Text)}

    def left(widget: QWidget) -> int:
        return widget.mapTo(page, QPoint()).x()

    columns = [(titles["Runs"], row.when), (titles["Next"], row.next), (titles["Last"], row.last)]
    qtbot.waitUntil(lambda: all(abs(left(title) - left(cell)) <= 4 for title, cell in columns))


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/30 * * * *", "every 30 minutes"),
        ("0 * * * *", "every hour"),
        ("15 * * * *", "every hour at :15"),
        ("5 */6 * * *", "every 6 hours at :05"),
        ("0 9 * * MON-FRI", "at 09:00 on weekdays"),
        ("30 8,20 * * 0,6", "at 08:30 and 20:30 at weekends"),
        ("0 9 * * 7", "at 09:00 on Sunday"),
        ("*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59 on weekdays"),
        ("0 3 1 * *", "at 03:00 on the 1st"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 9 * * 5#2", "at 09:00 on the 2nd Friday of the month"),
        ("0 12 * JAN,JUL *", "at 12:00 in January and July"),
    ],
)
def test_a_usual_cron_is_told_in_plain_words(cron: str, words: str) -> None:
    assert cron_words(cron) == words


@pytest.mark.parametrize("cron", ["*/7 * * * *", "0 9 * * 5L", "0 9 1 * MON", "0 */5 * * *", "0 9", "a b c d e"])
def test_a_cron_without_usual_words_is_told_as_it_is_written(cron: str) -> None:
    assert cron_words(cron) == cron


def test_an_interval_is_told_in_its_units() -> None:
    assert [duration_words(ms) for ms in (1_800_000, 3_600_000, 5_400_000)] == [
        "30 minutes",
        "hour",
        "1 h 30 min",
    ]


@pytest.mark.parametrize(
    ("ahead_ms", "text"),
    [(150 * MINUTE_MS, "14:30"), (24 * 60 * MINUTE_MS, "Tue 12:00"), (30 * 24 * 60 * MINUTE_MS, "4 Feb 2026 12:00")],
)
def test_a_slot_is_told_by_its_zones_clock(ahead_ms: int, text: str) -> None:
    assert slot_text(NOON_MS + ahead_ms, "UTC", NOON_MS) == text


def test_a_row_tells_what_runs_when_next_and_how_it_went(page: RecurringPage) -> None:
    page.show_schedules((MAIL,), {"morning-mail:1": job(JobState.COMPLETED)}, NOON_MS)
    row = page.rows["morning-mail"]
    told = [(cell.first.whole, cell.second.whole) for cell in (row.name, row.when, row.next, row.last)]
    assert told == [
        ("morning-mail", "Email · sync-inbox"),
        ("every 30 minutes", "UTC"),
        ("in 12 min", "12:12"),
        ("18 min ago", "completed"),
    ]
    assert "*/30 * * * *" in row.when.first.toolTip()
    assert "2026-01-05 12:12:00 UTC" in row.next.first.toolTip()


def test_a_failed_last_job_tells_its_error(page: RecurringPage) -> None:
    page.show_schedules((MAIL,), {"morning-mail:1": job(JobState.FAILED, error="Mailbox is full.")}, NOON_MS)
    last = page.rows["morning-mail"].last
    assert last.second.whole == "failed"
    assert "Mailbox is full." in last.second.toolTip()


def test_a_last_job_whose_record_is_gone_is_told_so(page: RecurringPage) -> None:
    page.show_schedules((MAIL,), {}, NOON_MS)
    assert page.rows["morning-mail"].last.second.whole == "its record is gone"


def test_a_slot_that_nobody_took_is_due(page: RecurringPage) -> None:
    page.show_schedules((MAIL,), {}, NOON_MS + 13 * MINUTE_MS)
    assert page.rows["morning-mail"].next.first.whole == "due"


def test_a_switch_asks_and_turns_only_with_the_next_reading(page: RecurringPage, qtbot: QtBot) -> None:
    page.show_schedules((MAIL,), {}, NOON_MS)
    switch = page.rows["morning-mail"].switch
    with qtbot.waitSignal(page.switched) as asked:
        qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert asked.args == ["morning-mail", False]
    assert switch.isChecked()
    page.show_schedules((replace(MAIL, enabled=False, next_at_ms=None),), {}, NOON_MS)
    assert not switch.isChecked()
    assert page.rows["morning-mail"].next.second.whole == "switched off"


def test_a_row_is_removed_with_the_delete_key_once_that_is_confirmed(page: RecurringPage, qtbot: QtBot) -> None:
    page.show_schedules((MAIL, TIDY), {}, NOON_MS)
    qtbot.keyClick(page.rows["tidy"], Qt.Key.Key_Delete)
    assert page.question is not None
    confirm = page.question.confirm
    with qtbot.waitSignal(page.remove_wanted) as asked:
        qtbot.mouseClick(confirm, Qt.MouseButton.LeftButton)
    assert asked.args == ["tidy"]
    page.show_schedules((MAIL,), {}, NOON_MS)
    assert list(page.rows) == ["morning-mail"]


def test_the_arrows_stop_at_the_first_and_the_last_row(page: RecurringPage, qtbot: QtBot) -> None:
    page.show_schedules((MAIL, TIDY), {}, NOON_MS)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    first, last = page.rows.values()
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Up)
    assert first.hasFocus()
    qtbot.keyClick(first, Qt.Key.Key_Down)
    assert last.hasFocus()
    qtbot.keyClick(last, Qt.Key.Key_Down)
    assert last.hasFocus()


def test_the_rows_stay_with_the_reason_where_redis_is_gone(page: RecurringPage) -> None:
    page.show_schedules((MAIL,), {}, NOON_MS)
    page.show_gone("Redis does not answer.")
    row = page.rows["morning-mail"]
    assert page.age.whole.endswith(" ago: Redis does not answer.")
    assert not any(button.isEnabled() for button in (row.switch, row.run, row.edit, row.remove, page.add))
    assert row.run.toolTip() == "Redis does not answer."
    page.show_schedules((MAIL,), {}, NOON_MS)
    assert row.run.isEnabled()
    assert page.age.whole == ""


def test_a_spoilt_record_can_only_be_removed(page: RecurringPage) -> None:
    page.show_schedules((Schedule("spoilt", "synthesis", "", {}, enabled=False),), {}, NOON_MS)
    row = page.rows["spoilt"]
    assert [button.isEnabled() for button in (row.switch, row.run, row.edit, row.remove)] == [False, False, False, True]
    assert "spoilt" in row.run.toolTip()


def test_no_schedules_are_told_in_words(page: RecurringPage) -> None:
    page.show_schedules((), {}, NOON_MS)
    assert page.message.text().startswith("There are no recurring jobs.")
    assert page.add.isEnabled()


def test_it_reads_while_it_is_shown_and_never_while_hidden(page: RecurringPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.reading_wanted, timeout=10_000):
        pass
    page.hide()
    readings: list[None] = []
    page.reading_wanted.connect(lambda: readings.append(None))
    page.show()
    assert len(readings) == 1


class TestDialog:
    def opened(self, page: RecurringPage, edited: str | None = None) -> ScheduleDialog:
        page.show_schedules((MAIL, TIDY), {}, NOON_MS)
        if edited:
            page.open_edit(edited)
        else:
            page.open_add()
        assert page.dialog is not None
        return page.dialog

    def test_it_shows_the_next_five_slots_while_the_cron_is_written(self, page: RecurringPage) -> None:
        dialog = self.opened(page)
        dialog.zone.setEditText("UTC")
        dialog.cron.setEditText("0 9 * * MON-FRI")
        lines = dialog.slots.splitlines()
        assert lines[0] == "At 09:00 on weekdays, next:"
        assert [line.split(" · ")[0] for line in lines[1:]] == [
            "Tue 09:00",
            "Wed 09:00",
            "Thu 09:00",
            "Fri 09:00",
            "12 Jan 2026 09:00",
        ]

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda dialog: dialog.name.setText("morning-mail"), "There is a schedule 'morning-mail' already."),
            (lambda dialog: dialog.cron.setEditText("61 * * * *"), "The cron '61 * * * *' is wrong"),
            (lambda dialog: dialog.zone.setEditText("Europe/Berln"), "Europe/Berlin"),
            (lambda dialog: dialog.arguments.setText("{"), "The arguments are no JSON"),
            (lambda dialog: dialog.arguments.setText('{"hue": 1}'), "The arguments of transcribe-recording are wrong"),
        ],
    )
    def test_what_is_wrong_is_told_while_it_is_written(
        self, page: RecurringPage, spoil: Callable[[ScheduleDialog], None], words: str
    ) -> None:
        dialog = self.opened(page)
        dialog.name.setText("evening-mail")
        dialog.arguments.setText('{"audio": "a1"}')
        assert dialog.fault == ""
        spoil(dialog)
        assert words in dialog.fault
        assert not dialog.confirm.isEnabled()
        assert words in dialog.confirm.toolTip()

    def test_it_asks_for_what_was_written(self, page: RecurringPage, qtbot: QtBot) -> None:
        dialog = self.opened(page)
        dialog.name.setText("evening-mail")
        dialog.job.setCurrentIndex(dialog.job.findData("sync-inbox"))
        dialog.by_interval.click()
        dialog.interval.setText("1h30m")
        with qtbot.waitSignal(page.add_wanted) as asked:
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        (draft,) = asked.args or ()
        assert isinstance(draft, Draft)
        assert (draft.id, draft.payload, draft.cron, draft.every_ms) == ("evening-mail", SyncInbox(), None, 5_400_000)
        assert not dialog.confirm.isEnabled()

    def test_it_stays_open_and_can_be_sent_again_where_the_engine_refuses(
        self, page: RecurringPage, qtbot: QtBot
    ) -> None:
        dialog = self.opened(page, "morning-mail")
        with qtbot.waitSignal(page.update_wanted):
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        page.show_refusal("It changes faster than it can be changed. Try again.")
        assert dialog.isVisible()
        assert dialog.fault.endswith("Try again.")
        assert dialog.confirm.isEnabled()
        page.close_dialog()
        assert page.dialog is None

    def test_editing_begins_with_what_is(self, page: RecurringPage) -> None:
        dialog = self.opened(page, "tidy")
        assert (dialog.name.text(), dialog.interval.text()) == ("tidy", "1h30m")
        assert dialog.by_interval.isChecked()
        assert not dialog.name.isEnabled()


class TestWiring:
    @pytest.fixture
    async def wired(self, fresh_redis: str, qapp: object) -> AsyncIterator[tuple[RecurringPage, Bridge]]:
        look = Look()
        look.dress()
        window = Window(look, Actions())
        page = RecurringPage(look, Actions())
        bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
        recurring.connect(page, bridge, window)
        opened = Emissions(bridge.opened)
        bridge.start()
        await opened.next()
        yield page, bridge
        await bridge.close()
        page.close()
        window.deleteLater()

    async def test_what_the_page_asks_for_happens_and_is_shown(self, wired: tuple[RecurringPage, Bridge]) -> None:
        page, bridge = wired
        answered, noticed = Emissions(bridge.answered), Emissions(bridge.noticed)
        page.add_wanted.emit(Draft("mail", SyncInbox(), "*/30 * * * *", "UTC", None))
        assert (await noticed.next())[1].startswith("mail is added to Email. It runs next on ")
        await answered.next()
        assert page.rows["mail"].when.first.whole == "every 30 minutes"

        page.run_wanted.emit("mail")
        assert (await noticed.next())[1].startswith("mail has added job mail:now:")
        await answered.next()
        assert page.rows["mail"].last.second.whole == "waiting"

        page.switched.emit("mail", False)
        assert (await noticed.next())[1] == "mail is off."
        await answered.next()
        assert not page.rows["mail"].switch.isChecked()

        page.rows["mail"].edit.click()
        assert page.dialog is not None
        page.dialog.by_interval.click()
        page.dialog.interval.setText("1m")
        page.dialog.confirm.click()
        assert (await noticed.next())[1] == "mail is changed."
        await answered.next()
        assert page.rows["mail"].when.first.whole == "every minute"
        assert page.dialog is None

        page.remove_wanted.emit("mail")
        assert (await noticed.next())[1] == "mail is removed. Jobs that it had added stay."
        await answered.next()
        assert page.rows == {}

    async def test_a_refused_schedule_is_told_in_the_dialog(self, wired: tuple[RecurringPage, Bridge]) -> None:
        page, bridge = wired
        answered, noticed = Emissions(bridge.answered), Emissions(bridge.noticed)
        page.reading_wanted.emit()
        await answered.next()
        page.open_add()
        assert page.dialog is not None
        page.add_wanted.emit(Draft("bad name", SyncInbox(), None, "UTC", 60_000))
        assert (await noticed.next())[0] == "error"
        assert "cannot be called 'bad name'" in page.dialog.fault
        page.dialog.reject()
