"""The OpenAI providers against a real server on the loopback: what they send, and what each failure becomes."""

from __future__ import annotations

import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, Field, SecretStr

from engine.audio import Recording
from engine.errors import BadInputError, HarkError, PermanentError, RetryableError, SettingsError
from engine.model import Action
from engine.providers import Providers, Tool, Turn, choose_providers
from engine.providers.openai.hearing import OpenAITranscriber
from engine.providers.openai.realtime import RATE_HZ, RealtimeSpeaker
from engine.providers.openai.service import Service
from engine.providers.openai.speaking import speakable_parts
from engine.settings import load_settings
from tests.servers import KEY, Fault, OpenAIDouble, calls, read_out, says, serving, tone

SPEECH = tone(100)


@pytest.fixture
def server() -> Iterator[OpenAIDouble]:
    with serving(OpenAIDouble()) as double:
        yield double


@pytest.fixture
async def providers(server: OpenAIDouble) -> AsyncIterator[Providers]:
    chosen = choose_providers(load_settings(openai_api_key=KEY, openai_base_url=server.base_url))
    yield chosen
    await chosen.close()


class TaskArguments(BaseModel):
    """A task to write down."""

    title: str
    priority: int = Field(3, ge=1, le=4)
    due: str | None = None


class Notebook:
    """A tool's other side: keeps the titles, or refuses."""

    def __init__(self, refuses: HarkError | None = None) -> None:
        self.titles: list[str] = []
        self._refuses = refuses

    async def write(self, arguments: TaskArguments) -> str:
        if self._refuses is not None:
            raise self._refuses
        self.titles.append(arguments.title)
        return f"I wrote down {arguments.title}."

    @property
    def tools(self) -> dict[str, Tool]:
        return {"create_task": Tool("create_task", "Write down a task.", TaskArguments, self.write)}


# ---- hearing


async def test_transcribes_flac_with_the_chosen_model(server: OpenAIDouble, providers: Providers) -> None:
    assert await providers.transcriber.transcribe(SPEECH, "de") == "turn on the lights"
    (sent,) = server.requests
    assert sent.upload.startswith(b"fLaC")
    assert sent.body == {"model": "gpt-transcribe", "language": "de", "response_format": "json"}


async def test_silence_is_an_empty_transcript(providers: Providers) -> None:
    silence = Recording(np.zeros(16_000, dtype=np.int16))
    assert await providers.transcriber.transcribe(silence) == ""


# ---- understanding


async def test_answers_with_the_conversation_in_mind(server: OpenAIDouble, providers: Providers) -> None:
    server.messages.append(says("It is on Friday."))
    reply = await providers.assistant.respond("when?", [Turn("plan a party", "Done, a party.")], {})
    assert (reply.text, reply.actions) == ("It is on Friday.", ())
    body = server.requests[0].body
    assert [(one["role"], one["content"]) for one in body["messages"][1:]] == [
        ("user", "plan a party"),
        ("assistant", "Done, a party."),
        ("user", "when?"),
    ]
    assert set(body) == {"model", "messages"}, "nothing that a compatible server may not know"


async def test_tells_the_model_the_date_and_zone(server: OpenAIDouble, providers: Providers) -> None:
    await providers.assistant.respond("what day is it?", [], {})
    system = server.requests[0].body["messages"][0]
    assert system["role"] == "system"
    assert str(datetime.now().astimezone().year) in system["content"]
    assert "time zone" in system["content"]


async def test_runs_a_tool_and_hands_its_result_back(server: OpenAIDouble, providers: Providers) -> None:
    notebook = Notebook()
    server.messages += [calls("create_task", {"title": "buy milk", "priority": 1, "due": None}), says("Noted.")]
    reply = await providers.assistant.respond("add buy milk", [], notebook.tools)
    assert reply.text == "Noted."
    assert reply.actions == (
        Action("create_task", {"title": "buy milk", "priority": 1, "due": None}, "I wrote down buy milk."),
    )
    assert notebook.titles == ["buy milk"]
    assert server.requests[1].body["messages"][-1] == {
        "role": "tool",
        "tool_call_id": "call_create_task",
        "content": "I wrote down buy milk.",
    }


