"""The main pages look as they did when somebody looked at them, light and dark.

Where a look was changed on purpose, renew the pictures and look at them before they are committed:

    packaging/with-display.sh .venv/bin/pytest tests/desktop/test_golden.py --renew-golden
"""

from __future__ import annotations

import locale
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QImage, QPainter
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.assistant import AssistantPage
from desktop.pages.chart_points import Measures, Point
from desktop.theme import Look
from desktop.window import Window
from engine.model import (
    Action,
    AuditEntry,
    CommandFailed,
    Heard,
    Job,
    JobState,
    MinuteCounts,
    Replied,
    Snapshot,
    StageTimed,
)
from tests.desktop import golden
from tests.desktop.failed_jobs import group, sample_job
from tests.desktop.snapshots import MINUTE, START_MS, snapshot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems draw letters in their own way")

_SIZE = (1280, 800)
_MINUTE_MS = 60_000
_WAVE = [10 + round(8 * math.sin(place / 6)) for place in range(60)]
_MINUTES = tuple(
    MinuteCounts(MINUTE - 59 + place, completed=9 * height, failed=height % 3) for place, height in enumerate(_WAVE)
)


def _snapshot(second: int) -> Snapshot:
    """One moment of a busy minute: a queue that is paused, one that fails, one that nobody serves."""
    swing = round(6 * math.sin(second / 7))
    return snapshot(
        second,
        transcription={"waiting": 14 + swing, "active": 2, "completed_total": 40 + 3 * second, "minutes": _MINUTES},
        voice_processing={"waiting": 1_234_567, "active": 4, "oldest_waiting_ms": 754_000, "minutes": _MINUTES},
        ai_processing={"delayed": 40 + swing, "active": 1, "completed_total": 12 + second},
        email_processing={"paused": True, "paused_since_ms": START_MS - 720_000, "waiting": 31},
        synthesis={"failed": 3, "failed_total": 1 + second // 20, "minutes": _MINUTES},
        task_processing={"workers": 0, "waiting": 2, "oldest_waiting_ms": 61_000},
    )


def _minute(ago: int) -> Point:
    height = _WAVE[59 - ago]
    times_ms = (30.0 * height, 20.0 * height, 90.0 * height, 900.0, 5.0, 60.0)
    measured = Measures(9 * height, height % 3, 1.0, 9 * height, *times_ms)
    start_ms = START_MS - ago * _MINUTE_MS
    depths = dict.fromkeys(JobState, 4) | {JobState.WAITING: 3 * height, JobState.DELAYED: 40 - height}
    return Point(start_ms, start_ms + _MINUTE_MS, measured, {"send-email": measured}, depths, 500.0 * height)


def _jobs() -> tuple[Job, ...]:
    return tuple(
        sample_job(
            id=f"mail-{place:04}",
            attempts_made=1 + place % 3,
            created_at_ms=START_MS - (2 + place) * _MINUTE_MS,
            started_at_ms=START_MS - (1 + place) * _MINUTE_MS - 45 * (place + 1) ** 2,
            finished_at_ms=START_MS - (1 + place) * _MINUTE_MS,
        )
        for place in range(12)
    )


class _PlainLook(Look):
    """Letters are drawn the same on every machine, whatever it says of hinting and of the screen's own dots."""

    def font(self, role: str) -> QFont:
        font = super().font(role)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        font.setStyleStrategy(QFont.StyleStrategy.PreferAntialias | QFont.StyleStrategy.NoSubpixelAntialias)
        return font


@pytest.fixture(scope="module", autouse=True)
def here_and_now() -> Iterator[None]:
    """Times are told in UTC and days in English."""
    words = locale.setlocale(locale.LC_TIME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        locale.setlocale(locale.LC_TIME, "C")
        yield
    locale.setlocale(locale.LC_TIME, words)
    time.tzset()


@pytest.fixture(scope="module")
def look(qapp: object) -> Look:
    look = _PlainLook()
    look.dress()
    return look


@pytest.fixture(scope="module")
def window(look: Look) -> Iterator[Window]:
    """The window with a busy minute in it; on no screen, so that no mouse is over it."""
    window = Window(look, Actions())
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.resize(*_SIZE)
    window.show()
    if window.devicePixelRatio() != 1:
        pytest.skip("The pictures are of a screen whose density is 1, as Xvfb's is.")
    now = _snapshot(60)
    for second in range(61):
        window.queues.show_snapshot(_snapshot(second))
    window.charts.show_snapshot(now)
    window.jobs.show_snapshot(replace(now, queues=tuple(replace(queue, failed=12) for queue in now.queues)))
    window.jobs.choose("email-processing", JobState.FAILED)
    window.jobs.show_page("email-processing", JobState.FAILED, 0, _jobs())
    window.failures.show_groups(_GROUPS, START_MS)
    window.show_connected("Connected\n1 worker", "redis://localhost:6379")
    _talk(window.assistant)
    yield window
    shiboken6.delete(window)


def _talk(page: AssistantPage) -> None:
    """One command that was done, one whose name was guessed, one that could not be heard, one from elsewhere."""
    shows = page.conversation.show_event
    page.show_destination("Speech stays on this machine")
    page.show_global_key("F9")
    page.begin(1, "add a task to call Anna")
    shows(1, Replied("a", "“call Anna” is on your list.", (Action("create_task", {"title": "call Anna"}, "done"),)))
    shows(1, StageTimed("a", "voice-processing", 1, 20))
    page.begin(2, None)
    shows(2, Heard("b", "send an email to emma saying i am late", ("emma", "i am late")))
    shows(2, Replied("b", "Shall I send “I am late” to Emma Berg at emma@example.org?", asks=True))
    page.begin(3, None, "kitchen")
    shows(3, CommandFailed("c", "transcription", "The server refused the API key (401)."))


_GROUPS = (
    group(),
    group(signature="b" * 12, queue="synthesis", title="Voice <voice> is away", failed_now=3, last_at_ms=START_MS),
    group(signature="c" * 12, queue="ai-processing", title="No answer within <number> s", failed_now=0, count=2),
)


def _show(window: Window, word: str, qtbot: QtBot) -> None:
    window.catalogue.run(window.catalogue.command(f"page.{word.lower()}"))
    match word:
        case "Queues":
            charts = window.queues.charts
            plots = (charts.depth_chart, charts.throughput_chart, charts.failures_chart)
            qtbot.waitUntil(lambda: all(chart._plot is not None and chart._plot.isVisible() for chart in plots))
        case "Charts":
            page = window.charts
            paused = AuditEntry("1-0", "", START_MS - 20 * _MINUTE_MS, "anna", "pause", "templates", 0, {}, {}, {})
            page.show_actions("", [paused])
            if page.reading is not None:
                page.show_points(page.reading, "", "1h", [_minute(ago) for ago in range(59, -1, -1)], 1.0)
            qtbot.waitUntil(lambda: all(len(chart.drawing.spans) == 60 for chart in page.charts.values()))
            qtbot.waitUntil(lambda: all(chart.plot.isVisible() for chart in page.charts.values()))
        case "Failures":
            window.failures.show_sample_failed("The job is not kept any more.")


@pytest.mark.parametrize("word", ["Assistant", "Queues", "Charts", "Jobs", "Failures"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_looks_as_it_did(
    window: Window, look: Look, qtbot: QtBot, tmp_path: Path, pytestconfig: pytest.Config, colours: str, word: str
) -> None:
    look.choose(colours)
    _show(window, word, qtbot)
    name = f"{word.lower()}-{colours}"
    seen, path = golden.picture(window), golden.FOLDER / f"{name}.png"
    if pytestconfig.getoption("--renew-golden"):
        golden.keep(seen, path)
        return
    before = QImage(str(path))
    if seen.size() == before.size() and golden.differences(seen, before).max() <= golden.TOLERANCE:
        return
    shown = golden.save_difference(seen, before, tmp_path, name)
    pytest.fail(f"The page looks otherwise than {path.name}: see {shown}. If that is meant, --renew-golden.")


def test_another_digit_is_a_difference_and_another_smoothing_is_none(qapp: object) -> None:
    def drawn(words: str, smooth: bool) -> QImage:
        image = QImage(120, 48, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        painter.setFont(_PlainLook().font("body"))
        painter.drawText(10, 30, words)
        painter.drawEllipse(QRectF(70.3, 10.3, 24, 24))
        painter.end()
        return image

    seen = drawn("31", smooth=True)
    assert golden.differences(drawn("37", smooth=True), seen).max() > golden.TOLERANCE
    assert golden.differences(drawn("31", smooth=False), seen).max() <= golden.TOLERANCE
