"""The conversations that are remembered: read, gone on with on the Assistant page, or forgotten."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.conversation import RememberedTurn
from desktop.pages.failure_row import ago, exact
from desktop.theme import Look
from desktop.widgets.conversation_head import title_of
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.list_row import ListRow
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Button, Text, card
from desktop.widgets.two_lines import ElidedText, TwoLines
from engine.model import Conversation, ConversationTurn
from engine.queues import EMAIL_PROCESSING

_WORDS = "What was said before in a conversation goes along with your next command in it."
_NONE = "Nothing is remembered. A conversation is there once Hark has answered a command in it."
_LIST_WIDTH, _SAID_WIDTH = 286, 340


class ConversationRow(ListRow):
    """One conversation: its name, when it was last used, and how many turns it has. Return goes on, Del forgets."""

    opened = Signal()
    forget_wanted = Signal()

    def __init__(self, look: Look, known: Conversation, now_ms: int, *, here: bool) -> None:
        """`here`: it is the one that the Assistant page is in."""
        super().__init__(known.id)
        turns = "1 turn" if known.turns == 1 else f"{known.turns} turns"
        title, used = title_of(known.id), f"{ago(known.last_at_ms, now_ms)} · {turns}"
        lines = TwoLines(look, "strong")
        lines.show_lines(title, f"{used} · on the page" if here else used, tooltip=exact(known.last_at_ms))
        self.setAccessibleName(f"{title}, last used {ago(known.last_at_ms, now_ms)}, {turns}")
        self.setAccessibleDescription("The Assistant page is in it." if here else "")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 0, 6)
        row.addWidget(lines)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.forget_wanted.emit()
        else:
            super().keyPressEvent(event)


class ConversationsDialog(QDialog):
    """The list, the latest first, and beside it the turns of the chosen one."""

    refresh_wanted = Signal()
    """`show_conversations` is to follow."""
    turns_wanted = Signal(str)
    """The id of the chosen one: `show_turns` is to follow."""
    go_on_wanted = Signal(str)
    forget_wanted = Signal(str)
    forget_all_wanted = Signal()

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._known: dict[str, Conversation] = {}
        self._here, self._opening = "", False
        self.chosen = ""
        """The id of the conversation whose turns are shown; "" for none."""
        self.rows: dict[str, ConversationRow] = {}
        self.setWindowTitle("Conversations")
        self.resize(820, 520)
        self.words = wrapped(look, _WORDS)
        self.list = ScrollList("Conversations")
        self.list.rows.setSpacing(2)
        self.list.setFixedWidth(_LIST_WIDTH)
        self.forget_all = Button(look, "Forget all…", icon="clean", font="label")
        self.forget_all.clicked.connect(self._confirm_all)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.list, 1)
        left.addWidget(self.forget_all, 0, Qt.AlignmentFlag.AlignLeft)
        body = QHBoxLayout()
        body.setSpacing(14)
        body.addLayout(left)
        body.addWidget(self._build_chosen(), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(10)
        column.addWidget(Text(look, "Conversations", "heading"))
        column.addWidget(self.words)
        column.addLayout(body, 1)
        for button in (self.forget_all, self.go_on, self.forget):
            button.setAutoDefault(False)
            button.setFixedHeight(32)
        actions.refusal_changed.connect(self._fit_buttons)
        self._fit_buttons()

    def ask(self) -> None:
        """Open it."""
        self._opening = True
        self.show()
        self.refresh_wanted.emit()
        self.raise_()
        self.activateWindow()

    def show_here(self, conversation_id: str) -> None:
        """Say which conversation the Assistant page is in; the first time it is the one that is chosen."""
        self._here = conversation_id
        self.chosen = self.chosen or conversation_id

    def show_conversations(self, known: Sequence[Conversation]) -> None:
        """Show what is remembered now; `turns_wanted` follows for the chosen one."""
        focused = self._opening or any(row.hasFocus() for row in self.rows.values())
        self._opening = False
        self.list.clear_rows()
        self._known, self.rows = _by_id(known), {}
        now_ms = round(time.time() * 1000)
        for its_id, one in self._known.items():
            row = self.rows[its_id] = ConversationRow(self._look, one, now_ms, here=its_id == self._here)
            row.chosen.connect(self._choose)
            row.moved.connect(self._move)
            row.opened.connect(self.go_on.click)
            row.forget_wanted.connect(self.forget.click)
            self.list.rows.addWidget(row)
        self.words.setText(_WORDS if known else _NONE)
        self._choose(self.chosen if self.chosen in self.rows else next(iter(self.rows), ""))
        if self.chosen and focused:
            self.rows[self.chosen].setFocus()

    def show_turns(self, conversation_id: str, turns: Sequence[ConversationTurn]) -> None:
        """Show what was said and answered in a conversation; nothing happens where another is chosen by now."""
        if conversation_id == self.chosen:
            self.turns.clear_rows()
            for turn in turns:
                self.turns.rows.addWidget(RememberedTurn(self._look, turn, _SAID_WIDTH))

    def show_failed(self, message: str) -> None:
        """They cannot be read: say why."""
        self.words.setText(message)

    def _build_chosen(self) -> QWidget:
        panel = card()
        self.title = ElidedText(self._look, font="heading")
        self.turns = ScrollList("What was said and answered")
        self.turns.setObjectName("turns")
        self.turns.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # The last words are what is looked for.
        bar = self.turns.verticalScrollBar()
        bar.rangeChanged.connect(lambda _low, high: bar.setValue(high))
        self.turns.rows.setSpacing(18)
        self.turns.rows.setContentsMargins(4, 6, 10, 6)
        self.go_on = Button(self._look, "Go on with this one", kind="primary", font="label")
        self.go_on.clicked.connect(self._go_on)
        self.forget = Button(self._look, "Forget…", icon="clean", font="label")
        self.forget.clicked.connect(self._confirm)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.go_on)
        buttons.addWidget(self.forget)
        buttons.addStretch(1)
        column = QVBoxLayout(panel)
        column.setContentsMargins(14, 12, 8, 12)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.turns, 1)
        column.addLayout(buttons)
        return panel

    def _choose(self, conversation_id: str) -> None:
        if conversation_id != self.chosen:
            self.turns.clear_rows()
        self.chosen = conversation_id
        for its_id, row in self.rows.items():
            row.set_selected(its_id == conversation_id)
        self.title.show_text(title_of(conversation_id) if conversation_id else "")
        self._fit_buttons()
        if conversation_id:
            self.turns_wanted.emit(conversation_id)

    def _move(self, conversation_id: str, step: int) -> None:
        row = self.list.step_from(self.rows[conversation_id], step)
        if isinstance(row, ConversationRow):
            self._choose(str(row.key))

    def _fit_buttons(self) -> None:
        one, locked = self._known.get(self.chosen), self._actions.refusal
        none = "" if one is not None else "Nothing is remembered."
        stays = none
        if one is not None and one.queue == EMAIL_PROCESSING:
            stays = "This one is by mail: write to Hark to go on with it."
        elif one is not None and one.id == self._here:
            stays = "The Assistant page is in this conversation."
        title = title_of(self.chosen)
        for button, refusal, tip, name in (
            (self.go_on, stays, "What you say or type next belongs to it (Return on the row)", f"Go on with: {title}"),
            (self.forget, none or locked, "It is gone for good; it asks first (Del on the row)", f"Forget: {title}"),
            (self.forget_all, none or locked, "All of them; it asks first", "Forget all conversations"),
        ):
            button.setEnabled(not refusal)
            button.setToolTip(refusal or tip)
            button.setAccessibleName(name)
            button.setAccessibleDescription(refusal or tip)

    def _go_on(self) -> None:
        self.go_on_wanted.emit(self.chosen)
        self.close()

    def _confirm(self) -> None:
        forgotten = self.chosen
        question = self._question("Forget this conversation?", f"“{title_of(forgotten)}” is", "Forget it")
        question.accepted.connect(lambda: self.forget_wanted.emit(forgotten))

    def _confirm_all(self) -> None:
        count = len(self._known)
        what = "1 conversation is" if count == 1 else f"{count} conversations are"
        self._question("Forget all conversations?", what, "Forget all").accepted.connect(self.forget_all_wanted)

    def _question(self, heading: str, what: str, order: str) -> Dialog:
        words = (
            f"{what} forgotten for good, with what waits there for a yes. "
            "The jobs of the commands stay in their queues until their time is over."
        )
        question = Dialog(self._look, heading, words, keep="Keep", order=order, danger=True, parent=self)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.confirm.clicked.connect(question.accept)
        question.open()
        return question


def _by_id(known: Sequence[Conversation]) -> dict[str, Conversation]:
    """The latest first; an id that is used by voice and by mail is one conversation to whoever reads or forgets it."""
    found: dict[str, Conversation] = {}
    for one in known:
        other = found.get(one.id)
        if other is None:
            found[one.id] = one
        else:
            queue = one.queue if other.queue == EMAIL_PROCESSING else other.queue
            found[one.id] = replace(other, queue=queue, turns=other.turns + one.turns)
    return found
