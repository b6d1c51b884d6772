"""The bar over other programs: what it says, and when it goes."""

from __future__ import annotations

import os

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console.global_key import GlobalKey
from desktop.console.talk_pill import Pill
from desktop.theme import Look
from desktop.tray import Tray
from desktop.voice.control import VoiceControl
from desktop.widgets.talk_pill import TalkPill
from desktop.window import Window
from engine.model import Waiting
from engine.settings import load_settings


@pytest.fixture
def pill(qtbot: QtBot) -> TalkPill:
    look = Look()
    look.dress()
    pill = TalkPill(look)
    qtbot.addWidget(pill)
    return pill


def test_it_follows_the_state_and_leaves_the_keyboard_where_it_is(pill: TalkPill, qtbot: QtBot) -> None:
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    for state, words in (("listening", "Listening"), ("working", "Working on it…")):
        pill.show_state(state)
        assert (pill.isVisible(), pill.words) == (True, words)
    qtbot.waitExposed(pill)
    assert QApplication.activeWindow() is other
    pill.show_state("idle")
    assert not pill.isVisible()


def test_an_answer_stays_while_it_is_spoken_and_goes_after_it(pill: TalkPill, qtbot: QtBot) -> None:
    pill._leaves.setInterval(50)
    pill.show_state("working")
    pill.tell("It is noon.")
    pill.show_state("speaking")
    assert pill.words == "It is noon."
    pill.show_state("idle")
    assert pill.isVisible()
    qtbot.waitUntil(lambda: not pill.isVisible())
    pill.show_state("working")
    pill.show_state("speaking")
    assert pill.words == "Speaking"


def test_a_command_that_waits_does_not_lie_over_other_programs(qtbot: QtBot) -> None:
    look = Look()
    look.dress()
    window, voice, bridge = Window(look, Actions()), VoiceControl(), Bridge(load_settings)
    other = QWidget()
    for widget in (window, other):
        qtbot.addWidget(widget)
        widget.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    bar = Pill(look, window, voice, bridge, Tray(look)).bar
    bar._leaves.setInterval(50)
    voice.state_changed.emit("listening")
    assert bar.words == "Listening"
    voice.state_changed.emit("working")
    bridge.voice_event.emit(1, Waiting("a", "No network: see `hark doctor`."))
    assert bar.words == "No network: see “hark doctor”."
    qtbot.waitUntil(lambda: not bar.isVisible())
    voice.state_changed.emit("speaking")
    assert bar.isVisible()
    bar.close()
    voice.close()


def test_a_key_written_by_hand_that_is_none_is_told(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window, voice = Window(Look(), Actions()), VoiceControl()
    qtbot.addWidget(window)
    monkeypatch.setenv("HARK_HOTKEY", "f9")
    GlobalKey(window, voice, Bridge(load_settings)).use(load_settings())
    assert "'f9' is not a key. Write it like <f9>" in window.notices.text
    assert "in this window" in window.assistant.hint
    voice.close()


def test_its_cross_cancels_and_a_click_opens_hark(pill: TalkPill, qtbot: QtBot) -> None:
    pill.show_state("listening")
    with qtbot.waitSignal(pill.cancelled), qtbot.assertNotEmitted(pill.opened):
        qtbot.mouseClick(pill.cancel, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(pill.opened):
        qtbot.mouseClick(pill, Qt.MouseButton.LeftButton)


@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="a screen to look at needs an X display")
def test_what_is_below_its_corners_is_seen_also_without_a_compositor(pill: TalkPill, qtbot: QtBot) -> None:
    below = QWidget()
    qtbot.addWidget(below)
    below.setStyleSheet("background: #ff00ff")
    below.setGeometry(QGuiApplication.primaryScreen().geometry())
    below.show()
    qtbot.waitExposed(below)
    pill.tell("It is noon.")
    qtbot.waitExposed(pill)

    def seen(x: int, y: int) -> str:
        at = pill.mapToGlobal(QPoint(x, y))
        return QGuiApplication.primaryScreen().grabWindow(0, at.x(), at.y(), 1, 1).toImage().pixelColor(0, 0).name()

    qtbot.waitUntil(lambda: seen(pill.width() // 2, 5) not in ("#ff00ff", "#000000"))
    right, bottom = pill.width() - 1, pill.height() - 1
    assert {seen(x, y) for x in (0, 3, right - 3, right) for y in (0, 3, bottom - 3, bottom)} == {"#ff00ff"}
