"""The talk key with real devices: press, speak, let go."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.voice.control import VoiceControl
from desktop.voice.push_to_talk import TalkKey, TalkState
from tests.desktop.test_microphone import speak, tone, tone_ms
from tests.virtual_audio import VirtualAudio


@pytest.fixture
def control(virtual_audio: VirtualAudio, qtbot: QtBot) -> Iterator[VoiceControl]:
    control = VoiceControl()
    yield control
    control.close()


def hold_and_say_a_tone(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    """Press the key and let a tone of 300 ms be heard; the key stays down."""
    with qtbot.waitSignal(control.recording_started):
        control.press()
    virtual_audio.play(tone(1_000, 300))
    with qtbot.waitSignal(control.recording_level, check_params_cb=lambda level: level > 0.8):
        pass
    with qtbot.waitSignal(control.recording_level, check_params_cb=lambda level: level == 0):
        pass


def test_a_spoken_command_becomes_a_recording(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    hold_and_say_a_tone(control, virtual_audio, qtbot)
    with qtbot.waitSignal(control.recorded) as signal:
        control.release()
    assert tone_ms(signal.args[0], 1_000) == pytest.approx(300, abs=40)
    assert control.state == TalkState.WORKING


def test_silence_is_refused_and_never_sent(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    levels: list[float] = []
    control.recording_level.connect(levels.append)
    control.press()
    qtbot.waitUntil(lambda: len(levels) > 20)
    with qtbot.assertNotEmitted(control.recorded), qtbot.waitSignal(control.refused) as signal:
        control.release()
    assert "the recording is silent" in signal.args[0]
    assert control.state == TalkState.IDLE


def test_cancel_sends_nothing(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    hold_and_say_a_tone(control, virtual_audio, qtbot)
    control.cancel()
    with qtbot.assertNotEmitted(control.recorded):
        control.release()
    assert control.state == TalkState.IDLE


def test_a_tapped_key_listens_and_says_so(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    with qtbot.waitSignal(control.hint_changed) as hint:
        control.press()
        control.release()
    assert hint.args[0] == "Listening. Press again to send, Esc to cancel"
    virtual_audio.play(tone(1_000, 300)).wait()
    with qtbot.waitSignal(control.recording_level, check_params_cb=lambda level: level == 0):
        pass
    with qtbot.waitSignal(control.recorded) as signal:
        control.press()
    assert tone_ms(signal.args[0], 1_000) == pytest.approx(300, abs=40)


def test_the_warning_that_nothing_is_heard_goes_when_somebody_speaks(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    hints: list[tuple[str, bool]] = []
    control.hint_changed.connect(lambda hint, warns: hints.append((hint, warns)))
    control.press()
    qtbot.waitUntil(lambda: hints == [("Nothing is heard: is the microphone muted?", True)])
    virtual_audio.play(asyncio.run(speak("pause the email queue")))
    qtbot.waitUntil(lambda: hints[1:] == [("", False)])
    control.cancel()


def test_hands_free_it_sends_by_itself(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    speech = asyncio.run(speak("pause the email queue"))
    control.use(TalkKey.BOTH, hands_free=True)
    with qtbot.waitSignal(control.recording_started):
        control.press()
        control.release()
    with qtbot.waitSignal(control.recorded) as signal:
        virtual_audio.play(speech)
    assert signal.args[0].duration_ms > speech.duration_ms


def test_what_was_said_when_the_time_is_over_is_sent_and_the_end_is_told_before(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    control.notice.connect(notices.append)
    hold_and_say_a_tone(control, virtual_audio, qtbot)
    for passed_s, told in ((55, control.hint_changed), (60, control.recorded)):
        monkeypatch.setattr("desktop.voice.control._now_ms", lambda s=passed_s: int((time.monotonic() + s) * 1000))
        with qtbot.waitSignal(told) as signal:
            control.press()  # the key repeats itself
        if told is control.hint_changed:
            assert re.fullmatch(r"[1-5] s left: then what you have said is sent", signal.args[0])
    assert tone_ms(signal.args[0], 1_000) == pytest.approx(300, abs=40)
    assert notices == ["A recording holds 60 s: what you said until then was sent."]


def test_cancel_takes_back_a_command_that_is_worked_on(control: VoiceControl, qtbot: QtBot) -> None:
    control.submitted()
    with qtbot.waitSignal(control.cancelled):
        control.cancel()
    assert control.state == TalkState.IDLE


def test_an_unplugged_microphone_sends_what_was_said(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    hold_and_say_a_tone(control, virtual_audio, qtbot)
    with qtbot.waitSignal(control.notice) as notice, qtbot.waitSignal(control.recorded) as recorded:
        virtual_audio.unplug()
    assert "The microphone was lost" in notice.args[0]
    assert tone_ms(recorded.args[0], 1_000) == pytest.approx(300, abs=40)


def test_without_a_microphone_it_says_what_to_do(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    virtual_audio.unplug()
    with qtbot.waitSignal(control.refused) as signal:
        control.press()
    assert signal.args[0].startswith("No microphone was found. Plug one in")
    assert control.state == TalkState.IDLE


def test_an_answer_is_spoken_to_its_end(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    with virtual_audio.record_speaker() as tap:
        control.speak(tone(2_000, 400))
        assert control.state == TalkState.SPEAKING
        qtbot.waitUntil(lambda: control.state == TalkState.IDLE)
        qtbot.waitUntil(lambda: tone_ms(tap.recording(), 2_000) >= 360)


def test_pressing_talks_over_the_answer(control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot) -> None:
    control.speak(tone(2_000, 10_000))
    with qtbot.waitSignal(control.recording_started):
        control.press()
    assert not control.speaker.is_playing
    assert control.state == TalkState.LISTENING


def test_without_a_loudspeaker_the_answer_is_only_told(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    virtual_audio.unplug()
    with qtbot.waitSignal(control.notice) as signal:
        control.speak(tone(1_000, 300))
    assert signal.args[0].startswith("No loudspeaker was found.")
    assert control.state == TalkState.IDLE
