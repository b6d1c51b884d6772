"""What runs in the recogniser's own process: pocketsphinx, decoding twice.

With the commands' grammar, pocketsphinx takes most sentences for some command. So the sound is
decoded a second time as bare phones, and a command whose phones are too far from those is refused
(their edit distance by the longer one's length). pocketsphinx's own confidence is always 1 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.audio import SPEECH_RATE_HZ

MOST_DISTANCE = 0.76
_SILENCES = frozenset({"SIL", "+NSN+", "+SPN+", "<s>", "</s>", "<sil>", "(NULL)"})
_PADDING_S = 0.3
_LEAD_S = 0.1
_DITHER = 60.0
"""Deviation of the noise that is added, in steps of 16 bits: the models know no room that is perfectly still."""

_decoders: dict[str, Any] = {}
"""This process's two decoders; loading them takes a few hundred milliseconds, so they stay."""


def load(jsgf: str, pronunciations: dict[str, str]) -> None:
    """Load both decoders; runs once when the process starts."""
    import pocketsphinx

    grammar = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    for word, phones in pronunciations.items():
        grammar.add_word(word, phones, update=False)
    grammar.add_jsgf_string("commands", jsgf)
    grammar.activate_search("commands")
    _decoders["grammar"] = grammar
    phone_model = pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin")
    _decoders["phones"] = pocketsphinx.Decoder(lm=None, allphone=phone_model, loglevel="FATAL")


def recognise(pcm: bytes) -> str:
    """The command in `pcm` (mono int16 at 16 kHz), or "" where it holds none."""
    padded = _in_a_room(pcm)
    grammar = _decoders["grammar"]
    words = _decode(grammar, padded)
    if not words:
        return ""
    expected = [phone for word in words for phone in (grammar.lookup_word(word) or word).split()]
    heard = _decode(_decoders["phones"], padded)
    if distance(expected, heard) > MOST_DISTANCE:
        return ""
    return " ".join(word.split("(")[0] for word in words)


def _in_a_room(pcm: bytes) -> bytes:
    """`pcm` with silence at both ends and a little noise over all, the same noise each time."""
    spoken = np.frombuffer(pcm, dtype=np.int16)
    sound = np.pad(spoken.astype(np.float64), (int(SPEECH_RATE_HZ * _LEAD_S), int(SPEECH_RATE_HZ * _PADDING_S)))
    sound += np.random.default_rng(0).normal(0, _DITHER, len(sound))
    return sound.clip(-32768, 32767).astype(np.int16).tobytes()


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Levenshtein's edit distance divided by the longer length: 0 the same, 1 nothing in common."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        above, row = row, [number]
        for column, right in enumerate(other, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (left != right)))
    return row[-1] / max(len(one), len(other), 1)


def _decode(decoder: Any, pcm: bytes) -> list[str]:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [segment.word for segment in decoder.seg() if segment.word not in _SILENCES]
