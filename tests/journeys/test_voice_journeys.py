"""Speaking to Hark in every way, and everything that goes wrong on the way: nothing is said twice.

The real window, microphone, loudspeaker, worker and Redis. What hears and answers is an OpenAI-compatible server with
faults, so that it is known what is heard, and how often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest

from desktop.voice.push_to_talk import TalkKey, TalkState
from engine.audio import Recording
from engine.model import Cancelled, Heard, Hearing, Replied, Spoken, Waiting
from engine.providers.offline.synthesizer import OfflineSynthesizer
from engine.recordings import Fate, recordings_of
from engine.settings import load_settings
from engine.store.server import PrivateRedis
from tests.desktop.test_bridge import kill_server
from tests.journeys.person import Person, until
from tests.servers import KEY, Fault, OpenAIDouble, says, serving

pytestmark = pytest.mark.timeout(180)
AtTheWindow = Callable[..., None]
TURNS = (
    ("my aunt is called Gwendolyn", "I will remember Gwendolyn."),
    ("her hat is vermilion", "A vermilion hat."),
    ("what is she called", "She is called Gwendolyn."),
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIDouble]:
    with serving(OpenAIDouble()) as double:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        yield double


async def speech() -> Recording:
    """A voice, whatever it says: what is heard of it is the server's affair."""
    synthesizer = OfflineSynthesizer()
    try:
        return await synthesizer.synthesize("pause the email queue")
    finally:
        await synthesizer.close()


def uploads(server: OpenAIDouble) -> list[Recording]:
    """The recordings that were sent to be heard."""
    return [Recording.decode(sent.upload) for sent in server.requests if "transcriptions" in sent.path]


def questions(server: OpenAIDouble) -> list[str]:
    """What the model was asked, all of its messages in one text."""
    return [str(sent.body["messages"]) for sent in server.requests if "chat" in sent.path]


