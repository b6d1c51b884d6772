"""What is remembered of conversations: read for the Assistant page and its dialog, and forgotten on order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.pages.assistant import AssistantPage
from desktop.theme import Look
from desktop.window import Window
from engine import Engine

if TYPE_CHECKING:
    from desktop.pages.conversations import ConversationsDialog

_LIST, _TURNS, _PAGE = "conversations.list", "conversations.turns", "conversations.page"


def connect(page: AssistantPage, look: Look, bridge: Bridge, window: Window) -> None:
    """Show on the page what is remembered of its conversation, and all conversations by its button."""
    _Wiring(page, look, bridge, window)


class _Wiring(QObject):
    """Lives as long as its page; the dialog is made when it is first asked for."""

    def __init__(self, page: AssistantPage, look: Look, bridge: Bridge, window: Window) -> None:
        super().__init__(page)
        self._page, self._look, self._bridge, self._window = page, look, bridge, window
        self._dialog: ConversationsDialog | None = None
        self._missing = True
        """Whether the turns of the page's conversation are still to be asked for."""
        self._unlisted = False
        """Whether the dialog's list could not be had."""
        page.conversation_changed.connect(self._on_changed)
        page.conversations_wanted.connect(self._open)
        window.catalogue.add(
            Command("conversations.show", "Voice", "Conversations…", self._open, "history memory said forget erase"),
            Command("conversations.new", "Voice", "New conversation", self._begin_anew, "afresh start forget context"),
        )
        bridge.sampled.connect(self._read_missing)
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)
        bridge.command_ended.connect(lambda _number: self._refresh())

    def _open(self) -> None:
        self._window.open_page(self._page)
        if self._dialog is None:
            from desktop.pages.conversations import ConversationsDialog

            self._dialog = dialog = ConversationsDialog(self._look, self._window.queue_actions, self._page)
            dialog.refresh_wanted.connect(self._refresh)
            dialog.turns_wanted.connect(lambda its_id: self._read_turns(_TURNS, its_id))
            dialog.go_on_wanted.connect(self._page.go_on_with)
            dialog.forget_wanted.connect(self._forget)
            dialog.forget_all_wanted.connect(self._forget_all)
        self._dialog.show_here(self._page.conversation_id)
        self._dialog.ask()

    def _begin_anew(self) -> None:
        self._window.open_page(self._page)
        self._page.head.new.click()

    # Reading

    def _on_changed(self) -> None:
        self._missing = True
        if not self._bridge.is_gone:
            self._read_missing()
        if self._dialog is not None:
            self._dialog.show_here(self._page.conversation_id)
            self._refresh()

    def _read_missing(self) -> None:
        """Ask for what page and dialog lack: at once, or when there is a connection."""
        if self._missing:
            self._missing = False
            self._read_turns(_PAGE, self._page.conversation_id)
        if self._unlisted:
            self._refresh()

    def _read_turns(self, topic: str, conversation_id: str) -> None:
        async def read(engine: Engine) -> object:
            return conversation_id, await engine.client.conversation(conversation_id)

        self._bridge.request(topic, read)

    def _refresh(self) -> None:
        self._unlisted = False
        if self._dialog is not None and self._dialog.isVisible():
            self._bridge.request(_LIST, lambda engine: engine.client.conversations())

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _PAGE and isinstance(answer, tuple):
            conversation_id, turns = answer
            if conversation_id == self._page.conversation_id:
                self._page.conversation.show_turns(turns)
        elif topic == _LIST and self._dialog is not None and isinstance(answer, tuple):
            self._dialog.show_conversations(answer)
        elif topic == _TURNS and self._dialog is not None and isinstance(answer, tuple):
            self._dialog.show_turns(*answer)

    def _on_refused(self, topic: str, message: str) -> None:
        if topic == _PAGE:
            self._missing = True
        elif topic in (_LIST, _TURNS) and self._dialog is not None:
            self._unlisted = True
            self._dialog.show_failed(message)

    # Forgetting

    def _forget(self, conversation_id: str) -> None:
        async def act(engine: Engine, actor: str) -> str:
            engine.admin.write_lock.check()
            await engine.client.erase_conversation(conversation_id)
            return "The conversation is forgotten."

        def then() -> None:
            if conversation_id == self._page.conversation_id:
                self._page.go_on_with(conversation_id)
            self._refresh()

        self._bridge.operate("forget a conversation", act, then=then)

    def _forget_all(self) -> None:
        async def act(engine: Engine, actor: str) -> str:
            engine.admin.write_lock.check()
            count = await engine.client.erase_conversations()
            return "1 conversation is forgotten." if count == 1 else f"{count} conversations are forgotten."

        def then() -> None:
            self._page.go_on_with(self._page.conversation_id)
            self._refresh()

        self._bridge.operate("forget all conversations", act, then=then)
