"""Which failures are alike: a signature of the error's type, its message without what varies, and its last frames.

Two jobs that failed for one reason say it with other numbers, ids, addresses and names in quotes; folding those
makes them one group, whose count and trend tell more than a list of a thousand tracebacks.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from types import TracebackType

_FRAMES = 3
_TITLE_LENGTH = 200
_LOOKED_AT = 2000
"""Characters of a message that count: folding a megabyte in one line would take seconds."""

# In this order: what contains numbers goes before the numbers.
_FOLDS = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\w+://\S+"), "<url>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-z]*\d)(?=[0-9a-z]*[a-z])[0-9a-z]{12,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?<![\w/])/(?:[\w.@+-]+/)+[\w.@+-]*"), "<path>"),
    # An apostrophe within a word is no quote.
    (re.compile(r"(?<!\w)'[^'\n]{1,200}'(?!\w)|\"[^\"\n]{1,200}\""), "<text>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
)


def folded(message: str) -> str:
    """The first line of a message with ids, addresses, times, quoted words and numbers taken out."""
    line = message.strip().partition("\n")[0][:_LOOKED_AT]
    for pattern, name in _FOLDS:
        line = pattern.sub(name, line)
    return line[:_TITLE_LENGTH]


def last_frames(trace: TracebackType | None) -> tuple[str, ...]:
    """Where an error came from: the last three frames as `file:function`, without lines, which each edit moves."""
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return tuple(f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.name}" for frame in frames)


def signature_of(kind: str, message: str, frames: tuple[str, ...] = ()) -> tuple[str, str]:
    """The signature (12 hex digits) of a failure and its title, the folded message."""
    title = folded(message) or kind
    digest = hashlib.sha256("\n".join((kind, title, *frames)).encode(errors="replace"))
    return digest.hexdigest()[:12], title
