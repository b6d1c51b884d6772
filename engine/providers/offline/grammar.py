"""What can be said without a network, read from one source and given in the two forms that need it.

The files of `resources/grammar/en`, one for each field of work, are in hassil's template format
with a few keys of ours. From them come the templates that understand a command and the JSGF grammar
that the recogniser listens with, so that whatever is recognised is understood. Importing this
module is cheap; loading the grammar takes about 0.2 s, most of it hassil's import.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.providers import Vocabulary
from engine.providers.offline.first_words import ByFirstWord
from engine.providers.offline.free_words import MUST_BE, QUESTION_WORD
from engine.providers.offline.jsgf import jsgf, jsgf_rules
from engine.providers.offline.slips import Slips

# By path: importlib.resources cannot read a namespace package of an editable install.
_FOLDER = Path(__file__).parents[3] / "resources" / "grammar" / "en"
LONGEST = 4_000
"""Characters. A longer text is none of ours: hassil's time grows with the square, and 20,000 took it half a minute."""
_HYPHENED = re.compile(r"\b(e)-(mails?)\b", re.IGNORECASE)
"""Not two wordings in the grammar: they sound alike, and the recogniser would write now one, now the other."""
_MOST_POLITE = 10
"""So often a "please" and the like is taken off either end: each time reads the text once, which may be long."""
_OWN_WORK = r"(?:i|we|let)(?:'\w+)?(?: (?!you\b)[\w']+){0,3}? (?:finish|complete)(?:e?d)?\b"
"""With this "I need to" is no politeness: "I need to finish the report" says that the report is not done."""
# A file each; help offers their commands in this order.
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

    `pronunciations` maps words that the recogniser's dictionary lacks to CMU phones. `examples` gives by a tool's name
    a wording that is sure to be understood. `questions` are what Hark asks where a command lacks something, such as a
    new task its title: to each the command with a place for the answer, `{}`.
    """

    pronunciations: dict[str, str]
    examples: dict[str, str]
    questions: dict[str, str]
    _rules: dict[str, str] = field(repr=False)
    _templates: ByFirstWord = field(repr=False)
    _slips: Slips = field(repr=False)
    _polite: re.Pattern[str] = field(repr=False)
    _asking: re.Pattern[str] = field(repr=False)
    _inverted: tuple[tuple[re.Pattern[str], str], ...] = field(repr=False)

    def jsgf(self, vocabulary: Vocabulary, silent: frozenset[str] = frozenset()) -> str:
        """The recogniser's grammar (JSGF) of all commands, with the user's own words but the `silent` ones."""
        return jsgf(self._rules, vocabulary, silent)

    def understand(self, text: str) -> Understood | None:
        """Return the command that `text` gives, or None where it is none of ours or longer than `LONGEST`."""
        if len(text) > LONGEST:
            return None
        result = next(filter(None, map(self._best, self._readings(text))), None)
        if result is None:
            return None
        arguments = {
            name: _as_written(entity.value, text) if entity.is_wildcard else entity.value
            for name, entity in result.entities.items()
        }
        free = tuple(name for name, entity in result.entities.items() if entity.is_wildcard)
        return Understood(result.intent.name, arguments, (result.intent_metadata or {}).get("reply", ""), free)

    def _best(self, plain: str) -> Any:
        """The match with the fewest free words whose free words are what they must be; None where there is none."""
        import hassil

        results = sorted(hassil.recognize_all(plain, self._templates.intents(plain)), key=_worse) if plain else []
        return next((result for result in results if _holds(result)), None)

    def free_words(self, text: str) -> tuple[str, ...]:
        """The names and other free words in a command, as they stand in `text`; all of it where it is no command."""
        understood = self.understand(text)
        if understood is None:
            return (text,) if text.strip() else ()
        return tuple(understood.arguments[name] for name in understood.free)

    def mended(self, text: str) -> str:
        """The command that `text`, which is none, may be misspelt; "" where it is like none. Free words stay."""
        for reading in self._slips.readings(text):
            understood = self.understand(" ".join(reading))
            if understood is None:
                continue
            free = {word for name in understood.free for word in understood.arguments[name].split()}
            kept = " ".join(was if word in free else word for was, word in zip(text.split(), reading, strict=True))
            # A day is among the free words, and has to be one.
            return kept if self.understand(kept) is not None else " ".join(reading)
        return ""

    def _readings(self, text: str) -> Iterator[str]:
        """`text` on one line as the grammar spells it, in the ways it may be meant, the likeliest first.

        That is without "please" and the like at either end, then without "tell me" before a question, as the question
        that "if I have mail" stands for, and with ever more of it: "thanks" may be the email that is to be sent.
        """
        whole = _HYPHENED.sub(r"\1\2", " ".join(text.replace("’", "'").split()))
        plain, longer = whole, [whole]
        for _ in range(_MOST_POLITE):
            if (shorter := self._polite.sub("", plain).strip()) in (plain, ""):
                break
            plain = shorter
            longer.insert(0, plain)
        kept = whole[whole.find(plain) :]
        asked, asked_kept = (self._asking.sub("", words) for words in (plain, kept))
        direct = (pattern.sub(question, asked) for pattern, question in self._inverted if pattern.match(asked))
        yield from dict.fromkeys((plain, asked, *direct, kept, asked_kept, *longer))


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
    import yaml  # type: ignore[import-untyped]

    source: dict[str, Any] = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former, where there is one, reads nine times as fast
    for name in _FIELDS:
        for key, value in yaml.load((_FOLDER / f"{name}.yaml").read_text("utf-8"), loader).items():
            if isinstance(value, (dict, list)):
                value = source.get(key, {}) | value if isinstance(value, dict) else [*source.get(key, []), *value]
            source[key] = value
    polite = source["polite"]
    before, after = (_any_of(polite[place] + polite[f"typed_{place}"]) for place in ("before", "after"))
    return Grammar(
        pronunciations=source["pronunciations"],
        examples=source["examples"],
        questions={
            told["reply"]: told["answer"]
            for intent in source["intents"].values()
            for block in intent["data"]
            if "answer" in (told := block.get("metadata", {}))
        },
        _rules=jsgf_rules(source),
        _templates=ByFirstWord(source),
        _slips=Slips(_templates(source)),
        _polite=re.compile(
            rf"^(?!\W*{_OWN_WORK})\W*(?:{before})\b[\s,]*|(?<![\s,])[\s,]*\b(?:{after})\W*$", re.IGNORECASE
        ),
        _asking=re.compile(rf"^(?:{_any_of(polite['asking'])}) (?={QUESTION_WORD}\b)", re.IGNORECASE),
        _inverted=tuple((re.compile(pattern, re.IGNORECASE), question) for pattern, question in source["inverted"]),
    )


def _templates(source: Mapping[str, Any]) -> Iterator[str]:
    """All that has a template's words."""
    for intent in source["intents"].values():
        for block in intent["data"]:
            yield from block["sentences"]
    for values in source["lists"].values():
        yield from (value["in"] for value in values.get("values", []))
    yield from source["expansion_rules"].values()
    for wordings in source["polite"].values():
        yield from wordings


def _worse(result: Any) -> tuple[int, int, int, str]:
    """Orders matches, the best first: with fewer free words, then with more of the template's own."""
    free = [entity.text or "" for entity in result.entities_list if entity.is_wildcard]
    return len(free), -result.text_chunks_matched, sum(map(len, free)), result.intent.name


def _holds(result: Any) -> bool:
    """Whether a match's free words are what its template's `must` says."""
    must = (result.intent_metadata or {}).get("must", {})
    return all(
        MUST_BE[kind](str(result.entities[name].value)) for name, kind in must.items() if name in result.entities
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
