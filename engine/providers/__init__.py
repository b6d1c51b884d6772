"""Who hears, understands, speaks and answers: four small interfaces, and the choice by settings.

Handlers know these interfaces only. `offline` runs without any network, `openai` uses the
OpenAI API or a compatible server; `choose_providers(settings)` picks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from engine.audio import Recording
from engine.errors import SettingsError
from engine.model import Action
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a command can do.

    `name` is what offline intents and models call it by; `arguments` is the pydantic class of
    its arguments; `call` runs it and returns the sentence to say. `call` raises HarkError
    where it cannot be done; the provider lets it through.

    Whatever sends or destroys sets `confirm`: from the arguments it makes the question that is read back, such as
    "Shall I send “Lunch” to anna@example.org?". It may look things up to name them, and raises HarkError where the
    call could not work: NotFoundError's words are the answer then. An empty question means that these arguments need
    no yes. Otherwise `call` is made after the person's yes only, with the same arguments and in the context of the
    command that said yes; neither the offline assistant nor a model has a way round that
    (`handlers/confirming.py`). What is harmless or easily undone needs no `confirm`.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    call: Callable[[Any], Awaitable[str]]
    confirm: Callable[[Any], str | Awaitable[str]] | None = None


class NotDone(str):
    """What a tool answers where it did nothing of what was asked: a sentence to say, and no deed to tell of."""

    __slots__ = ()


def acted(tool: Tool, arguments: BaseModel, outcome: str, *, ok: bool = True) -> Action:
    """What a call of `tool` came to; a `NotDone` was none, and nor was what is not `ok`."""
    worked = ok and not isinstance(outcome, NotDone)
    return Action(tool.name, arguments.model_dump(mode="json"), str(outcome), worked)


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation."""

    said: str
    replied: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to say, and what was done on the way."""

    text: str
    actions: tuple[Action, ...] = field(default=())
    asks: bool = False
    """Whether the answer is a question that waits for a yes or a no."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says to a prompt. `cut`: it stopped before its end, at the most that it may say.

    `model` is its own name; the tokens are those that the server counts, 0 where it does not.
    """

    text: str
    model: str
    cut: bool = False
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of the user's own that commands may hold, as they are written."""

    people: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Speech to text."""

    async def transcribe(self, recording: Recording, language: str = "en") -> str:
        """Return the words of `recording`, empty where none could be made out."""
        ...


@runtime_checkable
class StreamingTranscriber(Transcriber, Protocol):
    """One that may tell its text while it goes on."""

    def transcribe_stream(self, recording: Recording, language: str = "en") -> AsyncGenerator[str, None]:
        """Yield the words as far as they are known, each time from the first one on; the whole text comes last."""
        ...


@runtime_checkable
class FileTranscriber(Transcriber, Protocol):
    """One that opens files of kinds which Hark cannot open itself (`audio.unopened_kind`)."""

    async def transcribe_file(self, data: bytes, kind: str, language: str = "en") -> str:
        """Return the words of a whole sound file of this kind, such as "m4a"."""
        ...


@runtime_checkable
class ExpectingTranscriber(Transcriber, Protocol):
    """One that knows only so many words: it wants the user's own, and tells which parts of a text it guessed."""

    def expecting(self, vocabulary: Vocabulary) -> ExpectingTranscriber:
        """The same transcriber for one who may say these words as well; whoever else uses it notices nothing."""
        ...

    async def get_ready(self) -> None:
        """Load now what the first recording would have to wait for."""
        ...

    async def guessed(self, text: str) -> tuple[str, ...]:
        """The parts of a transcript that may well be others that sound alike."""
        ...


class Assistant(Protocol):
    """Understanding: from words to tool calls and an answer."""

    async def respond(self, text: str, history: Sequence[Turn], tools: Mapping[str, Tool]) -> Reply:
        """Answer `text`, calling tools as needed."""
        ...


class Synthesizer(Protocol):
    """Text to speech."""

    async def synthesize(self, text: str, voice: str | None = None) -> Recording:
        """Return `text` as sound, at the provider's own rate."""
        ...


@runtime_checkable
class StreamingSynthesizer(Synthesizer, Protocol):
    """One whose sound may come in pieces of any length."""

    def synthesize_stream(self, text: str, voice: str | None = None) -> AsyncGenerator[Recording, None]:
        """Yield `text` as sound as it comes, all of it at one rate."""
        ...


class Answerer(Protocol):
    """General requests: from a prompt to an answer, with no tools and no memory."""

    async def answer(self, prompt: str, instructions: str = "", model: str | None = None) -> Answer:
        """Answer one prompt; `model` None means the one of the settings.

        Raises BadInputError where this very prompt is refused for good, another PermanentError where every prompt
        would be, and RetryableError for what may heal.
        """
        ...


class Answerless:
    """The `Answerer` of a machine without a model: it says so."""

    async def answer(self, prompt: str, instructions: str = "", model: str | None = None) -> Answer:
        """Raise SettingsError."""
        raise SettingsError(
            "General requests need a model, and none is set up.",
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a compatible server, such as one on this machine.",
        )


@dataclass(frozen=True, slots=True)
class Providers:
    """The four in use, and where speech goes (`"this machine"` or a host name)."""

    transcriber: Transcriber
    assistant: Assistant
    synthesizer: Synthesizer
    destination: str
    close: Callable[[], Awaitable[None]]
    answerer: Answerer = field(default_factory=Answerless)


def choose_providers(settings: Settings) -> Providers:
    """OpenAI or a compatible server where a key or an address is set, else this machine alone.

    Raises SettingsError for a key or an address that cannot be used.
    """
    if settings.uses_openai:
        from engine.providers.openai import open_openai

        return open_openai(settings)
    from engine.providers.offline import open_offline

    return open_offline(whisper_model=settings.whisper_model)
