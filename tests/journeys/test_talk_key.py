"""Another talk key is chosen in the settings: it is refused, told and used at once, without a restart."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.pages.setting_editors import KeyEditor
from desktop.voice.push_to_talk import TalkState
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
        await until(dialog.isVisible)
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