async def test_tools_are_strict_functions(server: OpenAIDouble, providers: Providers) -> None:
    await providers.assistant.respond("hello", [], Notebook().tools)
    body = server.requests[0].body
    function = body["tools"][0]["function"]
    assert body["parallel_tool_calls"] is False
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False
    assert function["parameters"]["required"] == ["title", "priority", "due"]
    assert "default" not in str(function["parameters"])


async def test_wrong_arguments_get_one_repair(server: OpenAIDouble, providers: Providers) -> None:
    notebook = Notebook()
    server.messages += [
        calls("create_task", {"title": "milk", "priority": 9}),
        calls("create_task", {"title": "milk", "priority": 4}),
        says("Noted."),
    ]
    reply = await providers.assistant.respond("add milk", [], notebook.tools)
    assert notebook.titles == ["milk"]
    assert [action.ok for action in reply.actions] == [True]
    assert "priority: Input should be less than or equal to 4" in server.requests[1].body["messages"][-1]["content"]


@pytest.mark.parametrize("wrong", [calls("create_task", '{"title": "mi'), calls("fly_to_mars", {})])
async def test_arguments_wrong_twice_are_a_failed_action(
    server: OpenAIDouble, providers: Providers, wrong: dict[str, Any]
) -> None:
    server.messages += [wrong, wrong, says("I could not do that.")]
    reply = await providers.assistant.respond("add milk", [], Notebook().tools)
    assert reply.text == "I could not do that."
    assert [action.ok for action in reply.actions] == [False]
    assert "tools" not in server.requests[2].body


async def test_a_tool_that_fails_is_told_to_the_model(server: OpenAIDouble, providers: Providers) -> None:
    notebook = Notebook(refuses=PermanentError("The notebook is full.", "Tear out a page."))
    server.messages += [calls("create_task", {"title": "milk"}), says("Your notebook is full.")]
    reply = await providers.assistant.respond("add milk", [], notebook.tools)
    (action,) = reply.actions
    assert (action.ok, action.outcome) == (False, "The notebook is full. Tear out a page.")
    assert "The notebook is full." in server.requests[1].body["messages"][-1]["content"]


async def test_tool_rounds_are_bounded(server: OpenAIDouble, providers: Providers) -> None:
    server.messages += [calls("create_task", {"title": str(number)}) for number in range(10)]
    reply = await providers.assistant.respond("add tasks for ever", [], Notebook().tools)
    assert len(reply.actions) == 5
    assert len(server.requests) == 6
    assert reply.text.startswith("I wrote down 0.")


async def test_a_failure_after_an_action_does_not_run_the_command_again(
    server: OpenAIDouble, providers: Providers
) -> None:
    server.messages += [calls("create_task", {"title": "milk"}), {**says(""), "finish_reason": None}]
    reply = await providers.assistant.respond("add milk", [], Notebook().tools)
    assert reply.text == "I wrote down milk."


async def test_thoughts_of_a_local_model_are_not_spoken(server: OpenAIDouble, providers: Providers) -> None:
    server.messages.append(says("<think>The person greets me.</think>\n\nHello!"))
    assert (await providers.assistant.respond("hi", [], {})).text == "Hello!"


# ---- speaking


async def test_a_compatible_server_speaks_by_its_endpoint(server: OpenAIDouble, providers: Providers) -> None:
    spoken = await providers.synthesizer.synthesize("Good morning.", voice="nova")
    assert (spoken.rate_hz, spoken.duration_ms) == (24_000, 130)
    assert server.requests[0].body == {
        "input": "Good morning.",
        "model": "tts-1",
        "voice": "nova",
        "response_format": "wav",
    }


