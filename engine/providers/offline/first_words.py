"""The templates that a sentence may match, by its first word: few of all, and only those are ever read.

hassil reads all templates before the first sentence and tries each with every one. With as many wordings as people
have that takes 0.3 s once and several milliseconds a sentence; and most begin with other words than the sentence does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"[()\[\]|]|<\w+>|\{[\w:]+\}|[^\s()\[\]|<>{}]+")
_WORD = re.compile(r"[^\W_][\w']*")
_ANY = ""
"""Stands for the first word of what begins with free words."""
_END = ";"


class ByFirstWord:
    """A grammar's templates, given out by a sentence's first word. `source` is hassil's format as read from YAML."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        import hassil
        from hassil.intents import IntentData

        self._rules: Mapping[str, str] = source["expansion_rules"]
        self._lists: Mapping[str, Any] = source["lists"]
        self._known: dict[str, tuple[set[str], bool]] = {}
        self._empty = hassil.Intents.from_dict({**source, "intents": {}})
        self._starting: dict[str, list[tuple[str, Any]]] = {_ANY: []}
        """By a first word the templates that begin so, each with its intent."""
        self._ready: dict[str, Any] = {}
        wildcards = {name for name, values in self._lists.items() if values.get("wildcard")}
        for intent, known in source["intents"].items():
            for block in known["data"]:
                for template in block["sentences"]:
                    # hassil reads a template when it is first tried.
                    data = IntentData([template], metadata=block.get("metadata"), wildcard_list_names=wildcards)
                    first, _ = self._first(iter([*_TOKEN.findall(template), _END]), _END)
                    for word in {_ANY} if _ANY in first else first:
                        self._starting.setdefault(word, []).append((intent, data))

    def intents(self, sentence: str) -> Any:
        """hassil's intents, with the templates that `sentence` may match."""
        from hassil.intents import Intent, Intents

        found = _WORD.search(sentence)
        word = found.group().casefold() if found else _ANY
        if word not in self._starting:
            word = _ANY
        if word not in self._ready:
            templates: dict[str, list[Any]] = {}
            for intent, data in self._starting[_ANY] + (self._starting[word] if word != _ANY else []):
                templates.setdefault(intent, []).append(data)
            self._ready[word] = Intents(
                self._empty.language,
                {name: Intent(name, data) for name, data in templates.items()},
                self._empty.slot_lists,
                self._empty.expansion_rules,
            )
        return self._ready[word]

    def _first(self, tokens: Iterator[str], end: str) -> tuple[set[str], bool]:
        """The words that alternatives up to `end` may begin with, and whether they may have no words at all."""
        found = set[str]()
        beginning, may_be_empty = True, False
        for token in tokens:
            if token in ("|", end):
                may_be_empty |= beginning
                beginning = True
                if token == end:
                    break
                continue
            if token in "([":
                first, empty = self._first(tokens, ")" if token == "(" else "]")
                empty |= token == "["
            elif token.startswith(("<", "{")):
                first, empty = self._first_of(token.strip("<>{}").partition(":")[0], token.startswith("<"))
            else:
                word = _WORD.search(token)
                first, empty = ({word.group().casefold()}, False) if word else (set(), True)
            if beginning:
                found |= first
                beginning = empty
        return found, may_be_empty

    def _first_of(self, name: str, is_rule: bool) -> tuple[set[str], bool]:
        """As `_first`, of a rule or a list."""
        key = f"{is_rule} {name}"
        if key not in self._known:
            if is_rule:
                text = self._rules[name]
            elif self._lists[name].get("wildcard"):
                return {_ANY}, False
            else:
                text = " | ".join(value["in"] for value in self._lists[name]["values"])
            self._known[key] = self._first(iter([*_TOKEN.findall(text), _END]), _END)
        return self._known[key]
