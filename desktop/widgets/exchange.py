"""One exchange of a conversation: what was said, what came of it, and how long each stage took."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.theme import Look
from desktop.widgets.question import Question
from desktop.widgets.said import Said
from desktop.widgets.text import Button, Paragraph, Text, in_window
from engine.model import (
    HELD_MS,
    Action,
    Cancelled,
    CommandFailed,
    Heard,
    Hearing,
    Replied,
    StageTimed,
    VoiceEvent,
    Waiting,
)
from engine.queues import QUEUES, SYNTHESIS, TRANSCRIPTION, VOICE_PROCESSING

_STAGES = {TRANSCRIPTION: "heard", VOICE_PROCESSING: "understood", SYNTHESIS: "spoken"}
_NAMES = {"retry_failed": "Retry the failed jobs"}
"""What was done, where the tool's own name reads as something else: as if the retry had failed."""


class Exchange(QWidget):
    """Grows as the events of one command come in; give them to `show_event`."""

    answered = Signal(str, bool)
    """The trace of a command that ended in a question, and whether the person's answer to it is yes."""
    correction_wanted = Signal(str, str)
    """What was heard, and the words of it that were guessed."""
    opened = Signal()
    """The conversation that it belongs to is wanted, where that is another one."""
    recordings_wanted = Signal()
    """What was said shall be tried again."""

    def __init__(self, look: Look, said: str | None, elsewhere: str = "") -> None:
        """`said` is a typed command; None where speech is still to be heard.

        `elsewhere` names the conversation that it belongs to where that is not the one on the page: it says so, and
        asks nothing here.
        """
        super().__init__()
        self._look = look
        self._stages: list[str] = []
        self._unheard = said is None
        self.again: Button | None = None
        """Try it again, where it was said and could not be heard."""
        self.finished = False
        self.done: list[str] = []
        """What was done or went wrong, in words."""
        self.question: Question | None = None
        """Yes and No, while an answer is waited for."""
        self._said = Said(look, said or "")
        self._said.correction_wanted.connect(self.correction_wanted)
        self._reply = Paragraph(look, "", "speech", "muted")
        self._timing = Text(look, "", "caption", "muted")
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        self._reply.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        right = QHBoxLayout()
        right.addStretch(1)
        right.addWidget(self._said)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.origin = self._build_origin(elsewhere)
        """Which conversation it is of, and a way there; hidden where that is the one on the page."""
        column.addWidget(self.origin)
        column.addLayout(right)
        column.addWidget(self._reply)
        column.addLayout(self._lines)
        column.addWidget(self._timing)
        self._timing.hide()
        self._say_at_work()

    @property
    def said(self) -> str:
        """What was heard or typed."""
        return self._said.text

    @property
    def reply(self) -> str:
        """The answer, or what is being waited for."""
        return self._reply.text()

    @property
    def timing(self) -> str:
        """The stages' times in words."""
        return self._timing.text()

    def show_event(self, event: VoiceEvent) -> None:
        """Take in one event."""
        match event:
            case Hearing(text=text):
                if not self.finished:
                    self._said.show_text(f"{text} …")
            case Heard(text=text, guessed=guessed):
                self._unheard = False
                self._said.show_text(text or "(no words)", guessed)
                if not self.finished:
                    self._say_at_work()
            case Replied(text=text, actions=actions, asks=asks):
                self.finished = True
                self._say(text, "ink")
                for action in actions:
                    # What only told something is told by the answer.
                    if any(action.arguments.values()) or not action.ok:
                        self._add_action(action)
                if asks and self.origin.isHidden():
                    self._ask(event.trace, text)
            case StageTimed():
                self._add_stage(event)
            case Waiting(message=message):
                if not self.finished:
                    self._say(in_window(message), "caution") if message else self._say_at_work()
            case CommandFailed(message=message):
                self.fail(message)
            case Cancelled():
                self._end_cancelled()

    def come_home(self) -> None:
        """The page is in its conversation now."""
        self.origin.hide()

    def end_question(self) -> None:
        """It is answered, or another command has overtaken it: an answer would find nothing."""
        if self.question is not None:
            self.question.hide()
            self.question.deleteLater()
            self.question = None

    def show_cancelling(self) -> None:
        """The person has taken it back; an answer that is here stays."""
        if not self.finished:
            self._say("Cancelling…", "muted")

    def _end_cancelled(self) -> None:
        if self.finished:
            return  # the answer was there first: only its sound was cut short
        self.finished = True
        self._say("Cancelled.", "muted")

    def fail(self, message: str) -> None:
        """The command failed, or was never taken: say why and what to do; an answer that is here stays."""
        if self.finished:
            self._add_line("warning", "danger", in_window(message))
        else:
            self.finished = True
            self._say(in_window(message), "danger")
            if self._unheard:
                self._offer_again()

    def _build_origin(self, elsewhere: str) -> QWidget:
        origin = QWidget()
        row = QHBoxLayout(origin)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addStretch(1)
        row.addWidget(Text(self._look, f"Said earlier, elsewhere: {elsewhere}", "caption", "muted"))
        go = Button(self._look, "Open it", kind="quiet", font="caption")
        go.setFixedHeight(24)
        go.setAccessibleName(f"Open the conversation: {elsewhere}")
        go.clicked.connect(self.opened)
        row.addWidget(go)
        if not elsewhere:
            origin.hide()
        return origin

    def _ask(self, trace: str, text: str) -> None:
        self.question = Question(self._look, text)
        self.question.answered.connect(lambda yes: self.answered.emit(trace, yes))
        self.question.expired.connect(self._on_expired)
        self._lines.addWidget(self.question)

    def _on_expired(self) -> None:
        self.end_question()
        self._add_line("info", "muted", f"Not done: no answer came for {HELD_MS // 60_000} minutes.")

    def _offer_again(self) -> None:
        if self._said.text == "…":
            self._said.hide()  # no word of it is known
        self.again = Button(self._look, "Try again…", icon="retry", font="label")
        self.again.setFixedHeight(30)
        self.again.setToolTip("By another provider, as another language, or when what was wrong is mended")
        self.again.clicked.connect(self.recordings_wanted)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.again)
        line.addWidget(Text(self._look, "What you said is kept.", "body", "muted"))
        line.addStretch(1)
        self._lines.addLayout(line)

    def _say_at_work(self) -> None:
        self._say("Listening to the recording…" if self._unheard else "Working on it…", "muted")

    def _say(self, text: str, tone: str) -> None:
        self._reply.setText(text)
        self._reply.set_tone(tone)

    def _add_action(self, action: Action) -> None:
        name = _NAMES.get(action.name) or action.name.replace("_", " ").capitalize()
        values = (str(value) for value in action.arguments.values() if value not in (None, ""))
        what = ", ".join(QUEUES[value].title if value in QUEUES else value for value in values)
        text = f"{name}: {what}" if what else name
        self._add_line("done" if action.ok else "warning", "accent" if action.ok else "danger", text)

    def _add_line(self, icon: str, tone: str, text: str) -> None:
        self.done.append(text)
        mark = QLabel()
        mark.setPixmap(self._look.pixmap(icon, tone, 16))
        self._look.changed.connect(lambda: mark.setPixmap(self._look.pixmap(icon, tone, 16)))
        words = Paragraph(self._look, text, "body", "muted")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(words, 1)
        self._lines.addLayout(line)

    def _add_stage(self, event: StageTimed) -> None:
        word = _STAGES.get(event.queue, event.queue)
        self._stages.append(f"{word} {event.ran_ms / 1000:.2f} s")
        self._timing.setText(" · ".join(self._stages))
        self._timing.setToolTip("How long each stage worked, without the time that it waited in its queue.")
        self._timing.show()
