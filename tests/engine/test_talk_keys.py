"""Which keys may be the push-to-talk key, and how they are told."""

from __future__ import annotations

import pytest

from engine.errors import BadInputError
from engine.settings.talk_keys import parts_of, require_talk_key, words_of


@pytest.mark.parametrize(
    ("keys", "parts", "words"),
    [
        ("<f9>", ("f9",), "F9"),
        ("<Ctrl>+<Space>", ("ctrl", "space"), "Ctrl+Space"),
        ("<ctrl>+<alt>+h", ("ctrl", "alt", "h"), "Ctrl+Alt+H"),
        ("<ctrl>++", ("ctrl", "+"), "Ctrl++"),
        ("<ctrl>+<cmd>", ("ctrl", "cmd"), "Ctrl+Cmd"),
        ("<ctrl_r>", ("ctrl_r",), "Right Ctrl"),
        ("<page_up>", None, "Page Up"),
    ],
)
def test_a_key_is_read_and_told(keys: str, parts: tuple[str, ...] | None, words: str) -> None:
    assert words_of(keys) == words
    if parts is not None:
        assert parts_of(keys) == parts
        require_talk_key(keys)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("f9", "is not a key"),
        ("<f99>", "is not a key"),
        ("<ctrl>+", "is not a key"),
        ("", "is not a key"),
        ("<space>", "is for typing"),
        ("<shift>+a", "is for typing"),
        ("<page_up>", "is for typing"),
        ("<ctrl>", "is part of other keys"),
        ("<f9>+<f10>", "is more than one key"),
        ("<ctrl>+<ctrl>", "is more than one key"),
        ("<ctrl>+c", "copies in other programs"),
        ("<alt>+<f4>", "closes the window"),
    ],
)
def test_what_is_no_key_or_a_nuisance_is_refused(keys: str, why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        require_talk_key(keys)
