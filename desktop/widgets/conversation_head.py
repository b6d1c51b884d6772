"""The head of the Assistant page: which conversation it is in, a new one, and all that are remembered."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.text import Button
from desktop.widgets.two_lines import ElidedText

USUAL = "default"
"""The id of the conversation that commands are of where nobody chose one."""
_MAIL = "mail:"
_BEGUN = "%Y-%m-%d-%H%M%S"


def new_id(now: datetime) -> str:
    """The id of a conversation that begins now; it can be typed on the command line."""
    return now.strftime(_BEGUN)


def title_of(conversation_id: str) -> str:
    """A conversation's id in words."""
    if conversation_id == USUAL:
        return "Your usual conversation"
    if conversation_id.startswith(_MAIL):
        return f"By mail with {conversation_id.removeprefix(_MAIL)}"
    try:
        return f"Conversation of {datetime.strptime(conversation_id, _BEGUN):%Y-%m-%d, %H:%M}"
    except ValueError:
        return f"Conversation “{conversation_id}”"


class ConversationHead(QWidget):
    """Its two buttons emit what is wanted."""

    new_wanted = Signal()
    all_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.title = ElidedText(look, font="strong")
        self.new = Button(look, "New conversation", kind="quiet", font="caption")
        self.new.setToolTip("Start afresh: what was said before does not go along with your next command")
        self.new.clicked.connect(self.new_wanted)
        self.all = Button(look, "Conversations…", kind="quiet", font="caption")
        self.all.setToolTip("What Hark remembers of what was said: read it, go on with it, forget it")
        self.all.clicked.connect(self.all_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.title, 1)
        for button in (self.new, self.all):
            button.set_low(26)
            row.addWidget(button)
        self.show_conversation(USUAL)

    def show_conversation(self, conversation_id: str) -> None:
        """Say which one the page is in."""
        self.title.show_text(title_of(conversation_id), f"hark ask --conversation {conversation_id}")
