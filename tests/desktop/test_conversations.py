"""The conversations in the window: which one it is in, what is remembered of them, and the words that were guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.bridge import Bridge
from desktop.console import conversations
from desktop.pages.assistant import AssistantPage
from desktop.pages.conversations import ConversationsDialog
from desktop.theme import Look
from desktop.widgets.conversation_head import title_of
from desktop.widgets.dialog import Dialog
from desktop.widgets.said import Said
from desktop.widgets.text import Button, Text
from desktop.window import Window
from engine.model import Conversation, ConversationTurn, Heard, MemoryBounds, Replied
from engine.queues import EMAIL_PROCESSING, VOICE_PROCESSING
from engine.settings import load_settings
from engine.store import Store
from tests.desktop.test_accessible import nameless

USUAL = Conversation("default", VOICE_PROCESSING, 12, 1_700_000_060_000)
KITCHEN = Conversation("kitchen", VOICE_PROCESSING, 1, 1_700_000_000_000)
MAIL = Conversation("mail:ada@example.org", EMAIL_PROCESSING, 2, 1_600_000_000_000)
BOUNDS = MemoryBounds(turns=20, size_bytes=64 * 1024, keep_ms=86_400_000)
TURN = ConversationTurn("what is on my list", "Milk.", 1_700_000_000_000)


@pytest.fixture
def actions() -> Actions:
    return Actions()


@pytest.fixture
def dialog(qtbot: QtBot, actions: Actions) -> ConversationsDialog:
    dialog = ConversationsDialog(Look(), actions)
    qtbot.addWidget(dialog)
    dialog.show_here("default")
    dialog.ask()
    dialog.show_conversations((USUAL, KITCHEN, MAIL))
    return dialog


@pytest.fixture
def page(qtbot: QtBot, actions: Actions) -> AssistantPage:
    page = AssistantPage(Look(), actions)
    qtbot.addWidget(page)
    page.show()
    return page


def question(dialog: ConversationsDialog) -> Dialog:
    return next(child for child in dialog.findChildren(Dialog) if child.isVisible())


def test_by_keys_a_conversation_is_read_and_gone_on_with(dialog: ConversationsDialog, qtbot: QtBot) -> None:
    assert dialog.rows["default"].accessibleName().startswith("Your usual conversation, last used ")
    assert dialog.go_on.toolTip() == "The Assistant page is in this conversation."
    with qtbot.waitSignal(dialog.turns_wanted) as wanted:
        qtbot.keyClick(dialog.rows["default"], Qt.Key.Key_Down)
    assert wanted.args == ["kitchen"]
    dialog.show_turns("default", (TURN, TURN))
    dialog.show_turns("kitchen", (TURN,))
    assert dialog.turns.rows.count() == 1
    assert nameless(dialog) == []
    with qtbot.waitSignal(dialog.go_on_wanted) as gone_on:
        qtbot.keyClick(dialog.rows["kitchen"], Qt.Key.Key_Return)
    assert gone_on.args == ["kitchen"]
    assert not dialog.isVisible()


def test_they_are_forgotten_after_a_question(dialog: ConversationsDialog, actions: Actions, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog.rows["default"], Qt.Key.Key_Delete)
    assert "“Your usual conversation” is forgotten" in question(dialog).words.text()
    with qtbot.waitSignal(dialog.forget_wanted) as forgotten:
        question(dialog).confirm.click()
    assert forgotten.args == ["default"]
    dialog.forget_all.click()
    assert "3 conversations are forgotten" in question(dialog).words.text()
    with qtbot.waitSignal(dialog.forget_all_wanted):
        question(dialog).confirm.click()
    actions.forbid("It is read-only.")
    assert (dialog.forget.isEnabled(), dialog.forget_all.toolTip()) == (False, "It is read-only.")


def test_one_by_mail_can_be_read_but_goes_on_by_mail(dialog: ConversationsDialog) -> None:
    dialog.rows[MAIL.id].chosen.emit(MAIL.id)
    assert (dialog.title.whole, dialog.go_on.isEnabled()) == ("By mail with ada@example.org", False)
    assert "write to Hark" in dialog.go_on.toolTip()


def test_the_page_shows_its_conversation_and_what_still_runs_in_it(page: AssistantPage, qtbot: QtBot) -> None:
    for number, its_id in ((1, ""), (2, ""), (3, "kitchen")):
        page.begin(number, "what time is it", its_id)
    page.conversation.show_event(1, Replied("a", "It is nine."))
    page.go_on_with("kitchen")
    assert page.head.title.whole == "Conversation “kitchen”"
    assert [page.exchange(number).isVisible() for number in (1, 2, 3)] == [False, False, True]
    page.conversation.show_turns((TURN,))
    page.go_on_with("default")
    assert [page.exchange(number).isVisible() for number in (1, 2, 3)] == [False, True, False]
    assert page.conversation.turns == []
    page.head.new.click()
    assert title_of(page.conversation_id).startswith("Conversation of 20")
    later = AssistantPage(Look(), Actions())
    qtbot.addWidget(later)
    later.recall(page.memory())
    assert later.conversation_id == page.conversation_id


def test_a_command_of_another_conversation_says_so_and_leads_there(page: AssistantPage, qtbot: QtBot) -> None:
    page.begin(1, "delete milk")
    page.conversation.show_event(1, Replied("a", "Shall I delete milk?", asks=True))
    page.begin(2, None, "kitchen")
    of_kitchen = page.exchange(2)
    assert not of_kitchen.origin.isHidden()
    assert "Conversation “kitchen”" in of_kitchen.origin.findChild(Text).text()
    assert page.exchange(1).question is not None, "it is not about this one"
    page.conversation.show_event(2, Replied("b", "Shall I send it?", asks=True))
    assert of_kitchen.reply == "Shall I send it?"
    assert of_kitchen.question is None, "it is to be answered where it was asked"
    page.begin(3, None, "kitchen")
    with qtbot.waitSignal(page.conversation_changed) as changed:
        page.exchange(3).origin.findChild(Button).click()
    assert changed.args == ["kitchen"]
    assert page.conversation_id == "kitchen"
    assert not page.exchange(3).isHidden()
    assert page.exchange(3).origin.isHidden()
    assert page.exchange(1).isHidden()


def test_guessed_words_are_marked_and_can_be_corrected(page: AssistantPage) -> None:
    page.begin(1, None)
    page.conversation.show_event(1, Heard("a", "tell <anna> & joanna about anna", ("Anna",)))
    said = page.exchange(1).findChild(Said)
    assert said.words.text().count("<a href=") == 2
    assert "&lt;<a href" in said.words.text()
    assert page.exchange(1).said == "tell <anna> & joanna about anna"
    assert said.words.accessibleDescription() == "Guessed: Anna"
    said.correct.click()
    assert page.typed.text() == "tell <anna> & joanna about anna"
    assert page.typed.selectedText() == "anna"
    page.begin(2, None)
    page.conversation.show_event(2, Heard("b", "what time is it"))
    assert page.exchange(2).findChild(Said).correct.isHidden()


async def test_the_window_reads_and_forgets_what_redis_remembers(qapp: object, fresh_redis: str) -> None:
    store = Store(fresh_redis)
    for its_id in ("default", "kitchen", "office"):
        await store.remember(VOICE_PROCESSING, its_id, "t", f"hello {its_id}", "Hello!", BOUNDS)
    bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
    look = Look()
    window = Window(look, Actions())
    page = window.assistant
    conversations.connect(page, look, bridge, window)
    window.show()

    def said() -> list[str]:
        return [turn.accessibleName() for turn in page.conversation.turns]

    try:
        window.catalogue.run(window.catalogue.command("conversations.show"))
        dialog = window.findChild(ConversationsDialog)
        assert isinstance(dialog, ConversationsDialog)
        await until(lambda: "not connected" in dialog.words.text())
        bridge.start()
        await until(lambda: said() == ["You: hello default Hark: Hello!"])
        await until(lambda: len(dialog.rows) == 3 and dialog.turns.rows.count() == 1)
        dialog.rows["kitchen"].chosen.emit("kitchen")
        dialog.forget.click()
        question(dialog).confirm.click()
        await until(lambda: set(dialog.rows) == {"default", "office"})
        dialog.rows["office"].chosen.emit("office")
        dialog.go_on.click()
        await until(lambda: said() == ["You: hello office Hark: Hello!"])
        page.head.all.click()
        dialog.forget_all.click()
        question(dialog).confirm.click()
        await until(lambda: not dialog.rows and not said())
        assert await store.conversations(VOICE_PROCESSING) == []
    finally:
        window.hide()
        await bridge.close()
        await store.close()
        window.deleteLater()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            QApplication.processEvents()
            await asyncio.sleep(0.01)
