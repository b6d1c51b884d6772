"""A program of its own that listens for commands: recordings on standard input, words on standard output.

pocketsphinx holds Python's lock while it decodes, so it runs apart. Started by its path, it
imports nothing else of Hark. A request is a line of JSON, followed by the sound where it has one,
mono 16-bit PCM at 16 kHz:
    {"mode": "unknown", "words": [str]}
    {"mode": "command", "bytes": int, "graph": str, "pronunciations": {word: phones}}
`unknown` answers {"words": [str]}: those that the dictionary lacks. `command` answers with the
nearest sentence of the word graph `graph` (in the FSG format), "" where none is near:
    {"text": str, "words": [[str, int, float]]}
`words` has each word's length in frames of 10 ms and its fit: the log likelihood a frame, 0 where
each frame is best explained by just this word: a grammar makes a command of every sentence, and
such measures help to tell them apart. The end of standard input ends the program.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder, FsgModel

# Tuned on synthetic voices: words cost more than by default (else "the" and "a" are heard in every
# breath), the grammar's weights less, and silence is likelier, so that a slow start is no word.
_TUNING = {"wip": 0.1, "lw": 5.0, "silprob": 0.1}
# Wider than by default: a command in noise must not come to nothing before its end. But what is no command at all opens
# them wide, and took four times as long: in a frame no more than the likeliest 4,000 sounds are followed up.
_BEAMS = {"beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-56, "maxhmmpf": 4_000}
_NOISE_FLOOR = 60.0
# A fit can be told only where all of the model's sounds are weighed in each frame.
_COMPARABLE = {"compallsen": True, "loglevel": "FATAL"}
# The second look at a grammar's best path may end in the middle of a sentence: it is left out. Without it, likelihoods
# are told in units that are so much smaller.
_FIRST_LOOK = {"bestpath": False}
_SMALLER = 1024
_VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
_AFTER_SHORT_O = frozenset(["R", "F", "S", "TH", "G", "NG"])
"""Before these Americans lengthen an O that is short in England: "off", "long"."""
_BROAD = re.compile(
    "after(noon)?|answer|ask|bath|can't|class|dance|draft|fast|france|grass|glass|half|last|master|pass|past|path|plants?|"
    "rather|staff|tasks?"
)
"""Of the words that are said with a broad A in England, those that commands are made of."""
_WITH_Y = re.compile(r"[tdn](?:ew|u)|resum")
_SHORT_RE = re.compile("re[^aeiou]")
_SHED = re.compile("S K EH JH U[HW] L")


def with_noise_floor(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """`samples` over faint noise, always the same one.

    Sound from a program, or a microphone's gate, holds stretches of exact zeros, whose logarithm
    upsets the recogniser: without noise it misses two commands of three, with it one of ten.
    """
    noise = np.random.default_rng(0).normal(0, _NOISE_FLOOR, len(samples))
    return (samples + noise).clip(-32768, 32767).astype(np.int16)


class Recogniser:
    """The decoder, loaded when first needed."""

    def __init__(self) -> None:
        self._grammar: tuple[str, dict[str, str]] | None = None
        self._added: set[str] = set()

    @cached_property
    def _decoder(self) -> Any:
        return Decoder(lm=None, **_TUNING, **_BEAMS, **_COMPARABLE, **_FIRST_LOOK)

    def listen_with(self, graph: str, pronunciations: dict[str, str]) -> None:
        """Hear commands with this graph; it takes some tenths of a second where it is another one."""
        if self._grammar == (graph, pronunciations):
            return
        for word, phones in pronunciations.items():
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, phones, update=False)
                self._added.add(word)
        self._decoder.add_fsg("commands", _model_of(graph, self._decoder))  # in the place of the last one
        self._decoder.activate_search("commands")
        self._grammar = graph, pronunciations

    def unknown(self, words: list[str]) -> list[str]:
        """Those of `words` that have no pronunciation in the dictionary as it comes."""
        return [word for word in words if word in self._added or self._decoder.lookup_word(word) is None]

    def command(self, samples: npt.NDArray[np.int16]) -> dict[str, Any]:
        """Return the answer for the nearest sentence of the grammar, its text "" where none is near."""
        self._decoder.reinit_feat()  # else the noise of the recording before is taken off this one
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        return _answer(self._decoder)


def british(word: str, phones: str) -> str:
    """How a word that Americans say with these CMU phones is said in England.

    No R is heard but before a vowel; "ask" has the vowel of "father", "new" a Y, "schedule" begins like "shed", the
    "re" of "remind" is short, and "all" and "pause" have a vowel that to the model's ears is that of "hole".
    """
    american = phones.split()
    with_y = _WITH_Y.search(word) is not None
    said: list[str] = []
    for before, phone, after in zip(["", *american], american, [*american[1:], ""], strict=False):
        if phone == "R" and before in _VOWELS and after not in _VOWELS:
            continue
        if phone == "ER" and before and not after:
            phone = "AH"
        elif phone == "IY" and said == ["R"] and _SHORT_RE.match(word):
            phone = "IH"
        elif phone == "AO" and after not in _AFTER_SHORT_O:
            phone = "OW"
        elif phone == "AE" and _BROAD.fullmatch(word):
            phone = "AA"
        elif phone == "UW" and with_y and before in ("T", "D", "N", "Z"):
            said.append("Y")
        said.append(phone)
    return _SHED.sub("SH EH D Y UW L", " ".join(said))


def _add_british(decoder: Any, word: str) -> None:
    """Let `word`, where the dictionary has it, be heard as said in England, too."""
    known: list[str] = []
    while phones := decoder.lookup_word(f"{word}({len(known) + 1})" if known else word):
        known.append(phones)
    if known and (told := british(word, known[0])) not in known:
        decoder.add_word(f"{word}({len(known) + 1})", told, update=False)


def _model_of(graph: str, decoder: Any) -> FsgModel:
    """A word graph in the FSG format as the decoder takes it; its words are listened for as said in England, too."""
    transitions, values = [], {}
    for line in graph.splitlines():
        key, *rest = line.split()
        if key == "TRANSITION":
            transitions.append(rest)
        elif len(rest) == 1:
            values[key] = rest[0]
    likelihoods = decoder.logmath
    model = FsgModel("commands", likelihoods, _TUNING["lw"], int(values["NUM_STATES"]))
    model.set_start_state(int(values["START_STATE"]))
    model.set_final_state(int(values["FINAL_STATE"]))
    words = {word: model.word_add(word) for word in sorted({word for _, _, _, *said in transitions for word in said})}
    for word in words:
        _add_british(decoder, word)
    for before, after, likely, *said in transitions:
        place = int(before), int(after), int(likelihoods.log(float(likely)))
        if said:
            model.trans_add(*place, words[said[0]])
        else:
            model.null_trans_add(*place)
    return model


def _answer(decoder: Any) -> dict[str, Any]:
    """The sentence with its words, silences and noises left out."""
    hypothesis = decoder.hyp()
    words = []
    for segment in (decoder.seg() or ()) if hypothesis is not None else ():
        if segment.word[0] not in "<[(+" and segment.word != "SIL":
            length = segment.end_frame - segment.start_frame + 1
            fit = _SMALLER * math.log(max(segment.ascore, sys.float_info.min)) / length
            words.append((segment.word, length, fit))
    return {"text": hypothesis.hypstr if words else "", "words": words}


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    if hasattr(signal, "SIGPIPE"):  # where Hark dies while we work nobody is left to be told so
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})  # a library of Hark's may hold it back for all
    recogniser = Recogniser()
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        if request["mode"] == "unknown":
            _tell({"words": recogniser.unknown(request["words"])})
        else:
            samples = with_noise_floor(np.frombuffer(requests.read(request["bytes"]), dtype="<i2"))
            recogniser.listen_with(request["graph"], request["pronunciations"])
            _tell(recogniser.command(samples))


if __name__ == "__main__":
    main()