async def test_a_long_text_is_spoken_in_parts(server: OpenAIDouble, providers: Providers) -> None:
    text = "This is a sentence of some length. " * 200
    spoken = await providers.synthesizer.synthesize(text)
    said = [sent.body["input"] for sent in server.requests]
    assert all(len(part) <= 4096 and part.endswith(".") for part in said)
    assert len(said) > 2
    assert " ".join(said) == text.strip()
    assert spoken.duration_ms == 10 * sum(map(len, said))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two. Three.", ["One. Two.", "Three."]),
        ("a word after a word", ["a word", "after a", "word"]),
        ("unbreakable-thing", ["unbreakabl", "e-thing"]),
        ("Pi is 3.1415 now", ["Pi is", "3.1415 now"]),
    ],
)
def test_texts_are_cut_at_sentences_then_words(text: str, parts: list[str]) -> None:
    assert speakable_parts(text, 10) == parts


async def test_nothing_to_say_is_bad_input(providers: Providers) -> None:
    with pytest.raises(BadInputError, match="nothing to say"):
        await providers.synthesizer.synthesize("  ")


# ---- speaking by the realtime socket


@pytest.fixture
async def speaker(server: OpenAIDouble) -> AsyncIterator[RealtimeSpeaker]:
    service = Service(SecretStr(KEY), server.base_url)
    yield RealtimeSpeaker(service, "gpt-realtime-2.1-mini", None)
    await service.close()


async def test_reads_a_text_out_over_the_socket(server: OpenAIDouble, speaker: RealtimeSpeaker) -> None:
    spoken = await speaker.synthesize("Good morning.")
    assert (spoken.rate_hz, spoken.duration_ms) == (RATE_HZ, 130)
    assert np.array_equal(spoken.samples, tone(13).samples)
    session, response = (sent.body for sent in server.requests)
    assert session["session"]["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"}
    assert response["response"]["conversation"] == "none"


async def test_other_words_than_the_text_are_not_played(server: OpenAIDouble, speaker: RealtimeSpeaker) -> None:
    text = "Your meeting with Anna was moved to Friday at three."
    server.realtime_events = list(read_out(text, said="I am sorry, I cannot help with moving any of your meetings."))
    with pytest.raises(RetryableError, match="did not read the answer out"):
        await speaker.synthesize(text)


async def test_speech_that_ends_early_is_retryable(server: OpenAIDouble, speaker: RealtimeSpeaker) -> None:
    server.faults.append(Fault("early_end", "/realtime"))
    with pytest.raises(RetryableError, match="broke off the speech"):
        await speaker.synthesize("Good morning, it is a beautiful day.")


async def test_a_refused_handshake_says_when_to_return(server: OpenAIDouble, speaker: RealtimeSpeaker) -> None:
    server.faults.append(Fault("status", "/realtime", status=429, headers={"retry-after": "7"}))
    with pytest.raises(RetryableError, match="asked too often") as caught:
        await speaker.synthesize("Good morning.")
    assert caught.value.retry_after_ms == 7000


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("model_not_found", PermanentError, "HARK_SPEECH_MODEL"),
        ("insufficient_quota", PermanentError, "no credit left"),
        ("rate_limit_exceeded", RetryableError, "too often"),
        (None, RetryableError, "cannot answer now"),
    ],
)
async def test_an_error_event_is_told_apart(
    server: OpenAIDouble, speaker: RealtimeSpeaker, code: str | None, error: type[HarkError], words: str
) -> None:
    event = {"type": "error", "error": {"type": "server_error", "code": code, "message": "Good morning."}}
    server.realtime_events = [event]
    with pytest.raises(error, match=words):
        await speaker.synthesize("Good morning.")


# ---- failures


async def test_a_refused_key_is_permanent_and_never_quoted(server: OpenAIDouble) -> None:
    planted = "sk-planted-secret-42"
    chosen = choose_providers(load_settings(openai_api_key=planted, openai_base_url=server.base_url))
    with pytest.raises(PermanentError, match=r"refused the API key \(401\)\. Set OPENAI_API_KEY") as caught:
        await chosen.assistant.respond("hello", [], {})
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    await chosen.close()


