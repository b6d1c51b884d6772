"""What is remembered of conversations: how much, for how long, and that it can be seen and erased."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import main
from engine.client import Client
from engine.errors import NotFoundError
from engine.job_types import ProcessVoiceCommand
from engine.model import MemoryBounds, memory_name, user_and_id
from engine.providers.tasks_local import LocalTasks
from engine.queues import EMAIL_PROCESSING, VOICE_PROCESSING
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.store.conversations import MOST_CONVERSATIONS
from engine.store.server import PrivateRedis
from tests.engine.hands import hands

BOUNDS = MemoryBounds(turns=20, size_bytes=64 * 1024, keep_ms=86_400_000)


async def say(
    store: Store, text: str, replied: str = "Yes.", *, bounds: MemoryBounds = BOUNDS, chat: str = "c"
) -> None:
    """One turn, of a command of its own."""
    await store.remember(VOICE_PROCESSING, chat, f"trace of {text[:20]}", text, replied, bounds)


async def said(store: Store, bounds: MemoryBounds = BOUNDS, chat: str = "c") -> list[str]:
    """What was said, as far as it is remembered."""
    return [json.loads(turn)["said"] for turn in await store.recall(VOICE_PROCESSING, chat, bounds)]


async def test_a_conversation_keeps_its_last_turns(store: Store) -> None:
    for number in range(25):
        await say(store, str(number))
    assert await said(store) == [str(number) for number in range(5, 25)]
    assert await said(store, replace(BOUNDS, turns=2)) == ["23", "24"]
    assert await said(store, chat="another") == []


async def test_a_conversation_keeps_no_more_bytes_than_set_but_its_last_turn(store: Store) -> None:
    bounds = replace(BOUNDS, size_bytes=4096)
    for name in "abcd":
        await say(store, name * 1000, bounds=bounds)
    assert [text[0] for text in await said(store)] == ["b", "c", "d"]
    await say(store, "é" * 5000, "ü" * 5000, bounds=bounds)
    (turn,) = await store.recall(VOICE_PROCESSING, "c", BOUNDS)
    assert json.loads(turn)["said"] == "é" * 1024
    assert json.loads(turn)["replied"] == "ü" * 1024


async def test_turns_that_are_too_old_are_forgotten(store: Store) -> None:
    await say(store, "old")
    brief = replace(BOUNDS, keep_ms=0)
    assert await said(store, brief) == []
    await say(store, "new", bounds=brief)
    assert await said(store) == []


async def test_a_user_may_want_nothing_remembered(store: Store) -> None:
    await say(store, "secret", bounds=replace(BOUNDS, turns=0))
    assert await said(store) == []
    assert await store.conversations(VOICE_PROCESSING) == []


async def test_a_command_that_runs_twice_is_one_turn_with_its_last_answer(store: Store) -> None:
    for replied in ("First.", "Second."):
        await store.remember(VOICE_PROCESSING, "c", "one trace", "hello", replied, BOUNDS)
    (turn,) = await store.recall(VOICE_PROCESSING, "c", BOUNDS)
    assert json.loads(turn)["replied"] == "Second."


async def test_many_commands_at_once_lose_no_turn(store: Store) -> None:
    await asyncio.gather(*(say(store, str(number)) for number in range(15)))
    assert sorted(await said(store), key=int) == [str(number) for number in range(15)]


async def test_of_too_many_conversations_the_one_that_rested_longest_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.conversations.MOST_CONVERSATIONS", 2)
    for chat in ("a", "b", "c"):
        await say(store, "hello", chat=chat)
    assert sorted(found[0] for found in await store.conversations(VOICE_PROCESSING)) == ["b", "c"]
    assert await said(store, chat="a") == []
    assert MOST_CONVERSATIONS == 1000


async def test_a_spoilt_turn_is_passed_over(store: Store) -> None:
    await say(store, "one")
    spoilt = ["no JSON", "7", '{"said": 7}']
    await store._redis.rpush("{hark:voice-processing}:conversation:c", *spoilt)  # type: ignore[misc]
    assert await said(store) == ["one"]
    await say(store, "two")
    assert await said(store) == ["one", "two"]


async def test_conversations_are_listed_shown_and_erased_with_what_waits_for_a_yes(
    client: Client, store: Store
) -> None:
    await say(store, "hello", "Hello!", chat="kitchen")
    await store.remember(EMAIL_PROCESSING, "mail:ada@example.org", "t", "what is next?", "Nothing.", BOUNDS)
    assert {(one.id, one.queue, one.turns) for one in await client.conversations()} == {
        ("kitchen", VOICE_PROCESSING, 1),
        ("mail:ada@example.org", EMAIL_PROCESSING, 1),
    }
    (turn,) = await client.conversation("kitchen")
    assert (turn.said, turn.replied) == ("hello", "Hello!")
    assert turn.at_ms > 0
    await store.hold(VOICE_PROCESSING, "kitchen", "t", "[]")
    await client.erase_conversation("kitchen")
    assert await client.conversation("kitchen") == ()
    assert await store.take_held(VOICE_PROCESSING, "kitchen", "later") is None
    assert [one.id for one in await client.conversations()] == ["mail:ada@example.org"]
    with pytest.raises(NotFoundError, match="hark conversations"):
        await client.erase_conversation("kitchen")


async def test_two_users_may_call_their_conversations_the_same(
    settings: Settings, client: Client, store: Store
) -> None:
    LocalTasks(settings.data_dir).add("t", "ada", "milk")
    async with hands(settings, store) as worker:

        async def say_as(user_id: str, text: str) -> dict[str, Any]:
            return await worker.run(ProcessVoiceCommand(user_id=user_id, text=text, speak=False), f"{user_id}: {text}")

        for user_id in ("ada", "bob:x", "local"):
            await say_as(user_id, f"create a task called {user_id}'s")
        assert (await say_as("ada", "delete the task milk"))["asks"]
        assert (await say_as("bob:x", "yes"))["actions"] == []
        assert (await say_as("ada", "yes"))["actions"] != []
    said_by = {one.user_id: one.turns for one in await client.conversations(None)}
    assert said_by == {"ada": 3, "bob:x": 2, "local": 1}
    (turn,) = await client.conversation()
    assert "local's" in turn.said
    assert [one.id for one in await client.conversations("bob:x")] == ["default"]
    await client.erase_conversation("default", user_id="bob:x")
    with pytest.raises(NotFoundError, match="'default' of bob:x"):
        await client.erase_conversation("default", user_id="bob:x")
    assert await client.erase_conversations() == 1
    assert await client.conversation("default") == ()
    assert len(await client.conversation("default", user_id="ada")) == 3
    assert await client.erase_conversations(None) == 1


@given(user_id=st.text(), conversation_id=st.text(), other=st.text(), other_id=st.text())
def test_no_two_conversations_have_the_same_name(user_id: str, conversation_id: str, other: str, other_id: str) -> None:
    name = memory_name(user_id, conversation_id)
    assert user_and_id(name) == (user_id, conversation_id)
    assert (memory_name(other, other_id) == name) is ((other, other_id) == (user_id, conversation_id))


async def test_a_conversation_goes_on_after_redis_has_ended(private_redis: PrivateRedis) -> None:
    url = private_redis.ensure()
    store = Store(url, revive=private_redis.ensure)
    await say(store, "before")
    with redis.Redis.from_url(url) as raw:
        raw.shutdown(nosave=True)
    await say(store, "after")
    assert await said(store) == ["before", "after"]
    await store.close()


def test_the_settings_bound_the_memory(fresh_redis: str) -> None:
    settings = load_settings(redis_url=fresh_redis, conversation_turns=3, conversation_kb=8, conversation_days=0.5)
    assert settings.memory_bounds == MemoryBounds(3, 8192, 43_200_000)


def test_the_command_line_lists_shows_and_erases(
    fresh_redis: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", fresh_redis)

    async def prepare() -> None:
        store = Store(fresh_redis)
        for chat in ("kitchen", "office", memory_name("ada", "kitchen")):
            await say(store, "hello", "Hello!", chat=chat)
        await store.close()

    asyncio.run(prepare())
    assert main(["conversations", "--json"]) == 0
    assert {one["id"] for one in json.loads(capsys.readouterr().out)} == {"kitchen", "office"}
    assert main(["conversations", "show", "kitchen"]) == 0
    assert "Hark: Hello!" in capsys.readouterr().out
    assert main(["conversations", "erase"]) == 2
    assert main(["conversations", "erase", "kitchen"]) == 0
    assert main(["conversations", "show", "kitchen"]) == 1
    assert main(["conversations", "show", "kitchen", "--user", "ada"]) == 0
    capsys.readouterr()
    assert main(["conversations", "--user", "ada"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["kitchen", "ada"]
    assert main(["conversations", "erase", "--all", "--user", "ada"]) == 0
    assert main(["conversations", "erase", "--all"]) == 0
    assert capsys.readouterr().out == "Forgot 1 conversation.\n" * 2
    assert main(["conversations"]) == 0
    assert capsys.readouterr().out == "No conversation is remembered.\n"
