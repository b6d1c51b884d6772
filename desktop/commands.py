"""The catalogue: everything that can be called by name or by key, each thing declared once.

The palette, the sheet of keys, the menus and the window's shortcuts are all made from it. It hides how
a command is found by a few typed letters, and what may forbid one: its own state, or a guard over all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

RECENT = 6
"""So many of the commands run last are told first."""


def _nothing_against() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do. `refusal` says why it cannot be done now ("": it can).

    `key` names it for good; `keywords` are other words that it is looked for by. One that `writes` changes
    something in Redis, and a `dangerous` one among them cannot simply be taken back. Where `held` names the
    place of a key, the key works there only and another part of the window listens for it.
    """

    key: str
    group: str
    text: str
    run: Callable[[], None]
    keywords: str = ""
    shortcut: str = ""
    held: str = ""
    listed: bool = True
    """Whether the palette offers it."""
    writes: bool = False
    dangerous: bool = False
    refusal: Callable[[], str] = _nothing_against


@dataclass(frozen=True, slots=True)
class Key:
    """A key of one place that the sheet tells of, and that no command stands for: "Enter" opens the chosen job."""

    group: str
    text: str
    shortcut: str


class Catalogue(QObject):
    """All commands. `ran` tells that one was run, whichever way."""

    ran = Signal(str)
    """The key of the command."""
    changed = Signal()
    """What a source has to offer is another thing now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}
        self._sources: list[Callable[[], Iterable[Command]]] = []
        self._typed: list[Callable[[str], Iterable[Command]]] = []
        self._guards: list[Callable[[Command], str]] = []
        self.keys: list[Key] = []
        self.recent: list[str] = []
        """Keys of the commands that were run from the palette, the last first."""

    def add(self, *commands: Command) -> None:
        """Enter commands that are always there. Raises ValueError for a key that is taken."""
        for command in commands:
            if command.key in self._commands:
                raise ValueError(f"There is a command {command.key!r} already.")
            self._commands[command.key] = command

    def add_source(self, make: Callable[[], Iterable[Command]]) -> None:
        """Enter commands that come and go; `make` is asked whenever they are wanted."""
        self._sources.append(make)

    def add_typed(self, make: Callable[[str], Iterable[Command]]) -> None:
        """Enter commands made from what was typed, such as the opening of a job by its id."""
        self._typed.append(make)

    def add_keys(self, *keys: Key) -> None:
        """Tell the sheet of keys that belong to one place."""
        self.keys += keys

    def guard(self, check: Callable[[Command], str]) -> None:
        """Let `check` forbid commands, such as all that write: it gives the reason, or "" where it minds nothing."""
        self._guards.append(check)

    def commands(self) -> tuple[Command, ...]:
        """Those that are always there, then those of the sources."""
        return (*self._commands.values(), *(command for make in self._sources for command in make()))

    def command(self, key: str) -> Command:
        """The command of this key. Raises KeyError."""
        if key in self._commands:
            return self._commands[key]
        return next((command for command in self.commands() if command.key == key), None) or self._commands[key]

    def refusal(self, command: Command) -> str:
        """Why it cannot be run now; "" where it can."""
        return next((reason for check in self._guards if (reason := check(command))), "") or command.refusal()

    def run(self, command: Command) -> str:
        """Run it, and tell why not where it cannot be run."""
        reason = self.refusal(command)
        if not reason:
            self.ran.emit(command.key)
            command.run()
        return reason

    def memory(self) -> dict[str, Any]:
        """The commands run last, to be kept."""
        return {"recent": self.recent}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take them up again. Raises KeyError or TypeError for what cannot be made out."""
        self.recent = [str(key) for key in memory["recent"]][:RECENT]

    def remember(self, command: Command) -> None:
        """It was chosen in the palette: next time it is among the first."""
        self.recent = [command.key, *(key for key in self.recent if key != command.key)][:RECENT]

    def offered(self, typed: str) -> list[Command]:
        """What fits the typed letters, the best first; with nothing typed, all, those run last first."""
        words = typed.casefold().split()
        if not words:
            known = {command.key: command for command in self.commands() if command.listed}
            first = [known.pop(key) for key in self.recent if key in known]
            return [*first, *known.values()]
        listed = (command for command in self.commands() if command.listed)
        scored = [(score, command) for command in listed if (score := fit(words, command)) is not None]
        scored.sort(key=lambda pair: (-pair[0], pair[1].key not in self.recent))
        found = [command for _, command in scored]
        # What is made of the letters themselves comes first only where it is all there is.
        return [*found, *(command for make in self._typed for command in make(typed.strip()))]


def fit(words: list[str], command: Command) -> float | None:
    """How well a command fits all of the words (more is better), or None where one of them is not in it."""
    text, more = command.text.casefold(), f"{command.group} {command.keywords}".casefold()
    total = 0.0
    for word in words:
        score = _word_fit(word, text)
        if score is None:
            other = _word_fit(word, more)
            # By its other names it is meant less, and scattered letters in them mean nothing.
            if other is None or other < _INSIDE:
                return None
            score = other * 0.6
        total += score
    return total / len(words) - len(text) / 1_000


_BEGINNING, _WORD, _INSIDE = 10.0, 8.0, 5.0


def _word_fit(word: str, text: str) -> float | None:
    """By whether the text begins with the word, a word of it does, or it is inside, if only its letters in order."""
    if text.startswith(word):
        return _BEGINNING
    if f" {word}" in text:
        return _WORD
    if word in text:
        return _INSIDE
    place, gaps, initials = -1, 0, 0
    for letter in word:
        found = text.find(letter, place + 1)
        if found < 0:
            return None
        gaps += found - place - 1 if place >= 0 else 0
        initials += found == 0 or text[found - 1] == " "
        place = found
    if not initials:
        return None
    return 1.0 + 2.0 * initials / len(word) - min(1.0, gaps / 40)
