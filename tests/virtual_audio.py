"""A microphone and a loudspeaker that exist only in software: a private PulseAudio server.

Tests play sound into the microphone and record what the loudspeaker plays; the program under
test uses its real audio path. Needs no sound card, no systemd and no D-Bus, and works as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
import pytest

from engine.audio import Recording

_RATE_HZ = 48_000
_PROGRAMS = ("pulseaudio", "pactl", "pacat", "parec")
# A headset: unplugged, no sound device is left, so that the server ends the streams that use it. With a
# loudspeaker left over it would move them to that one's monitor.
_HEADSET = (
    ("module-null-sink", "sink_name=speaker", f"rate={_RATE_HZ}"),
    ("module-null-sink", "sink_name=mic_in", f"rate={_RATE_HZ}", "channels=1"),
    ("module-remap-source", "source_name=virtmic", "master=mic_in.monitor"),
)


class SpeakerTap:
    """What the loudspeaker played since the tap was opened."""

    def __init__(self, process: subprocess.Popen[bytes], file: Path) -> None:
        self._process = process
        self._file = file

    def recording(self) -> Recording:
        """All of it so far, at 16 kHz."""
        data = self._file.read_bytes()
        return Recording(np.frombuffer(data[: len(data) // 2 * 2], dtype=np.int16), 16_000)

    def __enter__(self) -> SpeakerTap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()


class VirtualAudio:
    """A running PulseAudio server with a null sink `speaker` and a source `virtmic`."""

    def __init__(self, folder: Path) -> None:
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        if missing:
            raise RuntimeError(
                f"The virtual microphone needs {', '.join(missing)}: install the packages pulseaudio, "
                "pulseaudio-utils, libportaudio2 and libasound2-plugins."
            )
        self._folder = folder
        runtime = folder / "pulse"
        runtime.mkdir(mode=0o700)
        self.environment = {
            "PULSE_RUNTIME_PATH": str(runtime),
            "PULSE_STATE_PATH": str(runtime),
            "PULSE_SERVER": f"unix:{runtime}/native",
            "PULSE_SOURCE": "virtmic",
            "PULSE_SINK": "speaker",
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self._said: list[subprocess.Popen[bytes]] = []
        self._modules: list[str] = []
        self._feeds: list[subprocess.Popen[bytes]] = []
        self._taps = 0

    def start(self) -> None:
        """Start the server and wait until the microphone delivers sound."""
        server = self._spawn(
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            f"--log-target=file:{self._folder}/pulseaudio.log",
            "-L", "module-native-protocol-unix auth-anonymous=1",
        )  # fmt: skip
        # The server makes its socket when it is ready; pactl waits for nothing.
        while self._run("pactl", "info", check=False).returncode != 0:
            if server.poll() is not None:
                raise RuntimeError(f"pulseaudio ended: {(self._folder / 'pulseaudio.log').read_text()}")
        self.plug_in()

    def stop(self) -> None:
        """End the server and everything started for it."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
        self._processes.clear()

    def play(self, sound: Recording, sink: str = "mic_in") -> subprocess.Popen[bytes]:
        """Say `sound` into the microphone, or another one's `sink`; returns at once, the process ends with it."""
        file = self._folder / f"said-{len(self._said)}.raw"
        file.write_bytes(sound.samples.tobytes())
        # Far ahead: on a busy machine a voice that is handed over just in time stutters.
        self._said.append(self._spawn("pacat", f"--device={sink}", *_format(sound.rate_hz, 200), str(file)))
        return self._said[-1]

    def hush(self) -> None:
        """Say no more."""
        while self._said:
            said = self._said.pop()
            said.terminate()
            said.wait()

    def record_speaker(self) -> SpeakerTap:
        """Listen at the loudspeaker, from now until the returned context ends."""
        self._taps += 1
        file = self._folder / f"heard-{self._taps}.raw"
        process = self._spawn("parec", "--device=speaker.monitor", *_format(16_000), str(file))
        tap = SpeakerTap(process, file)
        while not file.exists() or not file.stat().st_size:
            if process.poll() is not None:
                raise RuntimeError("parec ended before any sound came")
        return tap

    def unplug(self) -> None:
        """Take microphone and loudspeaker away, as when a headset's cable is pulled."""
        while self._modules:
            self._run("pactl", "unload-module", self._modules.pop())
        while self._feeds:
            self._feeds.pop().wait()

    def plug_in(self) -> None:
        """Bring the headset back and wait until it delivers sound; nothing happens when it is there."""
        if self._modules:
            return
        self._modules = [self._run("pactl", "load-module", *module).stdout.decode().strip() for module in _HEADSET]
        self._run("pactl", "set-default-source", "virtmic")
        # An idle null sink hands out its sound two seconds at a time: silence keeps both clocked at 20 ms.
        self._feeds = [
            self._spawn("pacat", f"--device={sink}", *_format(_RATE_HZ), "/dev/zero") for sink in ("mic_in", "speaker")
        ]
        self._wait_for_sound("virtmic")
        self._wait_for_sound("speaker.monitor")

    def _wait_for_sound(self, source: str) -> None:
        listener = subprocess.Popen(
            ["parec", f"--device={source}", *_format(16_000)],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
        )
        try:
            assert listener.stdout is not None
            if not listener.stdout.read(640):
                raise RuntimeError(f"no sound comes from {source}")
        finally:
            listener.terminate()
            listener.communicate()

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env={**os.environ, **self.environment}, stderr=subprocess.DEVNULL)
        self._processes.append(process)
        return process

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env={**os.environ, **self.environment}, capture_output=True, check=check)


def _format(rate_hz: int, latency_ms: int = 20) -> tuple[str, ...]:
    return ("--raw", f"--latency-msec={latency_ms}", "--format=s16le", f"--rate={rate_hz}", "--channels=1")


@contextmanager
def running_virtual_audio(folder: Path) -> Iterator[VirtualAudio]:
    """A VirtualAudio from start to stop."""
    audio = VirtualAudio(folder)
    try:
        audio.start()
        yield audio
    finally:
        audio.stop()


@pytest.fixture(scope="session")
def audio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualAudio]:
    with running_virtual_audio(tmp_path_factory.mktemp("audio")) as audio:
        yield audio


@pytest.fixture
def virtual_audio(audio_server: VirtualAudio, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualAudio]:
    """The program's default microphone and loudspeaker are the virtual ones; the microphone is plugged in."""
    for name, value in audio_server.environment.items():
        monkeypatch.setenv(name, value)
    audio_server.plug_in()
    yield audio_server
    audio_server.hush()
    audio_server.plug_in()
