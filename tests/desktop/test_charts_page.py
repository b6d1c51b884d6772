"""The Charts page: driven by points and snapshots as its wiring hands them over, and wired to a real Redis."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import redis
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import charts
from desktop.pages.chart_points import WINDOWS, Measures, Point, Series, point_of
from desktop.pages.charts import ChartsPage
from desktop.theme import Look
from desktop.widgets.chart_scale import CountScale, TimeScale
from desktop.widgets.time_axis import Stretch, moment_words, ticks
from desktop.window import Window
from engine.histogram import Histogram
from engine.model import AuditEntry, Figures, JobState, Period
from engine.queues import QUEUES
from engine.settings import load_settings
from engine.store import Store, keys
from tests.desktop.failed_jobs import fail_jobs
from tests.desktop.snapshots import START_MS, snapshot
from tests.desktop.test_bridge import Emissions

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
PAUSED = AuditEntry("1-0", "email-processing", START_MS - 120_000, "anna", "pause", "templates", 0, {}, {}, {})


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[ChartsPage]:
    look = Look()
    look.dress()
    page = ChartsPage(look, Actions())
    qtbot.addWidget(page)
    page.resize(1060, 760)
    page.show_snapshot(snapshot())
    page.show()
    yield page
    if page.grid.dialog is not None:
        page.grid.dialog.reject()


def _minute(ago: int, completed: int = 90, failed: int = 10) -> Point:
    """One minute of a queue, `ago` minutes before the running one."""
    start_ms = START_MS - ago * MINUTE_MS
    measured = Measures(completed, failed, 1.0, completed, 50.0, 40.0, 200.0, 900.0, 5.0, 30.0)
    depths = dict.fromkeys(JobState, 0) | {JobState.WAITING: 7}
    return Point(start_ms, start_ms + MINUTE_MS, measured, {"send-email": measured}, depths, 80.0)


def _show(page: ChartsPage, points: list[Point]) -> None:
    """Answer the page's newest question with these minutes."""
    assert page.reading is not None
    page.show_points(page.reading, page.queue, page.window_key, points, 1.0)


def _drawn(qtbot: QtBot, page: ChartsPage, count: int) -> None:
    """All five charts have come to draw so many points: they come one after the other."""
    qtbot.waitUntil(lambda: all(len(chart.drawing.spans) == count for chart in page.charts.values()))


def _full_hour(qtbot: QtBot, page: ChartsPage) -> None:
    _show(page, [_minute(ago) for ago in range(60)])
    _drawn(qtbot, page, 60)


class TestAsking:
    def test_it_asks_for_all_queues_at_first_and_then_for_what_can_have_changed(
        self, page: ChartsPage, qtbot: QtBot
    ) -> None:
        assert page.reading is not None
        page.hide()
        with qtbot.waitSignal(page.points_wanted) as asked:
            page.show()
        number, queue, window, since_ms = asked.args
        assert (queue, window, since_ms) == ("", "1h", 0)
        page.show_points(number, queue, window, [_minute(1), _minute(0)], 1.0)
        with qtbot.waitSignal(page.points_wanted, timeout=5_000) as asked:
            pass
        assert asked.args[3] == START_MS

    def test_a_reading_that_was_broken_off_leaves_no_hole(self, page: ChartsPage, qtbot: QtBot) -> None:
        assert page.reading is not None
        page.show_points(page.reading, "", "1h", [_minute(0)], 0.1)
        page.hide()
        assert page.reading is None
        with qtbot.waitSignal(page.points_wanted) as asked:
            page.show()
        assert asked.args[3] == 0

    def test_nothing_is_asked_while_it_is_hidden_or_redis_is_gone(self, page: ChartsPage, qtbot: QtBot) -> None:
        page.hide()
        with qtbot.assertNotEmitted(page.points_wanted), qtbot.assertNotEmitted(page.marks_wanted):
            page.show_window("7d")
            page.select("synthesis")
            page.show_gone()
            page.show()

    def test_the_live_minute_costs_nothing(self, page: ChartsPage, qtbot: QtBot) -> None:
        with qtbot.assertNotEmitted(page.points_wanted):
            page.show_window("live")

    def test_a_late_part_of_another_reading_is_kept_but_not_drawn(self, page: ChartsPage, qtbot: QtBot) -> None:
        old = page.reading
        assert old is not None
        page.select("synthesis")
        page.show_points(old, "", "1h", [_minute(0)], 1.0)
        assert page.reading not in (None, old)
        assert page.charts["depth"].drawing.spans == []

    def test_it_tells_how_far_a_reading_is(self, page: ChartsPage, qtbot: QtBot) -> None:
        assert page.reading is not None
        page.show_points(page.reading, "", "1h", [_minute(0)], 0.4)
        qtbot.waitUntil(lambda: page.trouble.text() == "Reading the last hour: 40 %")


