"""What sends or destroys is read back, and done after a yes only: by the offline assistant and by a model alike."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import BaseModel, SecretStr

from engine import open_engine
from engine.cli.asking import _ask as ask_from_terminal
from engine.client import Client
from engine.errors import PermanentError
from engine.handlers.confirming import answer_of
from engine.handlers.context import JobContext
from engine.handlers.voice import NOT_DONE, converse
from engine.job_types import ProcessVoiceCommand
from engine.model import JobOptions
from engine.providers import Reply, Tool
from engine.queues import VOICE_PROCESSING
from engine.settings import Settings
from engine.store import Store
from engine.worker.broker import QueueBroker, create_broker
from tests.engine.hands import running
from tests.servers import KEY, OpenAIDouble, calls, says, serving


class Queue(BaseModel):
    """The queue to empty; any tool of the grammar serves for the test."""

    queue: str


class Desk:
    """A person at a desk: says commands, and has a tool that destroys."""

    def __init__(self, broker: QueueBroker, store: Store, client: Client) -> None:
        self._broker, self._store, self._client = broker, store, client
        self.emptied: list[tuple[str, str]] = []
        """By which command which queue was emptied."""

    async def context(self, command: str) -> JobContext:
        """A command's job, claimed; the same again for a second run."""
        await self._client.add(ProcessVoiceCommand(text="-"), JobOptions(job_id=command))
        taken = await self._store.take(VOICE_PROCESSING, 10, lease_ms=60_000, token=command, worker="test")
        return JobContext(taken.jobs[0], self._broker._services)

    async def say(
        self,
        text: str,
        command: str = "first",
        *,
        conversation: str = "here",
        answers: str | None = None,
        confirm: Callable[[Queue], str] | None = lambda one: f"Shall I empty {one.queue}?",
    ) -> Reply:
        """One command, run as its handler runs it."""
        return await self.run(await self.context(command), text, conversation, answers, confirm)

    async def run(
        self,
        context: JobContext,
        text: str,
        conversation: str = "here",
        answers: str | None = None,
        confirm: Callable[[Queue], str] | None = lambda one: f"Shall I empty {one.queue}?",
    ) -> Reply:
        """The same for a job that is claimed already, such as once more."""

        async def empty(arguments: Queue) -> str:
            self.emptied.append((context.job.id, arguments.queue))
            return f"I emptied {arguments.queue}."

        tools = {"pause_queue": Tool("pause_queue", "Empty a queue.", Queue, empty, confirm)}
        return await converse(context, VOICE_PROCESSING, conversation, text, tools, answers)


@pytest.fixture
async def desk(settings: Settings, store: Store, client: Client) -> AsyncIterator[Desk]:
    broker = create_broker(settings)
    await broker.startup()
    yield Desk(broker, store, client)
    await broker.shutdown()


async def test_nothing_is_done_before_the_yes_and_once_after_it(desk: Desk) -> None:
    question = await desk.say("pause the email queue")
    assert (question.text, question.actions, question.asks) == ("Shall I empty email-processing?", (), True)
    assert desk.emptied == []

    reply = await desk.say("yes please", "second")
    assert (reply.text, reply.asks) == ("I emptied email-processing.", False)
    assert [action.name for action in reply.actions] == ["pause_queue"]
    await desk.say("yes", "third")
    assert desk.emptied == [("second", "email-processing")]


async def test_a_no_drops_it(desk: Desk) -> None:
    await desk.say("pause the email queue")
    assert await desk.say("No, don't.", "second") == Reply(NOT_DONE)
    await desk.say("yes", "third")
    assert desk.emptied == []


async def test_another_command_drops_it(desk: Desk) -> None:
    await desk.say("pause the email queue")
    await desk.say("what are you", "second")
    await desk.say("yes", "third")
    assert desk.emptied == []


async def test_a_yes_of_another_conversation_does_nothing(desk: Desk) -> None:
    await desk.say("pause the email queue")
    await desk.say("yes", "second", conversation="elsewhere")
    assert desk.emptied == []
    await desk.say("yes", "third")
    assert desk.emptied == [("third", "email-processing")]


async def test_a_yes_to_one_question_is_none_to_another(desk: Desk) -> None:
    await desk.say("pause the email queue")
    await desk.say("pause the notification queue", "second")
    late = await desk.say("yes", "third", answers="first")
    assert "nothing left" in late.text
    await desk.say("yes", "fourth", answers="second")
    assert desk.emptied == [("fourth", "notification")]


async def test_a_confirming_job_that_runs_again_makes_the_same_call(desk: Desk) -> None:
    # The tools tell a second run by its job: what they send twice under one id is sent once.
    await desk.say("pause the email queue")
    context = await desk.context("second")
    first, again = await desk.run(context, "yes"), await desk.run(context, "yes")
    assert first == again
    assert set(desk.emptied) == {("second", "email-processing")}


