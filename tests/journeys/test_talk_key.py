"""The talk key in any program: what is seen of it there, and another one that is chosen, refused, told and used."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from desktop.pages.setting_editors import KeyEditor
from desktop.voice.push_to_talk import TalkState
from engine.model import Spoken
from engine.providers.offline.synthesizer import OfflineSynthesizer
from engine.settings import load_settings
from tests.desktop.test_hotkey import send
from tests.desktop.test_settings_page import row_of
from tests.journeys.person import Person, until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="a global key needs an X display"),
]


def test_a_new_talk_key_works_at_once(at_the_window: Callable[..., None]) -> None:
    async def journey(person: Person) -> None:
        window, voice = person.app.window, person.app.voice
        page = window.settings
        await until(lambda: person.app.global_key.keys == "<f9>")
        window.open_page(page)
        await until(lambda: page.complete)
        row = row_of(page, "hotkey")
        editor = row.editor
        assert isinstance(editor, KeyEditor)

        editor.field.selectAll()
        QTest.keyClicks(editor.field, "f9 please")
        QTest.keyClick(editor.field, Qt.Key.Key_Return)
        await until(lambda: "is not a key" in row.fault.text())
        assert person.app.global_key.keys == "<f9>"
        row.undo.click()

        editor.press.click()
        dialog = editor.dialog
        assert dialog is not None
        await until(dialog.isActiveWindow)  # X gives the keys to it a moment after it is seen
        for down in (True, False):
            send("F9", down=down)  # to be chosen again, not to talk
        await until(lambda: dialog.keys == "<f9>")
        for down in (True, False):
            send("F8", down=down)
        await until(lambda: dialog.keys == "<f8>")
        assert voice.state == TalkState.IDLE
        dialog.confirm.click()
        await until(lambda: row.fault.text() == "F8 works in any program now.")
        assert load_settings().hotkey == "<f8>"
        assert page.waiting == ""
        assert window.assistant.hint.endswith("In any program: F8")

        send("F8", down=True)
        await until(lambda: person.listening)
        send("F8", down=False)
        person.escape()
        assert voice.state == TalkState.IDLE

    at_the_window(journey)


def test_in_another_program_a_bar_shows_what_hark_is_about(at_the_window: Callable[..., None]) -> None:
    async def journey(person: Person) -> None:
        window, bar = person.app.window, person.app.pill.bar
        await until(lambda: person.app.global_key.keys)
        speech = await OfflineSynthesizer().synthesize("what time is it")
        other = QWidget()
        other.show()
        other.activateWindow()
        await until(other.isActiveWindow)

        send("F9", down=True)
        await until(lambda: person.listening)
        assert (bar.isVisible(), bar.words) == (True, "Listening")
        await person.speak(speech)
        send("F9", down=False)
        await until(lambda: bar.words == "Working on it…")
        await until(lambda: person.event(Spoken))
        assert bar.words == person.exchange.reply
        assert bar.isVisible()
        assert other.isActiveWindow()
        await until(lambda: not bar.isVisible())

        send("F9", down=True)
        await until(lambda: bar.words == "Listening")
        send("F9", down=False)
        bar.cancel.click()
        assert person.app.voice.state == TalkState.IDLE
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton)
        await until(lambda: window.isActiveWindow() and not person.app.voice.held)
        await person.press()
        assert not bar.isVisible(), "the window itself shows it"
        person.release()
        person.escape()
        other.close()

    at_the_window(journey)
