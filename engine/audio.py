"""Sound as the engine passes it on: one frozen type, and the files it comes from and goes to.

Hides soundfile and soxr. Everything is mono 16-bit; recognisers get 16 kHz. numpy and the libraries are imported when
there is a sound: most of what imports this module never meets one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SPEECH_RATE_HZ = 16_000
MAX_AUDIO_BYTES = 25 * 1024 * 1024
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

    @classmethod
    def decode(cls, data: bytes, source: str = "the audio") -> Recording:
        """Read any file libsndfile knows (wav, flac, mp3, ogg) as mono at its own rate.

        `source` names the file in the error. Raises BadInputError for empty, oversized or
        unreadable data.
        """
        if not data:
            raise BadInputError(f"{source} is empty (0 bytes).", "Record it again or choose another file.")
        if len(data) > MAX_AUDIO_BYTES:
            raise BadInputError(
                f"{source} is {len(data) / 1024**2:.0f} MB, more than the {MAX_AUDIO_BYTES // 1024**2} MB allowed.",
                "Cut it into shorter parts.",
            )
        import numpy as np
        import soundfile

        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                # In blocks: a compressed hour would need a gigabyte at once.
                blocks = [_mono(block) for block in file.blocks(65_536, dtype="float32", always_2d=True)]
                rate_hz = int(file.samplerate)
        except soundfile.LibsndfileError as error:
            raise BadInputError(
                f"{source} is not audio that Hark can read ({error.error_string}).",
                "Give a wav, flac, mp3 or ogg file.",
            ) from error
        return cls(np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int16), rate_hz)


def _mono(block: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """The mean of a block's channels, shaped (frames, channels) with full scale 1.0, as int16.

    Exact for 16-bit files; what is louder than full scale is clipped. (libsndfile's own conversion
    takes a float file's 1.0 as the integer 1.)
    """
    import numpy as np

    scaled = block.mean(axis=1, dtype=np.float32) * np.float32(32768)
    clipped: npt.NDArray[np.float32] = np.clip(np.rint(scaled), -32768, 32767)
    return clipped.astype(np.int16)
