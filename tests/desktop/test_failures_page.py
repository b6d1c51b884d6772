"""The Failures page: driven by groups as its wiring hands them over, and wired to a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import failures
from desktop.pages.failure_dialogs import CleanGroupDialog, GradualRetryDialog
from desktop.pages.failures import FailuresPage
from desktop.pages.retry_bar import progress_words
from desktop.theme import Look
from desktop.widgets.notice_bar import NoticeBar
from desktop.widgets.sparkline import Sparkline
from desktop.window import Window
from engine.model import CleanPreview, JobState, RetryProgress
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.failed_jobs import fail_jobs, group, sample_job
from tests.desktop.snapshots import START_MS
from tests.desktop.test_bridge import Emissions

MAIL = group()
OTHER = group(
    signature="b" * 12, queue="synthesis", title="Voice is away", failed_now=3, last_at_ms=START_MS, sample="voice-1"
)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[FailuresPage]:
    look = Look()
    look.dress()
    page = FailuresPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1060, 760)
    page.show()
    yield page
    if page.dialog is not None:
        page.dialog.reject()


def test_without_failures_it_says_so_calmly(page: FailuresPage) -> None:
    page.show_groups((), START_MS)
    assert page.empty.isVisible()
    assert page.empty.text == "No failures. Nothing has failed for good. If something does, its cause is shown here."


def test_it_asks_for_groups_when_it_is_shown(page: FailuresPage, qtbot: QtBot) -> None:
    page.hide()
    with qtbot.waitSignal(page.groups_wanted):
        page.show()


def test_the_largest_group_is_on_top_and_the_switch_puts_the_newest_there(page: FailuresPage, qtbot: QtBot) -> None:
    page.show_groups((OTHER, MAIL), START_MS)
    assert [queue for queue, _ in page.list.order] == ["email-processing", "synthesis"]
    qtbot.mouseClick(page.orders["newest"], Qt.MouseButton.LeftButton)
    assert [queue for queue, _ in page.list.order] == ["synthesis", "email-processing"]


def test_a_group_without_failed_jobs_is_below_those_that_have_some(page: FailuresPage) -> None:
    page.show_groups((group(signature="c" * 12, failed_now=0, last_at_ms=START_MS), MAIL), START_MS)
    page.set_order("newest")
    assert [signature for _, signature in page.list.order] == ["a" * 12, "c" * 12]


def test_a_row_tells_what_failed_how_often_and_when(page: FailuresPage) -> None:
    page.show_groups((MAIL,), START_MS)
    row = page.list.rows["email-processing", MAIL.signature]
    assert row.title.whole == "No mailbox for <address>"
    assert row.where.whole == "PermanentError · Email · send-email"
    assert (row.failed_now.text(), row.seen.text()) == ("12 failed", "40 seen")
    assert (row.last.text(), row.first.text()) == ("1 min ago", "first 2 h ago")
    assert row.trend.accessibleName() == "Last 24 hours: 40 failures, at most 30 in an hour, 10 in this one."


def test_the_first_group_is_chosen_and_its_sample_asked_for(page: FailuresPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.sample_wanted) as asked:
        page.show_groups((MAIL, OTHER), START_MS)
    assert asked.args == ["mail-1"]
    page.show_sample(sample_job())
    assert page.panel.shown_trace == sample_job().traceback


def test_in_a_narrow_page_the_chosen_group_is_below_the_list_and_titles_have_room(
    page: FailuresPage, qtbot: QtBot
) -> None:
    page.show_groups((MAIL,), START_MS)
    page.resize(780, 480)
    qtbot.waitUntil(lambda: page.panel.y() > page.list.y())
    title = page.list.rows["email-processing", MAIL.signature].title
    qtbot.waitUntil(lambda: title.width() > 200)


def test_new_figures_leave_the_traceback_that_is_being_read(page: FailuresPage) -> None:
    page.show_groups((MAIL,), START_MS)
    page.show_sample(sample_job())
    page.show_groups((group(sample="mail-2", failed_now=13),), START_MS)
    assert page.panel.shown_trace == sample_job().traceback
    assert page.panel.facts["Failed now"].whole == "13"


def test_the_down_key_chooses_the_next_group(page: FailuresPage, qtbot: QtBot) -> None:
    page.show_groups((MAIL, OTHER), START_MS)
    with qtbot.waitSignal(page.sample_wanted) as asked:
        qtbot.keyClick(page.list.rows["email-processing", MAIL.signature], Qt.Key.Key_Down)
    assert asked.args == ["voice-1"]
    assert page.selected == OTHER


def test_copy_puts_the_traceback_on_the_clipboard(page: FailuresPage, qtbot: QtBot) -> None:
    page.show_groups((MAIL,), START_MS)
    page.show_sample(sample_job())
    qtbot.mouseClick(page.panel.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == sample_job().traceback


def test_retry_all_asks_for_the_whole_group(page: FailuresPage, qtbot: QtBot) -> None:
    page.show_groups((MAIL,), START_MS)
    with qtbot.waitSignal(page.retry_wanted) as asked:
        qtbot.mouseClick(page.panel.retry, Qt.MouseButton.LeftButton)
    assert asked.args == [MAIL]


def test_nothing_can_be_done_with_a_group_whose_jobs_are_gone(page: FailuresPage) -> None:
    page.show_groups((group(failed_now=0),), START_MS)
    for button in (page.panel.retry, page.panel.gradually, page.panel.clean):
        assert not button.isEnabled()
        assert button.toolTip() == "None of these jobs is failed any more."


def test_a_queue_can_be_chosen_before_its_groups_are_read(page: FailuresPage) -> None:
    page.choose("synthesis")
    page.show_groups((MAIL, group(queue="synthesis", signature="b" * 12, failed_now=1)), START_MS)
    assert page.selected is not None
    assert page.selected.queue == "synthesis"


def test_the_groups_of_one_queue_can_be_shown_alone(page: FailuresPage) -> None:
    page.show_groups((MAIL, OTHER), START_MS)
    page.queues.choose("synthesis")
    assert (page.list.order, page.selected) == ([("synthesis", OTHER.signature)], OTHER)
    assert page.summary.text() == "3 jobs failed now, in 1 group"
    page.queues.choose("ai-processing")
    assert page.empty.text == "No failures of AI. Other queues have 2 groups: choose all queues to see them."
    page.queues.choose("")
    assert page.selected == MAIL


def test_when_redis_is_gone_the_groups_stay_with_their_age(page: FailuresPage) -> None:
    page.show_groups((MAIL,), START_MS)
    page.show_gone()
    assert page.list.order == [("email-processing", MAIL.signature)]
    assert not page.empty.isVisible()
    assert page.age.whole.startswith("As of ")
    assert not page.panel.clean.isEnabled()
    page.show_groups((MAIL,), START_MS)
    assert page.panel.clean.isEnabled()


class TestGradualRetry:
    def test_the_dialog_orders_canaries_and_a_rate(self, page: FailuresPage, qtbot: QtBot) -> None:
        page.show_groups((MAIL,), START_MS)
        qtbot.mouseClick(page.panel.gradually, Qt.MouseButton.LeftButton)
        dialog = page.dialog
        assert isinstance(dialog, GradualRetryDialog)
        dialog.canary.setValue(2)
        dialog.rate.setValue(3)
        with qtbot.waitSignal(page.gradual_retry_wanted) as asked:
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        assert asked.args == [MAIL, 2, 3.0]
        assert page.dialog is None

    def test_while_it_runs_it_can_be_stopped_and_no_second_one_begun(self, page: FailuresPage, qtbot: QtBot) -> None:
        page.show_groups((MAIL,), START_MS)
        page.show_progress(RetryProgress(2, 12))
        assert not page.panel.gradually.isEnabled()
        with qtbot.waitSignal(page.stop_wanted):
            qtbot.mouseClick(page.retrying.stop, Qt.MouseButton.LeftButton)
        assert not page.retrying.stop.isEnabled()
        page.end_progress()
        assert not page.retrying.stop.isVisible()
        assert page.panel.gradually.isEnabled()

    @pytest.mark.parametrize(
        ("progress", "words"),
        [
            (RetryProgress(2, 12), "Retried 2 of 12 jobs."),
            (RetryProgress(7, 12, 2, 0), "Retried 7 of 12 jobs; the canaries completed."),
            (
                RetryProgress(2, 12, 1, 1, stopped=True),
                "Retried 2 of 12 jobs; 1 job of the canaries failed again, the rest stays.",
            ),
            (RetryProgress(7, 12, stopped=True), "Retried 7 of 12 jobs, then stopped."),
        ],
    )
    def test_its_progress_is_told_in_words(self, progress: RetryProgress, words: str) -> None:
        assert progress_words(progress) == words


class TestClean:
    @pytest.fixture
    def dialog(self, page: FailuresPage, qtbot: QtBot) -> CleanGroupDialog:
        page.show_groups((MAIL,), START_MS)
        with qtbot.waitSignal(page.preview_wanted):
            qtbot.mouseClick(page.panel.clean, Qt.MouseButton.LeftButton)
        assert isinstance(page.dialog, CleanGroupDialog)
        return page.dialog

    def test_it_waits_for_the_exact_count_and_removes_no_more(
        self, page: FailuresPage, dialog: CleanGroupDialog, qtbot: QtBot
    ) -> None:
        assert not dialog.confirm.isEnabled()
        oldest_ms, newest_ms = START_MS - 7_200_000, START_MS - 60_000
        preview = CleanPreview(MAIL.queue, JobState.FAILED, 12, oldest_ms, newest_ms, (sample_job(),))
        page.show_preview(preview, START_MS)
        assert dialog.count.text() == "12 jobs would be removed."
        assert dialog.ages.text().startswith("The oldest failed 2 h ago, the newest 1 min ago.")
        dialog.reason.setText("old mailbox")
        with qtbot.waitSignal(page.clean_wanted) as asked:
            qtbot.mouseClick(dialog.confirm, Qt.MouseButton.LeftButton)
        assert asked.args == [MAIL, 12, "old mailbox"]

    def test_more_than_a_thousand_jobs_need_the_queues_name(
        self, page: FailuresPage, dialog: CleanGroupDialog, qtbot: QtBot
    ) -> None:
        page.show_preview(CleanPreview(MAIL.queue, JobState.FAILED, 1_001), START_MS)
        assert not dialog.confirm.isEnabled()
        assert "email-processing" in dialog.confirm.toolTip()
        qtbot.keyClicks(dialog.typed, "email-processing")
        assert dialog.confirm.isEnabled()

    def test_a_thousand_jobs_need_no_name(self, page: FailuresPage, dialog: CleanGroupDialog) -> None:
        page.show_preview(CleanPreview(MAIL.queue, JobState.FAILED, 1_000), START_MS)
        assert not dialog.typed.isVisible()
        assert dialog.confirm.isEnabled()

    def test_a_count_that_cannot_be_had_lets_nobody_confirm(self, page: FailuresPage, dialog: CleanGroupDialog) -> None:
        page.show_preview_failed("Redis does not answer.")
        assert not dialog.confirm.isEnabled()
        assert dialog.ages.text() == "Redis does not answer."


def test_the_trend_has_a_bar_for_each_hour_with_failures(qtbot: QtBot) -> None:
    look = Look()
    trend = Sparkline(look, "failed")
    qtbot.addWidget(trend)
    trend.show_values((0, 4, 0, 2), "six")
    image = trend.grab().toImage()
    bottom = image.height() - round(3 * image.devicePixelRatio())
    hours = [image.pixelColor(int((place + 0.5) * image.width() / 4), bottom) for place in range(4)]
    assert [colour == look.colour("failed") for colour in hours] == [False, True, False, True]


class TestWiring:
    @pytest.fixture
    async def wired(self, fresh_redis: str, qtbot: QtBot) -> AsyncIterator[tuple[FailuresPage, Bridge, Store]]:
        look = Look()
        look.dress()
        window = Window(look, Actions())
        qtbot.addWidget(window)
        bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
        failures.connect(window.failures, bridge, window)
        bridge.noticed.connect(window.notices.show_notice)
        opened, store = Emissions(bridge.opened), Store(fresh_redis)
        bridge.start()
        await opened.next()
        yield window.failures, bridge, store
        await bridge.close()
        await store.close()

    @staticmethod
    async def _until(bridge: Bridge, page: FailuresPage, reached: Callable[[], bool]) -> None:
        """Read again until what is waited for is on the page."""
        answered = Emissions(bridge.answered)
        while not reached():
            page.groups_wanted.emit()
            await answered.next()

    async def test_a_group_is_cleaned_and_comes_back(self, wired: tuple[FailuresPage, Bridge, Store]) -> None:
        page, bridge, store = wired
        noticed = Emissions(bridge.noticed)
        await fail_jobs(store, "email-processing", 3)
        await self._until(bridge, page, lambda: "mail.py" in page.panel.shown_trace)
        chosen = page.selected
        assert chosen is not None

        page.panel.clean.click()
        dialog = page.dialog
        assert isinstance(dialog, CleanGroupDialog)
        await self._until(bridge, page, dialog.confirm.isEnabled)
        assert dialog.confirm.text() == "Clean 3 jobs"
        dialog.confirm.click()
        assert (await noticed.next())[:2] == ("success", "Cleaned 3 failed jobs of Email.")
        notices = page.window().findChildren(NoticeBar)
        next(bar for bar in notices if bar.action.text() == "Undo").action.click()
        assert (await noticed.next())[1] == "3 jobs of Email came back."
        await self._until(bridge, page, lambda: page.selected is not None and page.selected.failed_now == 3)

    async def test_retry_runs_the_group_and_no_other_again(self, wired: tuple[FailuresPage, Bridge, Store]) -> None:
        page, bridge, store = wired
        noticed = Emissions(bridge.noticed)
        await fail_jobs(store, "email-processing", 3)
        await fail_jobs(store, "email-processing", 1, "Voice is away", "OSError")
        await self._until(bridge, page, lambda: len(page.list.order) == 2)
        page.panel.retry.click()
        assert (await noticed.next())[1] == "3 failed jobs of Email will run again."
        assert await store.depth("email-processing", JobState.FAILED) == 1

    async def test_a_gradual_retry_can_be_stopped(self, wired: tuple[FailuresPage, Bridge, Store]) -> None:
        page, bridge, store = wired
        noticed = Emissions(bridge.noticed)
        await fail_jobs(store, "email-processing", 3)
        await self._until(bridge, page, lambda: page.selected is not None)
        page.gradual_retry_wanted.emit(page.selected, 0, 0.001)
        await self._until(bridge, page, lambda: page.retrying.retried == 1)
        page.retrying.stop.click()
        assert (await noticed.next())[:2] == ("success", "Retried 1 of 3 jobs, then stopped.")
        assert await store.depth("email-processing", JobState.FAILED) == 2

    async def test_a_canary_that_fails_again_is_told_as_trouble(
        self, wired: tuple[FailuresPage, Bridge, Store]
    ) -> None:
        page, bridge, store = wired
        noticed = Emissions(bridge.noticed)
        await fail_jobs(store, "email-processing", 3)
        await self._until(bridge, page, lambda: page.selected is not None)
        page.gradual_retry_wanted.emit(page.selected, 1, 100.0)
        await self._until(bridge, page, lambda: page.retrying.retried == 1)
        (job,) = (await store.take("email-processing", 1, lease_ms=60_000, token="again", worker="w")).jobs
        await store.fail(job, "still no mailbox", permanent=True)
        kind, words, _ = await noticed.next()
        assert (kind, words) == (
            "error",
            "Retried 1 of 3 jobs; 1 job of the canaries failed again, the rest stays.",
        )
        assert not page.retrying.stop.isVisible()
