"""The Assistant page: the conversation, the talk button and a line to type in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.pages.conversation import WIDTH, ConversationView
from desktop.theme import Look
from desktop.widgets.conversation_head import USUAL, ConversationHead, new_id
from desktop.widgets.exchange import Exchange
from desktop.widgets.microphone_button import MicrophoneButton
from desktop.widgets.talk_button import TalkButton
from desktop.widgets.text import Button, Text
from engine.recordings import Fate, KeptRecording

_COMMANDS_ONLY = (
    "Without a server Hark understands its own commands alone: “What can you do?” tells them.\n"
    "A server (OpenAI, or a compatible one) is set under Settings."
)
_SMALL_BELOW = 620
"""Pixels of the window's height: in a lower one the conversation needs the room."""
_HINTS = {
    "idle": "Hold the button or the Space key and speak, or tap it",
    "listening": "Listening. Let go to send, Esc to cancel",
    "finishing": "Listening. Let go to send, Esc to cancel",
    "working": "Working on it. Esc cancels",
    "speaking": "Speaking. Hold to interrupt, Esc to stop",
}


class AssistantPage(QWidget):
    """Shows what the bridge and the voice control tell it; emits what the person wants.

    What becomes of commands is shown in its `conversation`.
    """

    talk_pressed = Signal()
    talk_released = Signal()
    recordings_wanted = Signal()
    conversations_wanted = Signal()
    conversation_changed = Signal(str)
    """The id of the conversation that the page is in now: what is remembered of it is to be shown."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self.conversation_id = USUAL
        """The conversation that what is said next belongs to."""
        self._hints = dict(_HINTS)

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 16)
        column.setSpacing(0)
        self.head = ConversationHead(look)
        self.head.setMaximumWidth(WIDTH)
        self.head.new_wanted.connect(lambda: self.go_on_with(new_id(datetime.now())))
        self.head.all_wanted.connect(self.conversations_wanted)
        self.conversation = ConversationView(look)
        self.conversation.correction_wanted.connect(self.correct)
        self.conversation.example_chosen.connect(actions.ask_requested)
        self.conversation.conversation_chosen.connect(self.go_on_with)
        self.conversation.recordings_wanted.connect(self.recordings_wanted)
        column.addLayout(_in_the_middle(self.head))
        column.addWidget(self.conversation, 1)
        column.addSpacing(8)
        column.addLayout(_in_the_middle(self._build_controls()))

    @property
    def state(self) -> str:
        """What the talk button shows."""
        return self.talk.state

    @property
    def hint(self) -> str:
        """What the page says below the talk button."""
        return self._hint.text()

    def exchange(self, number: int) -> Exchange:
        """The exchange of a command."""
        return self.conversation.exchange(number)

    def begin(self, number: int, said: str | None, conversation_id: str = "") -> None:
        """A command was taken; `said` where it was typed, None where it was spoken; "" is the page's conversation."""
        its_id = conversation_id or self.conversation_id
        self.conversation.begin(number, said, its_id, elsewhere=its_id != self.conversation_id)

    def go_on_with(self, conversation_id: str) -> None:
        """Be in this conversation from now on; `conversation_changed` follows, also where it is shown anew."""
        self.conversation_id = conversation_id
        self.head.show_conversation(conversation_id)
        self.conversation.go_to(conversation_id)
        self.conversation_changed.emit(conversation_id)

    def correct(self, heard: str, guessed: str) -> None:
        """Put what was heard into the text field, to be mended at the guessed words and sent anew."""
        self.typed.selectAll()
        self.typed.insert(heard)  # what was being typed comes back by an undo
        self.typed.setFocus()
        self.typed.setSelection(max(heard.casefold().find(guessed.casefold()), 0), len(guessed))

    def show_state(self, state: str) -> None:
        """Show a `TalkState`: "idle", "listening", "finishing", "working" or "speaking"."""
        self.talk.show_state("listening" if state == "finishing" else state)
        self._hint.setText(self._hints[state])
        self._hint.set_tone("accent" if state in ("listening", "finishing") else "ink")

    def show_hint(self, hint: str, warns: bool = False) -> None:
        """Say how a recording ends, or with `warns` what is wrong with it; "" says again what the state means."""
        self._hint.setText(hint or self._hints[self.talk.state])
        self._hint.set_tone("caution" if warns else "accent" if self.talk.state == "listening" else "ink")

    def show_global_key(self, key: str) -> None:
        """Say which key talks while another program has the keyboard."""
        self._show_idle(f"{_HINTS['idle']}. In any program: {key}", "")

    def show_no_global_key(self, why: str) -> None:
        """Say that only this window's own key talks, and why."""
        self._show_idle("Hold the button or the Space key in this window and speak, or tap it", why)

    def _show_idle(self, hint: str, why: str) -> None:
        self._hints["idle"] = hint
        self._hint.setToolTip(why)
        self._hint.setAccessibleDescription(why)
        if self.talk.state == "idle":
            self._hint.setText(hint)

    def show_level(self, level: float) -> None:
        """Show the microphone's level, 0 to 1."""
        self.talk.show_level(level)

    def show_destination(self, words: str, *, commands_only: bool = False) -> None:
        """Say where speech goes, as "Speech stays on this machine", and whether commands alone are understood there."""
        self._destination.setText(words)
        self._destination.setToolTip(_COMMANDS_ONLY if commands_only else "")
        self.conversation.show_understood(commands_only=commands_only)

    def show_kept(self, recordings: Sequence[KeptRecording]) -> None:
        """Say how many recordings are kept that were not understood."""
        unheard = sum(kept.fate is not Fate.HEARD for kept in recordings)
        self.show_recordings.setText(f"Recordings ({unheard})" if unheard else "Recordings")

    def memory(self) -> dict[str, Any]:
        """The chosen microphone and the conversation, to be kept."""
        return self.microphone.memory() | {"conversation": self.conversation_id}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take the choices up again. Raises KeyError where there is none of a microphone."""
        if memory.get("conversation"):
            self.go_on_with(str(memory["conversation"]))
        self.microphone.recall(memory)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.talk.set_small(self.window().height() < _SMALL_BELOW)

    def _build_controls(self) -> QWidget:
        controls = QWidget()
        controls.setMaximumWidth(WIDTH)
        column = QVBoxLayout(controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.talk = TalkButton(self._look)
        self.talk.pressed.connect(self.talk_pressed)
        self.talk.released.connect(self.talk_released)
        self._hint = Text(self._look, _HINTS["idle"], "strong")
        self._destination = Text(self._look, "", "caption", "muted")
        self.microphone = MicrophoneButton(self._look)
        self.show_recordings = Button(self._look, "Recordings", kind="quiet", font="caption")
        self.show_recordings.setToolTip("What you said and is still kept: play it, try it again, delete it")
        self.show_recordings.set_low(24)
        self.show_recordings.clicked.connect(self.recordings_wanted)
        self.typed = QLineEdit()
        self.typed.setFont(self._look.font("body"))
        self.typed.setPlaceholderText("Or type a command and press Enter")
        self.typed.setAccessibleName("Type a command")
        self.typed.setFixedHeight(40)
        self.typed.setMaxLength(20_000)  # what a command may hold
        self.typed.returnPressed.connect(self._send)
        self.typed.textChanged.connect(self._fit_send)
        self.send = Button(self._look, "", kind="primary", icon="send", icon_role="on_accent")
        self.send.setFixedSize(40, 40)
        self.send.setStyleSheet("border-radius: 20px; padding: 0;")
        self.send.setAccessibleName("Send the typed command")
        self.send.clicked.connect(self._send)
        self._fit_send("")
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.typed, 1)
        line.addWidget(self.send)
        column.addWidget(self.talk, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._hint, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(12)
        column.addLayout(line)
        column.addSpacing(6)
        below = QHBoxLayout()
        below.setSpacing(6)
        below.addStretch(1)
        below.addWidget(self._destination)
        below.addWidget(self.microphone)
        below.addWidget(self.show_recordings)
        below.addStretch(1)
        column.addLayout(below)
        return controls

    def _fit_send(self, text: str) -> None:
        empty = not text.strip()
        self.send.setEnabled(not empty)
        self.send.setToolTip("Type a command first." if empty else "Send (Enter)")

    def _send(self) -> None:
        text = self.typed.text().strip()
        if text:
            self.typed.clear()
            self._actions.ask_requested.emit(text)


def _in_the_middle(widget: QWidget) -> QHBoxLayout:
    """As wide as the widget may become, and in the middle of what is wider."""
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(widget, 10_000)
    row.addStretch(1)
    return row
