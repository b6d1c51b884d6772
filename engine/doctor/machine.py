"""This machine and what Hark runs on it: disk, memory, offline speech; and the server that may replace that speech."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from engine.doctor.findings import Check, Finding, Level, Limits, blocking_check
from engine.errors import HarkError
from engine.settings import Settings

_SENTENCE = "what time is it"
_START_FACTOR = 3
_REINSTALL = "Install Hark again; its speech programs come with it."
_SLOW = "This machine is very busy, or slow: close other programs, then check again."


def machine_checks(settings: Settings, limits: Limits) -> list[Check]:
    """The checks that need no Redis."""
    slow_s = limits.check_s * _START_FACTOR
    return [
        blocking_check(
            "disk",
            lambda: [disk(settings.data_dir, limits)],
            limit_s=limits.check_s,
            hang_remedy=f"Is {settings.data_dir} on a network drive that is gone? Set HARK_DATA_DIR to another folder.",
        ),
        Check("openai", lambda: _openai(settings, limits), slow_s, hang_remedy="Check this machine's network."),
        Check("offline speech", lambda: _offline_speech(settings), slow_s, Level.WARNING, hang_remedy=_SLOW),
    ]


def memory(limits: Limits) -> Finding:
    """How much memory programs can still get on this machine."""
    found = psutil.virtual_memory()
    free = f"{_size(found.available)} of {_size(found.total)} of memory are free."
    level = _level(found.available, limits.memory_warning_bytes, limits.memory_error_bytes)
    return Finding("memory", level, free, "" if level is Level.OK else "Close programs that are not needed.")


def disk(folder: Path, limits: Limits) -> Finding:
    """Whether Hark can write to its data folder, and how much. Raises HarkError where it cannot look."""
    there = folder.expanduser().absolute()
    try:
        while not there.exists():
            there = there.parent
        free = psutil.disk_usage(str(there)).free
    except OSError as error:
        raise HarkError(
            f"The data folder {folder} cannot be looked at: {error.strerror or error}.",
            "Make it readable, or set HARK_DATA_DIR to another folder.",
        ) from error
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "disk",
            Level.ERROR,
            f"Hark may not write to its data folder {folder}.",
            f"Give yourself the right to write to {there}, or set HARK_DATA_DIR to another folder.",
        )
    level = _level(free, limits.disk_warning_bytes, limits.disk_error_bytes)
    full = {Level.ERROR: "The disk is full: only ", Level.WARNING: "The disk is nearly full: only "}.get(level, "")
    message = f"{full}{_size(free)} are free for the data folder {folder}."
    return Finding(
        "disk", level, message, "" if level is Level.OK else "Free space there, or set HARK_DATA_DIR to another disk."
    )


async def _openai(settings: Settings, limits: Limits) -> list[Finding]:
    if not settings.uses_openai:
        message = "No OpenAI key or address is set: speech and understanding run on this machine."
        return [Finding("openai", Level.NOTE, message, "Set OPENAI_API_KEY or OPENAI_BASE_URL to use a server.")]
    # Only here: a doctor for offline use needs nothing of it.
    from engine.providers.openai.offered import offered_models

    server, models = await offered_models(settings, limits.check_s)
    if models is None:
        return [Finding("openai", Level.NOTE, f"{server} answers, but does not tell which models it has.")]
    chosen = {
        "HARK_CHAT_MODEL": settings.chat_model,
        "HARK_TRANSCRIPTION_MODEL": settings.transcription_model,
        "HARK_SPEECH_MODEL": settings.speech_model,
    }
    missing = [
        Finding("openai", Level.WARNING, f"{server} does not list the model {model}.", f"Set {name} to one it has.")
        for name, model in chosen.items()
        if model not in models
    ]
    return missing or [Finding("openai", Level.OK, f"{server} takes the key and has the chosen models.")]


async def _offline_speech(settings: Settings) -> list[Finding]:
    """Let the two programs talk to each other."""
    if settings.uses_openai:
        return [Finding("offline speech", Level.SKIPPED, "A server does the speech; this machine's is not used.")]
    from engine.providers.offline import open_offline

    offline = open_offline(settings.voice, settings.whisper_model)
    try:
        spoken = await offline.synthesizer.synthesize(_SENTENCE)
        heard = await offline.transcriber.transcribe(spoken)
    except HarkError as error:
        # Its own remedy is to call the doctor.
        return [Finding("offline speech", Level.ERROR, error.message, _REINSTALL)]
    finally:
        await offline.close()
    if not heard:
        message = f"The recogniser heard nothing when the speech program said {_SENTENCE!r}."
        return [Finding("offline speech", Level.ERROR, message, _REINSTALL)]
    return [Finding("offline speech", Level.OK, f"This machine speaks, and hears itself say {heard!r}.")]


def _level(free: int, warning: int, error: int) -> Level:
    return Level.ERROR if free < error else Level.WARNING if free < warning else Level.OK


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{count / 1024**2:.0f} MB"
