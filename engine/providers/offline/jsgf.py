"""The grammar as the recogniser needs it: JSGF, from the same templates, with the user's own words in their places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.providers import Vocabulary

_MOST_OWN = {"people": 100, "tasks": 60, "events": 60}
_MOST_WORDS = 8
_APOSTROPHES = str.maketrans("’`", "''")


def jsgf_rules(source: Mapping[str, Any]) -> dict[str, str]:
    """The rules of the grammar by name, one for each intent, list and expansion rule; "command" is the whole."""
    spoken = {
        name: [
            template
            for block in intent["data"]
            if not block.get("metadata", {}).get("typed_only")
            for template in block.get("metadata", {}).get("heard", block["sentences"])
        ]
        for name, intent in source["intents"].items()
    }
    templates = {f"intent_{name}": heard for name, heard in spoken.items() if heard}
    intents = " | ".join(f"<{name}>" for name in templates)
    templates |= {place: source["polite"][place] for place in ("before", "after")}
    for name, values in source["lists"].items():
        if not values.get("wildcard"):
            templates[f"list_{name}"] = [value["in"] for value in values["values"]]
        elif name in source["spoken"]:
            templates[f"list_{name}"] = [source["spoken"][name]]
    templates |= {f"rule_{name}": [template] for name, template in source["expansion_rules"].items()}
    rules = {name: " | ".join(_alternatives(heard)) for name, heard in templates.items()}
    polite = "( /0.02/ <{}> | /0.98/ <NULL> )"
    rules["command"] = f"{polite.format('before')} ( {intents} ) {polite.format('after')}"
    return rules


def jsgf(rules: Mapping[str, str], vocabulary: Vocabulary, silent: frozenset[str] = frozenset()) -> str:
    """The JSGF text. A rule `rule_own_people` (tasks, events) holds the user's own words besides those it has.

    Phrases with a word that is `silent`, which nobody knows how to say, are left out.
    """
    lines = ["#JSGF V1.0;", "grammar hark;"]
    for name, rule in rules.items():
        place = name.removeprefix("rule_own_")
        own = [phrase for phrase in _own_phrases(vocabulary, place) if silent.isdisjoint(phrase.split())]
        public = "public " if name == "command" else ""
        lines.append(f"{public}<{name}> = {' | '.join([*own, rule])};")
    return "\n".join(lines) + "\n"


def own_words(vocabulary: Vocabulary) -> list[str]:
    """The words of a vocabulary as they are spoken, each once."""
    phrases = [phrase for place in _MOST_OWN for phrase in _own_phrases(vocabulary, place)]
    return sorted({word for phrase in phrases for word in phrase.split()})


def _own_phrases(vocabulary: Vocabulary, place: str) -> list[str]:
    """The vocabulary's phrases for one place as they are spoken, each once; what has no words is left out."""
    phrases: dict[str, None] = {}
    for text in getattr(vocabulary, place) if place in _MOST_OWN else ():
        words = _spoken_words(text)
        if 0 < len(words) <= _MOST_WORDS:
            phrases[" ".join(words)] = None
            if place == "people":
                phrases[words[0]] = None  # people are called by their first names
    return list(phrases)[: _MOST_OWN.get(place, 0)]


def _spoken_words(text: str) -> list[str]:
    """`text` in the words that are said for it, in plain lower-case letters; nothing where it holds digits."""
    if any(character.isdigit() for character in text):
        return []
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    return re.findall(r"[a-z]+(?:'[a-z]+)*", plain.encode("ascii", "ignore").decode())


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
