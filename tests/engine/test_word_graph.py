"""The graph that the offline recogniser listens with: the grammar's sentences, as likely as they are there."""

from __future__ import annotations

import pytest

from engine.providers import Vocabulary
from engine.providers.offline.grammar import load_grammar
from engine.providers.offline.word_graph import word_graph

HEAD = "#JSGF V1.0;\ngrammar hark;\n"


class Graph:
    """A graph in the FSG format, read."""

    def __init__(self, text: str) -> None:
        lines = [line.split() for line in text.splitlines()]
        self.states, self._final = (int(rest[0]) for key, *rest in lines if key in ("NUM_STATES", "FINAL_STATE"))
        self._arcs = [
            (int(before), int(after), float(likely), "".join(word))
            for key, *rest in lines
            if key == "TRANSITION"
            for before, after, likely, *word in [rest]
        ]

    def likelihood(self, sentence: str, state: int = 0) -> float:
        """Of the sentence's likeliest way through; 0 where it has none."""
        first, _, rest = sentence.partition(" ")
        ways = [1.0] if state == self._final and not sentence else [0.0]
        for before, after, likely, word in self._arcs:
            if before == state and word == first and (word or not sentence):
                ways.append(likely * self.likelihood(rest, after))
        return max(ways)


@pytest.mark.parametrize(
    ("rule", "likely"),
    [
        ("one two", {"one two": 1, "one": 0, "two": 0, "one two two": 0}),
        ("one | two | ( three | four )", {"one": 1 / 3, "three": 1 / 6, "one three": 0}),
        ("one [ two | three ]", {"one": 1 / 3, "one two": 1 / 3, "one three": 1 / 3, "two": 0}),
        ("/0.1/ one | /0.9/ <NULL>", {"one": 0.1, "": 0.9}),
        ("<number> <number>", {"six six": 1 / 4, "six seven": 1 / 4, "six": 0}),
        ("[ one ] two [ <number> ]", {"two": 1 / 4, "one two six": 1 / 8, "one two": 1 / 4, "one six": 0}),
    ],
)
def test_each_sentence_is_as_likely_as_in_the_grammar(rule: str, likely: dict[str, float]) -> None:
    graph = Graph(word_graph(f"{HEAD}<number> = six | seven;\npublic <command> = {rule};\n"))
    assert {sentence: graph.likelihood(sentence) for sentence in likely} == pytest.approx(likely)


def test_what_may_be_followed_by_the_same_is_one_state() -> None:
    endings = " | ".join(f"{word} the queue now" for word in ("pause", "resume", "stop", "start"))
    assert Graph(word_graph(f"{HEAD}public <command> = {endings};\n")).states == 6


def test_the_graph_of_all_commands_is_small_and_has_the_users_own_words() -> None:
    graph = Graph(word_graph(load_grammar().jsgf(Vocabulary(people=("Giorgos Berg",), tasks=("feed the cat",)))))
    assert graph.states < 3_000
    for said in (
        "please pause the email queue",
        "mark feed the cat as done",
        "send an email to giorgos saying i will be late",
    ):
        assert graph.likelihood(said) > 0, said
    assert graph.likelihood("pause the") == 0
