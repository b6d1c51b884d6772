"""Recording real sound through a virtual microphone, with the program's own audio path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.voice.microphone import Microphone, with_trailing_silence
from engine.audio import Recording
from engine.errors import BadInputError
from engine.providers.offline import OfflineSynthesizer
from tests.virtual_audio import VirtualAudio

RATE_HZ = 16_000


def tone(hz: float, duration_ms: int) -> Recording:
    """A sine at half of full scale."""
    times = np.arange(RATE_HZ * duration_ms // 1000) / RATE_HZ
    return Recording((np.sin(2 * np.pi * hz * times) * 16_384).astype(np.int16), RATE_HZ)


async def speak(words: str) -> Recording:
    """`words`, spoken by a synthetic voice."""
    synthesizer = OfflineSynthesizer()
    try:
        return await synthesizer.synthesize(words)
    finally:
        await synthesizer.close()


def tone_ms(recording: Recording, hz: float) -> int:
    """For how many milliseconds a tone of `hz` (a multiple of 50) is heard, in steps of 20."""
    blocks = recording.samples[: len(recording.samples) // 320 * 320].reshape(-1, 320).astype(float)
    spectrum = np.abs(np.fft.rfft(blocks * np.hanning(320), axis=1))
    loud = np.abs(blocks).max(axis=1) > 4_000
    return int((loud & (spectrum.argmax(axis=1) == round(hz / 50))).sum()) * 20


@pytest.fixture
def microphone(virtual_audio: VirtualAudio, qtbot: QtBot) -> Iterator[Microphone]:
    microphone = Microphone()
    yield microphone
    microphone.close()


def wait_for_level(qtbot: QtBot, microphone: Microphone, *, above: float) -> None:
    with qtbot.waitSignal(microphone.level, check_params_cb=lambda level: level > above):
        pass


def wait_for_silence(qtbot: QtBot, microphone: Microphone) -> None:
    with qtbot.waitSignal(microphone.level, check_params_cb=lambda level: level == 0):
        pass


def stop(qtbot: QtBot, microphone: Microphone) -> Recording:
    with qtbot.waitSignal(microphone.finished) as signal:
        microphone.stop()
    recording = signal.args[0]
    assert isinstance(recording, Recording)
    return recording


def test_what_is_said_is_what_is_recorded(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    virtual_audio.play(tone(1_000, 600))
    wait_for_level(qtbot, microphone, above=0.8)
    wait_for_silence(qtbot, microphone)
    recording = stop(qtbot, microphone)
    assert recording.rate_hz == RATE_HZ
    assert recording.peak_dbfs == pytest.approx(-6, abs=1)
    assert 560 <= tone_ms(recording, 1_000) < 800  # a late sound server may stretch it


def test_the_level_follows_the_voice(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    microphone.start()
    wait_for_silence(qtbot, microphone)
    virtual_audio.play(tone(1_000, 200))
    wait_for_level(qtbot, microphone, above=0.8)
    wait_for_silence(qtbot, microphone)


def test_a_warm_microphone_has_the_syllable_before_the_key(
    virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    stop(qtbot, microphone)
    assert microphone.is_open
    virtual_audio.play(tone(2_000, 300)).wait()
    microphone.start()
    wait_for_silence(qtbot, microphone)
    recording = stop(qtbot, microphone)
    assert tone_ms(recording, 2_000) >= 200


def test_the_voice_may_die_away_after_the_key(
    virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot
) -> None:
    microphone.start()
    virtual_audio.play(tone(1_000, 3_000))
    wait_for_level(qtbot, microphone, above=0.8)
    heard_before_stop: list[float] = []
    microphone.level.connect(heard_before_stop.append)
    recording = stop(qtbot, microphone)
    assert tone_ms(recording, 1_000) >= 240
    assert len(heard_before_stop) * 20 >= 240


def test_nothing_is_kept_after_discard(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    microphone.discard()
    with qtbot.assertNotEmitted(microphone.finished):
        microphone.stop()


def test_the_device_is_let_go_when_it_was_warm_long_enough(virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    microphone = Microphone(warm_ms=100)
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    stop(qtbot, microphone)
    qtbot.waitUntil(lambda: not microphone.is_open)


def test_a_silent_microphone_is_told_while_it_records(
    virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(microphone.silent):
        microphone.start()


def test_too_loud_a_microphone_is_told(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    overdriven = np.where(tone(200, 500).samples > 0, 32_767, -32_768).astype(np.int16)
    with qtbot.waitSignal(microphone.clipped):
        virtual_audio.play(Recording(overdriven, RATE_HZ))


def test_it_hears_when_somebody_speaks_and_when_they_have_stopped(
    virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot
) -> None:
    speech = asyncio.run(speak("pause the email queue, and tell me how the others are doing"))
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    saying = virtual_audio.play(speech)
    with qtbot.waitSignals([microphone.speech_began, microphone.speech_ended], order="strict"):
        pass
    assert saying.poll() is not None, "a pause between two words was taken for the end"


def test_an_unplugged_microphone_keeps_what_was_said(
    virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot
) -> None:
    microphone.start()
    virtual_audio.play(tone(1_000, 400))
    wait_for_level(qtbot, microphone, above=0.8)
    wait_for_silence(qtbot, microphone)
    with qtbot.waitSignals([microphone.lost, microphone.finished], order="strict"):
        finished = []
        microphone.finished.connect(finished.append)
        virtual_audio.unplug()
    assert 360 <= tone_ms(finished[0], 1_000) < 600
    assert not microphone.is_open


def test_a_microphone_plugged_in_again_works(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    with qtbot.waitSignal(microphone.started):
        microphone.start()
    with qtbot.waitSignal(microphone.lost):
        virtual_audio.unplug()
    virtual_audio.plug_in()
    with qtbot.waitSignal(microphone.started):
        microphone.start()


def test_no_microphone_says_what_to_do(virtual_audio: VirtualAudio, microphone: Microphone) -> None:
    virtual_audio.unplug()
    with pytest.raises(BadInputError, match=r"No microphone was found\. Plug one in"):
        microphone.start()


def test_silence_is_refused(virtual_audio: VirtualAudio, microphone: Microphone, qtbot: QtBot) -> None:
    microphone.start()
    with qtbot.waitSignal(microphone.level):
        pass
    recording = stop(qtbot, microphone)
    with pytest.raises(BadInputError, match=r"silent|empty"):
        recording.require_speech()


def test_a_last_word_is_followed_by_silence() -> None:
    padded = with_trailing_silence(tone(1_000, 500))
    assert padded.duration_ms == 800
    assert not padded.samples[-RATE_HZ * 300 // 1000 :].any()
