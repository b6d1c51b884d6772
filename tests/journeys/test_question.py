"""Hark asks before it destroys: the person answers by key or in words, or says something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.pages.conversations import ConversationsDialog
from engine.providers.tasks_local import LocalTasks
from engine.settings import load_settings
from tests.journeys.person import Person, until

pytestmark = pytest.mark.timeout(180)


def titles() -> list[str]:
    """The titles of the tasks on the list of this machine."""
    return [task.title for task in LocalTasks(load_settings().data_dir).all_tasks("local")]


def test_a_question_is_answered_by_key_or_in_words_and_goes_away(at_the_window: Callable[..., None]) -> None:
    for title in ("milk", "salt"):
        LocalTasks(load_settings().data_dir).add(title, "local", title)

    async def journey(person: Person) -> None:
        window, page = person.app.window, person.app.window.assistant
        window.activateWindow()
        await until(window.isActiveWindow)

        async def typed(words: str) -> None:
            page.typed.setText(words)
            QTest.keyClick(page.typed, Qt.Key.Key_Return)
            await until(lambda: person.exchange.said == words and person.exchange.finished)

        async def asked(title: str) -> None:
            await typed(f"delete {title} from my list")
            assert person.exchange.reply == f"Shall I delete “{title}” from your list?"
            assert person.exchange.question is not None

        async def answered(reply: str) -> None:
            await until(lambda: person.exchange.finished and person.exchange.reply == reply)
            assert not any(exchange.question for exchange in person.exchanges)

        page.head.new.click()
        await asked("milk")
        await typed("what can you do")
        assert not any(exchange.question for exchange in person.exchanges)

        await asked("milk")
        window.setFocus()
        QTest.keyClick(window, Qt.Key.Key_N)
        await answered("All right, I have not done it.")
        assert titles() == ["milk", "salt"]

        await asked("milk")
        page.typed.setFocus()
        QTest.keyClick(page.typed, Qt.Key.Key_Y)
        assert page.typed.text() == "y"  # a letter of what is being typed
        page.typed.clear()
        QTest.keyClick(page.typed, Qt.Key.Key_Y, Qt.KeyboardModifier.AltModifier)
        await answered("“milk” is off your list.")
        assert person.exchange.said == "Yes"

        await asked("salt")
        await typed("yes")
        await answered("“salt” is off your list.")

        page.head.all.click()
        dialog = window.findChild(ConversationsDialog)
        assert isinstance(dialog, ConversationsDialog)
        await until(lambda: list(dialog.rows) == [page.conversation_id])
        dialog.close()

    at_the_window(journey)
    assert titles() == []
