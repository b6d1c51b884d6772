"""The bridge between a real Redis and the window's signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from PySide6.QtCore import SignalInstance

from desktop.bridge import Bridge, pause_s
from desktop.bridge import bridge as bridge_module
from engine import Engine
from engine.errors import SettingsError
from engine.model import Cancelled, JobState, Snapshot, Waiting
from engine.recordings import Fate, new_recording, recordings_of
from engine.settings import Settings, load_settings
from engine.store.server import PrivateRedis
from tests.desktop.test_microphone import tone

WORDS = "call Gwendolyn"


class Emissions:
    """Collects a signal's arguments, and waits for them."""

    def __init__(self, signal: SignalInstance) -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        signal.connect(lambda *args: self._queue.put_nowait(args))

    async def next(self) -> tuple[Any, ...]:
        async with asyncio.timeout(30):
            return await self._queue.get()


def kill_server(url: str) -> None:
    """SIGKILL the server at `url` and wait until it is gone."""
    with redis.Redis.from_url(url) as client:
        process = psutil.Process(int(client.info("server")["process_id"]))
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)


@pytest.fixture
async def bridge(fresh_redis: str, qapp: object) -> AsyncIterator[Bridge]:
    bridge = Bridge(lambda: load_settings(redis_url=fresh_redis))
    yield bridge
    await bridge.close()


async def test_snapshots_arrive_by_themselves(bridge: Bridge) -> None:
    sampled = Emissions(bridge.sampled)
    bridge.start()
    (first,) = await sampled.next()
    (second,) = await sampled.next()
    assert isinstance(first, Snapshot)
    assert second.taken_at_ms > first.taken_at_ms


