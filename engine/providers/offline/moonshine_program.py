"""A program of its own that hears any English: recordings on standard input, words on standard output.

It runs Moonshine's tiny English model (Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice
Commands", arXiv:2410.15608), an encoder and a decoder of tokens; the package `moonshine-voice` brings its files along.
Started by its path, it imports nothing else of Hark and opens no connection. A request is a line of JSON,
    {"bytes": int, "meant": str}
followed by the sound, mono 16-bit PCM at 16 kHz, 30 s at most; its answer is
    {"text": str, "likely": float, "meant": {"text": str, "likely": float}}
with the words, with capitals and punctuation, "" where there are none; how likely those are; and, where `meant` is
given, those words, with capitals where the model would write them, and how likely they would be. Both are natural
logarithms of probabilities (nats), of the words without a full stop or question mark at their end. What was heard
last is remembered: asking about the same sound again costs some hundredths of a second. The end of standard input
ends the program.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_PACKAGE = "moonshine_voice"
_START, _END = 1, 2
_TOKENS_A_SECOND = 6.5  # as the model's authors advise: one that repeats itself for ever is stopped
_SHORTEST = 2_048  # samples; of less the encoder makes nothing
_SPACE = "▁"
_CLOSING = ".?!,;:"
_ERRORS_ONLY = 3
_RATE_HZ = 16_000
_NOTHING_YET = np.zeros((1, 8, 0, 36), np.float32)


class Tokenizer:
    """The model's vocabulary of 32,768 pieces of words, in the order in which its byte pair encoding joins them.

    In the file each piece is preceded by its length, in one byte or, from 128 on, in two.
    """

    def __init__(self, file: Path) -> None:
        self.pieces = list(_pieces(file.read_bytes()))
        # Bytes come first, to spell with what nothing else says; those that are characters come again, and count there.
        self._number = {piece: number for number, piece in enumerate(self.pieces)}

    def numbers(self, text: str) -> list[int]:
        """The tokens of `text`; a character that the model does not know is left out."""
        parts = [char.encode() for char in f"{_SPACE}{text.replace(' ', _SPACE)}" if char.encode() in self._number]
        while True:
            pairs = [self._number.get(one + next_) for one, next_ in pairwise(parts)]
            known = [number for number in pairs if number is not None]
            if not known:
                return [self._number[part] for part in parts]
            place = pairs.index(min(known))
            parts[place : place + 2] = [parts[place] + parts[place + 1]]

    def text(self, numbers: Sequence[int]) -> str:
        """What the tokens say."""
        joined = b"".join(self.pieces[number] for number in numbers)
        return " ".join(joined.decode("utf-8", "ignore").replace(_SPACE, " ").split())


def _pieces(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        length = data[place]
        place += 1
        if length >= 128:
            length += 128 * (data[place] - 1)
            place += 1
        yield data[place : place + length]
        place += length


@dataclass(frozen=True, slots=True)
class _Heard:
    """A sound as the encoder gives it, (1, steps, 288) of float32, and the likeliest text."""

    encoded: npt.NDArray[np.float32]
    mask: npt.NDArray[np.int64]
    text: str = ""
    likely: float = 0.0


class Moonshine:
    """The model in `folder`, loaded when first used (0.3 s, some 200 MB)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[bytes, _Heard] | None = None

    def answer(self, pcm: bytes, meant: str = "") -> dict[str, Any]:
        """The answer to a request."""
        if self._last is None or self._last[0] != pcm:
            self._last = pcm, self.hear(np.frombuffer(pcm, dtype="<i2"))
        heard = self._last[1]
        answer = {"text": heard.text, "likely": heard.likely}
        if not meant:
            return answer
        spelled = self.spelled(heard, meant)
        return {**answer, "meant": {"text": spelled, "likely": self.likelihood(heard, spelled)}}

    def hear(self, samples: npt.NDArray[np.int16]) -> _Heard:
        """Find the text of (n,) samples at 16 kHz, always taking the likeliest token."""
        sound = np.pad(samples.astype(np.float32) / 32_768, (0, max(_SHORTEST - len(samples), 0)))[np.newaxis]
        mask = np.ones(sound.shape, np.int64)
        encoded = self._encoder.run(None, {"input_values": sound, "attention_mask": mask})[0]
        heard = _Heard(encoded, mask)
        tokens: list[int] = []
        next_ = [_START]
        past = None
        for _ in range(int(len(samples) / _RATE_HZ * _TOKENS_A_SECOND) + 1):
            likely, past = self._decode(heard, next_, past)
            next_ = [int(likely[-1].argmax())]
            if next_ == [_END]:
                break
            tokens += next_
        text = self._tokenizer.text(tokens)
        return replace(heard, text=text, likely=self.likelihood(heard, text))

    def likelihood(self, heard: _Heard, text: str) -> float:
        """The logarithm of how likely `text` is, what closes it left out."""
        tokens = self._tokenizer.numbers(text.rstrip(_CLOSING))
        likely, _ = self._decode(heard, [_START, *tokens])
        return float(sum(likely[place, token] for place, token in enumerate(tokens)))

    def spelled(self, heard: _Heard, text: str) -> str:
        """`text`, all small, with the capitals that the model would write."""
        words = (text[:1].upper() + text[1:]).split()
        tokens = [self._tokenizer.numbers(word) for word in words]
        likely, _ = self._decode(heard, [_START, *chain.from_iterable(tokens)])
        place = 0
        for number, (word, known) in enumerate(zip(words, tokens, strict=True)):
            capital = word[:1].upper() + word[1:]
            if likely[place, self._tokenizer.numbers(capital)[0]] > likely[place, known[0]]:
                words[number] = capital
            place += len(known)
        return " ".join(words)

    def _decode(
        self, heard: _Heard, tokens: Sequence[int], past: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """The logarithms of how likely each token follows each of `tokens`, and what to give with the next ones."""
        fed = {
            "input_ids": np.array([tokens], np.int64),
            "encoder_hidden_states": heard.encoded,
            "encoder_attention_mask": heard.mask,
            "use_cache_branch": np.array([past is not None]),
        }
        names = [put.name for put in self._decoder.get_inputs() if put.name not in fed]
        logits, *kept = self._decoder.run(None, fed | (past or dict.fromkeys(names, _NOTHING_YET)))
        here = dict(zip(names, kept, strict=True))
        if past is not None:  # what comes from the sound is given out the first time only
            here |= {name: past[name] for name in names if ".encoder." in name}
        highest = logits[0].max(axis=-1, keepdims=True)
        return logits[0] - highest - np.log(np.exp(logits[0] - highest).sum(axis=-1, keepdims=True)), here

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self._folder / "tokenizer.bin")

    @cached_property
    def _encoder(self) -> Any:
        return _session(self._folder / "encoder_model.ort")

    @cached_property
    def _decoder(self) -> Any:
        return _session(self._folder / "decoder_model_merged.ort")


def _session(model: Path) -> Any:
    import onnxruntime

    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a command takes it some hundredths of a second
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def model_folder() -> Path:
    """Where the package keeps the model; it is not imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "assets" / "tiny-en"


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    if hasattr(signal, "SIGPIPE"):  # where Hark dies while we work nobody is left to be told so
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})  # a library of Hark's may hold it back for all
    moonshine = Moonshine(model_folder())
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        answer = moonshine.answer(requests.read(request["bytes"]), request["meant"])
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
