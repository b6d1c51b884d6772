"""A program of its own that speaks: requests on standard input, sound on standard output.

espeak-ng is under the GPL, so Hark's own processes never load it; this small program does, and
speaks with Hark over its pipes alone. It needs only the standard library and `espeakng_loader`,
and is started by its path, so that nothing else of Hark is imported (start: tens of milliseconds).

A request is one line of JSON: `{"text": str, "voice": str, "words_per_minute": int}`.
An answer is one line of JSON, `{"rate_hz": int, "bytes": int}`, followed by that many bytes of
mono 16-bit little-endian PCM; or `{"error": str}` and nothing else. `{"pronounce": [str]}` is
answered by `{"sounds": {word: str}}`, in the phonetic alphabet (IPA) of American English. The end
of standard input ends the program.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from typing import Any

import espeakng_loader

_SYNCHRONOUS = 2  # espeak_Synth returns when the callback has had all samples
_UTF8_TEXT = 1
_RATE_PARAMETER = 1
_POSITION_CHARACTER = 1
_IPA = 2

# Names that people expect and espeak-ng's voice files do not have.
_ALIASES = {"en-gb": "en"}

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Speaker:
    """espeak-ng, loaded once into this process; not for use by two threads at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate_hz: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self.rate_hz <= 0:
            raise RuntimeError("espeak-ng found no data to start from")
        self._pcm = bytearray()
        self._callback = _Callback(self._receive)  # kept here: C code holds no reference
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p

    def _receive(self, samples: Any, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        return 0

    def speak(self, text: str, voice: str, words_per_minute: int) -> bytes:
        """Return `text` as mono 16-bit PCM at `rate_hz`; raises ValueError for a voice that is not there."""
        language, plus, variant = voice.partition("+")
        name = _ALIASES.get(language, language) + plus + variant
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice named {voice!r}")
        self._library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
        self._pcm = bytearray()
        # A NUL would end the C string early and drop the rest of the text.
        encoded = text.replace("\0", " ").encode("utf-8", "replace")
        status = self._library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded) + 1), 0, _POSITION_CHARACTER, 0, _UTF8_TEXT, None, None
        )
        if status != 0:
            raise RuntimeError(f"espeak-ng failed with status {status}")
        return bytes(self._pcm)

    def pronounce(self, words: list[str]) -> dict[str, str]:
        """The sounds of each word (IPA), "" where it has none."""
        self._library.espeak_SetVoiceByName(b"en-us")
        sounds = {}
        for word in words:
            text = ctypes.c_char_p(word.encode())
            said = self._library.espeak_TextToPhonemes(ctypes.byref(text), _UTF8_TEXT, _IPA)
            sounds[word] = (said or b"").decode()
        return sounds


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Hark, which then closes our input
    if hasattr(signal, "SIGPIPE"):  # where Hark dies while we work nobody is left to be told so
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})  # a library of Hark's may hold it back for all
    speaker = Speaker()
    output = sys.stdout.buffer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "pronounce" in request:
            output.write(json.dumps({"sounds": speaker.pronounce(request["pronounce"])}).encode() + b"\n")
            output.flush()
            continue
        try:
            pcm = speaker.speak(request["text"], request["voice"], request["words_per_minute"])
        except ValueError as error:
            output.write(json.dumps({"error": str(error)}).encode() + b"\n")
        else:
            output.write(json.dumps({"rate_hz": speaker.rate_hz, "bytes": len(pcm)}).encode() + b"\n" + pcm)
        output.flush()


if __name__ == "__main__":
    main()
