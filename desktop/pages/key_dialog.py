"""Where the talk key is chosen by pressing it."""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from desktop.theme import Look
from desktop.widgets.dialog import Dialog, wrapped
from desktop.widgets.text import Text
from engine.errors import BadInputError
from engine.settings.talk_keys import require_talk_key, words_of

_MAC = sys.platform == "darwin"
"""There Qt calls the command key "control", and the other way round."""
_CTRL, _CMD = ("cmd", "ctrl") if _MAC else ("ctrl", "cmd")
_MODIFIERS: dict[int, str] = {
    Qt.Key.Key_Control: _CTRL,
    Qt.Key.Key_Alt: "alt",
    Qt.Key.Key_Shift: "shift",
    Qt.Key.Key_Meta: _CMD,
    Qt.Key.Key_Super_L: _CMD,
    Qt.Key.Key_Super_R: _CMD,
    Qt.Key.Key_AltGr: "alt_gr",
}
_HELD = (
    (Qt.KeyboardModifier.MetaModifier if _MAC else Qt.KeyboardModifier.ControlModifier, "ctrl"),
    (Qt.KeyboardModifier.AltModifier, "alt"),
    (Qt.KeyboardModifier.ShiftModifier, "shift"),
    (Qt.KeyboardModifier.ControlModifier if _MAC else Qt.KeyboardModifier.MetaModifier, "cmd"),
)
_RIGHT = {0xFFE4: "ctrl_r", 0xFFEA: "alt_r", 0xFFE2: "shift_r", 0xFFEC: "cmd_r"}
"""The keys of the right side by their X keysyms; other systems do not tell the sides apart here."""
_NAMED: dict[int, str] = {
    Qt.Key.Key_Space: "space",
    Qt.Key.Key_Return: "enter",
    Qt.Key.Key_Enter: "enter",
    Qt.Key.Key_Tab: "tab",
    Qt.Key.Key_Backtab: "tab",
    Qt.Key.Key_Backspace: "backspace",
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Insert: "insert",
    Qt.Key.Key_Home: "home",
    Qt.Key.Key_End: "end",
    Qt.Key.Key_PageUp: "page_up",
    Qt.Key.Key_PageDown: "page_down",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Pause: "pause",
    Qt.Key.Key_ScrollLock: "scroll_lock",
    Qt.Key.Key_Print: "print_screen",
    Qt.Key.Key_Menu: "menu",
    Qt.Key.Key_MediaPlay: "media_play_pause",
    Qt.Key.Key_MediaTogglePlayPause: "media_play_pause",
}


class KeyDialog(Dialog):
    """Shows what is pressed and whether it can talk; `chosen` follows when it is taken."""

    chosen = Signal(str)
    """The keys, as the setting writes them."""

    def __init__(self, look: Look, keys: str, parent: QWidget | None = None) -> None:
        """`keys` is what talks now."""
        super().__init__(
            look,
            "Press the key that shall talk",
            "One key, or one together with Ctrl, Alt, Shift or Cmd. Enter takes it, Esc leaves it as it was.",
            order="Take it",
            title="Talk key",
            parent=parent,
        )
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        self.keys = ""
        """What was pressed, as the setting writes it; "" for nothing yet."""
        self._held: list[str] = []
        self.shown = Text(look, words_of(keys), "title", "muted")
        self.shown.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.why = wrapped(look, tone="danger")
        self.why.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.why.setMinimumHeight(2 * self.why.fontMetrics().lineSpacing())
        self.body.addSpacing(8)
        self.body.addWidget(self.shown)
        self.body.addWidget(self.why)
        # Every key is for the dialog: none may press a button or move on.
        for button in (self.cancel, self.confirm):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.confirm.clicked.connect(self._take)
        self.allow("Press a key first.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocus()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
            elif not event.isAutoRepeat():
                self._on_press(event) if event.type() == QEvent.Type.KeyPress else self._on_release()
            return True
        return super().event(event)

    def _on_press(self, event: QKeyEvent) -> None:
        key, held = event.key(), [name for modifier, name in _HELD if event.modifiers() & modifier]
        if key in _MODIFIERS:
            self._held.append(_RIGHT.get(event.nativeVirtualKey(), _MODIFIERS[key]))
            self._say("+".join(words_of(f"<{name}>") for name in self._held) + "+…", "muted")
            return
        self._held.clear()
        if key == Qt.Key.Key_Escape and not held:
            self.reject()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not held and self.confirm.isEnabled():
            self._take()
        elif name := _name(event):
            self._show([*held, name])

    def _on_release(self) -> None:
        """Where nothing but such keys was pressed, they are the talk key."""
        held, self._held = self._held, []
        if len(held) == 1:
            self._show(held)
        elif held:
            plain = {name.removesuffix("_r") for name in held}
            self._show([name for _, name in _HELD if name in plain])

    def _show(self, parts: list[str]) -> None:
        self.keys = "+".join(part if len(part) == 1 else f"<{part}>" for part in parts)
        refusal = ""
        try:
            require_talk_key(self.keys)
        except BadInputError as error:
            refusal = f"{error.message.removeprefix('hotkey: ')} Take another one."
        self._say(words_of(self.keys), "danger" if refusal else "accent")
        self.why.setText(refusal)
        self.allow(refusal)
        self.setAccessibleDescription(f"{words_of(self.keys)} {refusal}".strip())

    def _say(self, words: str, tone: str) -> None:
        self.shown.setText(words)
        self.shown.set_tone(tone)

    def _take(self) -> None:
        self.chosen.emit(self.keys)
        self.accept()


def _name(event: QKeyEvent) -> str:
    """The key as pynput calls it; "" for one that it has no name for."""
    key = event.key()
    if Qt.Key.Key_F1 <= key <= Qt.Key.Key_F20:
        return f"f{key - Qt.Key.Key_F1 + 1}"
    # Qt's numbers of the keys that write something are their characters'.
    writes = 0x20 < key < 0x110000 and chr(key).isprintable()
    return _NAMED.get(key, chr(key).lower() if writes else "")