async def test_an_asking_job_that_runs_again_asks_the_same_but_not_once_it_is_answered(desk: Desk) -> None:
    context = await desk.context("first")
    first, again = await desk.run(context, "pause the email queue"), await desk.run(context, "pause the email queue")
    assert first == again
    await desk.say("yes", "second")
    assert not (await desk.run(context, "pause the email queue")).asks
    await desk.say("yes", "third")
    assert desk.emptied == [("second", "email-processing")]


async def test_an_empty_question_needs_no_yes(desk: Desk) -> None:
    reply = await desk.say("pause the email queue", confirm=lambda _: "")
    assert (reply.text, reply.asks) == ("I emptied email-processing.", False)
    assert desk.emptied == [("first", "email-processing")]


async def test_what_cannot_work_is_said_instead_of_asked(desk: Desk) -> None:
    def refuse(_: Queue) -> str:
        raise PermanentError("There is no such queue.")

    with pytest.raises(PermanentError, match="no such queue"):
        await desk.say("pause the email queue", confirm=refuse)
    await desk.say("yes", "second")
    assert desk.emptied == []


async def test_switched_off_it_is_done_at_once(settings: Settings, store: Store, client: Client) -> None:
    broker = create_broker(settings.model_copy(update={"confirm": False}))
    await broker.startup()
    desk = Desk(broker, store, client)
    assert (await desk.say("pause the email queue")).text == "I emptied email-processing."
    await broker.shutdown()


async def test_a_model_has_no_way_round_it(settings: Settings, store: Store, client: Client) -> None:
    with serving(OpenAIDouble()) as server:
        online = {"openai_api_key": SecretStr(KEY), "openai_base_url": server.base_url}
        broker = create_broker(settings.model_copy(update=online))
        await broker.startup()
        desk = Desk(broker, store, client)
        # It calls twice, hears that it must wait, and claims to have done it all the same.
        email = calls("pause_queue", {"queue": "email-processing"})
        server.messages += [email, email, calls("pause_queue", {"queue": "notification"}), says("Both are empty now!")]
        question = await desk.say("empty the email and notification queues")
        assert question == Reply("Shall I empty email-processing? Shall I empty notification?", asks=True)
        assert desk.emptied == []

        asked = len(server.requests)
        assert (await desk.say("yes", "second")).text == "I emptied email-processing. I emptied notification."
        assert len(server.requests) == asked, "the yes needs no model"
        await broker._services.providers().close()
        await broker.shutdown()


@pytest.mark.parametrize(
    ("yes", "typed", "emptied", "told"),
    [
        (True, None, 1, "Hark:   I emptied email-processing."),
        (False, "y", 1, "Hark:   I emptied email-processing."),
        (False, "n", 0, f"Hark:   {NOT_DONE}"),
        (False, None, 0, "Say yes within five minutes: hark ask yes"),
    ],
    ids=["--yes", "yes typed", "no typed", "nobody there"],
)
async def test_the_terminal_asks_too(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    yes: bool,
    typed: str | None,
    emptied: int,
    told: str,
) -> None:
    done: list[str] = []

    async def empty(arguments: Queue) -> str:
        done.append(arguments.queue)
        return f"I emptied {arguments.queue}."

    tool = Tool("pause_queue", "Empty a queue.", Queue, empty, lambda one: f"Shall I empty {one.queue}?")
    monkeypatch.setattr("engine.handlers.voice.tools_for", lambda *_: {tool.name: tool})
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{typed}\n") if typed else io.StringIO())
    async with running(settings), open_engine(settings) as engine:
        assert await ask_from_terminal(engine, "pause the email queue", None, yes, False) == 0
    said = capsys.readouterr().out
    assert "Hark:   Shall I empty email-processing?" in said
    assert told in said
    assert len(done) == emptied


class Keyboard(io.StringIO):
    """A terminal's standard input."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "yes please",
        "Yeah, do it!",
        "ok",
        "Send it.",
        "please go ahead",
        "Yes, cancel it",
        "That’s right",
        "y",
        "All right",
    ],
)
def test_what_is_a_yes(text: str) -> None:
    assert answer_of(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "No.",
        "no thanks",
        "No, don’t send it!",
        "cancel",
        "Cancel it",
        "never mind",
        "stop",
        "don't",
        "do not do it",
        "n",
        "of course not",
    ],
)
def test_what_is_a_no(text: str) -> None:
    assert answer_of(text) is False


@pytest.mark.parametrize(
    "text",
    ["", "yes but to Bob", "no, send it to Bob", "what time is it", "yesterday", "know", "delete it", "do it later"],
)
def test_what_is_neither(text: str) -> None:
    assert answer_of(text) is None
