"""Which words of a command are shown as guesses."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.handlers.guesses import without_known_words
from engine.providers.offline.grammar import Grammar, load_grammar

NOW = datetime(2030, 11, 24, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar()


@pytest.mark.parametrize(
    ("text", "guessed"),
    [
        ("remind me in ten minutes to buy milk", ("buy milk",)),
        ("remind me to pay the rent on friday", ("pay the rent",)),
        ("set a reminder for tomorrow at noon to eat", ("eat",)),
        ("add a task to call anna tomorrow", ("call anna",)),
        ("add buy milk to my list", ("buy milk",)),
        ("mark Buy milk as done", ("Buy milk",)),
        ("send an email to anna saying i will be late", ("anna", "i will be late")),
        ("send an email to anna", ("anna",)),
        ("pause the email queue", ()),
        ("no command at all tomorrow", ("no command at all tomorrow",)),
    ],
)
def test_times_and_the_words_between_are_no_guesses(grammar: Grammar, text: str, guessed: tuple[str, ...]) -> None:
    assert without_known_words(grammar.free_words(text), text, NOW) == guessed
