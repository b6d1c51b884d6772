"""The Assistant page: the conversation, the talk button and a line to type in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from desktop.actions import Actions
from desktop.theme import Look
from desktop.widgets.exchange import Exchange
from desktop.widgets.microphone_button import MicrophoneButton
from desktop.widgets.talk_button import TalkButton
from desktop.widgets.text import Button, Text
from engine.model import Replied, VoiceEvent
from engine.recordings import Fate, KeptRecording

_WIDTH = 760
_EXAMPLES = (
    "What time is it?",
    "Add a task to call Anna tomorrow",
    "How is the email queue doing?",
    "Pause the notification queue",
)
_HINTS = {
    "idle": "Hold the button or the Space key and speak, or tap it",
    "listening": "Listening. Let go to send, Esc to cancel",
    "finishing": "Listening. Let go to send, Esc to cancel",
    "working": "Working on it. Esc cancels",
    "speaking": "Speaking. Hold to interrupt, Esc to stop",
}


class AssistantPage(QWidget):
    """Shows what the bridge and the voice control tell it; emits what the person wants.

    Commands are told apart by the number that the bridge gave them.
    """

    talk_pressed = Signal()
    talk_released = Signal()
    recordings_wanted = Signal()
    answered = Signal(str, bool)
    """The trace of the command that ended in a question, and whether the answer is yes."""

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._actions = look, actions
        self._exchanges: dict[int, Exchange] = {}
        self._asking: Exchange | None = None
        self._hints = dict(_HINTS)

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 18, 24, 16)
        column.setSpacing(0)
        column.addWidget(self._build_conversation(), 1)
        column.addSpacing(8)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self._build_controls(), 100)
        foot.addStretch(1)
        column.addLayout(foot)

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
        return self._exchanges[number]

    def begin(self, number: int, said: str | None) -> None:
        """A command was taken; `said` where it was typed, None where it was spoken."""
        self._welcome.hide()
        self._end_question()  # whatever this command is: what was asked about is decided by it
        exchange = Exchange(self._look, said)
        exchange.answered.connect(self.answered)
        self._exchanges[number] = exchange
        self._conversation.insertWidget(self._conversation.count() - 1, exchange)

    def show_event(self, number: int, event: VoiceEvent) -> None:
        """Something happened to command `number`."""
        if isinstance(event, Replied) and event.asks:
            self._end_question()  # only the newest one waits for an answer
            self._asking = self._exchanges[number]
        self._exchanges[number].show_event(event)

    def show_cancelling(self, number: int) -> None:
        """Command `number` is being taken back; `Cancelled` ends it."""
        if number in self._exchanges:
            self._exchanges[number].show_cancelling()

    def show_failed(self, number: int, message: str) -> None:
        """Command `number` cannot go on."""
        self._exchanges[number].fail(message)

    def show_state(self, state: str) -> None:
        """Show a `TalkState`: "idle", "listening", "finishing", "working" or "speaking"."""
        self.talk.show_state("listening" if state == "finishing" else state)
        self._hint.setText(self._hints[state])
        self._hint.set_tone("accent" if state in ("listening", "finishing") else "ink")

    def show_hint(self, hint: str) -> None:
        """Say how a recording ends, or what is wrong with it; "" says again what the state means."""
        self._hint.setText(hint or self._hints[self.talk.state])

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

    def show_destination(self, words: str) -> None:
        """Say where speech goes, as "Speech stays on this machine"."""
        self._destination.setText(words)

    def show_kept(self, recordings: Sequence[KeptRecording]) -> None:
        """Say how many recordings are kept that were not understood."""
        unheard = sum(kept.fate is not Fate.HEARD for kept in recordings)
        self.show_recordings.setText(f"Recordings ({unheard})" if unheard else "Recordings")

    def memory(self) -> dict[str, Any]:
        """The chosen microphone, to be kept."""
        return self.microphone.memory()

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take the choice up again. Raises KeyError where there is none."""
        self.microphone.recall(memory)

    def _end_question(self) -> None:
        if self._asking is not None:
            self._asking.end_question()
            self._asking = None

    def _build_conversation(self) -> QScrollArea:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setAccessibleName("Conversation")
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        lane = QWidget()
        lane.setMaximumWidth(_WIDTH)
        self._conversation = QVBoxLayout(lane)
        self._conversation.setContentsMargins(0, 12, 6, 12)
        self._conversation.setSpacing(28)
        self._welcome = self._build_welcome()
        self._conversation.addWidget(self._welcome)
        self._conversation.addStretch(1)
        row.addStretch(1)
        row.addWidget(lane, 100)
        row.addStretch(1)
        self._scroll.setWidget(inside)
        # A new line moves the end: follow it.
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(lambda _low, high: bar.setValue(high))
        return self._scroll

    def _build_welcome(self) -> QWidget:
        welcome = QWidget()
        column = QVBoxLayout(welcome)
        column.setContentsMargins(0, 116, 0, 0)
        column.setSpacing(10)
        title = Text(self._look, "What can I do for you?", "display")
        words = Text(self._look, "Speak or type. Every command runs as jobs on your queues.", "speech", "muted")
        for label in (title, words):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addSpacing(14)
        for pair in (_EXAMPLES[:2], _EXAMPLES[2:]):
            row = QHBoxLayout()
            row.setSpacing(10)
            row.addStretch(1)
            for example in pair:
                chip = Button(self._look, example, kind="chip")
                chip.setAccessibleName(f"Try: {example}")
                chip.clicked.connect(lambda _=False, text=example: self._actions.ask_requested.emit(text))
                row.addWidget(chip)
            row.addStretch(1)
            column.addLayout(row)
        return welcome

    def _build_controls(self) -> QWidget:
        controls = QWidget()
        controls.setMaximumWidth(_WIDTH)
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
        self.show_recordings.setFixedHeight(24)
        self.show_recordings.clicked.connect(self.recordings_wanted)
        self.typed = QLineEdit()
        self.typed.setFont(self._look.font("body"))
        self.typed.setPlaceholderText("Or type a command and press Enter")
        self.typed.setAccessibleName("Type a command")
        self.typed.setFixedHeight(40)
        self.typed.setMaxLength(2_000)
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
