"""The services that Hark uses, tried out: does what the settings say really work?

`TRIALS` is the one list, for the buttons of the settings page and for `hark settings test`. A trial does something
small and harmless with the real service, and gives a sentence that says what worked; a HarkError says what did not,
and the remedy. `try_apart` runs one in a process of its own, so that no import and no hanging name look-up of a
service can hold up a window; what it tries are the settings as they are saved.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from engine.errors import (
    HarkError,
    NotFoundError,
    NotSetUpError,
    PermanentError,
    RetryableError,
    SettingsError,
    did_you_mean,
)
from engine.settings import Settings

_SENTENCE = "what time is it"
_START_S = 10.0
"""What a process of its own may take beside its trial."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One service. `group` is the section of the settings that it belongs to; `limit_s` the longest it may take."""

    name: str
    title: str
    group: str
    run: Callable[[Settings], Awaitable[str]]
    limit_s: float = 10.0


async def _redis(settings: Settings) -> str:
    from engine.store import open_store

    async with open_store(settings) as store:
        await store.reach()
        whose = "Redis" if settings.external_redis_url is not None else "Hark's own Redis"
        return f"{whose} at {store.address} answers."


async def _openai(settings: Settings) -> str:
    if not settings.uses_openai:
        raise NotSetUpError(
            "No key and no server is set: speech and understanding run on this machine.",
            "To use a server, set its key or its address.",
        )
    from engine.providers.openai.offered import offered_models

    server, models = await offered_models(settings, 10.0)
    if models is None:
        return f"{server} answers, but does not tell which models it has."
    chosen = {
        "chat_model": settings.chat_model,
        "transcription_model": settings.transcription_model,
        "speech_model": settings.speech_model,
    }
    for setting, model in chosen.items():
        if model not in models:
            raise SettingsError(f"{server} does not list the model {model}.", f"Set {setting} to one it has.")
    return f"{server} takes the key and has the chosen models."


async def _speech(settings: Settings) -> str:
    """Let what speaks talk to what hears."""
    from engine.providers import choose_providers

    providers = choose_providers(settings)
    try:
        spoken = await providers.synthesizer.synthesize(_SENTENCE, settings.voice)
        heard = await providers.transcriber.transcribe(spoken)
    finally:
        await providers.close()
    if not heard:
        raise PermanentError(
            f"Nothing was heard when {_SENTENCE!r} was said.", "Run `hark doctor`: it looks at the parts of speech."
        )
    return f"Speech runs on {providers.destination}: {_SENTENCE!r} was said, and heard as {heard!r}."


async def _tasks(settings: Settings) -> str:
    from engine.providers.tasks_local import LocalTasks

    await asyncio.to_thread(LocalTasks(settings.data_dir).open_tasks, "local")
    return f"The task list in {settings.data_dir} can be read and written."


async def _mail(settings: Settings) -> str:
    from engine.providers.mail import try_mail

    return await try_mail(settings)


async def _calendar(settings: Settings) -> str:
    from engine.providers.calendar import try_calendar

    return await try_calendar(settings)


async def _airtable(settings: Settings) -> str:
    from engine.providers.airtable import try_airtable

    return await try_airtable(settings)


async def _notifications(settings: Settings) -> str:
    """Push a notification to each service that is set up."""
    from engine.providers.notifications import Push, push_targets

    targets = push_targets(settings)
    if not targets:
        return "No push service is set up: notifications are shown on this desktop."
    push = Push(f"trial {uuid4().hex}", "Hark", "A trial: notifications reach you here.")
    for target in targets:
        await target.send(push)
    return f"A notification was taken by: {', '.join(target.name for target in targets)}."


TRIALS: dict[str, Trial] = {
    trial.name: trial
    for trial in (
        Trial("redis", "Redis", "Redis", _redis),
        Trial("openai", "OpenAI", "OpenAI", _openai, limit_s=15.0),
        Trial("speech", "Speech", "Speech", _speech, limit_s=30.0),
        Trial("notifications", "Notifications", "Notifications", _notifications, limit_s=60.0),
        Trial("tasks", "Task list", "General", _tasks),
        Trial("airtable", "Airtable", "Tasks", _airtable, limit_s=20.0),
        Trial("calendar", "Calendar", "Calendar", _calendar, limit_s=20.0),
        Trial("mail", "Mail", "Mail", _mail, limit_s=60.0),
    )
}


def require_trial(name: str) -> Trial:
    """The trial of this name; raises NotFoundError, naming them all, where there is none."""
    if name not in TRIALS:
        raise NotFoundError(
            f"There is no service named {name!r} to try.",
            f"{did_you_mean(name, TRIALS)}The services are: {', '.join(TRIALS)}.",
        )
    return TRIALS[name]


async def try_service(name: str, settings: Settings) -> str:
    """What worked. Raises a HarkError that says what did not."""
    trial = require_trial(name)
    try:
        async with asyncio.timeout(trial.limit_s):
            return await trial.run(settings)
    except TimeoutError:
        raise RetryableError(
            f"{trial.title} did not answer within {trial.limit_s:g} s.", "Check its address and this machine's network."
        ) from None


async def try_apart(name: str) -> str:
    """The same with the settings as they are saved, in a process of its own that ends with this call."""
    trial = require_trial(name)
    process = await asyncio.to_thread(_start, name)
    try:
        output, errors = await asyncio.to_thread(process.communicate, timeout=trial.limit_s + _START_S)
    except subprocess.TimeoutExpired:
        raise RetryableError(f"The trial of {trial.title} did not end.", "Try it again.") from None
    finally:
        if process.poll() is None:
            process.kill()
    try:
        [told] = json.loads(output)
        message, remedy, worked = str(told["message"]), str(told["remedy"]), bool(told["ok"])
    except (ValueError, KeyError, TypeError):
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        raise PermanentError(f"{trial.title} could not be tried.", last[0] if last else "") from None
    if not worked:
        raise HarkError(message, remedy)
    return message


def _start(name: str) -> subprocess.Popen[bytes]:
    frozen = bool(getattr(sys, "frozen", False))
    program = [sys.executable] if frozen else [sys.executable, "-m", "engine"]
    return subprocess.Popen(
        [*program, "settings", "test", name, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