async def test_a_server_that_wants_a_key_says_so(server: OpenAIDouble) -> None:
    chosen = choose_providers(load_settings(openai_base_url=server.base_url))
    with pytest.raises(PermanentError, match=r"wants an API key \(401\)\. Set OPENAI_API_KEY"):
        await chosen.transcriber.transcribe(SPEECH)
    await chosen.close()


PERMANENT = [
    (Fault("status", status=429, code="insufficient_quota"), "no credit left"),
    (Fault("status", status=404, code="model_not_found"), r"no model gpt-6-luna .*Set HARK_CHAT_MODEL"),
    (Fault("status", status=403), "does not allow"),
    (Fault("status", status=400, code="bad_value", param="messages[0]"), r"\(400, bad_value, messages\[0\]\)"),
    (Fault("status", status=413), "too large"),
    (Fault("status", status=422, code="No. The text was: hello!"), r"\(422\)"),
]


@pytest.mark.parametrize(("fault", "words"), PERMANENT, ids=lambda value: getattr(value, "status", ""))
async def test_permanent_failures(server: OpenAIDouble, providers: Providers, fault: Fault, words: str) -> None:
    server.faults.append(fault)
    with pytest.raises(PermanentError, match=words):
        await providers.assistant.respond("hello", [], {})


RETRYABLE = [
    (Fault("status", status=429), "asked too often"),
    (Fault("status", status=500), "cannot answer now"),
    (Fault("status", status=503), "cannot answer now"),
    (Fault("status", status=408), "cannot answer now"),
    (Fault("html"), "unreadable"),
    (Fault("badjson"), "unreadable"),
    (Fault("early_end"), "broke off"),
    (Fault("cut"), "broke off"),
    (Fault("reset"), "broke off"),
]


@pytest.mark.parametrize(("fault", "words"), RETRYABLE, ids=lambda value: getattr(value, "kind", ""))
async def test_retryable_failures_heal(server: OpenAIDouble, providers: Providers, fault: Fault, words: str) -> None:
    server.faults.append(fault)
    with pytest.raises(RetryableError, match=words):
        await providers.assistant.respond("hello", [], {})
    assert (await providers.assistant.respond("hello", [], {})).text == "Done."


@pytest.mark.parametrize("kind", ["html", "badjson", "cut", "reset"])
async def test_hearing_and_speaking_survive_the_same(server: OpenAIDouble, providers: Providers, kind: Any) -> None:
    server.faults += [Fault(kind), Fault(kind)]
    with pytest.raises(RetryableError):
        await providers.transcriber.transcribe(SPEECH)
    with pytest.raises(RetryableError):
        await providers.synthesizer.synthesize("Good morning.")


async def test_a_retryable_failure_is_asked_once(server: OpenAIDouble, providers: Providers) -> None:
    server.faults += [Fault("status", status=503), Fault("status", status=503)]
    with pytest.raises(RetryableError):
        await providers.assistant.respond("hello", [], {})
    assert len(server.faults) == 1, "the queue owns the retries, not the SDK"


