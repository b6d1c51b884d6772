"""The talk key chosen by pressing it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.pages.key_dialog import KeyDialog
from desktop.theme import Look

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def dialog(qtbot: QtBot) -> KeyDialog:
    look = Look()
    look.dress()
    dialog = KeyDialog(look, "<f9>")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


@pytest.mark.parametrize(
    ("key", "modifiers", "keys", "words"),
    [
        (Qt.Key.Key_F8, Qt.KeyboardModifier.NoModifier, "<f8>", "F8"),
        (Qt.Key.Key_Space, CTRL, "<ctrl>+<space>", "Ctrl+Space"),
        (Qt.Key.Key_H, CTRL | SHIFT, "<ctrl>+<shift>+h", "Ctrl+Shift+H"),
        (Qt.Key.Key_Return, CTRL, "<ctrl>+<enter>", "Ctrl+Enter"),
        (Qt.Key.Key_Tab, CTRL, "<ctrl>+<tab>", "Ctrl+Tab"),
        (Qt.Key.Key_Pause, Qt.KeyboardModifier.NoModifier, "<pause>", "Pause"),
    ],
)
def test_what_is_pressed_is_shown_and_enter_takes_it(
    dialog: KeyDialog, qtbot: QtBot, key: Qt.Key, modifiers: Qt.KeyboardModifier, keys: str, words: str
) -> None:
    assert dialog.shown.text() == "F9"
    qtbot.keyClick(dialog, key, modifiers)
    assert dialog.shown.text() == words
    with qtbot.waitSignal(dialog.chosen) as chosen:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert chosen.args == [keys]
    assert not dialog.isVisible()


def test_a_key_that_cannot_talk_is_refused_and_another_one_helps(dialog: KeyDialog, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Space)
    assert dialog.why.text() == "Space is for typing: Hark would listen each time. Take another one."
    with qtbot.assertNotEmitted(dialog.chosen):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.keyClick(dialog, Qt.Key.Key_F8)
    assert not dialog.why.text()
    assert dialog.confirm.isEnabled()


def test_the_right_ctrl_alone_is_a_key(dialog: KeyDialog) -> None:
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, Qt.Key.Key_Control, Qt.KeyboardModifier.NoModifier, 0, 0xFFE4, 0)
        QApplication.sendEvent(dialog, event)
    assert (dialog.keys, dialog.shown.text()) == ("<ctrl_r>", "Right Ctrl")
    assert dialog.confirm.isEnabled()


def test_esc_leaves_it_as_it_was(dialog: KeyDialog, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_F8)
    with qtbot.waitSignal(dialog.rejected), qtbot.assertNotEmitted(dialog.chosen):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