class TestLines:
    def test_each_chart_tells_its_newest_values(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        told = {
            key: {name: entry.value for name, entry in chart.legend.entries.items()}
            for key, chart in page.charts.items()
        }
        assert told["depth"] | {"waiting": "7"} == told["depth"]
        assert told["throughput"] == {"completed": "90", "failed": "10"}
        assert told["failures"]["percent"] == "10 %"
        assert told["processing"] == {"mean": "50 ms", "p50": "40 ms", "p95": "200 ms", "p99": "900 ms"}
        assert told["waiting"] == {"p50": "5 ms", "p95": "30 ms", "oldest": "80 ms"}

    def test_what_nobody_knows_is_a_gap_and_no_zero(self, page: ChartsPage, qtbot: QtBot) -> None:
        nothing = Point(START_MS - MINUTE_MS, START_MS, Measures())
        _show(page, [_minute(2), nothing, _minute(0)])
        _drawn(qtbot, page, 3)
        assert page.charts["processing"].drawing.lines["p95"] == [200.0, None, 200.0]
        assert page.charts["depth"].drawing.lines["waiting"] == [7, None, 7]
        assert page.charts["throughput"].drawing.lines["completed"] == [90, 0, 90]

    def test_a_failure_rate_of_under_20_jobs_is_dim(self, page: ChartsPage, qtbot: QtBot) -> None:
        few = _minute(1, completed=3, failed=1)
        _show(page, [_minute(3), _minute(2), few, _minute(0)])
        _drawn(qtbot, page, 4)
        lines = page.charts["failures"].drawing.lines
        assert lines["percent"] == [10.0, 10.0, None, 10.0]
        assert lines["few"] == [None, 10.0, 25.0, 10.0]  # its neighbours, too, so that a line leads there
        assert page.charts["failures"].note == "31 of 304"

    def test_the_running_minute_is_dashed_and_ends_now(self, page: ChartsPage, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(30))
        _full_hour(qtbot, page)
        drawing = page.charts["throughput"].drawing
        assert (drawing.running, drawing.spans[-1]) == (True, (START_MS, START_MS + 30_000))

    def test_a_job_type_is_shown_alone(self, page: ChartsPage, qtbot: QtBot) -> None:
        other = Measures(5, 0)
        point = Point(START_MS, START_MS + MINUTE_MS, Measures(95, 10), {"a": Measures(90, 10), "b": other}, {}, 1)
        _show(page, [point])
        _drawn(qtbot, page, 1)
        page.types.setCurrentIndex(page.types.findData("b"))
        assert page.charts["throughput"].drawing.lines["completed"] == [5]
        assert page.charts["depth"].note == "of all job types"

    def test_the_live_minute_is_drawn_from_snapshots(self, page: ChartsPage, qtbot: QtBot) -> None:
        page.show_window("live")
        for second in range(1, 7):
            page.show_snapshot(snapshot(second, synthesis={"waiting": second, "completed_total": 10 * second}))
        _drawn(qtbot, page, 7)
        assert list(page.charts["depth"].drawing.lines["waiting"]) == [0, 1, 2, 3, 4, 5, 6]
        assert page.charts["throughput"].drawing.lines["completed"][-1] == pytest.approx(600)
        assert page.types.isEnabled() is False
        assert page.types.toolTip() == "The live minute does not tell job types apart."

    def test_a_line_can_be_hidden(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        entry = page.charts["depth"].legend.entries["waiting"]
        qtbot.mouseClick(entry, Qt.MouseButton.LeftButton)
        assert (page.charts["depth"].legend.shows("waiting"), entry.accessibleName()) == (False, "waiting, hidden")
        assert "waiting" not in page.charts["depth"].accessibleDescription()

    def test_it_says_why_there_is_nothing(self, page: ChartsPage, qtbot: QtBot) -> None:
        qtbot.waitUntil(lambda: page.charts["waiting"].drawing.empty == "Reading…")
        _show(page, [Point(START_MS, START_MS + MINUTE_MS, Measures())])
        _drawn(qtbot, page, 1)
        assert page.charts["failures"].accessibleDescription().startswith("Now: No job ended in this time.")


class TestCrosshair:
    def test_the_mouse_points_all_charts_at_the_same_time(self, page: ChartsPage, qtbot: QtBot) -> None:
        _show(page, [_minute(ago, completed=100 + ago) for ago in range(60)])
        _drawn(qtbot, page, 60)
        plot = page.charts["processing"].plot

        def points_there() -> bool:
            # Again until it does: the plot may yet be given its place.
            qtbot.mouseMove(plot.viewport(), plot.place_of(START_MS - 30 * MINUTE_MS + MINUTE_MS / 2).toPoint())
            return bool(page.charts["throughput"].legend.entries["completed"].value == "130")

        qtbot.waitUntil(points_there)
        words = moment_words(START_MS - 30 * MINUTE_MS, START_MS - 29 * MINUTE_MS, START_MS)
        assert page.moment.text() == words

    def test_the_arrow_keys_move_it(self, page: ChartsPage, qtbot: QtBot) -> None:
        _show(page, [_minute(ago, completed=100 + ago) for ago in range(60)])
        _drawn(qtbot, page, 60)
        chart, completed = page.charts["throughput"], page.charts["throughput"].legend.entries["completed"]
        for key, told in ((Qt.Key.Key_Left, "100"), (Qt.Key.Key_Left, "101"), (Qt.Key.Key_Home, "159")):
            qtbot.keyClick(chart, key)
            assert completed.value == told
        qtbot.keyClick(chart, Qt.Key.Key_End)
        assert completed.value == "100"

    def test_what_operators_did_is_told_there(self, page: ChartsPage, qtbot: QtBot) -> None:
        page.show_actions("", (PAUSED,))
        _full_hour(qtbot, page)
        for _ in range(3):
            qtbot.keyClick(page.charts["depth"], Qt.Key.Key_Left)
        assert page.happened.text().endswith("anna paused Email: templates")
        plot = page.charts["depth"].plot
        (mark,) = plot.marks_near(plot.place_of(PAUSED.at_ms))
        assert (mark.kind, mark.text) == ("action", page.happened.text())

    def test_the_start_of_a_worker_is_marked(self, page: ChartsPage, qtbot: QtBot) -> None:
        page.show_snapshot(snapshot(30))  # its worker started at START_MS
        _full_hour(qtbot, page)
        plot = page.charts["depth"].plot
        (mark,) = plot.marks_near(plot.place_of(START_MS))
        assert mark.text.endswith("worker started on desk")


class TestZoom:
    def test_the_wheel_zooms_all_charts_around_the_mouse(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        plot = page.charts["depth"].plot
        place = plot.place_of(START_MS - 30 * MINUTE_MS)
        modifiers, none = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
        turn = QWheelEvent(place, place, QPoint(), QPoint(0, 240), none, modifiers, Qt.ScrollPhase.NoScrollPhase, False)
        QApplication.sendEvent(plot.viewport(), turn)
        assert page.stretch.length_ms == pytest.approx(HOUR_MS * 0.64)
        assert page.stretch.from_ms < START_MS - 30 * MINUTE_MS < page.stretch.to_ms
        assert {chart.drawing.stretch for chart in page.charts.values()} == {page.stretch}

    def test_a_stretch_is_dragged_over_and_a_double_click_shows_all(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        plot = page.charts["waiting"].plot
        left, right = (plot.place_of(START_MS - ago * MINUTE_MS).toPoint() for ago in (40, 20))
        qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=left)
        qtbot.mouseMove(plot.viewport(), right)
        qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=right)
        assert page.stretch.length_ms == pytest.approx(20 * MINUTE_MS, rel=0.03)
        qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=left)
        assert page.stretch.length_ms == HOUR_MS

    def test_keys_zoom_and_escape_shows_all(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        chart = page.charts["depth"]
        assert (page.reset.isEnabled(), page.reset.toolTip()) == (False, "The whole time is shown.")
        qtbot.keyClick(chart, Qt.Key.Key_Plus)
        assert page.stretch.length_ms == HOUR_MS / 2
        qtbot.keyClick(chart, Qt.Key.Key_Minus)
        assert page.stretch.length_ms == HOUR_MS
        qtbot.keyClick(chart, Qt.Key.Key_Plus)
        page.activateWindow()
        qtbot.waitUntil(page.isActiveWindow)  # a shortcut works in the active window only
        chart.setFocus()
        qtbot.keyClick(chart, Qt.Key.Key_Escape)
        assert page.stretch.length_ms == HOUR_MS

    def test_it_zooms_in_to_four_points_and_no_further(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        for _ in range(8):
            qtbot.keyClick(page.charts["depth"], Qt.Key.Key_Plus)
        assert page.stretch.length_ms == 4 * MINUTE_MS


def test_a_paused_view_stands_still_while_figures_come(page: ChartsPage, qtbot: QtBot) -> None:
    _show(page, [_minute(1), _minute(0)])
    _drawn(qtbot, page, 2)
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    assert page.trouble.text() == "View paused 0 s ago; figures go on being gathered"
    with qtbot.waitSignal(page.points_wanted, timeout=5_000):
        pass
    _show(page, [_minute(-1), _minute(0)])
    page.charts["depth"].resize(300, 200)
    assert len(page.charts["depth"].drawing.spans) == 2
    qtbot.mouseClick(page.pause, Qt.MouseButton.LeftButton)
    _drawn(qtbot, page, 3)
    assert page.trouble.text() == ""


def test_when_redis_is_gone_the_figures_stay_grey_with_their_age(page: ChartsPage, qtbot: QtBot) -> None:
    _full_hour(qtbot, page)
    page.show_gone()
    assert page.trouble.text() == "Figures of 0 s ago"
    assert len(page.charts["depth"].drawing.spans) == 60
    page.show_snapshot(snapshot(1))
    qtbot.waitUntil(lambda: page.trouble.text() == "")


def test_a_screen_reader_hears_what_each_chart_is_of_and_its_values(page: ChartsPage, qtbot: QtBot) -> None:
    page.select("email-processing")
    _full_hour(qtbot, page)
    chart = page.charts["processing"]
    assert chart.accessibleName() == "Chart Processing time, Email, last hour"
    assert chart.accessibleDescription() == "Now: mean 50 ms, p50 40 ms, p95 200 ms, p99 900 ms. 5,400 jobs"


class TestFiles:
    def test_the_table_has_the_shown_time(self, page: ChartsPage, qtbot: QtBot) -> None:
        nothing = Point(START_MS - MINUTE_MS, START_MS, Measures())
        _show(page, [_minute(3), _minute(2), nothing, _minute(0)])
        _drawn(qtbot, page, 4)
        rows = list(csv.reader(io.StringIO(page.charts["processing"].csv_text())))
        assert rows[0] == ["from", "to", "mean", "p50", "p95", "p99"]
        assert [row[2:] for row in rows[2:4]] == [["50", "40", "200", "900"], ["", "", "", ""]]
        assert datetime.fromisoformat(rows[1][0]).timestamp() * 1000 == START_MS - 3 * MINUTE_MS

    def test_the_picture_is_twice_as_sharp_and_has_the_lines(self, page: ChartsPage, qtbot: QtBot) -> None:
        _full_hour(qtbot, page)
        chart = page.charts["throughput"]
        picture = QImage.fromData(chart.png_bytes(), "PNG")
        assert picture.width() == 2 * chart.width()
        colours = {
            picture.pixelColor(x, y).name() for x in range(0, picture.width(), 3) for y in range(picture.height())
        }
        assert Look().hex("completed") in colours

    def test_the_s_key_asks_where_to(self, page: ChartsPage, qtbot: QtBot, tmp_path: Path) -> None:
        _full_hour(qtbot, page)
        qtbot.keyClick(page.charts["depth"], Qt.Key.Key_S)
        dialog = page.grid.dialog
        assert isinstance(dialog, QFileDialog)
        with qtbot.waitSignal(page.save_wanted) as saved:
            dialog.fileSelected.emit(str(tmp_path / "depth.png"))
        assert saved.args[0] == str(tmp_path / "depth.png")
        assert saved.args[1].startswith(b"\x89PNG")


class TestTimeAxis:
    def test_days_begin_at_local_midnight_also_when_the_clock_is_put_forward(self) -> None:
        start = datetime(2026, 3, 28, 12, tzinfo=BERLIN).timestamp() * 1000
        days = [tick.at_ms for tick in ticks(Stretch(start, start + 72 * HOUR_MS), 3, BERLIN)]
        assert [datetime.fromtimestamp(at / 1000, BERLIN).hour for at in days] == [0, 0, 0]
        assert (days[1] - days[0], days[2] - days[1]) == (23 * HOUR_MS, 24 * HOUR_MS)

    def test_a_skipped_hour_has_no_mark_and_a_repeated_one_has_one(self) -> None:
        spring = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN).timestamp() * 1000
        assert [tick.text for tick in ticks(Stretch(spring, spring + 4 * HOUR_MS), 4, BERLIN)] == [
            "01:00",
            "03:00",
            "04:00",
            "05:00",
        ]
        autumn = datetime(2026, 10, 25, 0, 30, tzinfo=BERLIN).timestamp() * 1000
        marks = ticks(Stretch(autumn, autumn + 4 * HOUR_MS), 4, BERLIN)
        assert [tick.text for tick in marks] == ["01:00", "02:00", "03:00"]

    @pytest.mark.parametrize("length_ms", [60_000, HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS, 90 * 24 * HOUR_MS])
    def test_marks_are_few_and_in_order(self, length_ms: int) -> None:
        found = [tick.at_ms for tick in ticks(Stretch(START_MS, START_MS + length_ms), 6, BERLIN)]
        assert 2 <= len(found) <= 7
        assert found == sorted(found)

    def test_marks_are_round_also_where_the_zone_is_no_whole_hour_off(self) -> None:
        kathmandu = ZoneInfo("Asia/Kathmandu")
        found = ticks(Stretch(START_MS, START_MS + HOUR_MS), 4, kathmandu)
        assert {tick.text[-2:] for tick in found} <= {"00", "15", "30", "45"}

    def test_times_are_told_as_people_say_them(self) -> None:
        now = datetime(2026, 11, 25, 14, 5, tzinfo=BERLIN).timestamp() * 1000
        assert moment_words(now - 3 * MINUTE_MS, now - 2 * MINUTE_MS, now, BERLIN) == "Today 14:02"
        assert moment_words(now - 24 * HOUR_MS, now - 23 * HOUR_MS, now, BERLIN) == "Yesterday 14:05 to 15:05"
        assert (
            moment_words(now - 72 * HOUR_MS, now - 24 * HOUR_MS, now, BERLIN) == "Sun 22 Nov 14:05 to Tue 24 Nov 14:05"
        )
        assert moment_words(now, now, now, BERLIN) == "Today 14:05:00"

    def test_a_zoom_stays_within_the_window(self) -> None:
        window = Stretch(0, 100)
        assert Stretch(0, 100).zoomed(0.5, 100, window, 1) == Stretch(50, 100)
        assert Stretch(50, 100).zoomed(4, 60, window, 1) == window


class TestScales:
    def test_counts_have_round_tops_that_shrink_late(self) -> None:
        scale = CountScale()
        tops = []
        for most in (3, 130, 70, 60):
            scale.fit([most])
            tops.append(scale.bounds[1])
        assert tops == [5, 200, 200, 100]

    def test_times_are_read_off_a_logarithm(self) -> None:
        scale = TimeScale()
        scale.fit([20, 250_000])
        assert [text for _, text in scale.ticks()] == ["10 ms", "100 ms", "1 s", "10 s", "1 min", "10 min"]
        assert [scale.words(value) for value in (0.5, 12, 1500, 90_000, 7_200_000)] == [
            "0.5 ms",
            "12 ms",
            "1.5 s",
            "1.5 min",
            "2 h",
        ]


def test_a_point_has_the_pace_of_what_has_passed_of_its_span() -> None:
    figures = Figures(completed=60, processing=Histogram({10: 60}, 300))
    period = Period(0, 5 * MINUTE_MS, figures, {"one": figures})
    assert point_of(period, 10 * MINUTE_MS).total.per_minute == pytest.approx(0.2)
    assert point_of(period, 2 * MINUTE_MS).by_type["one"].per_minute == pytest.approx(0.5)
    assert point_of(period, 1_000).total.per_minute == 1


def test_a_series_keeps_its_window_and_no_more() -> None:
    series = Series(WINDOWS["1h"])
    series.merge(_minute(ago) for ago in range(90))
    series.complete()
    assert (len(series.points), series.since_ms) == (60, START_MS)


async def test_a_real_history_is_read_and_drawn_and_saved(fresh_redis: str, qtbot: QtBot, tmp_path: Path) -> None:
    hour = int(time.time() * 1000) // HOUR_MS - 30
    with redis.Redis.from_url(fresh_redis) as raw:
        for queue in QUEUES:
            raw.hset(keys.figures(queue, "1h", hour), mapping={"completed@one": 30, "p10@one": 30, "depth:waiting": 2})
    store = Store(fresh_redis)
    await fail_jobs(store, "email-processing", 3)
    look = Look()
    look.dress()
    window = Window(look, Actions())
    qtbot.addWidget(window)
    page = window.charts
    bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
    charts.connect(page, bridge, window)
    opened, answered = Emissions(bridge.opened), Emissions(bridge.answered)
    bridge.start()
    await opened.next()
    page.show_window("7d")
    window.show()
    window.open_page(page)
    while (await answered.next())[0] != "charts.points":
        pass
    page.show_window("7d")
    drawing = page.charts["throughput"].drawing
    spans = {int(start): index for index, (start, _) in enumerate(drawing.spans)}
    assert len(spans) == 168
    assert drawing.lines["completed"][spans[hour * HOUR_MS]] == pytest.approx(8 * 30 / 60)
    assert page.charts["depth"].drawing.lines["waiting"][spans[hour * HOUR_MS]] == 16
    assert page.charts["failures"].note == "3 of 243"

    page.save_wanted.emit(str(tmp_path / "x.csv"), page.charts["depth"].csv_text().encode())
    assert (tmp_path / "x.csv").read_text().count("\n") == 169
    page.save_wanted.emit(str(tmp_path / "nowhere" / "x.csv"), b"")
    assert "cannot be written" in window.notices.text
    window.hide()
    await bridge.close()
    await store.close()
