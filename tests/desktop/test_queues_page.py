"""The Queues page, driven by snapshots as the bridge would hand them over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.pace import Pace
from desktop.pages.queues import QueuesPage
from desktop.theme import Look
from engine.histogram import Histogram
from engine.model import CleanPreview, Figures, JobState, MinuteCounts
from engine.queues import QUEUES
from tests.desktop.failed_jobs import sample_job
from tests.desktop.snapshots import MINUTE, START_MS, quiet, snapshot


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
def page(qtbot: QtBot, actions: Actions) -> Iterator[QueuesPage]:
    look = Look()
    look.dress()
    page = QueuesPage(look, actions)
    qtbot.addWidget(page)
    page.resize(1100, 800)
    page.show()
    yield page
    for dialog in (page.clean_dialog, page.retry_dialog):
        if dialog is not None:
            dialog.reject()


def test_a_row_shows_what_redis_says_of_its_queue(page: QueuesPage) -> None:
    counts = {"waiting": 84, "delayed": 6, "failed": 7, "oldest_waiting_ms": 754_000}
    page.show_snapshot(snapshot(email_processing=counts))
    shown = {key: label.text() for key, label in page.rows["email-processing"].numbers.items()}
    assert shown == {
        "waiting": "84",
        "delayed": "6",
        "failed": "7",
        "oldest": "12 min",
        "rate": "0",
        "failures": "–",
        "p95": "–",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "running"),
        ({"paused": True}, "paused"),
        ({"workers": 0}, "no worker"),
        ({"workers": 0, "paused": True}, "paused"),
    ],
)
def test_the_pill_tells_the_queues_state(page: QueuesPage, change: dict[str, object], words: str) -> None:
    page.show_snapshot(snapshot(synthesis=change))
    assert page.rows["synthesis"].pill.state == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"workers": 0}, "No worker serves this queue"),
        ({"paused": True, "paused_since_ms": START_MS - 754_000}, "Paused 12 min ago by anna"),
        ({"paused": True, "workers": 0, "paused_since_ms": START_MS - 754_000}, "No worker; paused 12 min ago by anna"),
    ],
)
def test_a_row_is_silent_while_all_is_well_and_has_words_where_not(
    page: QueuesPage, change: dict[str, object], words: str
) -> None:
    page.show_snapshot(snapshot(synthesis=change))
    page.show_paused_by({"synthesis": "anna (window)"})
    shown = page.rows["synthesis"].words
    assert (shown.whole, shown.isVisible()) == (words, bool(words))


def test_that_no_queue_has_a_worker_is_told_once(page: QueuesPage) -> None:
    nobody = {name.replace("-", "_"): {"workers": 0} for name in QUEUES}
    page.show_snapshot(replace(snapshot(**nobody), workers=()))
    assert page.health.whole.startswith("Nothing runs: no worker serves any queue.")
    assert not any(row.words.isVisible() for row in page.rows.values())
    assert {row.pill.state for row in page.rows.values()} == {"no worker"}


def test_a_fresh_install_says_where_jobs_come_from(page: QueuesPage) -> None:
    page.show_snapshot(snapshot())
    assert page.health.whole.startswith("Nothing has run yet.")
    page.show_snapshot(snapshot(synthesis={"completed_total": 1}))
    assert page.health.whole == ""


def test_p95_is_of_the_last_minutes_and_dim_where_there_are_few(page: QueuesPage) -> None:
    few, many = (Figures(processing=Histogram({bucket: count})) for bucket, count in ((20, 19), (40, 20)))
    page.show_snapshot(snapshot(synthesis={"recent": few}, notification={"recent": many}))
    shown = [page.rows[name].numbers["p95"] for name in ("synthesis", "notification")]
    assert [(number.text(), number.property("tone")) for number in shown] == [("29 ms", "muted"), ("940 ms", "ink")]
    assert "19 jobs completed in the last 5 minutes" in shown[0].toolTip()


def test_a_failure_rate_of_few_jobs_is_dimmed(page: QueuesPage) -> None:
    few, many = (MinuteCounts(MINUTE, completed=count, failed=1) for count in (18, 19))
    page.show_snapshot(snapshot(synthesis={"minutes": (few,)}, notification={"minutes": (many,)}))
    tones = [page.rows[name].numbers["failures"].property("tone") for name in ("synthesis", "notification")]
    assert tones == ["muted", "failed"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"waiting": 84, "drained_in_ms": 240_000}, "At the pace of the last minutes they are done in 4 min."),
        ({"waiting": 84}, "They are not getting fewer."),
        ({"waiting": 84, "paused": True}, "They wait until it is resumed."),
        ({"waiting": 84, "workers": 0}, "They wait for a worker."),
    ],
)
def test_the_waiting_count_tells_when_they_will_be_done(
    page: QueuesPage, change: dict[str, object], words: str
) -> None:
    page.show_snapshot(snapshot(synthesis=change))
    assert page.rows["synthesis"].numbers["waiting"].toolTip() == f"84 waiting. {words} Click to see them. (W)"


def test_all_workers_together_are_the_gauges_limit(page: QueuesPage) -> None:
    page.show_snapshot(snapshot(synthesis={"active": 4, "workers": 2}))
    assert page.rows["synthesis"].gauge.words == "4 of 6"


def test_the_smallest_window_has_room_for_large_numbers_and_long_states(page: QueuesPage) -> None:
    large: dict[str, Any] = {
        "waiting": 1_234_567,
        "delayed": 999_999,
        "failed": 123_456,
        "active": 1_000,
        "concurrency": 1_000,
        "oldest_waiting_ms": 59 * 60_000,
        "minutes": (MinuteCounts(MINUTE, 99_999, 9_999),),
    }
    page.show_snapshot(snapshot(**{name.replace("-", "_"): large for name in QUEUES}))
    page.resize(944, 720)  # the smallest window less its rail
    for row in page.rows.values():
        for key, number in row.numbers.items():
            assert number.fontMetrics().horizontalAdvance(number.text()) <= number.width(), key
        assert row.geometry().right() <= page.width()
    assert page.minimumSizeHint().height() <= 620
    assert page.charts.isVisible()


def test_under_notices_in_a_small_window_the_rows_have_the_room_of_the_charts(page: QueuesPage) -> None:
    page.show_snapshot(snapshot())
    page.resize(944, 570)
    assert not page.charts.isVisible()
    assert page.minimumSizeHint().height() <= 570
    page.resize(944, 706)
    assert page.charts.isVisible()


class TestWaysOn:
    @pytest.mark.parametrize(
        ("key", "state"), [("waiting", JobState.WAITING), ("delayed", JobState.DELAYED)], ids=["waiting", "delayed"]
    )
    def test_a_count_leads_to_its_jobs(
        self, page: QueuesPage, actions: Actions, qtbot: QtBot, key: str, state: JobState
    ) -> None:
        page.show_snapshot(snapshot(synthesis={key: 7}))
        with qtbot.waitSignal(actions.jobs_requested) as asked:
            qtbot.mouseClick(page.rows["synthesis"].numbers[key], Qt.MouseButton.LeftButton)
        assert asked.args == ["synthesis", state]

    def test_the_gauge_leads_to_the_active_jobs(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot())
        with qtbot.waitSignal(actions.jobs_requested) as asked:
            qtbot.mouseClick(page.rows["synthesis"].gauge, Qt.MouseButton.LeftButton)
        assert asked.args == ["synthesis", JobState.ACTIVE]

    def test_the_failed_count_leads_to_the_causes(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 7}))
        with qtbot.waitSignal(actions.failures_requested) as asked:
            qtbot.mouseClick(page.rows["synthesis"].numbers["failed"], Qt.MouseButton.LeftButton)
        assert asked.args == ["synthesis"]

    def test_enter_and_a_double_click_open_the_first_state_with_jobs(
        self, page: QueuesPage, actions: Actions, qtbot: QtBot
    ) -> None:
        page.show_snapshot(snapshot(synthesis={"delayed": 2}))
        row = page.rows["synthesis"]
        with qtbot.waitSignal(actions.jobs_requested) as asked:
            qtbot.keyClick(row, Qt.Key.Key_Return)
        assert asked.args == ["synthesis", JobState.DELAYED]
        with qtbot.waitSignal(actions.jobs_requested):
            qtbot.mouseDClick(row, Qt.MouseButton.LeftButton)

    def test_a_letter_leads_on_from_the_row_in_focus(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 2}))
        page.activateWindow()
        qtbot.waitUntil(page.isActiveWindow)
        page.rows["synthesis"].setFocus()
        with qtbot.waitSignal(actions.failures_requested) as asked:
            qtbot.keyClick(page.rows["synthesis"], Qt.Key.Key_F)
        assert asked.args == ["synthesis"]

    def test_the_arrows_stop_at_the_first_and_the_last_row(self, page: QueuesPage, qtbot: QtBot) -> None:
        page.activateWindow()
        qtbot.waitUntil(page.isActiveWindow)
        rows = list(page.rows.values())
        rows[0].setFocus()
        qtbot.keyClick(rows[0], Qt.Key.Key_Up)
        assert rows[0].hasFocus()
        qtbot.keyClick(rows[0], Qt.Key.Key_Down)
        assert rows[1].hasFocus()
        rows[-1].setFocus()
        qtbot.keyClick(rows[-1], Qt.Key.Key_Down)
        assert rows[-1].hasFocus()


def test_many_failed_jobs_run_again_only_after_a_question(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    page.show_snapshot(snapshot(synthesis={"failed": 101}))
    with qtbot.assertNotEmitted(actions.retry_requested):
        qtbot.mouseClick(page.rows["synthesis"].retry, Qt.MouseButton.LeftButton)
    dialog = page.retry_dialog
    assert dialog is not None
    assert dialog.counted == "101 jobs"
    with qtbot.waitSignal(actions.retry_requested) as asked:
        qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
    assert asked.args == ["synthesis"]


class TestLastFiveMinutes:
    def test_samples_give_bars_of_ten_seconds(self) -> None:
        pace = Pace()
        for second, total in ((0, 100), (9, 103), (10, 104), (19, 110), (20, 111)):
            pace.add(replace(quiet("synthesis"), completed_total=total), START_MS + second * 1_000)
        assert pace.bars(())[-3:] == (0.0, 7.0, 1.0)

    def test_what_was_before_the_first_sample_is_known_by_minutes(self) -> None:
        pace = Pace()
        pace.add(replace(quiet("synthesis"), completed_total=100), START_MS)
        bars = pace.bars((MinuteCounts(MINUTE - 1, completed=30), MinuteCounts(MINUTE, completed=6)))
        assert len(bars) == 30
        assert bars[-7:] == (5.0,) * 6 + (1.0,)

    def test_another_redis_starts_anew(self) -> None:
        pace = Pace()
        for second, total in ((0, 100), (10, 3)):
            pace.add(replace(quiet("synthesis"), completed_total=total), START_MS + second * 1_000)
        assert min(pace.bars(())) == 0.0


def test_the_totals_add_up_all_queues(page: QueuesPage) -> None:
    page.show_snapshot(snapshot(synthesis={"waiting": 3}, notification={"waiting": 1_400}))
    assert page.totals.figures["waiting"].text() == "1,403"


def test_pause_asks_for_a_pause_and_changes_nothing_by_itself(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    page.show_snapshot(snapshot())
    row = page.rows["transcription"]
    with qtbot.waitSignal(actions.pause_requested) as asked:
        qtbot.mouseClick(row.switch, Qt.MouseButton.LeftButton)
    assert asked.args == ["transcription"]
    assert row.pill.state == "running"


def test_a_paused_queue_offers_to_resume(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    page.show_snapshot(snapshot(transcription={"paused": True}))
    row = page.rows["transcription"]
    assert row.switch.accessibleName() == "Resume Transcription"
    with qtbot.waitSignal(actions.resume_requested) as asked:
        qtbot.mouseClick(row.switch, Qt.MouseButton.LeftButton)
    assert asked.args == ["transcription"]


def test_retry_is_disabled_with_a_reason_where_nothing_failed(page: QueuesPage) -> None:
    page.show_snapshot(snapshot())
    retry = page.rows["synthesis"].retry
    assert not retry.isEnabled()
    assert retry.isVisible()
    assert retry.toolTip() == "Synthesis has no failed jobs."


def test_retry_asks_for_all_failed_jobs_of_its_queue(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    page.show_snapshot(snapshot(synthesis={"failed": 7}))
    with qtbot.waitSignal(actions.retry_requested) as asked:
        qtbot.mouseClick(page.rows["synthesis"].retry, Qt.MouseButton.LeftButton)
    assert asked.args == ["synthesis"]


def test_every_button_has_a_name_of_its_own(page: QueuesPage) -> None:
    page.show_snapshot(snapshot())
    names = [button.accessibleName() for row in page.rows.values() for button in (row.switch, row.clean, row.retry)]
    assert len(set(names)) == 24
    assert "Pause Email" in names


def test_the_p_key_pauses_the_selected_queue(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    page.show_snapshot(snapshot())
    qtbot.mouseClick(page.rows["email-processing"], Qt.MouseButton.LeftButton)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)  # a shortcut works in the active window only
    page.rows["email-processing"].setFocus()
    with qtbot.waitSignal(actions.pause_requested) as asked:
        qtbot.keyClick(page.rows["email-processing"], Qt.Key.Key_P)
    assert asked.args == ["email-processing"]


def test_pause_all_asks_for_each_queue_that_runs(page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
    asked: list[str] = []
    actions.pause_requested.connect(asked.append)
    page.show_snapshot(snapshot(synthesis={"paused": True}))
    qtbot.mouseClick(page.pause_all, Qt.MouseButton.LeftButton)
    assert len(asked) == 7
    assert "synthesis" not in asked


class TestCharts:
    def test_depth_moves_with_each_sample_and_keeps_its_ranges(self, page: QueuesPage) -> None:
        for second, waiting in enumerate((0, 3, 5)):
            page.show_snapshot(snapshot(second, email_processing={"waiting": waiting}))
        assert page.charts.depth_chart.points("waiting") == ([-2.0, -1.0, 0.0], [0, 3, 5])
        assert page.charts.depth_chart.ranges == (60, 5)
        page.show_snapshot(snapshot(3, email_processing={"waiting": 40}))
        assert page.charts.depth_chart.ranges == (60, 50)

    def test_live_throughput_is_the_difference_of_totals_per_minute(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot(0, synthesis={"completed_total": 100}))
        page.show_snapshot(snapshot(1, synthesis={"completed_total": 102, "failed_total": 1}))
        assert page.charts.throughput_chart.points("completed") == ([0.0], [120.0])
        assert page.charts.throughput_chart.points("failed") == ([0.0], [60.0])

    def test_throughput_by_minute_ends_in_the_running_one(self, page: QueuesPage) -> None:
        minutes = (MinuteCounts(MINUTE - 1, completed=30), MinuteCounts(MINUTE, completed=4, failed=1))
        page.show_snapshot(snapshot(synthesis={"minutes": minutes}))
        page.select("synthesis")
        page.charts.show_minutes(True)
        assert page.charts.throughput_chart.points("completed") == ([-1.0, 0.0], [30.0, 4.0])

    def test_the_chosen_queue_alone_is_drawn(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot(synthesis={"waiting": 2}, notification={"waiting": 9}))
        page.select("synthesis")
        assert page.charts.depth_chart.points("waiting")[1] == [2]
        page.select(None)
        assert page.charts.depth_chart.points("waiting")[1] == [11]

    def test_too_few_jobs_for_a_failure_rate_are_said_to_be_too_few(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot(synthesis={"minutes": (MinuteCounts(MINUTE, completed=2, failed=1),)}))
        assert page.charts.failures_chart.note == "only 3 ended: too few"


class TestRedisGone:
    def test_the_last_figures_stay_and_say_their_age(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot(synthesis={"waiting": 12}))
        page.show_gone()
        assert page.rows["synthesis"].numbers["waiting"].text() == "12"
        assert page.age.isVisible()
        assert page.age.whole.startswith("As of ")
        assert page.rows["synthesis"].pill.state == "unknown"

    def test_buttons_say_that_redis_is_away(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 1}))
        page.show_gone()
        for button in (page.rows["synthesis"].retry, page.pause_all):
            assert not button.isEnabled()
            assert "Redis does not answer" in button.toolTip()

    def test_the_next_snapshot_ends_it(self, page: QueuesPage) -> None:
        page.show_snapshot(snapshot())
        page.show_gone()
        page.show_snapshot(snapshot(1))
        assert not page.age.isVisible()
        assert page.rows["synthesis"].switch.isEnabled()


class TestCleanDialog:
    def test_it_counts_before_it_can_be_confirmed(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        with qtbot.waitSignal(actions.preview_requested) as asked:
            qtbot.mouseClick(page.rows["synthesis"].clean, Qt.MouseButton.LeftButton)
        dialog = page.clean_dialog
        assert dialog is not None
        assert not dialog.confirm.isEnabled()
        assert asked.args == ["synthesis", JobState.COMPLETED, 3_600_000, 1_000]

        page.show_preview(CleanPreview("synthesis", JobState.COMPLETED, 12, START_MS - 7_200_000, START_MS - 3_600_000))
        assert dialog.confirm.text() == "Clean 12 jobs"
        assert dialog.count_text == "12 completed jobs would be removed. From 2 h ago to 1 h ago."

    def test_it_removes_no_more_than_it_showed(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        page.open_clean_dialog("synthesis")
        dialog = page.clean_dialog
        assert dialog is not None
        with qtbot.waitSignal(actions.preview_requested):
            dialog.choose(JobState.FAILED, 60_000)
        page.show_preview(CleanPreview("synthesis", JobState.FAILED, 1, START_MS, START_MS))
        assert dialog.confirm.text() == "Clean 1 job"
        with qtbot.waitSignal(actions.clean_requested) as asked:
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        assert asked.args == ["synthesis", JobState.FAILED, 60_000, 1]
        assert page.clean_dialog is None

    def test_a_changed_choice_is_counted_anew(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        with qtbot.waitSignal(actions.preview_requested):
            page.open_clean_dialog("synthesis")
        dialog = page.clean_dialog
        assert dialog is not None
        page.show_preview(CleanPreview("synthesis", JobState.COMPLETED, 12))
        with qtbot.waitSignal(actions.preview_requested) as asked:
            dialog.choose(JobState.WAITING, 0, limit=5)
            assert not dialog.confirm.isEnabled()
        assert asked.args == ["synthesis", JobState.WAITING, 0, 5]

    def test_nothing_to_remove_cannot_be_confirmed(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        with qtbot.waitSignal(actions.preview_requested):
            page.open_clean_dialog("synthesis")
        page.show_preview(CleanPreview("synthesis", JobState.COMPLETED, 0))
        assert page.clean_dialog is not None
        assert not page.clean_dialog.confirm.isEnabled()
        assert page.clean_dialog.count_text.startswith("No completed job is that old.")

    def test_some_of_the_jobs_are_shown(self, page: QueuesPage, qtbot: QtBot, actions: Actions) -> None:
        page.show_snapshot(snapshot(email_processing={"failed": 12}))
        with qtbot.waitSignal(actions.preview_requested):
            page.open_clean_dialog("email-processing")
        page.show_preview(CleanPreview("email-processing", JobState.COMPLETED, 12, samples=(sample_job(),)))
        assert page.clean_dialog is not None
        assert "mail-1  send-email  No mailbox for anna@example.com\nand 11 more" in page.clean_dialog.count_text

    def test_more_than_a_thousand_jobs_need_the_queues_name(
        self, page: QueuesPage, qtbot: QtBot, actions: Actions
    ) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 2_000}))
        with qtbot.waitSignal(actions.preview_requested):
            page.open_clean_dialog("synthesis")
        dialog = page.clean_dialog
        assert dialog is not None
        page.show_preview(CleanPreview("synthesis", JobState.COMPLETED, 1_001))
        assert not dialog.confirm.isEnabled()
        assert dialog.confirm.toolTip() == "Type synthesis first: these are more than 1,000 jobs."
        qtbot.keyClicks(dialog.typed.field, "synthesis")
        assert dialog.confirm.isEnabled()

    def test_a_count_that_cannot_be_had_is_explained(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        page.open_clean_dialog("synthesis")
        page.show_preview_failed("Redis does not answer. Start it.")
        assert page.clean_dialog is not None
        assert "Start it." in page.clean_dialog.count_text
        assert not page.clean_dialog.confirm.isEnabled()


def test_what_came_while_the_page_was_hidden_is_there_when_it_is_shown(page: QueuesPage) -> None:
    page.show_snapshot(snapshot(0, synthesis={"failed": 1}))
    page.hide()
    page.show_snapshot(snapshot(1, synthesis={"failed": 2}))
    page.show()
    assert page.rows["synthesis"].numbers["failed"].text() == "2"
    assert page.charts.depth_chart.points("waiting")[0] == [-1.0, 0.0]
