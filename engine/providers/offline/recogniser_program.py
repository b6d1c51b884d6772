"""A program of its own that listens: recordings on standard input, words on standard output.

pocketsphinx holds Python's lock while it decodes, so it runs apart. Started by its path, it
imports nothing else of Hark. A request is a line of JSON followed by the sound, mono 16-bit PCM
at 16 kHz:
    {"mode": "command" | "free", "bytes": int,
     "jsgf": str, "pronunciations": {word: phones}, "noise": float}
An answer is a line of JSON:
    {"text": str, "phones": [str], "spoken": [str]}
`command` decodes with the grammar `jsgf`, `free` with the general English model. `phones` are the
sounds of that text (CMU phones), and `spoken`, for a command, those heard without any words in
mind: a grammar makes a command of every sentence, and only such a comparison tells them apart.
`noise` is the level of noise to lay under the sound (standard deviation in steps of 16-bit
sound). The end of standard input ends the program.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder, get_model_path

# Tuned on synthetic voices: words cost more than by default (else "the" and "a" are heard in every
# breath), the grammar's weights less, and silence is likelier, so that a slow start is no word.
_TUNING = {"wip": 0.1, "lw": 5.0, "silprob": 0.1}


def with_noise_floor(samples: npt.NDArray[np.int16], deviation: float) -> npt.NDArray[np.int16]:
    """`samples` over faint noise, always the same one.

    Sound from a program, or a microphone's gate, holds stretches of exact zeros, whose logarithm
    upsets the recogniser: without noise it misses two commands of three, with it one of ten.
    """
    noise = np.random.default_rng(0).normal(0, deviation, len(samples))
    return (samples + noise).clip(-32768, 32767).astype(np.int16)


class Recogniser:
    """The decoders, each loaded when first needed."""

    def __init__(self) -> None:
        self._phones: Any = None
        self._free: Any = None
        self._command: Any = None
        self._jsgf = ""

    def command(
        self, samples: npt.NDArray[np.int16], jsgf: str, pronunciations: dict[str, str]
    ) -> dict[str, str | list[str]]:
        """Return the answer for the nearest sentence of the grammar, its text "" where none is near."""
        if jsgf != self._jsgf:
            self._command = Decoder(lm=None, **_TUNING, loglevel="FATAL")
            for word, phones in pronunciations.items():
                self._command.add_word(word, phones, update=False)
            self._command.add_jsgf_string("commands", jsgf)
            self._command.activate_search("commands")
            self._jsgf = jsgf
        text, words = _decode(self._command, samples)
        if not text:
            return {"text": "", "phones": [], "spoken": []}
        if self._phones is None:
            phone_model = get_model_path("en-us/en-us-phone.lm.bin")
            self._phones = Decoder(lm=None, allphone=phone_model, loglevel="FATAL")
        _, spoken = _decode(self._phones, samples)
        return {"text": text, "phones": _phones_of(self._command, words), "spoken": spoken}

    def free(self, samples: npt.NDArray[np.int16]) -> dict[str, str | list[str]]:
        """Return the answer for what the general model makes of it."""
        if self._free is None:
            self._free = Decoder(loglevel="FATAL")
        text, words = _decode(self._free, samples)
        return {"text": text, "phones": _phones_of(self._free, words), "spoken": []}


def _decode(decoder: Any, samples: npt.NDArray[np.int16]) -> tuple[str, list[str]]:
    """The sentence, and its words (or phones) with silences and noises left out."""
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    if hypothesis is None:
        return "", []
    words = [segment.word for segment in decoder.seg()]
    return hypothesis.hypstr, [word for word in words if word[0] not in "<[(+" and word != "SIL"]


def _phones_of(decoder: Any, words: list[str]) -> list[str]:
    return [phone for word in words for phone in (decoder.lookup_word(word) or "").split()]


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    recogniser = Recogniser()
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        samples = with_noise_floor(np.frombuffer(requests.read(request["bytes"]), dtype="<i2"), request["noise"])
        if request["mode"] == "command":
            answer = recogniser.command(samples, request["jsgf"], request["pronunciations"])
        else:
            answer = recogniser.free(samples)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
