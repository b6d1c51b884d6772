"""The line under the table of jobs: whether all are meant, how many, and what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QWidget

from desktop.theme import Look
from desktop.widgets.queue_box import ALL_QUEUES
from desktop.widgets.text import Text
from engine.model import JobState
from engine.queues import QUEUES


@dataclass(frozen=True, slots=True)
class Listed:
    """What the table lists: the `depth` jobs of a queue (or `ALL_QUEUES`) and state, or those that match `query`."""

    queue: str
    state: JobState
    depth: int = 0
    query: str = ""
    unlooked: str = ""
    """Why "all that match" are not known yet; "" where the search has looked at all."""
    gone: bool = False
    """Whether Redis does not answer."""

    @property
    def name(self) -> str:
        """The queue in words."""
        return QUEUES[self.queue].title if self.queue != ALL_QUEUES else "all queues"


class JobListFoot(QWidget):
    """The box `all`, whose tooltip tells why it cannot be ticked, and a note beside it."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.all = QCheckBox("All")
        self.all.setFont(look.font("label"))
        self.all.setAccessibleName("All that match are meant, not only the selected")
        self._note = Text(look, "", "label", "muted")
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setSpacing(12)
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(self.all)
        row.addWidget(self._note, 1)
        look.changed.connect(self._dress)
        self._dress()

    @property
    def note(self) -> str:
        """What is said beside the box."""
        return self._note.text()

    def say(self, words: str) -> None:
        """Say something beside the box."""
        self._note.setText(words)
        self._note.setToolTip(words)

    def show_listed(self, listed: Listed, selected: int, *, empty: bool) -> None:
        """What is listed, of which so many are selected; `empty`: there are no rows."""
        if listed.unlooked:
            self.all.setChecked(False)
        self.all.setEnabled(not listed.unlooked)
        self.all.setText("All that match" if listed.query else f"All {listed.depth:,}")
        self.all.setToolTip(listed.unlooked or "Act on all of them, also those that are not loaded (Ctrl+A)")
        if self.all.isChecked():
            self.say("all that match are meant" if listed.query else f"all {listed.depth:,} are meant")
        elif selected:
            self.say(f"{selected:,} selected; the list stands still meanwhile")
        else:
            self.say("" if empty else listed.unlooked)

    def _dress(self) -> None:
        line, fill, field = (self._look.hex(role) for role in ("muted", "accent", "surface"))
        self.all.setStyleSheet(
            f"QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {line}; border-radius: 3px;"
            f" background: {field}; }} QCheckBox::indicator:checked {{ background: {fill}; border-color: {fill}; }}"
            f" QCheckBox:focus {{ color: {fill}; }} QCheckBox:disabled {{ color: {line}; }}"
        )
