"""The doctor's look at the microphone, on a virtual one."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from desktop import __main__ as program
from desktop.voice.microphone_check import microphone_check
from engine.audio import Recording
from engine.doctor import Finding, Level
from engine.doctor.findings import run_check
from tests.virtual_audio import VirtualAudio


def _look(first_sound_within_s: float = 20) -> Finding:
    [found] = asyncio.run(run_check(microphone_check(first_sound_within_s)))
    return found


def test_a_microphone_that_hears_something_is_fine(virtual_audio: VirtualAudio) -> None:
    times = np.arange(16_000 * 20) / 16_000
    virtual_audio.play(Recording((np.sin(2 * np.pi * 440 * times) * 8_000).astype(np.int16), 16_000))
    found = _look()
    assert (found.check, found.level, found.remedy) == ("microphone", Level.OK, "")
    assert "gives sound" in found.message


def test_a_microphone_that_is_muted_is_a_warning(virtual_audio: VirtualAudio) -> None:
    found = _look(first_sound_within_s=2)
    assert found.level is Level.WARNING
    assert "nothing but silence" in found.message
    assert "Unmute" in found.remedy


def test_no_microphone_is_a_warning(virtual_audio: VirtualAudio) -> None:
    virtual_audio.unplug()
    found = _look()
    assert found.level is Level.WARNING
    assert "No microphone was found" in found.message
    assert "Plug one in" in found.remedy


def test_hark_doctor_looks_at_the_microphone(
    virtual_audio: VirtualAudio,
    fresh_redis: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    virtual_audio.unplug()
    monkeypatch.setenv("REDIS_URL", fresh_redis)
    monkeypatch.setattr("sys.argv", ["hark", "doctor"])
    program.main()
    assert "WARNING  microphone:     No microphone was found." in capsys.readouterr().out
