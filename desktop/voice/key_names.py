"""The talk key as portals want it written, and as Qt tells of it when it is pressed."""

from __future__ import annotations

from engine.settings.talk_keys import parts_of

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


def portal_trigger(keys: str) -> str:
    """The keys as the portal's `preferred_trigger` ("CTRL+space"), "" where it has no way to write them.

    Raises BadInputError where `keys` is not written like keys at all.
    """
    modifiers, key = [], ""
    for name in parts_of(keys):
        if name in _MODIFIERS:
            modifiers.append(_MODIFIERS[name])
        elif len(name) > 1:
            key = name.upper() if name[0] == "f" and name[1:].isdecimal() else _KEYSYMS.get(name, "")
        elif name.isascii() and name.isalnum():
            key = name
    return "+".join([*modifiers, key]) if key else ""
