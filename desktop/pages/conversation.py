"""What was said and answered, from top to bottom: remembered turns, then the exchanges of this window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.pages.failure_row import exact
from desktop.theme import Look
from desktop.widgets.conversation_head import title_of
from desktop.widgets.exchange import Exchange
from desktop.widgets.said import Said
from desktop.widgets.text import Button, Paragraph, Text
from engine.model import ConversationTurn, Replied, VoiceEvent

WIDTH = 760
_EXAMPLES = (
    "What can you do?",
    "Remind me in ten minutes to call Anna",
    "Add a task to buy milk tomorrow",
    "How is the email queue doing?",
)
_ANY_WORDS = "Speak or type. Every command runs as jobs on your queues."
_COMMANDS_ONLY = "Speak or type one of the commands that Hark knows. Each runs as jobs on your queues."
_NEAR_END = 8
"""So many pixels from it count as the end."""
_TURNS = 40
"""So many remembered turns are shown above the window's own exchanges."""


class RememberedTurn(QWidget):
    """One exchange as the engine remembers it."""

    def __init__(self, look: Look, turn: ConversationTurn, width: int = 520) -> None:
        """`width`: as in `Said`."""
        super().__init__()
        said = Said(look, turn.said, width)
        reply = Paragraph(look, turn.replied, "speech", "ink")
        reply.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        said.setToolTip(exact(turn.at_ms) if turn.at_ms else "")
        self.setAccessibleName(f"You: {turn.said} Hark: {turn.replied}")
        right = QHBoxLayout()
        right.addStretch(1)
        right.addWidget(said)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(right)
        column.addWidget(reply)


class ConversationView(QScrollArea):
    """Commands are told apart by the number that the bridge gave them."""

    answered = Signal(str, bool)
    """The trace of the command that ended in a question, and whether the answer is yes."""
    correction_wanted = Signal(str, str)
    """What was heard, and the words of it that were guessed."""
    example_chosen = Signal(str)
    conversation_chosen = Signal(str)
    """The id of another conversation, of which a command is shown here."""
    recordings_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._exchanges: dict[int, tuple[Exchange, str]] = {}
        """Each with the id of its conversation."""
        self._away: set[int] = set()
        """The numbers of those that are not shown any more."""
        self._asking: Exchange | None = None
        self.turns: list[RememberedTurn] = []
        """The remembered ones that are shown."""
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Conversation")
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        lane = QWidget()
        lane.setMaximumWidth(WIDTH)
        self._column = QVBoxLayout(lane)
        self._column.setContentsMargins(0, 12, 0, 12)
        self._column.setSpacing(28)
        self._welcome = self._build_welcome()
        self._column.addWidget(self._welcome)
        self._column.addStretch(1)
        row.addStretch(1)
        row.addWidget(lane, 10_000)
        row.addStretch(1)
        self.setWidget(inside)
        self._at_end = True
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.valueChanged.connect(self._on_scrolled)

    def show_understood(self, *, commands_only: bool) -> None:
        """Say whether Hark knows its commands alone, or understands whatever is said."""
        self.welcome_words.setText(_COMMANDS_ONLY if commands_only else _ANY_WORDS)

    def exchange(self, number: int) -> Exchange:
        """The exchange of a command."""
        return self._exchanges[number][0]

    def begin(self, number: int, said: str | None, conversation_id: str, *, elsewhere: bool = False) -> None:
        """A command of a conversation was taken; `said` where it was typed, None where it was spoken.

        `elsewhere`: of another conversation than the one that is shown.
        """
        self._welcome.hide()
        if not elsewhere:
            self._end_question()  # whatever this command is: what was asked about is decided by it
        exchange = Exchange(self._look, said, title_of(conversation_id) if elsewhere else "")
        exchange.opened.connect(lambda: self.conversation_chosen.emit(conversation_id))
        exchange.answered.connect(self.answered)
        exchange.recordings_wanted.connect(self.recordings_wanted)
        exchange.correction_wanted.connect(self.correction_wanted)
        self._exchanges[number] = exchange, conversation_id
        self._column.insertWidget(self._column.count() - 1, exchange)
        self._at_end = True

    def show_event(self, number: int, event: VoiceEvent) -> None:
        """Something happened to command `number`."""
        exchange = self.exchange(number)
        here = number not in self._away and exchange.origin.isHidden()
        if isinstance(event, Replied) and event.asks and here:
            self._end_question()  # only the newest one waits for an answer
            self._asking = exchange
        exchange.show_event(event)

    def show_cancelling(self, number: int) -> None:
        """Command `number` is being taken back; `Cancelled` ends it."""
        if number in self._exchanges:
            self.exchange(number).show_cancelling()

    def show_failed(self, number: int, message: str) -> None:
        """Command `number` cannot go on."""
        self.exchange(number).fail(message)

    def go_to(self, conversation_id: str) -> None:
        """Show another conversation, or the same anew: of the commands of this window those that have not ended."""
        self._end_question()
        for number, (exchange, its_id) in self._exchanges.items():
            stays = its_id == conversation_id and not exchange.finished
            exchange.setVisible(stays)
            if its_id == conversation_id:
                exchange.come_home()
            (self._away.discard if stays else self._away.add)(number)
        self.show_turns(())

    def show_turns(self, turns: Sequence[ConversationTurn]) -> None:
        """Show what is remembered, above the window's own exchanges."""
        for shown in self.turns:
            self._column.removeWidget(shown)
            shown.hide()
            shown.deleteLater()
        self.turns = [RememberedTurn(self._look, turn) for turn in turns[-_TURNS:]]
        for place, turn in enumerate(self.turns):
            self._column.insertWidget(place, turn)
        self._welcome.setVisible(not self.turns and len(self._away) == len(self._exchanges))

    def _on_range(self, _low: int, high: int) -> None:
        """A new line moves the end: follow it, unless somebody has scrolled up to read."""
        bar = self.verticalScrollBar()
        # As much to the left as the bar takes to the right: what is said stays in line with what is above and below.
        beside = bar.sizeHint().width()
        roomy = self.width() >= WIDTH + 2 * beside
        self.setViewportMargins(beside if high and roomy else 0, 0, 0, 0)
        if self._at_end:
            bar.setValue(bar.maximum())

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value >= self.verticalScrollBar().maximum() - _NEAR_END

    def _end_question(self) -> None:
        if self._asking is not None:
            self._asking.end_question()
            self._asking = None

    def _build_welcome(self) -> QWidget:
        welcome = QWidget()
        column = QVBoxLayout(welcome)
        column.setContentsMargins(0, 84, 0, 0)
        column.setSpacing(10)
        title = Text(self._look, "What can I do for you?", "display")
        self.welcome_words = Text(self._look, _ANY_WORDS, "speech", "muted")
        """How to begin, and what is understood."""
        for label in (title, self.welcome_words):
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
                chip.clicked.connect(lambda _=False, text=example: self.example_chosen.emit(text))
                row.addWidget(chip)
            row.addStretch(1)
            column.addLayout(row)
        return welcome
