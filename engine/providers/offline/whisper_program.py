"""A program of its own that listens with a Whisper model: recordings on standard input, words on standard output.

A request is a line of JSON, `{"model": str, "language": str, "bytes": int}`, followed by the sound, mono 16-bit PCM at
16 kHz; an answer is one, `{"text": str}`, or `{"error": "not installed" | "no model"}`. `model` is the path of a ggml
file, `language` a code such as "de"; where the model does not know it, it finds one out. Started by its path, the
program imports nothing else of Hark, and needs the `whisper` extra; it opens no connection. The end of standard input
ends it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import Any

import numpy as np

_NO_WORDS = re.compile(r"\[[^\]]*\]|\([^)]*\)|♪")  # "[BLANK_AUDIO]", "(wind blowing)": what it tells of silence
_MAGIC = b"lmgg"


class Listener:
    """One model, loaded when first asked for; another one takes its place."""

    def __init__(self) -> None:
        self._model: Any = None
        self._path = ""

    def hear(self, path: str, language: str, pcm: bytes) -> dict[str, str]:
        """Return the answer for one recording."""
        try:
            from pywhispercpp.model import Model
        except ImportError:
            return {"error": "not installed"}
        if path != self._path:
            if not _is_model(path):
                return {"error": "no model"}
            self._model = Model(path, redirect_whispercpp_logs_to=None, print_progress=False, n_threads=_threads())
            self._path = path
        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768
        segments = self._model.transcribe(sound, language=language)
        return {"text": " ".join(_NO_WORDS.sub(" ", " ".join(segment.text for segment in segments)).split())}


def _is_model(path: str) -> bool:
    """Whether it is a ggml file: another one crashes the library, and a name would make it fetch a model."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _threads() -> int:
    return max(1, min(4, (os.cpu_count() or 2) - 1))


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    if hasattr(signal, "SIGPIPE"):  # where Hark dies while we work nobody is left to be told so
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})  # a library of Hark's may hold it back for all
    # What the library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    listener = Listener()
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        answer = listener.hear(request["model"], request["language"], requests.read(request["bytes"]))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
