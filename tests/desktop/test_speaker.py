"""Playing sound on a virtual loudspeaker and listening to what came out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.voice.portaudio import Direction, PortAudio
from desktop.voice.speaker import Speaker
from engine.audio import Recording
from tests.desktop.test_microphone import tone, tone_ms
from tests.virtual_audio import SpeakerTap, VirtualAudio


@pytest.fixture
def speaker(virtual_audio: VirtualAudio, qtbot: QtBot) -> Iterator[Speaker]:
    speaker = Speaker()
    yield speaker
    speaker.stop()


@pytest.fixture
def tap(virtual_audio: VirtualAudio) -> Iterator[SpeakerTap]:
    with virtual_audio.record_speaker() as tap:
        yield tap


def test_the_whole_sound_is_played(speaker: Speaker, tap: SpeakerTap, qtbot: QtBot) -> None:
    with qtbot.waitSignal(speaker.finished):
        speaker.play(tone(1_000, 600))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 1_000) >= 560)
    assert not speaker.is_playing


def test_any_rate_sounds_at_its_pitch(speaker: Speaker, tap: SpeakerTap, qtbot: QtBot) -> None:
    with qtbot.waitSignal(speaker.finished):
        speaker.play(tone(2_000, 500).at_rate(22_050))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 2_000) >= 440)


def test_stop_is_silent_at_once(speaker: Speaker, tap: SpeakerTap, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(speaker.finished):
        speaker.play(tone(1_000, 10_000))
        qtbot.waitUntil(lambda: tone_ms(tap.recording(), 1_000) > 100)
        speaker.stop()
        heard_ms = tap.recording().duration_ms
        qtbot.waitUntil(lambda: tap.recording().duration_ms > heard_ms + 500)
    last = Recording(tap.recording().samples[-16_000 * 200 // 1000 :])
    assert last.peak_dbfs < -60


def test_a_new_answer_replaces_the_old(speaker: Speaker, tap: SpeakerTap, qtbot: QtBot) -> None:
    speaker.play(tone(1_000, 10_000))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 1_000) > 100)
    with qtbot.waitSignal(speaker.finished):
        speaker.play(tone(2_000, 500))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 2_000) >= 440)


def test_an_answer_sounds_while_it_still_comes(speaker: Speaker, tap: SpeakerTap, qtbot: QtBot) -> None:
    finished: list[bool] = []
    speaker.finished.connect(lambda: finished.append(True))
    speaker.play(tone(1_000, 400), more=True)
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 1_000) >= 360)
    assert speaker.is_playing
    speaker.add(tone(2_000, 400).at_rate(22_050))
    qtbot.waitUntil(lambda: tone_ms(tap.recording(), 2_000) >= 340)
    assert not finished
    with qtbot.waitSignal(speaker.finished):
        speaker.end()


def test_parts_have_no_seams_where_the_device_has_a_rate_of_its_own(virtual_audio: VirtualAudio) -> None:
    class OneRate(PortAudio):
        """As where the system lets nobody choose."""

        def open(self, direction: Direction, _rate_hz: int | None, *callbacks: Any) -> tuple[Any, int]:
            return super().open(direction, 44_100, *callbacks)

    whole = tone(440, 500)
    speaker = Speaker(OneRate())
    speaker.play(Recording(whole.samples[:1_600], whole.rate_hz), more=True)
    for start in range(1_600, len(whole.samples), 1_600):
        speaker.add(Recording(whole.samples[start : start + 1_600], whole.rate_hz))
    speaker.end()
    assert speaker._playback is not None
    given = np.frombuffer(bytes(speaker._playback.sound), dtype=np.int16)
    speaker.stop()
    at_once = whole.at_rate(44_100).samples
    assert len(given) == pytest.approx(len(at_once), abs=2)
    length = min(len(given), len(at_once))
    assert np.abs(given[:length].astype(int) - at_once[:length]).max() < 50
