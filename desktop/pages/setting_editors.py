"""How the value of a setting is written: a field, a switch, a choice, a field with Browse, or a secret never shown.

Each editor shows a SettingView. A switch and a choice ask for their change at once (`wanted`); what is typed waits
until somebody saves it, and `typed` tells whether there is such a text.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QWidget

from desktop.pages.key_dialog import KeyDialog
from desktop.theme import Look
from desktop.widgets.switch import Switch
from desktop.widgets.text import Button, Text
from engine.settings.fields import Kind
from engine.settings.views import Origin, SettingView

_HEIGHT = 32


class Editor(QWidget):
    """What all of them have in common."""

    wanted = Signal(str)
    """This value shall be saved."""
    typed = Signal(bool)
    """Whether a text is written that is not saved."""

    def show_view(self, view: SettingView) -> None:
        """Show the value as it is."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Forget what is typed."""

    def save(self) -> None:
        """Ask for what is typed."""


class FieldEditor(Editor):
    """Text, numbers and lists; with a button for those that name a file or a folder."""

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__()
        self._view = view
        self.field = QLineEdit()
        self.field.setProperty("kind", "field")
        self.field.setFixedHeight(_HEIGHT)
        self.field.setAccessibleName(view.title)
        self.field.setAccessibleDescription(view.description)
        self.field.textEdited.connect(lambda text: self.typed.emit(text.strip() != self._view.value))
        self.field.returnPressed.connect(self.save)
        row = self.row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        if view.kind is Kind.NUMBER:
            self.field.setFixedWidth(140)
        row.addWidget(self.field, 1)
        if view.unit:
            row.addWidget(Text(look, view.unit, tone="muted"))
        if view.kind is Kind.NUMBER:
            row.addStretch(1)
        self.browse: Button | None = None
        if view.kind in (Kind.FILE, Kind.FOLDER):
            self.browse = Button(look, "Browse…", font="label")
            self.browse.setFixedHeight(_HEIGHT)
            self.browse.setAccessibleName(f"Browse for {view.title}")
            self.browse.clicked.connect(self._browse)
            row.addWidget(self.browse)

    @property
    def has_typed(self) -> bool:
        """Whether a text is written that is not saved."""
        return self.field.text().strip() != self._view.value

    def show_view(self, view: SettingView) -> None:
        kept = self.has_typed and self.field.isModified()
        self._view = view
        if not kept:
            self.field.setText(view.value)
            self.field.setCursorPosition(0)
        self.field.setPlaceholderText(view.default or "not set")
        for control in (self.field, self.browse):
            if control is not None:
                control.setEnabled(not view.locked)
                control.setToolTip(view.locked or view.value)

    def give_up(self) -> None:
        self.field.setText(self._view.value)
        self.typed.emit(False)

    def save(self) -> None:
        if self.has_typed:
            self.wanted.emit(self.field.text().strip())

    def _browse(self) -> None:
        dialog = QFileDialog(self, f"{self._view.title}", self.field.text())
        folder = self._view.kind is Kind.FOLDER
        dialog.setFileMode(QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.wanted)
        dialog.open()


