"""The push-to-talk key as the setting writes it, like pynput: "<f9>", "<ctrl>+<space>", "<ctrl>+<alt>+h".

Nobody else knows how such a text is read. That a key can be written does not mean that it can talk: one that people
type with would listen at every word.
"""

from __future__ import annotations

import re

from engine.errors import BadInputError

MODIFIERS = frozenset({"ctrl", "alt", "shift", "cmd"})
_ONE_SIDED = frozenset({f"{name}_{side}" for name in MODIFIERS for side in "lr"} | {"alt_gr"})
# fmt: off
_TYPING = frozenset((
    "space", "enter", "tab", "backspace", "delete", "esc", "up", "down", "left", "right", "home", "end", "page_up",
    "page_down", "caps_lock", "num_lock",
))
_OTHERS = frozenset((
    "insert", "menu", "pause", "print_screen", "scroll_lock", "media_play_pause", "media_volume_mute",
    "media_volume_down", "media_volume_up", "media_previous", "media_next",
))
# fmt: on
_FUNCTION = re.compile(r"f([1-9]|1\d|20)")
_PART = re.compile(r"<(\w+)>|(.)")
_TAKEN = {
    frozenset({"ctrl", "c"}): "copies",
    frozenset({"ctrl", "x"}): "cuts",
    frozenset({"ctrl", "v"}): "pastes",
    frozenset({"ctrl", "z"}): "undoes",
    frozenset({"ctrl", "a"}): "selects all",
    frozenset({"ctrl", "s"}): "saves",
    frozenset({"alt", "tab"}): "changes the window",
    frozenset({"cmd", "tab"}): "changes the window",
    frozenset({"alt", "f4"}): "closes the window",
    frozenset({"ctrl", "alt", "delete"}): "is the system's own",
}
_REMEDY = "Take one such as <f9>, <ctrl>+<space> or <ctrl_r>."


def parts_of(keys: str) -> tuple[str, ...]:
    """The keys that are held together, in small letters: ("ctrl", "space"). Raises BadInputError for what is no key."""
    parts = []
    for part in _split(keys.strip().lower()):
        found = _PART.fullmatch(part)
        named = found[1] if found is not None else None
        if found is None or (named is not None and not _is_key(named)):
            raise BadInputError(
                f"hotkey: {keys!r} is not a key.", "Write it like <f9>, <ctrl>+<space> or <ctrl>+<alt>+h."
            )
        parts.append(named or found[2])
    return tuple(parts)


def words_of(keys: str) -> str:
    """The keys as people write them: "Ctrl+Space", "Right Ctrl"."""
    return "+".join(_word(part.strip("<> ").lower()) for part in _split(keys))


def require_talk_key(keys: str) -> None:
    """Raise BadInputError, with what to take instead, where `keys` cannot be the talk key or would be a nuisance."""
    parts = parts_of(keys)
    words, held = words_of(keys), frozenset(parts)
    main = [part for part in parts if part not in MODIFIERS | _ONE_SIDED]
    if len(held) < len(parts) or len(main) > 1:
        raise BadInputError(f"hotkey: {words} is more than one key with Ctrl, Alt, Shift or Cmd.", _REMEDY)
    if held in _TAKEN:
        raise BadInputError(f"hotkey: {words} {_TAKEN[held]} in other programs, which get it, too.", _REMEDY)
    plain = held <= {*main, "shift"}
    if main and plain and (len(main[0]) == 1 or main[0] in _TYPING):
        raise BadInputError(f"hotkey: {words} is for typing: Hark would listen each time.", _REMEDY)
    if not main and len(held) == 1 and held <= MODIFIERS:
        raise BadInputError(f"hotkey: {words} alone is part of other keys: Hark would listen each time.", _REMEDY)


def _split(keys: str) -> list[str]:
    """Parted at each plus but one that is the key itself, as in "<ctrl>++"."""
    return re.split(r"(?<=[^+])\+", keys) if keys != "+" else ["+"]


def _word(name: str) -> str:
    if name in _ONE_SIDED and name != "alt_gr":
        return f"{'Right' if name.endswith('r') else 'Left'} {name[:-2].title()}"
    return name.replace("_", " ").title()


def _is_key(name: str) -> bool:
    known = MODIFIERS | _ONE_SIDED | _TYPING | _OTHERS
    return name in known or name.isdecimal() or _FUNCTION.fullmatch(name) is not None
