"""A command and what is heard of it while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Action:
    """A thing that a command did: the tool's name, its arguments, and whether it worked."""

    name: str
    arguments: dict[str, Any]
    outcome: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Something happened to a spoken or typed command; `trace` tells which command."""

    trace: str


@dataclass(frozen=True, slots=True)
class StageTimed(VoiceEvent):
    """A stage (`transcription`, `voice-processing`, `synthesis`) is done: how long it waited and ran."""

    queue: str
    waited_ms: int
    ran_ms: int


@dataclass(frozen=True, slots=True)
class Hearing(VoiceEvent):
    """The transcript as far as it is known; `Heard` brings the whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Heard(VoiceEvent):
    """The transcript.

    `guessed` are parts of the text, names and free words, that the recogniser of this machine chose among those that
    it knows: they may be others that sound alike, and are to be shown for correction.
    """

    text: str
    guessed: tuple[str, ...] = ()


HELD_MS = 5 * 60_000
"""How long a question waits for its yes, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Replied(VoiceEvent):
    """The answer in words, and what was done for it.

    With `asks` the words are a question: something waits for the conversation's next command to say yes or no,
    for `HELD_MS`.
    """

    text: str
    actions: tuple[Action, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Speaking(VoiceEvent):
    """A part of the answer's sound, as FLAC bytes, before all of it is there; parts come in order."""

    flac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken(VoiceEvent):
    """The answer's whole sound, as FLAC bytes; where it came in parts, they have all been told before."""

    flac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting(VoiceEvent):
    """The command is kept but cannot go on yet: why, and what to do; "" once it goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class Cancelled(VoiceEvent):
    """The person took the command back; what it had done by then stays done."""


@dataclass(frozen=True, slots=True)
class CommandFailed(VoiceEvent):
    """A stage failed for good; the message carries its remedy."""

    queue: str
    message: str
