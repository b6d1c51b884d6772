"""A program of its own that listens: recordings on standard input, words on standard output.

pocketsphinx holds Python's lock while it decodes, so it runs apart. Started by its path, it
imports nothing else of Hark. A request is a line of JSON followed by the sound, mono 16-bit PCM
at 16 kHz:
    {"mode": "command" | "free", "bytes": int,
     "jsgf": str, "pronunciations": {word: phones}, "noise": float}
An answer is a line of JSON:
    {"text": str, "distance": float}
`command` decodes with the grammar `jsgf` and tells in `distance` how far the sounds of that
command are from what was really spoken (0 the same, 1 nothing in common); a grammar makes a
command of any sentence, and only this tells them apart. `free` decodes with the general English
model; its distance is 0. `noise` is the level of noise to lay under the sound (standard
deviation in steps of 16-bit sound). The end of standard input ends the program.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder, get_model_path

_INSERTION = 0.1  # word insertion penalty: at the default, "the" and "a" are heard in every breath
_GAP_COST = 0.7
_SAME_KIND_COST = 0.4
_KINDS = (
    "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    "P B T D K G",
    "M N NG",
    "S Z SH ZH F V TH DH CH JH HH",
    "L R W Y",
)
_KIND = {phone: kind for kind, phones in enumerate(_KINDS) for phone in phones.split()}


def phone_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """How different two pronunciations are: 0 the same, 1 at most; phones of one kind differ less.

    An edit distance over CMU phones, divided by the longer length.
    """
    row = [_GAP_COST * column for column in range(len(other) + 1)]
    for phone in one:
        above, row = row, [row[0] + _GAP_COST]
        for column, match in enumerate(other):
            kind = _SAME_KIND_COST if _KIND.get(phone) == _KIND.get(match) else 1.0
            changed = above[column] + (0.0 if phone == match else kind)
            row.append(min(changed, above[column + 1] + _GAP_COST, row[-1] + _GAP_COST))
    return row[-1] / max(len(one), len(other), 1)


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

    def command(self, samples: npt.NDArray[np.int16], jsgf: str, pronunciations: dict[str, str]) -> tuple[str, float]:
        """Return the nearest sentence of the grammar, or "", and its distance from the sounds spoken."""
        if jsgf != self._jsgf:
            self._command = Decoder(lm=None, wip=_INSERTION, loglevel="FATAL")
            for word, phones in pronunciations.items():
                self._command.add_word(word, phones, update=False)
            self._command.add_jsgf_string("commands", jsgf)
            self._command.activate_search("commands")
            self._jsgf = jsgf
        if self._phones is None:
            phone_model = get_model_path("en-us/en-us-phone.lm.bin")
            self._phones = Decoder(lm=None, allphone=phone_model, loglevel="FATAL")
        text, words = _decode(self._command, samples)
        if not text:
            return "", 1.0
        expected = [phone for word in words for phone in (self._command.lookup_word(word) or "").split()]
        _, spoken = _decode(self._phones, samples)
        return text, phone_distance(expected, spoken)

    def free(self, samples: npt.NDArray[np.int16]) -> str:
        """Return what the general model makes of it, or ""."""
        if self._free is None:
            self._free = Decoder(loglevel="FATAL")
        return _decode(self._free, samples)[0]


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


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    recogniser = Recogniser()
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        samples = with_noise_floor(np.frombuffer(requests.read(request["bytes"]), dtype="<i2"), request["noise"])
        if request["mode"] == "command":
            text, distance = recogniser.command(samples, request["jsgf"], request["pronunciations"])
        else:
            text, distance = recogniser.free(samples), 0.0
        sys.stdout.buffer.write(json.dumps({"text": text, "distance": distance}).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