def test_three_turns_held_tapped_and_hands_free_are_one_conversation_and_no_log_knows_it(
    at_the_window: AtTheWindow,
    server: OpenAIDouble,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DEBUG", "hark*")  # the worker's process tells all it can
    caplog.set_level(logging.DEBUG)

    async def journey(person: Person) -> None:
        said = await speech()

        async def answered(turn: int) -> None:
            await until(lambda: sum(isinstance(event, Spoken) for event in person.events) == turn + 1)
            await until(lambda: person.app.voice.state == TalkState.IDLE)
            assert (person.exchange.said, person.exchange.reply) == TURNS[turn]

        def expect(turn: int) -> None:
            server.transcript, reply = TURNS[turn]
            server.messages.append(says(reply))

        expect(0)
        await person.press()
        await person.speak(said)
        person.release()
        await answered(0)

        expect(1)
        await person.tap()
        await person.speak(said)
        await person.tap_to_send()
        await answered(1)

        expect(2)
        person.app.voice.use(TalkKey.BOTH, hands_free=True)
        await person.tap()
        await person.speak(said)
        await answered(2)

    at_the_window(journey)
    assert len(uploads(server)) == 3
    assert all(sound.duration_ms > 1_000 and sound.peak_dbfs > -20 for sound in uploads(server))
    assert all(words in questions(server)[2] for turn in TURNS[:2] for words in turn)
    assert recordings_of(load_settings()).all() == ()
    logs = caplog.text + "".join(capfd.readouterr())
    assert "hark" in logs
    assert not [word for word in ("Gwendolyn", "vermilion", KEY) if word in logs]


def test_esc_cancels_at_every_stage(at_the_window: AtTheWindow, server: OpenAIDouble) -> None:
    async def journey(person: Person) -> None:
        voice, said = person.app.voice, await speech()

        await person.press()
        await person.speak(said)
        person.escape()
        assert voice.state == TalkState.IDLE
        person.release()
        await until(lambda: not voice.held)

        server.faults.append(Fault("stall", "transcriptions"))
        await person.say_it(said)
        await until(lambda: person.event(Hearing) and person.exchange.said.startswith("turn on"))
        person.escape()
        await until(lambda: person.event(Cancelled))
        assert person.exchange.reply == "Cancelled."
        await until(lambda: person.app.window.assistant.show_recordings.text() == "Recordings (1)")

        person.events.clear()
        server.faults.append(Fault("slow", "chat"))
        await person.say_it(said)
        await until(lambda: person.event(Heard) and not server.faults)
        person.escape()
        await until(lambda: person.event(Cancelled))

        person.events.clear()
        server.messages.append(says("This is a long answer, " * 20))
        server.faults.append(Fault("stall", "speech"))
        await person.say_it(said)
        await until(lambda: voice.state == TalkState.SPEAKING)  # although the rest of its sound never comes
        person.escape()
        assert not voice.speaker.is_playing
        await until(lambda: person.event(Cancelled) or person.event(Spoken))
        assert voice.state == TalkState.IDLE

    at_the_window(journey)
    assert len(questions(server)) == 1
    assert [kept.fate for kept in recordings_of(load_settings()).all()] == [Fate.CANCELLED]


def test_what_was_said_until_the_microphone_was_pulled_out_outlasts_a_provider_that_is_down(
    at_the_window: AtTheWindow, server: OpenAIDouble
) -> None:
    server.transcript = "put milk on my list"
    server.messages.append(says("Done it."))
    soon = {"retry-after": "0"}
    server.faults.extend(Fault("status", "transcriptions", 503, headers=soon) for _ in range(2))

    async def journey(person: Person) -> None:
        notices: list[str] = []
        person.app.voice.notice.connect(notices.append)
        await person.press()
        await person.speak(await speech())
        person.audio.unplug()
        await until(lambda: person.event(Waiting))
        person.audio.plug_in()
        await until(lambda: person.event(Spoken))
        assert "The microphone was lost" in notices[0]
        assert (person.exchange.said, person.exchange.reply) == ("put milk on my list", "Done it.")

    at_the_window(journey)
    assert len(questions(server)) == len(uploads(server)) == 1
    assert uploads(server)[0].duration_ms > 1_000


def test_a_command_outlives_redis(
    at_the_window: AtTheWindow, server: OpenAIDouble, private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = private_redis.ensure()
    monkeypatch.setenv("REDIS_URL", url)
    server.transcript = "put milk on my list"
    server.messages.append(says("Done it."))

    async def journey(person: Person) -> None:
        await person.press()
        await person.speak(await speech())
        await asyncio.to_thread(kill_server, url)
        person.release()
        await until(lambda: person.event(Waiting))
        (kept,) = recordings_of(load_settings()).all()
        assert kept.fate is Fate.WAITING
        await asyncio.to_thread(private_redis.ensure)
        await until(lambda: person.event(Replied))
        await until(lambda: person.event(Spoken))

    at_the_window(journey)
    assert len(questions(server)) == len(uploads(server)) == 1
    assert recordings_of(load_settings()).all() == ()


def test_redis_may_go_while_a_command_is_being_heard(
    at_the_window: AtTheWindow, server: OpenAIDouble, private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = private_redis.ensure()
    monkeypatch.setenv("REDIS_URL", url)
    server.transcript = "put milk on my list"
    server.messages.append(says("Done it."))
    server.faults.append(Fault("stall", "transcriptions"))

    async def journey(person: Person) -> None:
        await person.say_it(await speech())
        await until(lambda: person.event(Hearing))
        await asyncio.to_thread(kill_server, url)
        await until(person.app.window.trouble.isVisible)
        await asyncio.to_thread(private_redis.ensure)
        await until(lambda: person.event(Spoken), timeout_s=120)
        assert (person.exchange.said, person.exchange.reply) == ("put milk on my list", "Done it.")

    at_the_window(journey)
    assert len(questions(server)) == 1, "heard a second time where it broke off, and done once"
    assert recordings_of(load_settings()).all() == ()
