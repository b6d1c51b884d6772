"""The commands' grammar as a graph of words that is small enough to be listened with fast.

pocketsphinx makes of JSGF such as ours (when it was smaller) 8,210 states and 58,000 transitions without a word, and
goes through all of them for each frame. The graph made here allows the same sentences with the same probabilities in a
seventh of the states and nearly without such transitions: commands are heard in less than half the time, and other
words of the user's are listened for after 0.2 s instead of 0.6.

A state is what may follow, its arcs: each a word and the next state, with the logarithm of its probability. So it is
built from the sentences' end, and what may be followed by the same is one state. (Where JSGF lets the very same words
be said in two ways, the likelier way counts, as it does for the recogniser.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(r"<\w+>|/[\d.]+/|[()\[\]|;=]|[^\s()\[\]|;=/<>]+")
_END = ("", -1)
"""Stands among a state's arcs where a sentence may end."""

_Alternatives = Sequence[tuple[float, Sequence["str | _Alternatives"]]]
"""Weights, and sequences of words, rules ("<name>") and further alternatives."""
_Arcs = dict[tuple[str, int], float]


def word_graph(jsgf: str) -> str:
    """The graph of a grammar as `jsgf.jsgf` writes it, in the FSG format of CMU Sphinx: a line for each transition.

    Such a line is TRANSITION, the numbers of two states, the probability, and the word, where there is one. No rule may
    contain itself. State 0 is the first.
    """
    rules = _parse(jsgf)
    graph = _Graph(rules)
    end = graph.state({_END: 0.0})
    start = graph.state(graph.rule("<command>", end))
    numbers = {start: 0}
    lines = []
    for state in (reached := [start]):
        for (word, after), likely in graph.states[state].items():
            if after not in numbers:
                numbers[after] = len(numbers)
                if after >= 0:
                    reached.append(after)
            lines.append(f"TRANSITION {numbers[state]} {numbers[after]} {math.exp(likely):.9g} {word}".rstrip())
    head = ["FSG_BEGIN commands", f"NUM_STATES {len(numbers)}", "START_STATE 0", f"FINAL_STATE {numbers[_END[1]]}"]
    return "\n".join([*head, *lines, "FSG_END"]) + "\n"


@dataclass(slots=True)
class _Graph:
    rules: dict[str, _Alternatives]
    states: list[_Arcs] = field(default_factory=list)
    _numbers: dict[frozenset[tuple[tuple[str, int], float]], int] = field(default_factory=dict)
    _made: dict[tuple[str, int], _Arcs] = field(default_factory=dict)

    def state(self, arcs: _Arcs) -> int:
        """The number of the state with these arcs."""
        key = frozenset(arcs.items())
        if key not in self._numbers:
            self._numbers[key] = len(self.states)
            self.states.append(arcs)
        return self._numbers[key]

    def rule(self, name: str, after: int) -> _Arcs:
        """The arcs where a rule begins that `after` follows."""
        if (name, after) not in self._made:
            self._made[name, after] = self._any_of(self.rules[name], after)
        return self._made[name, after]

    def _any_of(self, alternatives: _Alternatives, after: int) -> _Arcs:
        total = sum(weight for weight, _ in alternatives)
        arcs: _Arcs = {}
        for weight, sequence in alternatives:
            chosen = math.log(weight / total)
            for arc, likely in self._all_of(sequence, after).items():
                arcs[arc] = max(arcs.get(arc, -math.inf), round(chosen + likely, 9))
        return arcs

    def _all_of(self, sequence: Sequence[str | _Alternatives], after: int) -> _Arcs:
        arcs = self.states[after]
        for number, item in enumerate(reversed(sequence)):
            if number:
                after = self.state(arcs)
            if not isinstance(item, str):
                arcs = self._any_of(item, after)
            elif item.startswith("<"):
                arcs = self.rule(item, after)
            else:
                arcs = {(item, after): 0.0}
        return arcs


def _parse(jsgf: str) -> dict[str, _Alternatives]:
    """The grammar's rules by their names."""
    rules = {}
    for line in jsgf.splitlines():
        name, equals, body = line.removeprefix("public ").partition(" = ")
        if equals:
            rules[name] = _alternatives(iter(_TOKEN.findall(body)), ";")
    return rules


def _alternatives(tokens: Iterator[str], end: str) -> _Alternatives:
    found: list[tuple[float, Sequence[str | _Alternatives]]] = []
    weight, sequence = 1.0, list[str | _Alternatives]()
    for token in tokens:
        if token in (end, "|"):
            found.append((weight, sequence))
            weight, sequence = 1.0, []
            if token == end:
                break
        elif token == "(":
            sequence.append(_alternatives(tokens, ")"))
        elif token == "[":
            sequence.append([*_alternatives(tokens, "]"), (1.0, ())])
        elif token.startswith("/"):
            weight = float(token.strip("/"))
        elif token != "<NULL>":
            sequence.append(token)
    return found
