"""The Queues page, driven by snapshots as the bridge would hand them over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.queues import QueuesPage
from desktop.theme import Look
from engine.model import CleanPreview, JobState, MinuteCounts
from tests.desktop.snapshots import MINUTE, START_MS, snapshot


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
    if page.clean_dialog is not None:
        page.clean_dialog.reject()


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

    def test_a_count_that_cannot_be_had_is_explained(self, page: QueuesPage, actions: Actions, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 12}))
        page.open_clean_dialog("synthesis")
        page.show_preview_failed("Redis does not answer. Start it.")
        assert page.clean_dialog is not None
        assert "Start it." in page.clean_dialog.count_text
        assert not page.clean_dialog.confirm.isEnabled()
