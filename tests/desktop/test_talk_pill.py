"""The bar over other programs: what it says, and when it goes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.theme import Look
from desktop.widgets.talk_pill import TalkPill


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


def test_its_cross_cancels_and_a_click_opens_hark(pill: TalkPill, qtbot: QtBot) -> None:
    pill.show_state("listening")
    with qtbot.waitSignal(pill.cancelled), qtbot.assertNotEmitted(pill.opened):
        qtbot.mouseClick(pill.cancel, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(pill.opened):
        qtbot.mouseClick(pill, Qt.MouseButton.LeftButton)
