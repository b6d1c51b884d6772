"""One setting in one row: what it is, its editor, where its value comes from, and what is wrong with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.pages.setting_editors import SecretEditor, editor_for
from desktop.theme import Look
from desktop.widgets.text import Button, Text, in_window
from engine.settings.fields import Kind
from engine.settings.views import Origin, SettingView

_WORDS_WIDTH = 250


class SettingRow(QWidget):
    """Shows a SettingView; asks for a change, and keeps what was typed where the change is refused."""

    change_wanted = Signal(str, str)
    """Name, and the text of the new value."""
    secret_wanted = Signal(str, str)
    """Name, and the secret to keep."""
    reset_wanted = Signal(str)

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__()
        self.view = view
        self.title = Text(look, view.title, "strong")
        self.title.setToolTip(f"{view.name} in the settings file and for “hark settings set”")
        self.description = Text(look, view.description, "caption", "muted")
        self.editor = editor_for(look, view)
        self.editor.wanted.connect(self._want)
        self.editor.typed.connect(self._on_typed)
        if isinstance(self.editor, SecretEditor):
            self.editor.removed.connect(lambda: self.reset_wanted.emit(self.view.name))
        self.source = Text(look, "", "caption", "muted")
        self.fault = Text(look, "", "caption", "danger")
        for label in (self.description, self.source, self.fault):
            label.setWordWrap(True)
        self.reset = Button(look, "Reset", font="label")
        self.reset.clicked.connect(lambda: self.reset_wanted.emit(self.view.name))
        self.save = Button(look, "Save", kind="primary", font="label")
        self.save.setAccessibleName(f"Save {view.title}")
        self.save.clicked.connect(self.editor.save)
        self.undo = Button(look, "Cancel", kind="quiet", font="label")
        self.undo.setAccessibleName(f"Cancel the change of {view.title}")
        self.undo.clicked.connect(self._give_up)
        self._lay_out()
        self._on_typed(False)
        self.show_view(view)

    def show_view(self, view: SettingView, *, saved: bool = False) -> None:
        """Show it as it is; `saved` means that what was typed here has become it."""
        self.view = view
        if saved:
            self.editor.give_up()
        self.editor.show_view(view)
        if saved:
            self.editor.give_up()
        if not self._typing:
            self._show_fault(view.fault)
        self.source.setText(_source_words(view))
        secret = view.kind is Kind.SECRET
        ours = view.origin is Origin.FILE
        self.reset.setEnabled(ours and not view.locked)
        self.reset.setVisible(not secret and not self._typing)
        default = f"{view.default} {view.unit}".strip() or "not set"
        self.reset.setToolTip(view.locked or (f"Back to {default}" if ours else f"It is the default: {default}"))
        self.reset.setAccessibleName(f"{view.title}: back to the default")

    def show_refusal(self, message: str) -> None:
        """The value was not taken: say why below the field."""
        self._show_fault(message)

    def show_remark(self, words: str, tone: str) -> None:
        """Tell what came of a change, or what to know of the value, until the next reading."""
        self._show_fault(words, tone)

    def matches(self, words: list[str]) -> bool:
        """Whether all the words, in small letters, are somewhere in what the row says."""
        view = self.view
        text = f"{view.name} {view.title} {view.description} {view.group} {view.source} {view.value}".lower()
        return all(word.removeprefix("hark_") in text for word in words)

    # Inside

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.description)
        words.addStretch(1)
        left = QWidget()
        left.setFixedWidth(_WORDS_WIDTH)
        left.setLayout(words)
        words.setContentsMargins(0, 4, 0, 0)
        values = QVBoxLayout()
        values.setSpacing(3)
        values.addWidget(self.editor)
        values.addWidget(self.source)
        values.addWidget(self.fault)
        values.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.save, self.undo, self.reset):
            button.setFixedSize(72, 32)
            buttons.addWidget(button)
        side = QWidget()
        side.setFixedWidth(150)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        column.addStretch(1)
        buttons.setAlignment(Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 8, 0, 8)
        row.setSpacing(20)
        row.addWidget(left)
        row.addLayout(values, 1)
        row.addWidget(side)

    def _want(self, text: str) -> None:
        if self.view.kind is Kind.SECRET:
            self.secret_wanted.emit(self.view.name, text)
        else:
            self.change_wanted.emit(self.view.name, text)

    def _on_typed(self, typing: bool) -> None:
        self._typing = typing
        self.save.setVisible(typing)
        self.undo.setVisible(typing)
        self.reset.setVisible(not typing and self.view.kind is not Kind.SECRET)
        if not typing:
            self._show_fault(self.view.fault)

    def _give_up(self) -> None:
        self.editor.give_up()

    def _show_fault(self, message: str, tone: str = "danger") -> None:
        message = message.removeprefix(f"{self.view.name}: ")
        self.fault.setText(in_window(message))
        self.fault.set_tone(tone)
        self.fault.setVisible(bool(message))


def _source_words(view: SettingView) -> str:
    if view.origin is Origin.ENVIRONMENT:
        return view.locked
    words = {
        Origin.ENVIRONMENT: f"From the {view.source}",
        Origin.KEYRING: "From the keyring",
        Origin.FILE: f"From {view.source}",
        Origin.DEFAULT: "Default",
    }[view.origin]
    parts = [words, view.meaning and f"= {view.meaning}", view.range and f"allowed: {view.range}"]
    told = " · ".join(part for part in parts if part)
    return f"{told}. {view.locked}" if view.locked else told
