"""Choosing a microphone, with a real sound server: it tells by itself what is plugged in, muted, and the default."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.assistant import AssistantPage
from desktop.theme import Look
from desktop.voice.control import VoiceControl
from desktop.voice.devices import Microphones
from desktop.voice.microphone import Microphone
from desktop.voice.portaudio import PortAudio
from engine.audio import Recording
from tests.desktop.test_microphone import tone, tone_ms, wait_for_silence
from tests.virtual_audio import VirtualAudio


def pactl(*arguments: str) -> str:
    """Change the sound server as its own settings would."""
    return subprocess.run(["pactl", *arguments], capture_output=True, text=True, check=True).stdout.strip()


class SecondMicrophone:
    """A microphone `other` beside the virtual one."""

    def __init__(self, audio: VirtualAudio) -> None:
        self._audio = audio
        self._sink = pactl("load-module", "module-null-sink", "sink_name=other_in", "rate=48000", "channels=1")
        self._source = ""
        self.plug_in()

    def plug_in(self) -> None:
        self._source = pactl(
            "load-module", "module-remap-source", "source_name=other", "master=other_in.monitor",
            "source_properties=device.description=Other",
        )  # fmt: skip

    def unplug(self) -> None:
        subprocess.run(["pactl", "unload-module", self._source], check=False, capture_output=True)

    def say(self, sound: Recording) -> None:
        """Say it into this one; returns when it is said."""
        self._audio.play(sound, "other_in").wait()

    def close(self) -> None:
        self.unplug()
        subprocess.run(["pactl", "unload-module", self._sink], check=False, capture_output=True)


@pytest.fixture
def second_microphone(virtual_audio: VirtualAudio) -> Iterator[SecondMicrophone]:
    microphone = SecondMicrophone(virtual_audio)
    yield microphone
    microphone.close()


@pytest.fixture
def control(virtual_audio: VirtualAudio, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[VoiceControl]:
    monkeypatch.delenv("PULSE_SOURCE")
    control = VoiceControl()
    control.microphones.start()
    qtbot.waitUntil(lambda: bool(control.microphones.list()))
    yield control
    control.close()
    os.environ.pop("PULSE_SOURCE", None)


def ids(microphones: Microphones) -> set[str]:
    return {source.id for source in microphones.list()}


def test_the_list_follows_what_is_plugged_in_and_out(
    control: VoiceControl, virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    assert ids(control.microphones) == {"virtmic"}
    assert control.microphones.current is not None
    virtual_audio.unplug()
    qtbot.waitUntil(lambda: not ids(control.microphones))
    virtual_audio.plug_in()
    qtbot.waitUntil(lambda: ids(control.microphones) == {"virtmic"})


def test_the_chosen_one_listens_and_the_default_stands_in_for_it(
    control: VoiceControl, virtual_audio: VirtualAudio, second_microphone: SecondMicrophone, qtbot: QtBot
) -> None:
    microphones = control.microphones
    qtbot.waitUntil(lambda: "other" in ids(microphones))
    pactl("set-default-source", "other")
    qtbot.waitUntil(lambda: microphones.default is not None and microphones.default.title == "Other")
    microphones.choose("virtmic")
    with qtbot.waitSignal(control.recording_started):
        control.press()
    virtual_audio.play(tone(1_000, 400)).wait()
    with qtbot.waitSignal(control.recording_level, check_params_cb=lambda level: level == 0):
        pass
    with qtbot.waitSignal(control.recorded) as recorded:
        control.release()
    assert tone_ms(recorded.args[0], 1_000) >= 300
    pactl("set-default-source", "virtmic")
    microphones.choose("other")
    assert microphones.current is not None
    assert microphones.current.id == "other"


def test_the_chosen_one_pulled_out_while_it_records_loses_nothing_and_is_told_as_is_its_return(
    control: VoiceControl, virtual_audio: VirtualAudio, second_microphone: SecondMicrophone, qtbot: QtBot
) -> None:
    notices: list[str] = []
    control.notice.connect(notices.append)
    control.good_news.connect(notices.append)
    qtbot.waitUntil(lambda: "other" in ids(control.microphones))
    pactl("set-default-source", "virtmic")
    control.microphones.choose("other")
    with qtbot.waitSignal(control.recording_started):
        control.press()
    second_microphone.say(tone(2_000, 200))
    wait_for_silence(qtbot, control.microphone)
    second_microphone.unplug()
    qtbot.waitUntil(lambda: bool(notices))
    assert control.microphones.current is not None
    stand_in = control.microphones.current
    assert stand_in.id == "virtmic"
    assert notices == [f"Other is not plugged in any more. {stand_in.title} listens until it is back."]
    virtual_audio.play(tone(1_000, 200)).wait()
    wait_for_silence(qtbot, control.microphone)
    with qtbot.waitSignal(control.recorded) as recorded:
        control.release()
    assert [tone_ms(recorded.args[0], hz) > 100 for hz in (2_000, 1_000)] == [True, True]
    second_microphone.plug_in()
    qtbot.waitUntil(lambda: len(notices) == 2)
    assert notices[1] == "Other is plugged in again and listens."
    assert control.microphones.current is not None
    assert control.microphones.current.id == "other"


def test_where_nothing_tells_of_unplugging_the_default_one_stands_in_all_the_same(
    virtual_audio: VirtualAudio, qtbot: QtBot
) -> None:
    portaudio = PortAudio(input_device="a headset that was pulled out")
    control = VoiceControl(microphone=Microphone(portaudio))
    control.microphones = Microphones(portaudio)
    try:
        with qtbot.waitSignal(control.recording_started):
            control.press()
    finally:
        control.close()


def test_where_nothing_tells_of_plugging_each_look_at_the_list_does() -> None:
    class Listed(PortAudio):
        names = ("Headset",)

        def inputs(self) -> list[str]:
            return list(self.names)

    portaudio, notices = Listed(), list[str]()
    microphones = Microphones(portaudio)
    microphones._has_server = False  # as outside Linux
    microphones.notice.connect(notices.append)
    microphones.returned.connect(notices.append)
    microphones.choose("Headset")
    assert portaudio.input_device == "Headset"
    portaudio.names = ()
    microphones.list()
    assert portaudio.input_device is None
    portaudio.names = ("Headset",)
    microphones.list()
    assert portaudio.input_device == "Headset"
    assert notices == [
        "Headset is not plugged in any more. The default one listens until it is back.",
        "Headset is plugged in again and listens.",
    ]


def test_a_warm_device_is_let_go_when_another_becomes_the_default(
    control: VoiceControl, second_microphone: SecondMicrophone, qtbot: QtBot
) -> None:
    pactl("set-default-source", "virtmic")
    with qtbot.waitSignal(control.recording_started):
        control.press()
    control.cancel()
    assert control.microphone.is_open
    pactl("set-default-source", "other")
    qtbot.waitUntil(lambda: not control.microphone.is_open)


def test_a_muted_microphone_is_named(control: VoiceControl, qtbot: QtBot) -> None:
    pactl("set-source-mute", "virtmic", "1")
    try:
        qtbot.waitUntil(lambda: any(source.muted for source in control.microphones.list()))
        with qtbot.waitSignal(control.hint_changed, check_params_cb=lambda hint, _: "is muted: unmute it" in hint):
            control.press()
    finally:
        pactl("set-source-mute", "virtmic", "0")


def test_the_page_offers_them_and_remembers_one_that_is_not_plugged_in(qtbot: QtBot) -> None:
    page = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(page)
    page.microphone.show_microphones([("a", "Headset"), ("b", "Webcam")], "Webcam")
    with qtbot.waitSignal(page.microphone.device_chosen) as chosen:
        page.microphone.menu().actions()[1].trigger()
    assert chosen.args == ["a"]
    page.microphone.show_microphones([("a", "Headset"), ("b", "Webcam")], "Webcam")
    assert page.microphone.text() == "Headset"

    later = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(later)
    later.recall(page.memory())
    later.microphone.show_microphones([("b", "Webcam")], "Webcam")
    assert [(entry.text(), entry.isChecked()) for entry in later.microphone.menu().actions()] == [
        ("Default microphone (Webcam)", False),
        ("Webcam", False),
        ("Headset (not plugged in)", True),
    ]
    assert later.microphone.text() == "Webcam"
