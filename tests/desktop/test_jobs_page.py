"""The Jobs page: a table that loads what is looked at, a search, actions with their reasons, and a job's detail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import jobs as wiring
from desktop.pages.jobs import JobsPage
from desktop.theme import Look
from desktop.widgets.job_actions import CANCEL, PROMOTE, REMOVE, RETRY, JobScope
from desktop.widgets.job_table_model import KEPT_PAGES, PAGE
from desktop.widgets.mono_field import MonoField
from desktop.widgets.queue_box import ALL_QUEUES
from desktop.widgets.trace_timeline import Bar, bars_of
from desktop.window import Window
from engine.model import Attempt, CleanPreview, Job, JobState, LogLine, Searched
from engine.monitor import Monitor
from engine.settings import load_settings
from engine.store import NewJob, Store
from tests.desktop.snapshots import START_MS, snapshot

MILLION = 1_000_000


def job(number: int, **changes: object) -> Job:
    """A failed synthesis job."""
    made = Job(
        id=f"job-{number}",
        queue="synthesis",
        name="synthesize-speech",
        arguments={"text": f"hello {number}"},
        state=JobState.FAILED,
        priority=2,
        attempts=3,
        attempts_made=3,
        timeout_ms=60_000,
        created_at_ms=START_MS - 60_000,
        started_at_ms=START_MS - 5_000,
        finished_at_ms=START_MS - 2_000,
        error="ConnectionError: no answer\nat all",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def some(first: int, count: int) -> tuple[Job, ...]:
    return tuple(job(number) for number in range(first, first + count))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[JobsPage]:
    look = Look()
    look.dress()
    page = JobsPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1100, 760)
    page.show()
    yield page
    for dialog in (page.list.confirm_dialog, page.detail.rerun_dialog):
        if dialog is not None:
            dialog.reject()


@pytest.fixture
def failed(page: JobsPage) -> JobsPage:
    """The page with ten failed jobs, loaded."""
    page.show_snapshot(snapshot(synthesis={"failed": 10}))
    page.choose("synthesis", JobState.FAILED)
    page.show_page("synthesis", JobState.FAILED, 0, some(0, 10))
    return page


class TestTable:
    def test_the_states_tell_their_counts(self, page: JobsPage) -> None:
        page.show_snapshot(snapshot(voice_processing={"waiting": 1_234, "failed": 2}))
        assert [button.text() for button in page.head.states.values()] == [
            "Waiting 1,234",
            "Delayed 0",
            "Active 0",
            "Completed 0",
            "Failed 2",
        ]

    def test_a_million_jobs_have_a_million_rows_and_only_the_seen_page_is_asked_for(
        self, page: JobsPage, qtbot: QtBot
    ) -> None:
        asked: list[tuple[object, ...]] = []
        page.page_wanted.connect(lambda *args: asked.append(args))
        page.show_snapshot(snapshot(voice_processing={"waiting": MILLION}))
        qtbot.waitUntil(lambda: bool(asked))
        assert page.table.jobs.rowCount() == MILLION
        assert asked == [("voice-processing", JobState.WAITING, 0)]

    def test_scrolling_to_the_end_asks_for_the_last_page(self, page: JobsPage, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(voice_processing={"waiting": MILLION}))
        with qtbot.waitSignal(page.page_wanted, check_params_cb=lambda *args: args[2] == MILLION // PAGE - 1):
            page.table.scrollToBottom()

    def test_a_job_that_ended_after_the_last_look_at_the_clock_ended_now(self, failed: JobsPage) -> None:
        late = replace(job(0), finished_at_ms=START_MS + 8_500)
        failed.show_page("synthesis", JobState.FAILED, 0, (late, *some(1, 9)))
        assert [failed.table.jobs.index(row, 2).data() for row in range(2)] == ["now", "2.0 s ago"]

    def test_while_time_passes_only_ages_that_are_told_otherwise_are_drawn_anew(self, failed: JobsPage) -> None:
        titles = [column.title for column in failed.table.jobs.columns]
        drawn: list[tuple[str, str]] = []
        failed.table.look()
        failed.table.jobs.dataChanged.connect(
            lambda first, last: drawn.append((titles[first.column()], titles[last.column()]))
        )
        failed.table.jobs.set_now(START_MS + 3_600_000)
        assert drawn == [("Ended", "Ended")]
        failed.table.jobs.set_now(START_MS + 3_601_000)
        assert drawn == [("Ended", "Ended")]

    def test_a_row_that_is_on_its_way_says_so(self, page: JobsPage) -> None:
        page.show_snapshot(snapshot(voice_processing={"waiting": 3}))
        assert page.table.jobs.index(0, 0).data() == "loading…"

    def test_few_pages_are_kept_however_many_were_seen(self, page: JobsPage) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": MILLION}))
        page.choose("synthesis", JobState.FAILED)
        for number in range(KEPT_PAGES + 5):
            page.show_page("synthesis", JobState.FAILED, number, some(number * PAGE, PAGE))
        assert page.table.jobs.loaded == KEPT_PAGES * PAGE
        assert page.table.jobs.job(0) is None

    def test_a_failed_job_tells_when_it_ended_how_long_it_took_and_the_errors_first_line(
        self, failed: JobsPage
    ) -> None:
        shown = [failed.table.jobs.index(4, column).data() for column in range(6)]
        assert shown == ["job-4", "synthesize-speech", "2.0 s ago", "3.0 s", "3 of 3", "ConnectionError: no answer"]

    def test_a_time_has_the_exact_one_in_its_tooltip(self, failed: JobsPage) -> None:
        assert failed.table.jobs.index(0, 2).data(Qt.ItemDataRole.ToolTipRole).endswith(".000")

    def test_a_page_of_another_queue_is_dropped(self, failed: JobsPage) -> None:
        failed.choose("notification", JobState.FAILED)
        failed.show_page("synthesis", JobState.FAILED, 0, some(0, 10))
        assert failed.table.jobs.loaded == 0

    def test_the_list_stands_still_while_jobs_are_selected(self, failed: JobsPage) -> None:
        failed.table.selectRow(2)
        failed.show_snapshot(snapshot(1, synthesis={"failed": 14}))
        assert failed.table.jobs.rowCount() == 10
        failed.table.clearSelection()
        failed.show_snapshot(snapshot(2, synthesis={"failed": 14}))
        assert failed.table.jobs.rowCount() == 14

    def test_a_state_without_jobs_says_so(self, page: JobsPage) -> None:
        page.show_snapshot(snapshot())
        assert page.table.empty_words == "No waiting jobs Voice has no jobs in this state now."

    def test_it_reads_again_while_shown_and_not_while_hidden(self, failed: JobsPage, qtbot: QtBot) -> None:
        with qtbot.waitSignal(failed.page_wanted):
            pass
        failed.hide()
        assert not failed._timer.isActive()


class TestSearch:
    def test_it_goes_on_by_itself_for_ten_thousand_jobs_and_then_asks(self, failed: JobsPage) -> None:
        asked: list[tuple[object, ...]] = []
        failed.search_wanted.connect(lambda *args: asked.append(args))
        failed.show_snapshot(snapshot(synthesis={"failed": MILLION}))
        failed.choose("synthesis", JobState.FAILED, "error:timeout")
        number = asked[0][0]
        assert asked[0][1:] == ("synthesis", JobState.FAILED, "error:timeout", None)
        for step in range(1, 6):
            failed.show_searched(number, Searched(some(step, 1), 2_000, MILLION, str(step)))  # type: ignore[arg-type]
        assert len(asked) == 5
        assert failed.search.progress == "Searched 10,000 of 1,000,000, 5 found"
        assert failed.table.jobs.rowCount() == 5
        assert failed.search.go_on_button.isVisible()
        failed.search.go_on_button.click()
        assert asked[-1][4] == "5"

    def test_all_that_match_can_be_meant_only_when_it_has_looked_at_all(self, failed: JobsPage, qtbot: QtBot) -> None:
        asked: list[tuple[object, ...]] = []
        failed.search_wanted.connect(lambda *args: asked.append(args))
        failed.show_snapshot(snapshot(synthesis={"failed": 12_000}))
        failed.choose("synthesis", JobState.FAILED, "anna")
        number = int(str(asked[0][0]))
        failed.show_searched(number, Searched(some(1, 1), 10_000, 12_000, "p"))
        qtbot.keyClick(failed.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert not failed.list.all.isEnabled()
        assert failed.list.note == "All that match are known once the search has looked at all: let it go on."
        failed.search.to_end_button.click()
        failed.show_searched(number, Searched(some(2, 1), 2_000, 12_000, None))
        qtbot.keyClick(failed.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert failed.list.note == "all that match are meant"

    def test_jobs_found_on_several_queues_tell_theirs_and_are_acted_on_queue_by_queue(
        self, failed: JobsPage, qtbot: QtBot
    ) -> None:
        asked: list[tuple[object, ...]] = []
        failed.search_wanted.connect(lambda *args: asked.append(args))
        failed.choose(ALL_QUEUES, JobState.FAILED, "anna")
        assert asked[0][1] == ALL_QUEUES
        found = (job(1), job(2, queue="notification"))
        failed.show_searched(int(str(asked[0][0])), Searched(found, 12, 0, None))
        assert [failed.table.jobs.index(row, 1).data() for row in range(2)] == ["Synthesis", "Notifications"]
        header = failed.table.horizontalHeader()
        assert [header.sectionSize(place) for place in range(6)] == [122, 118, 148, 104, 84, 74]
        failed.table.selectAll()
        with qtbot.waitSignal(failed.list.act_wanted) as wanted:
            failed.list.do(RETRY)
        assert wanted.args == [
            "retry",
            (
                JobScope("synthesis", JobState.FAILED, ("job-1",)),
                JobScope("notification", JobState.FAILED, ("job-2",)),
            ),
        ]

    def test_all_queues_are_not_listed_without_a_search(self, failed: JobsPage) -> None:
        failed.choose(ALL_QUEUES, JobState.FAILED)
        assert failed.table.jobs.rowCount() == 0
        assert failed.table.empty_words.startswith("What do you look for?")
        assert failed.head.states[JobState.FAILED].text() == "Failed 10"

    def test_stop_ends_it_and_keeps_what_was_found(self, failed: JobsPage) -> None:
        asked: list[tuple[object, ...]] = []
        failed.search_wanted.connect(lambda *args: asked.append(args))
        failed.choose("synthesis", JobState.FAILED, "anna")
        failed.search.stop_button.click()
        failed.show_searched(asked[0][0], Searched(some(1, 1), 2_000, MILLION, "p"))  # type: ignore[arg-type]
        assert len(asked) == 1
        assert failed.table.jobs.rowCount() == 1

    def test_an_overtaken_step_is_dropped(self, failed: JobsPage) -> None:
        numbers: list[int] = []
        failed.search_wanted.connect(lambda number, *_: numbers.append(number))
        failed.choose("synthesis", JobState.FAILED, "anna")
        failed.choose("synthesis", JobState.FAILED, "bert")
        failed.show_searched(numbers[0], Searched(some(1, 1), 10, 10, None))
        assert failed.table.jobs.rowCount() == 0

    def test_an_emptied_field_shows_all_again(self, failed: JobsPage) -> None:
        failed.choose("synthesis", JobState.FAILED, "anna")
        failed.search.typed.clear()
        assert failed.table.jobs.rowCount() == 10

    def test_a_query_that_is_not_understood_is_explained(self, failed: JobsPage) -> None:
        failed.choose("synthesis", JobState.FAILED, "colour:red")
        failed.search.show_failed("The search knows no 'colour'.")
        assert failed.search.progress == "The search knows no 'colour'."
        assert not failed.search.stop_button.isVisible()


class TestActions:
    def test_without_a_selection_they_are_disabled_and_say_why(self, failed: JobsPage) -> None:
        assert not failed.list.buttons["retry"].isEnabled()
        assert failed.list.buttons["retry"].toolTip() == "Select jobs first."

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ("promote", "Not a delayed job."),
            ("cancel", "It has ended: nothing is left to cancel."),
        ],
    )
    def test_what_a_state_forbids_is_disabled_with_its_reason(self, failed: JobsPage, key: str, reason: str) -> None:
        failed.table.selectRow(0)
        assert not failed.list.buttons[key].isEnabled()
        assert failed.list.buttons[key].toolTip() == reason

    def test_retry_is_asked_for_the_selected_jobs(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.table.selectRow(3)
        with qtbot.waitSignal(failed.list.act_wanted) as asked:
            failed.list.buttons["retry"].click()
        assert asked.args == ["retry", (JobScope("synthesis", JobState.FAILED, ("job-3",)),)]

    def test_all_that_match_are_meant_by_the_query(self, failed: JobsPage, qtbot: QtBot) -> None:
        numbers: list[int] = []
        failed.search_wanted.connect(lambda number, *_: numbers.append(number))
        failed.choose("synthesis", JobState.FAILED, "anna")
        failed.show_searched(numbers[0], Searched(some(1, 1), 10, 10, None))
        failed.list.all.setChecked(True)
        with qtbot.waitSignal(failed.list.act_wanted) as asked:
            failed.list.do(RETRY)
        assert asked.args == ["retry", (JobScope("synthesis", JobState.FAILED, None, "anna"),)]

    def test_control_a_means_all_also_those_not_loaded(self, failed: JobsPage, qtbot: QtBot) -> None:
        qtbot.keyClick(failed.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert failed.list.all.isChecked()
        assert failed.list.note == "all 10 are meant"

    def test_remove_shows_what_would_go_and_then_asks(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.table.selectRow(1)
        with qtbot.assertNotEmitted(failed.list.act_wanted):
            failed.list.do(REMOVE)
        dialog = failed.list.confirm_dialog
        assert dialog is not None
        assert dialog.counted == "1 job\nFrom 2.0 s ago.\njob-1  synthesize-speech  ConnectionError: no answer"
        with qtbot.waitSignal(failed.list.act_wanted) as asked:
            dialog.confirm.click()
        assert asked.args == ["remove", (JobScope("synthesis", JobState.FAILED, ("job-1",)),)]

    def test_above_a_thousand_jobs_the_queues_name_must_be_typed(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.list.all.setChecked(True)
        with qtbot.waitSignal(failed.list.count_wanted):
            failed.list.do(REMOVE)
        dialog = failed.list.confirm_dialog
        assert dialog is not None
        assert not dialog.confirm.isEnabled()
        failed.list.show_count(CleanPreview("synthesis", JobState.FAILED, 1_001, samples=some(0, 5)))
        assert not dialog.confirm.isEnabled()
        dialog.typed.setText("synthesis")
        assert dialog.confirm.isEnabled()
        assert dialog.confirm.text() == "Remove 1,001"

    def test_the_selected_jobs_are_copied_as_json(self, failed: JobsPage) -> None:
        failed.table.selectRow(5)
        failed.list.buttons["json"].click()
        assert json.loads(QGuiApplication.clipboard().text())["id"] == "job-5"

    def test_a_range_that_is_not_loaded_is_refused(self, page: JobsPage) -> None:
        page.show_snapshot(snapshot(synthesis={"failed": 10}))
        page.choose("synthesis", JobState.FAILED)
        page.table.selectRow(4)
        reason = "Not all selected jobs are loaded: scroll over them, or choose all."
        assert page.list.buttons["retry"].toolTip() == reason

    def test_while_redis_is_gone_the_jobs_stay_and_nothing_can_be_done(self, failed: JobsPage) -> None:
        failed.table.selectRow(0)
        failed.show_gone()
        assert failed.table.jobs.job(0) is not None
        assert "Redis does not answer" in failed.list.buttons["retry"].toolTip()
        assert failed.head.age.whole.startswith("As of ")


class TestDetail:
    def test_enter_opens_the_current_job(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.table.selectRow(2)
        with qtbot.waitSignal(failed.job_wanted) as asked:
            qtbot.keyClick(failed.table, Qt.Key.Key_Return)
        assert asked.args == ["synthesis", "job-2"]
        assert failed.detail.isVisible()

    def test_a_traceback_has_the_lines_that_it_needs_at_the_width_there_is(
        self, failed: JobsPage, qtbot: QtBot
    ) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2, error="ConnectionError: " + "no answer " * 20), ())
        field = next(field for field in failed.detail.findChildren(MonoField) if field.accessibleName() == "Error")
        qtbot.waitUntil(lambda: field.height() > 3 * field.fontMetrics().lineSpacing())
        assert not field.verticalScrollBar().maximum()

    def test_in_a_narrow_page_a_job_stands_in_the_place_of_the_list(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.resize(789, 480)
        failed.open_job("synthesis", "job-2")
        assert (failed.list.isVisible(), failed.detail.isVisible()) == (False, True)
        failed.detail.closed.emit()
        assert (failed.list.isVisible(), failed.detail.isVisible()) == (True, False)
        failed.open_job("synthesis", "job-2")
        failed.resize(1100, 760)
        qtbot.waitUntil(lambda: failed.list.isVisible() and failed.detail.isVisible())

    def test_with_a_job_open_it_fits_in_the_smallest_window(self, failed: JobsPage) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2), ())
        assert failed.minimumSizeHint().width() <= 1120 - 176

    def test_it_shows_the_error_the_traceback_and_the_arguments(self, failed: JobsPage) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2, traceback="Traceback: line 7"), ())
        for words in ("ConnectionError: no answer", "Traceback: line 7", '"text": "hello 2"'):
            assert words in failed.detail.text

    def test_it_shows_the_failed_attempts_and_the_log(self, failed: JobsPage) -> None:
        failed.open_job("synthesis", "job-2")
        attempt = Attempt(1, START_MS - 9_000, START_MS - 8_000, "desk:7", "TimeoutError: too long", "at line 9")
        failed.show_job(job(2, history=(attempt,)), (LogLine(START_MS, "asked the service"),))
        failed.detail.show_part("Attempts")
        assert "TimeoutError: too long\n\nat line 9" in failed.detail.text
        failed.detail.show_part("Log")
        assert "asked the service" in failed.detail.text

    def test_another_job_of_the_trace_can_be_opened_from_the_timeline(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2), ())
        failed.show_trace((job(1, queue="transcription"), job(2)))
        with qtbot.waitSignal(failed.job_wanted) as asked:
            failed.detail.timeline.rows[0].click()
        assert asked.args == ["transcription", "job-1"]

    def test_bars_tell_of_waiting_failed_attempts_and_the_last_run(self) -> None:
        attempt = Attempt(1, START_MS + 10, START_MS + 20, "w", "no")
        done = job(
            1,
            state=JobState.COMPLETED,
            created_at_ms=START_MS,
            started_at_ms=START_MS + 50,
            finished_at_ms=START_MS + 90,
            history=(attempt,),
        )
        assert [(bar.kind, bar.from_ms - START_MS, bar.to_ms - START_MS) for bar in bars_of(done, START_MS + 99)] == [
            ("waiting", 0, 10),
            ("failed", 10, 20),
            ("waiting", 20, 50),
            ("completed", 50, 90),
        ]

    def test_a_job_that_waits_has_a_bar_up_to_now(self) -> None:
        waiting = job(1, state=JobState.WAITING, created_at_ms=START_MS, started_at_ms=None, finished_at_ms=None)
        assert bars_of(waiting, START_MS + 70) == (Bar("waiting", START_MS, START_MS + 70),)

    def test_running_again_wants_a_json_object(self, failed: JobsPage) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2), ())
        failed.detail.open_rerun()
        dialog = failed.detail.rerun_dialog
        assert dialog is not None
        dialog.arguments.setPlainText("[1]")
        assert not dialog.confirm.isEnabled()
        assert dialog.fault.startswith("Arguments are a JSON object")

    def test_a_refused_rerun_stays_open_with_the_reason(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.open_job("synthesis", "job-2")
        failed.show_job(job(2), ())
        failed.detail.open_rerun()
        dialog = failed.detail.rerun_dialog
        assert dialog is not None
        with qtbot.waitSignal(failed.rerun_wanted) as asked:
            dialog.confirm.click()
        assert asked.args == ["synthesize-speech", {"text": "hello 2"}]
        failed.show_rerun_failed("text: Field required")
        assert dialog.isVisible()
        assert dialog.fault == "text: Field required"
        assert dialog.confirm.isEnabled()


# The wiring, with a real bridge and Redis


async def until(holds: Callable[[], bool]) -> None:
    """Give both loops turns until `holds`."""
    async with asyncio.timeout(20):
        while not holds():
            QApplication.processEvents()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def wired(url: str, *more: str) -> AsyncIterator[Window]:
    """A window with a connected Jobs page; synthesis (and `more`) has 5 failed jobs, notification a delayed one.

    No fixture: between the phases of a test Qt's timers go on, but the loop that the bridge needs does not.
    """
    store = Store(url)
    new = [NewJob(f"job-{n}", "synthesize-speech", f'{{"text":"t{n}"}}', 2, 1, "fixed", 0, 1_000) for n in range(5)]
    for queue in ("synthesis", *more):
        await store.add(queue, new)
        for claimed in (await store.take(queue, 5, lease_ms=10_000, token="t", worker="w")).jobs:
            await store.fail(claimed, "It broke.", permanent=True)
    await store.add("notification", [NewJob("later", "create-task", "{}", 2, 1, "fixed", 0, 1_000, delay_ms=600_000)])
    await store.close()
    look = Look()
    look.dress()
    window = Window(look, Actions())
    bridge = Bridge(lambda: load_settings(redis_url=url))
    wiring.connect(window.jobs, bridge, window)
    bridge.noticed.connect(window.notices.show_notice)
    window.show()
    window.open_page(window.jobs)
    try:
        bridge.start()
        await until(lambda: window.jobs.head.states[JobState.FAILED].text() == "Failed 0")
        window.jobs.choose("synthesis", JobState.FAILED)
        await until(lambda: window.jobs.table.jobs.job(4) is not None)
        yield window
    finally:
        window.hide()
        await bridge.close()
        window.deleteLater()


async def test_the_jobs_of_redis_are_shown_and_retried(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.jobs.table.selectRow(0)
        window.jobs.list.do(RETRY)
        await until(lambda: window.notices.text == "1 job of Synthesis will run again.")
        await until(lambda: window.jobs.head.states[JobState.FAILED].text() == "Failed 4")


async def test_jobs_are_removed_and_come_back(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.jobs.list.all.setChecked(True)
        window.jobs.list.do(REMOVE)
        dialog = window.jobs.list.confirm_dialog
        assert dialog is not None
        await until(dialog.confirm.isEnabled)
        dialog.confirm.click()
        await until(lambda: window.jobs.head.states[JobState.FAILED].text() == "Failed 0")
        await until(window.notices.action.isVisible)
        window.notices.action.click()
        await until(lambda: window.jobs.head.states[JobState.FAILED].text() == "Failed 5")


async def test_a_delayed_job_is_promoted_and_then_cancelled(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        page = window.jobs
        page.choose("notification", JobState.DELAYED)
        page.list.all.setChecked(True)
        page.list.do(PROMOTE)
        await until(lambda: page.head.states[JobState.WAITING].text() == "Waiting 1")
        page.choose("notification", JobState.WAITING)
        page.list.all.setChecked(True)
        page.list.do(CANCEL)
        dialog = page.list.confirm_dialog
        assert dialog is not None
        await until(dialog.confirm.isEnabled)
        dialog.confirm.click()
        await until(lambda: page.head.states[JobState.FAILED].text() == "Failed 1")


async def test_a_search_looks_through_redis(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        window.jobs.choose("synthesis", JobState.FAILED, "args.text:t3")
        await until(lambda: window.jobs.search.progress == "Searched 5 of 5, 1 found")
        found = window.jobs.table.jobs.job(0)
        assert found is not None
        assert found.id == "job-3"


async def test_a_search_looks_through_all_queues_and_all_that_match_are_removed_and_come_back(
    qapp: object, fresh_redis: str
) -> None:
    async with wired(fresh_redis, "notification") as window:
        page = window.jobs
        page.choose(ALL_QUEUES, JobState.FAILED, "args.text:t3")
        await until(lambda: page.search.progress == "Searched 10 of 10, 2 found")
        assert [page.table.jobs.index(row, 1).data() for row in range(2)] == ["Synthesis", "Notifications"]
        page.list.all.setChecked(True)
        page.list.do(REMOVE)
        dialog = page.list.confirm_dialog
        assert dialog is not None
        await until(dialog.confirm.isEnabled)
        assert dialog.counted.startswith("2 jobs")
        dialog.confirm.click()
        await until(lambda: page.head.states[JobState.FAILED].text() == "Failed 8")
        assert "1 job from Synthesis" in window.notices.text
        assert "1 job from Notifications" in window.notices.text
        await until(window.notices.action.isVisible)
        window.notices.action.click()
        await until(lambda: page.head.states[JobState.FAILED].text() == "Failed 10")


async def test_the_jobs_are_exported_as_json_lines(qapp: object, fresh_redis: str, tmp_path: Path) -> None:
    async with wired(fresh_redis) as window:
        window.jobs.list.all.setChecked(True)
        path = tmp_path / "jobs.jsonl"
        window.jobs.list.export_wanted.emit(window.jobs.list.scopes(), str(path))
        await until(path.exists)
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert sorted(line["id"] for line in lines) == [f"job-{n}" for n in range(5)]
        assert not path.with_name("jobs.jsonl.part").exists()


async def test_an_export_that_cannot_be_written_says_so(qapp: object, fresh_redis: str, tmp_path: Path) -> None:
    async with wired(fresh_redis) as window:
        window.jobs.list.all.setChecked(True)
        window.jobs.list.export_wanted.emit(window.jobs.list.scopes(), str(tmp_path / "none" / "jobs.jsonl"))
        await until(lambda: "cannot be written" in window.notices.text)


async def test_an_edited_job_is_added_as_a_new_one(qapp: object, fresh_redis: str) -> None:
    async with wired(fresh_redis) as window:
        page = window.jobs
        page.open_job("synthesis", "job-2")
        await until(lambda: page.detail.job is not None)
        page.detail.open_rerun()
        dialog = page.detail.rerun_dialog
        assert dialog is not None
        dialog.arguments.setPlainText('{"texxt": "edited"}')
        dialog.confirm.click()
        await until(lambda: "It takes: text, voice." in dialog.fault)
        dialog.arguments.setPlainText('{"text": "edited"}')
        dialog.confirm.click()
        await until(lambda: page.head.states[JobState.WAITING].text() == "Waiting 1")
        assert page.detail.rerun_dialog is None


async def test_a_trace_is_found_on_all_queues(fresh_redis: str) -> None:
    store = Store(fresh_redis)
    first = NewJob("t1", "transcribe-recording", "{}", 2, 1, "fixed", 0, 1_000)
    await store.add("transcription", [first])
    child = NewJob("t1.synthesis", "synthesize-speech", "{}", 2, 1, "fixed", 0, 1_000, trace="t1", parent="t1")
    odd = NewJob("odd", "synthesize-speech", "{}", 2, 1, "fixed", 0, 1_000, trace="t1")
    other = NewJob("other", "synthesize-speech", "{}", 2, 1, "fixed", 0, 1_000)
    await store.add("synthesis", [child, odd, other])
    monitor = Monitor(store, load_settings(redis_url=fresh_redis))
    assert {found.id for found in await monitor.trace("t1")} == {"t1", "t1.synthesis", "odd"}
    await store.close()


class TestLongWork:
    def test_it_tells_how_far_it_is_and_nothing_else_begins_meanwhile(self, failed: JobsPage) -> None:
        failed.table.selectRow(0)
        failed.list.show_work("Removing", 3_400, 12_000)
        assert failed.list.work.words == "Removing: 3,400 of 12,000"
        assert failed.list.buttons["retry"].toolTip() == "An action is at work: stop it, or wait for its end."
        failed.list.end_work()
        assert not failed.list.work.isVisible()
        assert failed.list.buttons["retry"].isEnabled()

    def test_stop_is_asked_for_once(self, failed: JobsPage, qtbot: QtBot) -> None:
        failed.list.show_work("Removing", 10, 100)
        with qtbot.waitSignal(failed.list.stop_wanted):
            failed.list.work.stop.click()
        assert not failed.list.work.stop.isEnabled()


async def add_waiting(url: str, count: int) -> None:
    """So many more waiting jobs of the calendar."""
    store = Store(url)
    new = [NewJob(f"c-{n}", "create-event", "{}", 2, 1, "fixed", 0, 1_000) for n in range(count)]
    await store.add("calendar-sync", new)
    await store.close()


async def test_a_removal_of_many_is_stopped_and_what_went_comes_back_together(qapp: object, fresh_redis: str) -> None:
    await add_waiting(fresh_redis, 3_500)
    async with wired(fresh_redis) as window:
        page = window.jobs
        page.choose("calendar-sync", JobState.WAITING)
        page.list.all.setChecked(True)
        seen: list[str] = []
        page.list.stop_wanted.connect(lambda: seen.append(page.list.work.words))
        page.list.act_wanted.emit("remove", page.list.scopes())
        await until(lambda: "1,000 of 3,500" in page.list.work.words)
        page.list.work.stop.click()
        await until(lambda: "It was stopped:" in window.notices.text)
        assert "left as they are" in window.notices.text
        assert seen == ["Removing: 1,000 of 3,500, stopping"]
        window.notices.action.click()
        await until(lambda: page.head.states[JobState.WAITING].text() == "Waiting 3,500")


async def test_all_that_match_are_cancelled_however_many_are_looked_at(qapp: object, fresh_redis: str) -> None:
    await add_waiting(fresh_redis, 700)
    async with wired(fresh_redis) as window:
        window.jobs.list.act_wanted.emit("cancel", (JobScope("calendar-sync", JobState.WAITING, None, "id:c-69"),))
        await until(lambda: "Cancelled 11 jobs of Calendar." in window.notices.text)


async def test_an_export_and_an_edited_job_are_in_the_audit_trail(
    qapp: object, fresh_redis: str, tmp_path: Path
) -> None:
    async with wired(fresh_redis) as window:
        page = window.jobs
        page.list.export_wanted.emit((JobScope("synthesis", JobState.FAILED, None),), str(tmp_path / "jobs.jsonl"))
        await until((tmp_path / "jobs.jsonl").exists)
        page.open_job("synthesis", "job-2")
        await until(lambda: page.detail.job is not None)
        page.rerun_wanted.emit("synthesize-speech", {"text": "edited"})
        await until(lambda: "Added synthesize-speech job" in window.notices.text)
        store = Store(fresh_redis)
        entries = {entry.action: entry.arguments for entry in await store.audit("synthesis", 10)}
        await store.close()
        assert entries["export"] == {"state": "failed", "jobs": 5, "file": "jobs.jsonl"}
        assert entries["rerun"]["like"] == "job-2"
