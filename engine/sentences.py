"""Where a text can be cut so that each part can be spoken by itself, and how long that takes."""

from __future__ import annotations

import re

_SHORTEST = 24
"""A shorter sentence is spoken together with the next one: "Yes." alone sounds cut off."""
_MS_PER_CHARACTER = 70
_END = re.compile(r"""(?<!\b\w)(?<!\d\d)(?<!Mr)(?<!Ms)(?<!Dr)[.!?…]["'”’)\]]*\s+(?=\S)|[。！？]|\n+""")


def sentences(text: str) -> list[str]:
    """The sentences of `text`, very short ones joined to the next; an empty list where there are no words."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() - start >= _SHORTEST and text[end.end() :].strip():
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [part for part in (*found, text[start:].strip()) if part]


def spoken_ms(text: str) -> int:
    """About how long `text` lasts when it is spoken, in milliseconds: some servers make speech no faster than that."""
    return len(text) * _MS_PER_CHARACTER
