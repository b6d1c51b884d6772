"""What can be said without a network, read from one source and given in the two forms that need it.

The files of `resources/grammar/en`, one for each field of work, are in hassil's template format
with a few keys of ours. From them come the templates that understand a command and the JSGF grammar
that the recogniser listens with, so that whatever is recognised is understood. Importing this
module is cheap; loading the grammar takes about 0.2 s, most of it hassil's import.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# By path: importlib.resources cannot read a namespace package of an editable install.
_FOLDER = Path(__file__).parents[3] / "resources" / "grammar" / "en"
# A file each; help offers their commands in this order.
_FIELDS = ("clock", "console", "tasks", "reminders", "mail", "calendar", "general")


@dataclass(frozen=True, slots=True)
class Understood:
    """A command that the templates recognised.

    `tool` is the tool's name and `arguments` its raw arguments; `reply` is the answer of a
    command that needs no tool, else empty.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The commands of one language.

    `jsgf` is the recogniser's grammar, `pronunciations` maps words that its dictionary lacks to
    CMU phones. By a tool's name, `distance_limits` gives how unlike its command's sounds may be to
    those spoken, and `examples` a wording that is sure to be understood. `question` is what Hark
    asks where a new task lacks its title.
    """

    jsgf: str
    pronunciations: dict[str, str]
    distance_limits: dict[str, float]
    examples: dict[str, str]
    question: str
    _intents: Any = field(repr=False)
    _polite: re.Pattern[str] = field(repr=False)

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
        return Understood(result.intent.name, arguments, (result.intent_metadata or {}).get("reply", ""))

    def _without_politeness(self, text: str) -> str:
        """`text` on one line, without "please" and the like at either end."""
        plain = " ".join(text.replace("’", "'").split())
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
            source[key] = source.get(key, {}) | value if isinstance(value, dict) else value
    polite = source["polite"]
    before, after = (_any_of(polite[place] + polite[f"typed_{place}"]) for place in ("before", "after"))
    return Grammar(
        jsgf="\n".join(_jsgf(source)) + "\n",
        pronunciations=source["pronunciations"],
        distance_limits=source["distance_limits"],
        examples=source["examples"],
        question=source["intents"]["ask_for_title"]["data"][0]["metadata"]["reply"],
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


def _jsgf(source: dict[str, Any]) -> Iterator[str]:
    """The lines of the JSGF grammar: one rule for each intent, list and expansion rule."""
    yield "#JSGF V1.0;"
    yield "grammar hark;"
    spoken = {
        name: [
            template
            for block in intent["data"]
            if not block.get("metadata", {}).get("typed_only")
            for template in block.get("metadata", {}).get("heard", block["sentences"])
        ]
        for name, intent in source["intents"].items()
    }
    spoken = {name: templates for name, templates in spoken.items() if templates}
    intents = " | ".join(f"<intent_{name}>" for name in spoken)
    polite = "( /0.02/ <{}> | /0.98/ <NULL> )"
    yield f"public <command> = {polite.format('before')} ( {intents} ) {polite.format('after')};"
    rules = {f"intent_{name}": templates for name, templates in spoken.items()}
    rules |= {place: source["polite"][place] for place in ("before", "after")}
    for name, values in source["lists"].items():
        rules[f"list_{name}"] = (
            [source["spoken"][name]] if values.get("wildcard") else [value["in"] for value in values["values"]]
        )
    rules |= {f"rule_{name}": [template] for name, template in source["expansion_rules"].items()}
    for name, templates in rules.items():
        yield f"<{name}> = {' | '.join(_alternatives(templates))};"


def _alternatives(templates: Iterable[str]) -> Iterator[str]:
    import hassil

    for template in templates:
        yield _jsgf_of(hassil.parse_sentence(template).expression)


def _jsgf_of(expression: Any) -> str:
    """A hassil expression in JSGF's notation; empty for an empty one."""
    import hassil

    match expression:
        case hassil.TextChunk():
            return " ".join(expression.text.lower().split())
        case hassil.ListReference():
            return f"<list_{expression.list_name}>"
        case hassil.RuleReference():
            return f"<rule_{expression.rule_name}>"
        case hassil.Alternative():
            parts = [part for part in map(_jsgf_of, expression.items) if part]
            joined = " | ".join(parts)
            return f"[ {joined} ]" if expression.is_optional else f"( {joined} )"
        case hassil.Sequence():
            return " ".join(part for part in map(_jsgf_of, expression.items) if part)
        case _:
            raise ValueError(f"The grammar uses {type(expression).__name__}, which the recogniser's grammar has not")
