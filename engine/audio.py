"""Sound as the engine passes it on: one frozen type, and the files it comes from and goes to.

Hides soundfile and soxr. Everything is mono 16-bit; recognisers get 16 kHz. numpy and the libraries are imported when
there is a sound: most of what imports this module never meets one.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SPEECH_RATE_HZ = 16_000
MAX_AUDIO_BYTES = 25 * 1024 * 1024
"""The most that travels with a job in one piece; servers take no more either."""
LONGEST_FILE_MS = 4 * 3_600_000
PART_MS = 120_000
"""A longer recording is heard in parts of about this length."""
SHORTEST_MS = 300
"""No command is shorter."""
_SILENCE_DBFS = -60.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono sound: `samples` is a one-dimensional int16 array at `rate_hz`."""

    samples: npt.NDArray[np.int16] = field(repr=False)
    rate_hz: int = SPEECH_RATE_HZ

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""
        return round(len(self.samples) * 1000 / self.rate_hz)

    @property
    def peak_dbfs(self) -> float:
        """Loudest sample in dB below full scale; -inf where all are zero."""
        import numpy as np

        if not len(self.samples):
            return float("-inf")
        peak = int(np.abs(self.samples.astype(np.int32)).max())
        return 20 * float(np.log10(peak / 32768)) if peak else float("-inf")

    def at_rate(self, rate_hz: int) -> Recording:
        """The same sound resampled to `rate_hz`."""
        if rate_hz == self.rate_hz:
            return self
        import soxr

        return Recording(soxr.resample(self.samples, self.rate_hz, rate_hz), rate_hz)

    def require_speech(self) -> Recording:
        """Return self, or raise BadInputError where there is too little sound to hold a word."""
        if self.duration_ms < SHORTEST_MS:
            raise BadInputError(
                f"The recording is empty ({self.duration_ms} ms).", "Hold the key while you speak, then let go."
            )
        if self.peak_dbfs < _SILENCE_DBFS:
            raise BadInputError(
                "Nothing was heard: the recording is silent.", "Is the microphone muted, or another one selected?"
            )
        return self

    def to_flac(self) -> bytes:
        """Lossless FLAC bytes."""
        return self._encode("FLAC")

    def to_wav(self) -> bytes:
        """RIFF WAVE bytes, 16-bit PCM."""
        return self._encode("WAV")

    def _encode(self, container: str) -> bytes:
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, self.samples, self.rate_hz, format=container, subtype="PCM_16")
        return buffer.getvalue()

    def parts(self, longest_ms: int = PART_MS) -> list[Recording]:
        """Cut at the longest silences, so that no part is longer than `longest_ms` and no word is cut where one pauses.

        Each cut is made in the last third of what a part may hold, at its quietest 300 ms.
        """
        import numpy as np

        block = self.rate_hz // 50
        longest, cuts = longest_ms * self.rate_hz // 1000, [0]
        while len(self.samples) - cuts[-1] > longest:
            begin, end = cuts[-1] + longest * 2 // 3, cuts[-1] + longest
            window = self.samples[begin : begin + (end - begin) // block * block].astype(np.float32)
            power = (window.reshape(-1, block) ** 2).mean(axis=1)
            quiet = np.convolve(power, np.ones(min(15, len(power))), mode="valid")
            cuts.append(begin + (int(quiet.argmin()) + min(15, len(power)) // 2) * block)
        return [
            Recording(self.samples[begin:end], self.rate_hz)
            for begin, end in zip(cuts, [*cuts[1:], len(self.samples)], strict=True)
        ]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a sound file of any size, up to four hours, as mono at 16 kHz.

        Raises BadInputError where it cannot be read, is no sound or is longer.
        """
        import soundfile

        head = b""
        try:
            with path.open("rb") as raw:
                head = raw.read(12)
                if not head:
                    raise BadInputError(f"{path} is empty (0 bytes).", "Record it again or choose another file.")
                raw.seek(0)
                with soundfile.SoundFile(raw) as file:
                    if file.frames / file.samplerate * 1000 > LONGEST_FILE_MS:
                        hours = file.frames / file.samplerate / 3600
                        raise BadInputError(
                            f"{path} is {hours:.1f} hours long, more than the {LONGEST_FILE_MS // 3_600_000} allowed.",
                            "Cut it into shorter files.",
                        )
                    return cls(_at_speech_rate(file), SPEECH_RATE_HZ)
        except soundfile.LibsndfileError as error:
            raise _unreadable(str(path), error.error_string, unopened_kind(head)) from error
        except TypeError as error:  # soundfile takes a name in .raw for samples alone, and wants their rate
            raise _unreadable(str(path), "its name ends in .raw: samples that do not tell their rate", "") from error
        except OSError as error:
            raise BadInputError(f"{path} cannot be read: {error.strerror or error}.", "Give a sound file.") from error

    @classmethod
    def decode(cls, data: bytes, source: str = "the audio") -> Recording:
        """Read any file libsndfile knows (wav, flac, mp3, ogg) as mono at its own rate.

        `source` names the file in the error. Raises BadInputError for empty, oversized or
        unreadable data.
        """
        require_size(data, source)
        import numpy as np
        import soundfile

        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                # In blocks: a compressed hour would need a gigabyte at once.
                blocks = [_mono(block) for block in file.blocks(65_536, dtype="float32", always_2d=True)]
                rate_hz = int(file.samplerate)
        except soundfile.LibsndfileError as error:
            raise _unreadable(source, error.error_string, unopened_kind(data)) from error
        return cls(np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int16), rate_hz)


def require_size(data: bytes, source: str) -> None:
    """Raise BadInputError for a file that is empty, or too large to travel with a job in one piece."""
    if not data:
        raise BadInputError(f"{source} is empty (0 bytes).", "Record it again or choose another file.")
    if len(data) > MAX_AUDIO_BYTES:
        raise BadInputError(
            f"{source} is {len(data) / 1024**2:.0f} MB, more than the {MAX_AUDIO_BYTES // 1024**2} MB allowed.",
            "Cut it into shorter parts.",
        )


def joined(recordings: Sequence[Recording]) -> Recording:
    """One after the other, at the first one's rate; silence of no length where there are none."""
    import numpy as np

    if not recordings:
        return Recording(np.zeros(0, dtype=np.int16))
    rate_hz = recordings[0].rate_hz
    return Recording(np.concatenate([one.at_rate(rate_hz).samples for one in recordings]), rate_hz)


def unopened_kind(data: bytes) -> str:
    """What a file is called that only a server or ffmpeg can open: "m4a" (AAC in MP4) or "webm"; "" for any other.

    The first bytes are enough.
    """
    if data[4:8] == b"ftyp":
        return "m4a"
    return "webm" if data.startswith(b"\x1a\x45\xdf\xa3") else ""


def guessed_duration_ms(data: bytes) -> int:
    """How long a compressed file is likely to play that nobody has opened, in milliseconds: 64 kbit/s is usual."""
    return len(data) // 8


def unopened(source: str, kind: str) -> BadInputError:
    """The error for a file that is sound, but of a kind that neither Hark nor a program beside it can open."""
    return BadInputError(
        f"{source} is a file of the kind {kind}, which this machine cannot open.",
        "Give a wav, flac, mp3 or ogg file, or install ffmpeg for the worker; with OPENAI_API_KEY a server hears it.",
    )


def _unreadable(source: str, why: str, kind: str) -> BadInputError:
    if kind:
        return unopened(source, kind)
    return BadInputError(f"{source} is not audio that Hark can read ({why}).", "Give a wav, flac, mp3 or ogg file.")


def _at_speech_rate(file: Any) -> npt.NDArray[np.int16]:
    """An open sound file's samples, mono at 16 kHz; block by block, since hours at 48 kHz in stereo are gigabytes."""
    import numpy as np
    import soxr

    stream = None
    if file.samplerate != SPEECH_RATE_HZ:
        stream = soxr.ResampleStream(file.samplerate, SPEECH_RATE_HZ, 1, dtype="int16")
    found = []
    for block in file.blocks(65_536, dtype="float32", always_2d=True):
        mono = _mono(block)
        found.append(mono if stream is None else stream.resample_chunk(mono))
    if stream is not None:
        found.append(stream.resample_chunk(np.zeros(0, dtype=np.int16), last=True))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int16)


def _mono(block: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """The mean of a block's channels, shaped (frames, channels) with full scale 1.0, as int16.

    Exact for 16-bit files; what is louder than full scale is clipped. (libsndfile's own conversion
    takes a float file's 1.0 as the integer 1.)
    """
    import numpy as np

    scaled = block.mean(axis=1, dtype=np.float32) * np.float32(32768)
    clipped: npt.NDArray[np.float32] = np.clip(np.rint(scaled), -32768, 32767)
    return clipped.astype(np.int16)
