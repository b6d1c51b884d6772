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
from tests.desktop.test_microphone import tone, tone_ms
from tests.virtual_audio import VirtualAudio


def pactl(*arguments: str) -> str:
    """Change the sound server as its own settings would."""
    return subprocess.run(["pactl", *arguments], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def second_microphone(virtual_audio: VirtualAudio) -> Iterator[str]:
    """A microphone beside the virtual one, in which nobody speaks; the default that the environment names is gone."""
    sink = pactl("load-module", "module-null-sink", "sink_name=other_in", "rate=48000", "channels=1")
    source = pactl(
        "load-module", "module-remap-source", "source_name=other", "master=other_in.monitor",
        "source_properties=device.description=Other",
    )  # fmt: skip
    yield "other"
    for module in (source, sink):
        subprocess.run(["pactl", "unload-module", module], check=False, capture_output=True)


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
    control: VoiceControl, virtual_audio: VirtualAudio, second_microphone: str, qtbot: QtBot
) -> None:
    microphones = control.microphones
    qtbot.waitUntil(lambda: second_microphone in ids(microphones))
    pactl("set-default-source", second_microphone)
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
    microphones.choose(second_microphone)
    assert microphones.current is not None
    assert microphones.current.id == second_microphone


def test_a_warm_device_is_let_go_when_another_becomes_the_default(
    control: VoiceControl, second_microphone: str, qtbot: QtBot
) -> None:
    pactl("set-default-source", "virtmic")
    with qtbot.waitSignal(control.recording_started):
        control.press()
    control.cancel()
    assert control.microphone.is_open
    pactl("set-default-source", second_microphone)
    qtbot.waitUntil(lambda: not control.microphone.is_open)


def test_a_muted_microphone_is_named(control: VoiceControl, qtbot: QtBot) -> None:
    pactl("set-source-mute", "virtmic", "1")
    try:
        qtbot.waitUntil(lambda: any(source.muted for source in control.microphones.list()))
        with qtbot.waitSignal(control.hint_changed, check_params_cb=lambda hint: "is muted: unmute it" in hint):
            control.press()
    finally:
        pactl("set-source-mute", "virtmic", "0")


def test_the_page_offers_them_and_remembers_one_that_is_not_plugged_in(qtbot: QtBot) -> None:
    page = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(page)
    page.show_microphones([("a", "Headset"), ("b", "Webcam")], "Webcam")
    with qtbot.waitSignal(page.microphone_chosen) as chosen:
        page.microphones.actions()[1].trigger()
    assert chosen.args == ["a"]
    page.show_microphones([("a", "Headset"), ("b", "Webcam")], "Webcam")
    assert page.microphone.text() == "Headset"

    later = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(later)
    later.recall(page.memory())
    later.show_microphones([("b", "Webcam")], "Webcam")
    assert [(entry.text(), entry.isChecked()) for entry in later.microphones.actions()] == [
        ("Default microphone (Webcam)", False),
        ("Webcam", False),
        ("Headset (not plugged in)", True),
    ]
    assert later.microphone.text() == "Webcam"
