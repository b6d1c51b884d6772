"""A program of its own that listens: recordings on standard input, words on standard output.

pocketsphinx holds Python's lock while it decodes, so it runs apart. Started by its path, it
imports nothing else of Hark. A request is a line of JSON, followed by the sound where it has one,
mono 16-bit PCM at 16 kHz:
    {"mode": "unknown", "words": [str]}
    {"mode": "command", "bytes": int, "graph": str, "pronunciations": {word: phones}}
    {"mode": "free", "bytes": int}
`unknown` answers {"words": [str]}: those that the dictionary lacks. `command` decodes with the
word graph `graph` (in the FSG format), `free` with the general English model; their answer is
    {"text": str, "phones": [str], "words": [[str, int, float]]}
`phones` are the sounds of that text (CMU phones); `words` has each word's length in frames of
10 ms and its fit: the log likelihood a frame, 0 where each frame is best explained by just this
word: a grammar makes a command of every sentence, and only such measures tell them apart. Before
it come, where the words have changed, lines of {"so_far": answer}. The end of standard input ends
the program.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder, FsgModel

# Tuned on synthetic voices: words cost more than by default (else "the" and "a" are heard in every
# breath), the grammar's weights less, and silence is likelier, so that a slow start is no word.
_TUNING = {"wip": 0.1, "lw": 5.0, "silprob": 0.1}
# Wider than by default: a command in noise must not come to nothing before its end.
_BEAMS = {"beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-56}
_NOISE_FLOOR = 60.0
# The fits of two decoders can be compared only where all of the model's sounds are weighed in each frame.
_COMPARABLE = {"compallsen": True, "loglevel": "FATAL"}
# The second look at a grammar's best path may end in the middle of a sentence: it is left out. Without it, likelihoods
# are told in units that are so much smaller.
_FIRST_LOOK = {"bestpath": False}
_SMALLER = 1024
# The general model's second pass takes a third of the time and hears the same words, and so does all that it follows up
# in a frame beyond the likeliest 3,000 sounds.
_ONE_PASS = {"fwdflat": False, "maxhmmpf": 3_000}
# Hears nothing: it takes the mean of a recording's sound, in a hundredth of a decoder's time.
_MEAN = {"lm": None, "ds": 50, "topn": 1, "loglevel": "FATAL"}
_MEAN_OF = "#JSGF V1.0; grammar any; public <any> = a;"
_STEP = 3_200  # samples, 200 ms: words are told so often
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


SoFar = Callable[[dict[str, Any]], None]
"""Is given the answers for the beginning of a recording."""


class Recogniser:
    """The decoders, each loaded when first needed."""

    def __init__(self) -> None:
        self._free: Any = None
        self._mean: Any = None
        self._grammar: tuple[str, dict[str, str]] | None = None
        self._command: Any = None

    def listen_with(self, graph: str, pronunciations: dict[str, str]) -> None:
        """Hear commands with this graph; it takes some tenths of a second where it is another one."""
        if self._grammar == (graph, pronunciations):
            return
        if self._command is None:
            self._command = Decoder(lm=None, **_TUNING, **_BEAMS, **_COMPARABLE, **_FIRST_LOOK)
        for word, phones in pronunciations.items():
            if self._command.lookup_word(word) is None:
                self._command.add_word(word, phones, update=False)
        self._command.add_fsg("commands", _model_of(graph, self._command))  # in the place of the last one
        self._command.activate_search("commands")
        self._grammar = graph, pronunciations

    def unknown(self, words: list[str]) -> list[str]:
        """Those of `words` that have no pronunciation in the dictionary as it comes."""
        return [word for word in words if self._meter().lookup_word(word) is None]

    def command(self, samples: npt.NDArray[np.int16], so_far: SoFar = lambda _: None) -> dict[str, Any]:
        """Return the answer for the nearest sentence of the grammar, its text "" where none is near."""
        return self._decode(self._command, samples, so_far, _SMALLER)

    def free(self, samples: npt.NDArray[np.int16], so_far: SoFar = lambda _: None) -> dict[str, Any]:
        """Return the answer for what the general model makes of it."""
        return self._decode(self._speech(), samples, so_far)

    def _decode(self, decoder: Any, samples: npt.NDArray[np.int16], so_far: SoFar, smaller: int = 1) -> dict[str, Any]:
        """Hear step by step, with the mean of the whole: to the last digit what is heard of the whole at once.

        That holds over a noise floor, for frames without energy are taken otherwise, and where silence comes last: of
        the last step the decoder may forget 40 ms.
        """
        mean = self._mean_of(samples)
        decoder.reinit_feat()  # else the noise of the recording before is taken off this one
        decoder.start_utt()
        told = ""
        for start in range(0, len(samples), _STEP):
            decoder.set_cmn(mean)  # it would follow the steps
            decoder.process_raw(samples[start : start + _STEP].tobytes())
            answer = _answer(decoder, smaller)
            if answer["text"] != told:
                told = answer["text"]
                so_far(answer)
        decoder.end_utt()
        return _answer(decoder, smaller)

    def _mean_of(self, samples: npt.NDArray[np.int16]) -> str:
        """The cepstral mean of a recording, as decoders take it."""
        meter = self._meter()
        meter.reinit_feat()
        meter.start_utt()
        meter.process_raw(samples.tobytes(), full_utt=True)
        meter.end_utt()
        return str(meter.get_cmn(False))

    def _meter(self) -> Any:
        if self._mean is None:
            self._mean = Decoder(**_MEAN)
            self._mean.add_jsgf_string("any", _MEAN_OF)
            self._mean.activate_search("any")
        return self._mean

    def _speech(self) -> Any:
        if self._free is None:
            self._free = Decoder(**_COMPARABLE, **_ONE_PASS)
        return self._free


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


def _answer(decoder: Any, smaller: int) -> dict[str, Any]:
    """The sentence so far with its words (or phones), silences and noises left out.

    `smaller` is by how much the decoder's log likelihoods are too small.
    """
    hypothesis = decoder.hyp()
    words = []
    for segment in (decoder.seg() or ()) if hypothesis is not None else ():
        if segment.word[0] not in "<[(+" and segment.word != "SIL":
            length = segment.end_frame - segment.start_frame + 1
            fit = smaller * math.log(max(segment.ascore, sys.float_info.min)) / length
            words.append((segment.word, length, fit))
    phones = [phone for word, _, _ in words for phone in (decoder.lookup_word(word) or "").split()]
    return {"text": hypothesis.hypstr if words else "", "phones": phones, "words": words}


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

    def so_far(answer: dict[str, Any]) -> None:
        _tell({"so_far": answer})

    while line := requests.readline():
        request = json.loads(line)
        match request["mode"]:
            case "unknown":
                _tell({"words": recogniser.unknown(request["words"])})
            case mode:
                samples = with_noise_floor(np.frombuffer(requests.read(request["bytes"]), dtype="<i2"))
                if mode == "free":
                    _tell(recogniser.free(samples, so_far))
                else:
                    recogniser.listen_with(request["graph"], request["pronunciations"])
                    _tell(recogniser.command(samples, so_far))


if __name__ == "__main__":
    main()
