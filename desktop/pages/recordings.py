"""What was said and is still kept: to hear it, to try it again another way, or to delete it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from desktop.pages.failure_row import ago, exact
from desktop.theme import Look
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.row_frame import RowFrame
from desktop.widgets.scroll_list import ScrollList
from desktop.widgets.text import Button, Text
from engine.recordings import Fate, KeptRecording

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "ja": "Japanese",
    "zh": "Chinese",
}
_FATES = {
    Fate.WAITING: ("Waits to be understood; it goes on by itself", "caution"),
    Fate.HEARD: ("Understood", "accent"),
    Fate.FAILED: ("Not understood", "danger"),
    Fate.CANCELLED: ("Cancelled", "muted"),
}
_NONE = "Nothing is kept. A recording stays here until it was understood, and for some days where it was not."


class RecordingRow(RowFrame):
    """One recording; its buttons emit what is wanted of it."""

    play_wanted = Signal(object)
    again_wanted = Signal(object, str, str)
    """The recording, "offline", "openai" or "" for the provider of the settings, and the language or "" for its own."""
    delete_wanted = Signal(object)

    def __init__(self, look: Look, kept: KeptRecording, *, with_server: bool, now_ms: int) -> None:
        """`with_server`: a server can hear it as well, and knows other languages."""
        super().__init__()
        self._look, self.kept = look, kept
        words, tone = _FATES[kept.fate]
        seconds = max(1, round(kept.duration_ms / 1000))
        when = Text(look, f"{ago(kept.at_ms, now_ms)} · {seconds // 60}:{seconds % 60:02}", "strong")
        when.setToolTip(exact(kept.at_ms))
        self.fate = Text(look, f"{words}, try {kept.tries}" if kept.tries > 1 else words, "caption", tone)
        self.told = wrapped(look, f"“{kept.text}”" if kept.text else kept.error)
        self.told.setVisible(bool(self.told.text()))
        self.told.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.play = Button(look, "Play", kind="row", icon="speaking", font="label")
        self.again = Button(look, "Try again", kind="row", icon="retry", font="label")
        self.ways = self._build_ways(with_server)
        self.again.setMenu(self.ways)
        self.delete = Button(look, "Delete", kind="row", icon="clean", font="label")
        self.play.clicked.connect(lambda: self.play_wanted.emit(self.kept))
        self.delete.clicked.connect(lambda: self.delete_wanted.emit(self.kept))
        column = QVBoxLayout()
        column.setSpacing(2)
        for label in (when, self.fate, self.told):
            column.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 10, 10)
        row.setSpacing(8)
        row.addLayout(column, 1)
        for button, width in ((self.play, 84), (self.again, 118), (self.delete, 92)):
            button.setFixedSize(width, 28)
            button.setAutoDefault(False)
            button.setAccessibleName(f"{button.text()}: the recording of {exact(kept.at_ms)}")
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def show_playing(self, playing: bool) -> None:
        """Whether it is this one that sounds."""
        self.play.setText("Stop" if playing else "Play")
        self.play.set_icon("pause" if playing else "speaking")

    def _build_ways(self, with_server: bool) -> QMenu:
        menu = QMenu(self)
        self._add_way(menu, "Again as before", "", "")
        if with_server:
            self._add_way(menu, "On this machine (English)", "offline", "en")
            spoken = menu.addMenu("It is in …")
            for code, name in LANGUAGES.items():
                self._add_way(spoken, name, "openai", code)
        return menu

    def _add_way(self, menu: QMenu, words: str, provider: str, language: str) -> None:
        menu.addAction(words).triggered.connect(lambda _=False: self.again_wanted.emit(self.kept, provider, language))


class RecordingsDialog(QDialog):
    """The list, newest first; `refresh_wanted` asks for `show_recordings` when it opens."""

    refresh_wanted = Signal()
    play_wanted = Signal(object)
    again_wanted = Signal(object, str, str)
    delete_wanted = Signal(object)

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._with_server = False
        self.rows: dict[str, RecordingRow] = {}
        self.setWindowTitle("Recordings")
        self.resize(760, 460)
        self._none = wrapped(look, _NONE)
        self._list = ScrollList("Recordings")
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(10)
        column.addWidget(Text(look, "Recordings", "heading"))
        column.addWidget(self._none)
        column.addWidget(self._list, 1)

    def ask(self) -> None:
        """Open it."""
        self.show()
        self.refresh_wanted.emit()
        self.raise_()
        self.activateWindow()

    def show_server(self, with_server: bool) -> None:
        """Whether there is a server that can hear recordings, too."""
        self._with_server = with_server

    def show_recordings(self, recordings: Sequence[KeptRecording]) -> None:
        """Show what is kept now."""
        for row in self.rows.values():
            self._list.rows.removeWidget(row)
            row.deleteLater()
        self.rows = {}
        now_ms = round(time.time() * 1000)
        for kept in recordings:
            row = RecordingRow(self._look, kept, with_server=self._with_server, now_ms=now_ms)
            row.play_wanted.connect(self.play_wanted)
            row.again_wanted.connect(self._ask_again)
            row.delete_wanted.connect(self._confirm_deletion)
            self._list.rows.addWidget(row)
            self.rows[kept.id] = row
        self._none.setVisible(not recordings)

    def show_playing(self, recording_id: str) -> None:
        """Which one sounds; "" for none."""
        for own_id, row in self.rows.items():
            row.show_playing(own_id == recording_id)

    def _ask_again(self, kept: KeptRecording, provider: str, language: str) -> None:
        self.again_wanted.emit(kept, provider, language)
        self.close()

    def _confirm_deletion(self, kept: KeptRecording) -> None:
        words = "It is taken off the disk for good."
        if kept.fate is Fate.WAITING:
            words += " Its command, which still waits, is cancelled."
        question = Dialog(
            self._look, "Delete this recording?", words, keep="Keep it", order="Delete", danger=True, parent=self
        )
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.confirm.clicked.connect(question.accept)
        question.accepted.connect(lambda: self.delete_wanted.emit(kept))
        question.open()