@pytest.mark.parametrize(
    ("headers", "expected_ms"),
    [
        ({"retry-after": "3"}, 3000),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1500),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
async def test_the_wait_that_a_server_asks_for(
    server: OpenAIDouble, providers: Providers, headers: dict[str, str], expected_ms: int | None
) -> None:
    server.faults.append(Fault("status", status=429, headers=headers))
    with pytest.raises(RetryableError) as caught:
        await providers.assistant.respond("hello", [], {})
    assert caught.value.retry_after_ms == expected_ms


async def test_the_wait_may_be_a_date(server: OpenAIDouble, providers: Providers) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.faults.append(Fault("status", status=503, headers={"retry-after": date}))
    with pytest.raises(RetryableError) as caught:
        await providers.assistant.respond("hello", [], {})
    assert 3_000_000 < (caught.value.retry_after_ms or 0) <= 3_600_000


async def test_a_server_that_never_answers_is_left(server: OpenAIDouble) -> None:
    server.faults.append(Fault("slow"))
    service = Service(SecretStr(KEY), server.base_url)
    short = Recording(np.full(1600, 5000, dtype=np.int16))
    with pytest.raises(RetryableError, match="in time"):
        await OpenAITranscriber(service, "gpt-transcribe", base_timeout_s=0.2).transcribe(short)
    await service.close()


async def test_no_server_names_the_address(unused_port: int) -> None:
    chosen = choose_providers(load_settings(openai_base_url=f"http://me:pass@127.0.0.1:{unused_port}/v1"))
    with pytest.raises(RetryableError, match=f"http://127.0.0.1:{unused_port}/v1 cannot be reached.*OPENAI_BASE_URL"):
        await chosen.assistant.respond("hello", [], {})
    await chosen.close()


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is bound but does not listen, so that a connection is refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# ---- OpenAI itself


@pytest.fixture
async def openai(server: OpenAIDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Providers]:
    """The providers as they are for a key alone, with the double standing where OpenAI is."""
    monkeypatch.setattr("engine.providers.openai.service.OPENAI_URL", server.base_url)
    chosen = choose_providers(load_settings(openai_api_key=KEY))
    yield chosen
    await chosen.close()


async def test_openai_is_asked_not_to_reason_nor_to_keep(server: OpenAIDouble, openai: Providers) -> None:
    await openai.assistant.respond("hello", [], {})
    body = server.requests[0].body
    assert (body["model"], body["reasoning_effort"], body["store"]) == ("gpt-6-luna", "none", False)


async def test_a_model_that_cannot_but_reason_is_asked_again_without(server: OpenAIDouble, openai: Providers) -> None:
    server.faults.append(Fault("status", status=400, code="unsupported_value", param="reasoning_effort"))
    assert (await openai.assistant.respond("hello", [], {})).text == "Done."
    assert "reasoning_effort" not in server.requests[0].body


async def test_openai_speaks_by_the_socket(server: OpenAIDouble, openai: Providers) -> None:
    assert (await openai.synthesizer.synthesize("Good morning.")).rate_hz == RATE_HZ
    assert {sent.path for sent in server.requests} == {"/v1/realtime"}


@pytest.mark.parametrize(
    "work",
    [
        lambda openai: openai.transcriber.transcribe(SPEECH),
        lambda openai: openai.assistant.respond("hello", [], {}),
        lambda openai: openai.synthesizer.synthesize("Good morning."),
    ],
    ids=["hear", "understand", "speak"],
)
async def test_a_key_that_openai_refuses_is_named_in_each_work(
    server: OpenAIDouble, openai: Providers, work: Callable[[Providers], Awaitable[Any]]
) -> None:
    server.key = "sk-another-key"
    with pytest.raises(PermanentError, match=r"The OpenAI API key was refused \(401\)\. Set OPENAI_API_KEY"):
        await work(openai)


# ---- choosing


def test_openai_itself_speaks_by_the_socket() -> None:
    chosen = choose_providers(load_settings(openai_api_key=KEY))
    assert isinstance(chosen.synthesizer, RealtimeSpeaker)
    assert chosen.destination == "api.openai.com"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"openai_api_key": "sk-schlüssel"}, "OPENAI_API_KEY holds characters"),
        ({"openai_api_key": "sk-one\nsk-two"}, "OPENAI_API_KEY holds characters"),
        ({"openai_api_key": " "}, "OPENAI_API_KEY is empty"),
        ({"openai_base_url": "localhost:8080/v1"}, "OPENAI_BASE_URL is not an address"),
        ({"openai_base_url": "http://host:port/v1"}, "OPENAI_BASE_URL is not an address"),
    ],
)
def test_unusable_settings_are_named_at_once(settings: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        choose_providers(load_settings(**settings))
    assert "sk-" not in str(caught.value)
