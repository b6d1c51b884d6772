"""PortAudio for microphone and speaker: loaded late, its errors in plain words.

Hides sounddevice. It is imported on first use because the import alone fails where the PortAudio
library is missing. PortAudio lists the devices once, when it is initialised, and may be
initialised again only while no stream is open: so one object knows the open streams of both.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, Literal

from engine.errors import BadInputError, PermanentError
from engine.log import get_logger

BLOCK_MS = 20
Direction = Literal["input", "output"]

_NONE_FOUND = {
    "input": ("No microphone was found.", "Plug one in, or choose one in the system's sound settings, then try again."),
    "output": ("No loudspeaker was found.", "Plug one in, or choose one in the system's sound settings."),
}
_log = get_logger("voice")


class PortAudio:
    """Opens mono 16-bit streams on the system's default devices, or for input on the one in `input_device`.

    `input_device` is a name or an index, as PortAudio has it; it counts from the next `open` on.
    """

    def __init__(self, input_device: int | str | None = None) -> None:
        self.input_device = input_device
        self._open: set[Any] = set()
        self._device_list_is_stale = False

    @property
    def callback_stop(self) -> type[Exception]:
        """The exception by which an output callback says that the sound is used up."""
        stop: type[Exception] = self._load().CallbackStop
        return stop

    def open(
        self, direction: Direction, rate_hz: int | None, callback: Callable[..., None], finished: Callable[[], None]
    ) -> tuple[Any, int]:
        """Return a raw stream for `start`, and its rate: `rate_hz` where given and possible, else the device's own.

        `callback` and `finished` are called on PortAudio's thread; see sounddevice for the
        arguments. Raises PermanentError without the library, BadInputError without a device.
        """
        sounddevice = self._load()
        if self._device_list_is_stale:
            self._list_devices_again(sounddevice)
        try:
            return self._open_stream(sounddevice, direction, rate_hz, callback, finished)
        except (sounddevice.PortAudioError, ValueError) as error:
            _log.debug("%s stream: %s; listing the devices again", direction, error)
        self._list_devices_again(sounddevice)
        try:
            return self._open_stream(sounddevice, direction, rate_hz, callback, finished)
        except (sounddevice.PortAudioError, ValueError) as error:
            self._device_list_is_stale = True
            raise BadInputError(*_NONE_FOUND[direction]) from error

    def start(self, stream: Any, direction: Direction) -> None:
        """Let the stream run. Raises BadInputError, the stream closed, where its device is gone."""
        try:
            stream.start()
        except self._load().PortAudioError as error:
            self.close(stream)
            self._device_list_is_stale = True
            raise BadInputError(*_NONE_FOUND[direction]) from error

    def close(self, stream: Any) -> None:
        """Drop the stream and what it still holds, at once."""
        if stream in self._open:
            self._open.discard(stream)
            stream.close(ignore_errors=True)

    def inputs(self) -> list[str]:
        """Names of the microphones; listed anew, unless a stream is open. Empty without the library."""
        try:
            sounddevice = self._load()
        except PermanentError:
            return []
        self._list_devices_again(sounddevice)
        api = sounddevice.query_hostapis(sounddevice.default.hostapi)["devices"]
        devices = [sounddevice.query_devices(index) for index in api]
        return [device["name"] for device in devices if device["max_input_channels"]]

    def device_was_lost(self) -> None:
        """The next `open` must look for devices anew."""
        self._device_list_is_stale = True

    def _load(self) -> Any:
        try:
            return importlib.import_module("sounddevice")
        except OSError as error:
            how = (
                "Install libportaudio2 with the system's package manager"
                if sys.platform == "linux"
                else "Reinstall Hark"
            )
            raise PermanentError("The PortAudio library is missing.", f"{how}, then start Hark again.") from error

    def _list_devices_again(self, sounddevice: Any) -> None:
        if self._open:
            return
        sounddevice._terminate()
        sounddevice._initialize()
        self._device_list_is_stale = False

    def _open_stream(
        self,
        sounddevice: Any,
        direction: Direction,
        rate_hz: int | None,
        callback: Callable[..., None],
        finished: Callable[[], None],
    ) -> tuple[Any, int]:
        device = self.input_device if direction == "input" else None
        stream_class = sounddevice.RawInputStream if direction == "input" else sounddevice.RawOutputStream
        own_rate_hz = int(sounddevice.query_devices(device, direction)["default_samplerate"])

        def at_rate(rate: int) -> tuple[Any, int]:
            stream = stream_class(
                samplerate=rate,
                blocksize=rate * BLOCK_MS // 1000,
                device=device,
                channels=1,
                dtype="int16",
                latency="low" if direction == "input" else "high",
                callback=callback,
                finished_callback=finished,
            )
            self._open.add(stream)
            return stream, rate

        if rate_hz is None:
            return at_rate(own_rate_hz)
        try:
            return at_rate(rate_hz)
        except sounddevice.PortAudioError:
            if own_rate_hz == rate_hz:
                raise
            return at_rate(own_rate_hz)


def resampler(from_hz: int, to_hz: int) -> Any:
    """For sound that comes in pieces, mono int16: its `resample_chunk` takes one after the other."""
    import soxr

    return soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16")
