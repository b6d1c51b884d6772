"""The user's own words in the recogniser's grammar: people, tasks and events, and what is told of guessed words."""

from __future__ import annotations

import pytest

from engine.handlers.vocabulary import own_vocabulary
from engine.providers import Vocabulary
from engine.providers.offline.grammar import Grammar, load_grammar
from engine.providers.offline.phones import cmu_phones
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.worker.broker import create_broker


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar()


def rule(grammar: Grammar, name: str, vocabulary: Vocabulary, silent: frozenset[str] = frozenset()) -> list[str]:
    """The first alternatives of a rule of the recogniser's grammar."""
    (line,) = [
        line for line in grammar.jsgf(vocabulary, silent).splitlines() if line.startswith(f"<rule_own_{name}> =")
    ]
    return [part.strip() for part in line.partition("=")[2].split("|")]


def test_people_are_heard_by_their_whole_and_their_first_names(grammar: Grammar) -> None:
    heard = rule(grammar, "people", Vocabulary(people=("Zoë O’Brien", "Dr. José Peña-Ortiz", "山田", "R2D2")))
    assert heard[:4] == ["zoe o'brien", "zoe", "dr jose pena ortiz", "dr"]
    assert heard[4].startswith("( john"), "no letters that can be said, and no digits"


def test_tasks_and_events_are_heard_in_their_places(grammar: Grammar) -> None:
    words = Vocabulary(tasks=("Buy oat milk!", "x " * 9), events=("Stand-up",))
    assert rule(grammar, "tasks", words)[0] == "buy oat milk"
    assert rule(grammar, "tasks", words)[1] == "<rule_errand>;"
    assert rule(grammar, "events", words)[0] == "stand up"


def test_a_phrase_that_nobody_can_say_is_left_out(grammar: Grammar) -> None:
    heard = rule(grammar, "people", Vocabulary(people=("Anna Xq", "Bert")), frozenset({"xq"}))
    assert heard[:2] == ["anna", "bert"]


@pytest.mark.parametrize(
    ("ipa", "phones"), [("ˈænə", "AE N AH"), ("dʒˈɔːɹdʒ", "JH AO R JH"), ("ʃɪvˈɔːn", "SH IH V AO N"), ("?", "")]
)
def test_a_pronunciation_is_told_in_the_recognisers_sounds(ipa: str, phones: str) -> None:
    assert cmu_phones(ipa) == phones


@pytest.mark.parametrize(
    ("text", "guessed"),
    [
        ("pause the email queue", ()),
        ("remind me in ten minutes to call Anna", ("in ten minutes to call Anna",)),
        ("mark Buy milk as done", ("Buy milk",)),
        ("some words that are no command", ("some words that are no command",)),
        ("", ()),
    ],
)
def test_names_and_free_words_are_told_to_be_guessed(grammar: Grammar, text: str, guessed: tuple[str, ...]) -> None:
    assert grammar.free_words(text) == guessed


async def test_the_words_are_those_of_the_users_contacts_and_tasks(store: Store, settings: Settings) -> None:
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    mine = load_settings(redis_url=url, contacts="Anna Berg <anna@example.test>, nobody@example.test")
    broker = create_broker(mine)
    await broker.startup()
    try:
        services = broker._services
        services.tasks.add("1", "local", "Buy milk")
        services.tasks.add("2", "another", "Feed the cat")
        assert await own_vocabulary("local", services) == Vocabulary(("Anna Berg",), ("Buy milk",))
    finally:
        await broker.shutdown()


async def test_settings_that_are_wrong_leave_only_their_own_words_out(store: Store, settings: Settings) -> None:
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    broker = create_broker(load_settings(redis_url=url, contacts="Anna Berg"))
    await broker.startup()
    try:
        broker._services.tasks.add("1", "local", "Buy milk")
        assert await own_vocabulary("local", broker._services) == Vocabulary(tasks=("Buy milk",))
    finally:
        await broker.shutdown()
