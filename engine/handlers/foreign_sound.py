"""Sound files of kinds that Hark cannot open itself (m4a, webm), opened by ffmpeg where that is installed.

A program of its own, found on PATH, and no library: what decodes AAC in Python's wheels is built with GPL parts, which
Hark cannot be delivered with.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from engine.audio import LONGEST_FILE_MS, SPEECH_RATE_HZ, Recording, unopened
from engine.errors import BadInputError

# Named, so that a file cannot pass for a playlist that names other files.
_CONTAINERS = {"m4a": "mov", "webm": "matroska"}


async def opened(data: bytes, kind: str) -> Recording:
    """The sound of a file of `kind`, mono at 16 kHz.

    Raises BadInputError where it is no sound, is longer than four hours, or ffmpeg is not installed.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise unopened("The recording", kind)
    # A file: where the index of an MP4 file lies behind its sound, a pipe will not do.
    with tempfile.TemporaryDirectory(prefix="hark-") as folder:
        file = Path(folder) / f"recording.{kind}"
        await asyncio.to_thread(file.write_bytes, data)
        arguments = ["-nostdin", "-loglevel", "error", "-f", _CONTAINERS[kind], "-protocol_whitelist", "file"]
        arguments += ["-i", str(file), "-vn", "-t", str(LONGEST_FILE_MS // 1000 + 1)]
        arguments += ["-ac", "1", "-ar", str(SPEECH_RATE_HZ), "-f", "s16le", "-protocol_whitelist", "pipe", "pipe:1"]
        running = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            pcm, _ = await running.communicate()
        finally:
            if running.returncode is None:
                with suppress(ProcessLookupError):  # it may have ended, and asyncio not know it yet
                    running.kill()
                await running.wait()
    if running.returncode or not pcm:
        raise BadInputError("The recording is not audio that ffmpeg can read.", "Give a wav, flac, mp3 or ogg file.")
    recording = Recording(np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.int16))
    if recording.duration_ms > LONGEST_FILE_MS:
        allowed = f"{LONGEST_FILE_MS // 3_600_000} hours allowed"
        raise BadInputError(f"The recording is longer than the {allowed}.", "Cut it into shorter files.")
    return recording
