"""Keys as the setting writes them ("<ctrl>+<space>", as pynput does), as people read them, and as portals want them."""

from __future__ import annotations

import re

from engine.errors import SettingsError

_MODIFIERS = {"ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT", "cmd": "LOGO"}
_KEYSYMS = {
    "space": "space",
    "enter": "Return",
    "tab": "Tab",
    "esc": "Escape",
    "backspace": "BackSpace",
    "delete": "Delete",
    "insert": "Insert",
    "home": "Home",
    "end": "End",
    "page_up": "Page_Up",
    "page_down": "Page_Down",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pause": "Pause",
    "scroll_lock": "Scroll_Lock",
    "print_screen": "Print",
    "menu": "Menu",
}
_PART = re.compile(r"<(\w+)>|(.)")


def portal_trigger(keys: str) -> str:
    """The keys as the portal's `preferred_trigger` ("CTRL+space"), "" where it has no way to write them.

    Raises SettingsError where `keys` is not written like keys at all.
    """
    modifiers, key = [], ""
    for part in keys.split("+"):
        found = _PART.fullmatch(part.strip().lower())
        if found is None:
            raise not_a_key(keys)
        name = found[1] or found[2]
        if found[1] and name in _MODIFIERS:
            modifiers.append(_MODIFIERS[name])
        elif found[1] and re.fullmatch(r"f([1-9]|1\d|20)", name):
            key = name.upper()
        elif found[1]:
            key = _KEYSYMS.get(name, "")
        elif name.isascii() and name.isalnum():
            key = name
    return "+".join([*modifiers, key]) if key else ""


def key_words(keys: str) -> str:
    """The keys as people write them: "Ctrl+Space"."""
    return "+".join(part.strip("<> ").replace("_", " ").title() for part in keys.split("+"))


def not_a_key(keys: str) -> SettingsError:
    """The error for a setting that names no key."""
    return SettingsError(f"hotkey: {keys!r} is not a key.", "Write it like <f9>, <ctrl>+<space> or <ctrl>+<alt>+h.")