class KeyEditor(FieldEditor):
    """A field for the talk key, which can be pressed instead of written."""

    pressing = Signal(bool)
    """Whether a key is awaited: until then it shall do nothing else."""

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__(look, view)
        self._look = look
        self.press = Button(look, "Press keys…", font="label")
        self.press.setFixedHeight(_HEIGHT)
        self.press.setAccessibleName(f"Press the keys of {view.title}")
        self.press.clicked.connect(self._ask)
        self.row.addWidget(self.press)
        self.dialog: KeyDialog | None = None

    def show_view(self, view: SettingView) -> None:
        super().show_view(view)
        self.press.setEnabled(not view.locked)
        self.press.setToolTip(view.locked or "Choose the key by pressing it")

    def _ask(self) -> None:
        self.dialog = KeyDialog(self._look, self._view.value, self)
        self.dialog.chosen.connect(self._on_chosen)
        self.dialog.finished.connect(lambda: self.pressing.emit(False))
        self.pressing.emit(True)
        self.dialog.open()

    def _on_chosen(self, keys: str) -> None:
        self.give_up()
        if keys != self._view.value:
            self.wanted.emit(keys)


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__()
        self.switch = Switch(look)
        self.switch.setAccessibleName(view.title)
        self.switch.clicked.connect(lambda: self.wanted.emit("off" if self.switch.isChecked() else "on"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.switch)
        row.addStretch(1)

    def show_view(self, view: SettingView) -> None:
        self.switch.show_on(view.value == "on")
        self.switch.setEnabled(not view.locked)
        self.switch.setToolTip(view.locked)


class ChoiceEditor(Editor):
    """One of a few words."""

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__()
        self.box = QComboBox()
        self.box.addItems(view.choices)
        self.box.setFixedSize(180, _HEIGHT)
        self.box.setAccessibleName(view.title)
        # The wheel is for the page: a value that is passed over must not change.
        self.box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.box.wheelEvent = lambda event: event.ignore()  # type: ignore[method-assign]
        self.box.textActivated.connect(self.wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box)
        row.addStretch(1)

    def show_view(self, view: SettingView) -> None:
        self.box.setCurrentText(view.value)
        self.box.setEnabled(not view.locked)
        self.box.setToolTip(view.locked)


class SecretEditor(Editor):
    """Says whether the secret is there; takes a new one, and never shows one."""

    removed = Signal()

    def __init__(self, look: Look, view: SettingView) -> None:
        super().__init__()
        self.state = Text(look)
        self.replace = Button(look, "Set…", font="label")
        self.replace.clicked.connect(self._open)
        self.remove = Button(look, "Remove", font="label")
        self.remove.setAccessibleName(f"Remove {view.title}")
        self.remove.clicked.connect(self.removed)
        self.field = QLineEdit()
        self.field.setProperty("kind", "field")
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setFixedHeight(_HEIGHT)
        self.field.setPlaceholderText("Type or paste it")
        self.field.setAccessibleName(f"New {view.title}")
        self.field.returnPressed.connect(self.save)
        self.field.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.state, 1)
        row.addWidget(self.field, 1)
        for button in (self.replace, self.remove):
            button.setFixedHeight(_HEIGHT)
            row.addWidget(button)

    def show_view(self, view: SettingView) -> None:
        self.state.setText("Set, not shown" if view.is_set else "Not set")
        self.state.set_tone("ink" if view.is_set else "muted")
        words = "Replace…" if view.is_set else "Set…"
        self.replace.setText(words)
        self.replace.setAccessibleName(f"{words.rstrip('…')} {view.title}")
        self.replace.setEnabled(not view.locked)
        self.replace.setToolTip(view.locked)
        ours = view.origin in (Origin.KEYRING, Origin.FILE)
        self.remove.setEnabled(ours)
        self.remove.setToolTip(
            f"Take it out of {_place(view)}" if ours else view.locked if view.is_set else "There is none."
        )

    def give_up(self) -> None:
        self.field.clear()
        self._show_field(False)
        self.typed.emit(False)

    def save(self) -> None:
        if self.field.text():
            self.wanted.emit(self.field.text())

    def _open(self) -> None:
        self._show_field(True)
        self.field.setFocus()
        self.typed.emit(True)

    def _show_field(self, shown: bool) -> None:
        self.field.setVisible(shown)
        for widget in (self.state, self.replace, self.remove):
            widget.setVisible(not shown)


def _place(view: SettingView) -> str:
    return "the keyring" if view.origin is Origin.KEYRING else view.source


def editor_for(look: Look, view: SettingView) -> Editor:
    """The editor that suits the setting."""
    if view.name == "hotkey":
        return KeyEditor(look, view)
    match view.kind:
        case Kind.SWITCH:
            return SwitchEditor(look, view)
        case Kind.CHOICE:
            return ChoiceEditor(look, view)
        case Kind.SECRET:
            return SecretEditor(look, view)
        case _:
            return FieldEditor(look, view)