@pytest.mark.expect_errors
async def test_an_error_of_hark_s_own_is_shown_in_full_and_logged_without_its_words(
    bridge: Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    async def quote() -> None:
        raise ValueError(WORDS)

    crashed = Emissions(bridge.crashed)
    bridge.consult("guess", quote)
    title, details = await crashed.next()
    assert title == "An error in Hark: guess failed."
    assert WORDS in details
    assert "guess failed: ValueError" in caplog.text
    assert "in quote" in caplog.text
    assert WORDS not in caplog.text


@pytest.mark.parametrize(
    ("took_s", "watched", "expected_s"),
    [(0.01, True, 1), (0.01, False, 5), (0.4, True, 4), (0.6, False, 6), (4.9, True, 15)],
)
def test_a_hidden_window_and_a_slow_redis_are_sampled_less(took_s: float, watched: bool, expected_s: float) -> None:
    assert pause_s(took_s, watched=watched) == pytest.approx(expected_s)


async def test_a_window_that_is_seen_again_is_sampled_at_once(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "HIDDEN_S", 3600)
    sampled = Emissions(bridge.sampled)
    bridge.watch(False)
    bridge.start()
    (first,) = await sampled.next()
    bridge.watch(True)
    (second,) = await sampled.next()
    assert second.taken_at_ms > first.taken_at_ms


async def pause(engine: Engine, actor: str) -> str:
    await engine.admin.pause("synthesis", actor=actor)
    return "Synthesis is paused."


async def test_an_action_is_told_and_the_next_snapshot_shows_it(bridge: Bridge) -> None:
    sampled, noticed = Emissions(bridge.sampled), Emissions(bridge.noticed)
    bridge.start()
    await sampled.next()
    then: list[str] = []
    bridge.operate("pause", pause, then=lambda: then.append("read again"))
    assert (await noticed.next())[:2] == ("success", "Synthesis is paused.")
    while True:
        (snapshot,) = await sampled.next()
        if next(queue for queue in snapshot.queues if queue.name == "synthesis").paused:
            break
    assert then == ["read again"]


async def test_only_the_newest_request_of_a_topic_is_answered(bridge: Bridge) -> None:
    opened, answered = Emissions(bridge.opened), Emissions(bridge.answered)
    bridge.start()
    await opened.next()
    for state in (JobState.COMPLETED, JobState.FAILED):
        bridge.request("preview", lambda engine, state=state: engine.admin.preview_clean("synthesis", state, 0, 10))
    topic, answer = await answered.next()
    assert topic == "preview"
    assert answer.state is JobState.FAILED


async def test_an_action_without_a_connection_is_a_notice_with_a_remedy(bridge: Bridge) -> None:
    noticed = Emissions(bridge.noticed)
    bridge.operate("pause", pause, then=lambda: None)
    kind, _, remedy = await noticed.next()
    assert kind == "error"
    assert "keeps trying" in remedy


async def test_what_is_asked_for_after_the_end_is_not_done(bridge: Bridge) -> None:
    opened = Emissions(bridge.opened)
    bridge.start()
    await opened.next()
    await bridge.close()
    bridge.request("totals", lambda engine: engine.monitor.totals())
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_wrong_setting_is_told_and_read_again(fresh_redis: str, qapp: object) -> None:
    attempts = iter((SettingsError("REDIS_URL is not an address.", "Correct it."), None))

    def load() -> Settings:
        error = next(attempts)
        if error is not None:
            raise error
        return load_settings(redis_url=fresh_redis)

    bridge = Bridge(load)
    gone, opened = Emissions(bridge.gone), Emissions(bridge.opened)
    bridge.start()
    assert await gone.next() == ("REDIS_URL is not an address.", "Correct it.")
    await opened.next()
    await bridge.close()


async def test_the_settings_are_told_also_where_no_connection_comes_of_them(qapp: object) -> None:
    bridge = Bridge(lambda: load_settings(redis_url="redis://127.0.0.1:1", talk_key="tap"))
    configured, gone = Emissions(bridge.configured), Emissions(bridge.gone)
    bridge.start()
    (settings,) = await configured.next()
    assert settings.talk_key == "tap"
    await gone.next()
    await bridge.close()


async def test_redis_that_goes_away_and_comes_back_is_noticed_by_itself(
    private_redis: PrivateRedis, qapp: object
) -> None:
    url = private_redis.ensure()
    bridge = Bridge(lambda: load_settings(redis_url=url))
    sampled, gone = Emissions(bridge.sampled), Emissions(bridge.gone)
    bridge.start()
    await sampled.next()
    await asyncio.to_thread(kill_server, url)
    await gone.next()
    assert bridge.is_gone
    await asyncio.to_thread(private_redis.ensure)
    await sampled.next()
    assert not bridge.is_gone
    await bridge.close()


async def test_an_empty_command_fails_under_its_own_number(bridge: Bridge) -> None:
    opened, failed = Emissions(bridge.opened), Emissions(bridge.command_failed)
    bridge.start()
    await opened.next()
    number = bridge.ask("   ")
    assert await failed.next() == (number, "The command is empty. Say or type what Hark should do.")


async def test_what_is_said_before_redis_answers_is_on_disk_and_goes_on(bridge: Bridge, clean_home: Path) -> None:
    events = Emissions(bridge.voice_event)
    number = bridge.ask(tone(1_000, 600), conversation_id="kitchen")
    told, waiting = await events.next()
    assert told == number
    assert isinstance(waiting, Waiting)
    recordings = recordings_of(load_settings())
    async with asyncio.timeout(30):
        while not recordings.all():  # noqa: ASYNC110 - written by another thread
            await asyncio.sleep(0.01)
    bridge.start()
    assert "No worker is running" in (await events.next())[1].message
    assert [(kept.fate, kept.conversation_id) for kept in recordings.all()] == [(Fate.WAITING, "kitchen")]


async def test_what_was_said_in_an_earlier_run_goes_on(bridge: Bridge, clean_home: Path) -> None:
    said = tone(1_000, 600)
    recordings_of(load_settings()).keep(new_recording("earlier", said), said.to_flac())
    resumed, events = Emissions(bridge.resumed), Emissions(bridge.voice_event)
    bridge.start()
    number, kept = await resumed.next()
    assert kept.id == "earlier"
    told, waiting = await events.next()
    assert (told, waiting.trace) == (number, "earlier")


@pytest.mark.parametrize("connected", [True, False])
async def test_a_command_is_taken_back_by_its_number(bridge: Bridge, connected: bool) -> None:
    events, opened, ended = Emissions(bridge.voice_event), Emissions(bridge.opened), Emissions(bridge.command_ended)
    if connected:
        bridge.start()
        await opened.next()
    number = bridge.ask("what time is it")
    await events.next()
    bridge.take_back(number)
    if not connected:
        bridge.start()
    told, event = await events.next()
    assert told == number
    assert isinstance(event, Cancelled)
    assert await ended.next() == (number,)
