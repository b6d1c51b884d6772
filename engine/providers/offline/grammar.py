"""What can be said without a network, read from one source and given in the two forms that need it.

The files of `resources/grammar/en`, one for each field of work, are in hassil's template format
with a few keys of ours. From them come the templates that understand a command and the JSGF grammar
that the recogniser listens with, so that whatever is recognised is understood. Importing this
module is cheap; loading the grammar takes about 0.2 s, most of it hassil's import.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.providers import Vocabulary
from engine.providers.offline.jsgf import jsgf, jsgf_rules

# By path: importlib.resources cannot read a namespace package of an editable install.
_FOLDER = Path(__file__).parents[3] / "resources" / "grammar" / "en"
# A file each; help offers their commands in this order.
_HYPHENED = re.compile(r"\b(e)-(mails?)\b", re.IGNORECASE)
"""Not two wordings in the grammar: they sound alike, and the recogniser would write now one, now the other."""
_FIELDS = ("clock", "console", "tasks", "reminders", "mail", "calendar", "general")


@dataclass(frozen=True, slots=True)
class Understood:
    """A command that the templates recognised.

    `tool` is the tool's name and `arguments` its raw arguments, `free` those that are any words; `reply` is the
    answer of a command that needs no tool, else empty.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    reply: str = ""
    free: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The commands of one language.

    `pronunciations` maps words that the recogniser's dictionary lacks to CMU phones. `doing` are
    the tools that change something, `examples` gives by a tool's name a wording that is sure to be
    understood. `question` is what Hark asks where a new task lacks its title.
    """

    pronunciations: dict[str, str]
    doing: frozenset[str]
    examples: dict[str, str]
    question: str
    _rules: dict[str, str] = field(repr=False)
    _intents: Any = field(repr=False)
    _polite: re.Pattern[str] = field(repr=False)

    def jsgf(self, vocabulary: Vocabulary, silent: frozenset[str] = frozenset()) -> str:
        """The recogniser's grammar (JSGF) of all commands, with the user's own words but the `silent` ones."""
        return jsgf(self._rules, vocabulary, silent)

    def understand(self, text: str) -> Understood | None:
        """Return the command that `text` gives, or None where it is none of ours."""
        import hassil

        plain = self._without_politeness(text)
        result = hassil.recognize_best(plain, self._intents) if plain else None
        if result is None:
            return None
        arguments = {
            name: _as_written(entity.value, text) if entity.is_wildcard else entity.value
            for name, entity in result.entities.items()
        }
        free = tuple(name for name, entity in result.entities.items() if entity.is_wildcard)
        return Understood(result.intent.name, arguments, (result.intent_metadata or {}).get("reply", ""), free)

    def free_words(self, text: str) -> tuple[str, ...]:
        """The names and other free words in a command, as they stand in `text`; all of it where it is no command."""
        understood = self.understand(text)
        if understood is None:
            return (text,) if text.strip() else ()
        return tuple(understood.arguments[name] for name in understood.free)

    def _without_politeness(self, text: str) -> str:
        """`text` on one line as the grammar spells it, without "please" and the like at either end."""
        plain = _HYPHENED.sub(r"\1\2", " ".join(text.replace("’", "'").split()))
        while (shorter := self._polite.sub("", plain).strip()) != plain:
            plain = shorter
        return plain


class SharedGrammar:
    """The grammar, read when first needed and then shared."""

    def __init__(self) -> None:
        self._loaded: Grammar | None = None
        self._loading = asyncio.Lock()

    async def load(self) -> Grammar:
        """Return the grammar; the first call reads it in a thread."""
        async with self._loading:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(load_grammar)
            return self._loaded


def load_grammar() -> Grammar:
    """Read the grammar. It ships with Hark, so an error in it is a bug and raises as it is."""
    import hassil
    import yaml  # type: ignore[import-untyped]

    source: dict[str, Any] = {}
    for name in _FIELDS:
        for key, value in yaml.safe_load((_FOLDER / f"{name}.yaml").read_text("utf-8")).items():
            if isinstance(value, (dict, list)):
                value = source.get(key, {}) | value if isinstance(value, dict) else [*source.get(key, []), *value]
            source[key] = value
    polite = source["polite"]
    before, after = (_any_of(polite[place] + polite[f"typed_{place}"]) for place in ("before", "after"))
    return Grammar(
        pronunciations=source["pronunciations"],
        doing=frozenset(source["doing"]),
        examples=source["examples"],
        question=source["intents"]["ask_for_title"]["data"][0]["metadata"]["reply"],
        _rules=jsgf_rules(source),
        _intents=hassil.Intents.from_dict(source),
        _polite=re.compile(rf"^\W*(?:{before})\b[\s,]*|[\s,]*\b(?:{after})\W*$", re.IGNORECASE),
    )


def _as_written(value: str, text: str) -> str:
    """Find `value`, which hassil stripped of punctuation, in `text` and return it as the person wrote it."""
    words = [re.escape(word) for word in re.findall(r"\w+", value)]
    found = re.search(r"\b" + r"\W+".join(words) + r"\b[%)\]]*", text.replace("’", "'")) if words else None
    return found.group() if found else value


def _any_of(templates: Iterable[str]) -> str:
    """A regular expression of the wordings of `templates`, longest first."""
    import hassil

    wordings = {
        " ".join(wording.split())
        for template in templates
        for wording in hassil.sample_expression(hassil.parse_sentence(template).expression)
    }
    return "|".join(re.escape(wording) for wording in sorted(wordings, key=len, reverse=True))
