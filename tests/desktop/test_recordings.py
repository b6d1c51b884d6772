"""The list of recordings: heard again, tried again another way, deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QAction
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.assistant import AssistantPage
from desktop.pages.recordings import RecordingsDialog
from desktop.theme import Look
from desktop.voice.control import VoiceControl
from desktop.widgets.dialog import Dialog
from engine.recordings import Fate, KeptRecording
from tests.desktop.test_microphone import tone, tone_ms
from tests.virtual_audio import VirtualAudio

FAILED = KeptRecording("b", 1_700_000_060_000, 4_200, Fate.FAILED, "b", "b", error="The network is gone.")
WAITING = KeptRecording("a", 1_700_000_000_000, 61_000, Fate.WAITING, "a", "a", tries=2)


@pytest.fixture
def dialog(qtbot: QtBot) -> RecordingsDialog:
    look = Look(dark=False)
    look.dress()
    dialog = RecordingsDialog(look)
    qtbot.addWidget(dialog)
    dialog.show_server(True)
    dialog.show_recordings((FAILED, WAITING))
    return dialog


def way(menu: QMenu, words: str) -> QAction:
    return next(action for action in menu.actions() if action.text() == words)


def test_a_recording_tells_what_became_of_it(dialog: RecordingsDialog) -> None:
    assert (dialog.rows["b"].fate.text(), dialog.rows["b"].told.text()) == ("Not understood", "The network is gone.")
    assert dialog.rows["a"].fate.text() == "Waits to be understood; it goes on by itself, try 2"


def test_it_is_tried_again_another_way(dialog: RecordingsDialog) -> None:
    wanted = QSignalSpy(dialog.again_wanted)
    ways = dialog.rows["b"].ways
    way(ways, "Again as before").trigger()
    way(ways, "On this machine (English)").trigger()
    way(way(ways, "It is in …").menu(), "German").trigger()
    assert [wanted.at(place) for place in range(wanted.count())] == [
        [FAILED, "", ""],
        [FAILED, "offline", "en"],
        [FAILED, "openai", "de"],
    ]


def test_without_a_server_there_is_one_way(dialog: RecordingsDialog) -> None:
    dialog.show_server(False)
    dialog.show_recordings((FAILED,))
    assert [action.text() for action in dialog.rows["b"].ways.actions()] == ["Again as before"]


def test_it_is_deleted_after_a_question(dialog: RecordingsDialog, qtbot: QtBot) -> None:
    dialog.rows["a"].delete.click()
    question = next(child for child in dialog.findChildren(Dialog) if child.isVisible())
    assert "which still waits, is cancelled" in question.words.text()
    with qtbot.waitSignal(dialog.delete_wanted) as deleted:
        question.confirm.click()
    assert deleted.args == [WAITING]


def test_the_page_counts_what_was_not_understood(qtbot: QtBot) -> None:
    page = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(page)
    page.show_kept((FAILED, WAITING, KeptRecording("c", 0, 1_000, Fate.HEARD)))
    assert page.show_recordings.text() == "Recordings (2)"


@pytest.fixture
def control(virtual_audio: VirtualAudio, qtbot: QtBot) -> Iterator[VoiceControl]:
    control = VoiceControl()
    yield control
    control.close()


def test_it_sounds_until_its_end_or_the_next_press(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    with virtual_audio.record_speaker() as tap, qtbot.waitSignal(control.heard_again):
        control.hear_again(tone(2_000, 400))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 2_000) >= 340)
    control.hear_again(tone(2_000, 10_000))
    with qtbot.waitSignal(control.heard_again):
        control.press()
    assert not control.speaker.is_playing
