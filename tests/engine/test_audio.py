"""Sound in and out: what is refused with which words, and what survives a file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import MAX_AUDIO_BYTES, Recording
from engine.errors import BadInputError


def tone(rate_hz: int = 16_000, seconds: float = 1.0, level: float = 8000.0) -> Recording:
    """A 440 Hz tone."""
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    return Recording((np.sin(2 * np.pi * 440 * times) * level).astype(np.int16), rate_hz)


def encoded(samples: np.ndarray, container: str, rate_hz: int = 16_000) -> bytes:
    """`samples`, shaped (frames,) or (frames, channels), as a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=container)
    return buffer.getvalue()


def pitch_hz(recording: Recording) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(recording.samples))
    return float(np.argmax(spectrum)) * recording.rate_hz / len(recording.samples)


def test_flac_and_wav_give_every_sample_back() -> None:
    recording = tone()
    for data in (recording.to_flac(), recording.to_wav()):
        again = Recording.decode(data)
        assert again.rate_hz == 16_000
        assert np.array_equal(again.samples, recording.samples)


def test_an_empty_recording_survives_its_file() -> None:
    assert Recording.decode(tone(seconds=0).to_wav()).duration_ms == 0


@pytest.mark.parametrize("container", ["MP3", "OGG"])
def test_compressed_files_are_read(container: str) -> None:
    recording = Recording.decode(encoded(tone(44_100).samples, container, 44_100))
    assert recording.rate_hz == 44_100
    assert pitch_hz(recording) == pytest.approx(440, abs=2)


def test_stereo_becomes_the_mean_of_both_sides() -> None:
    left = tone().samples
    recording = Recording.decode(encoded(np.stack([left, np.zeros_like(left)], axis=1), "WAV"))
    assert recording.samples.shape == left.shape
    assert np.abs(recording.samples - left / 2).max() <= 1


def test_float_files_louder_than_full_scale_are_clipped_not_wrapped() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(1600, 1.5, dtype=np.float32), 16_000, format="WAV", subtype="FLOAT")
    assert Recording.decode(buffer.getvalue()).samples.min() > 32_000


def test_resampling_keeps_length_and_pitch() -> None:
    recording = tone(48_000).at_rate(16_000)
    assert (recording.rate_hz, recording.duration_ms) == (16_000, 1000)
    assert recording.samples.dtype == np.int16
    assert pitch_hz(recording) == pytest.approx(440, abs=1)


def test_nothing_is_empty() -> None:
    with pytest.raises(BadInputError, match=r"memo\.wav is empty \(0 bytes\)"):
        Recording.decode(b"", "memo.wav")


@pytest.mark.parametrize("data", [b"hello, I am a letter", b"RIFF", b"fLaC", b"\0" * 4096])
def test_what_is_no_audio_is_named(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"memo\.wav is not audio .*wav, flac, mp3 or ogg"):
        Recording.decode(data, "memo.wav")


@pytest.mark.parametrize(
    ("head", "kind"), [(b"\0\0\0\x20ftypM4A \0\0\2\0", "m4a"), (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01", "webm")]
)
def test_a_file_that_only_a_server_can_open_is_told_apart_from_rubbish(head: bytes, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "memo"
    file.write_bytes(head * 9)
    words = f"memo is a file of the kind {kind}, which this machine cannot open.*ffmpeg.*OPENAI_API_KEY"
    with pytest.raises(BadInputError, match=words):
        Recording.decode(head * 9, "memo")
    with pytest.raises(BadInputError, match=words):
        Recording.read(file)


def test_a_file_of_samples_alone_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "memo.raw"
    file.write_bytes(tone().samples.tobytes())
    with pytest.raises(BadInputError, match=r"memo\.raw is not audio .*do not tell their rate"):
        Recording.read(file)


def test_a_file_that_was_cut_off_is_refused() -> None:
    whole = tone().to_flac()
    with pytest.raises(BadInputError, match="not audio that Hark can read"):
        Recording.decode(whole[: len(whole) // 2])


def test_too_much_is_refused_with_both_sizes() -> None:
    with pytest.raises(BadInputError, match="25 MB allowed"):
        Recording.decode(bytes(MAX_AUDIO_BYTES + 1))


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (tone(seconds=0), "empty"),
        (tone(seconds=0.1), "empty"),
        (tone(level=0), "silent"),
        (tone(level=20), "silent"),
    ],
)
def test_too_little_to_hold_a_word_is_refused(recording: Recording, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        recording.require_speech()


def test_a_voice_is_let_through() -> None:
    recording = tone()
    assert recording.require_speech() is recording


def test_the_loudest_sample_is_measured_without_overflow() -> None:
    assert Recording(np.array([-32768], dtype=np.int16)).peak_dbfs == 0
    assert Recording(np.zeros(10, dtype=np.int16)).peak_dbfs == float("-inf")
