"""The sound server of a Linux desktop (PulseAudio, or PipeWire in its place): its microphones, and word of changes.

Hides libpulse, called by ctypes: PortAudio sees only "the default", and Qt's list of devices would need a library
of 170 MB. Layouts of the structures are those of libpulse's introspect.h, the same since 1.0. The server's callbacks
come in a thread of libpulse's; `changed` is called there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from typing import Any

from engine.log import get_logger

_log = get_logger("voice")
_READY, _FAILED, _TERMINATED = 4, 5, 6
_NO_AUTOSPAWN = 1
_SOURCES_AND_SERVER = 0x0002 | 0x0080
_NO_SINK = 0xFFFFFFFF


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", c_int), ("rate", c_uint32), ("channels", c_uint8))


class _ChannelMap(ctypes.Structure):
    _fields_ = (("channels", c_uint8), ("map", c_int * 32))


class _Volume(ctypes.Structure):
    _fields_ = (("channels", c_uint8), ("values", c_uint32 * 32))


class _SourceInfo(ctypes.Structure):
    """The beginning of `pa_source_info`; only libpulse makes one."""

    _fields_ = (
        ("name", c_char_p),
        ("index", c_uint32),
        ("description", c_char_p),
        ("sample_spec", _SampleSpec),
        ("channel_map", _ChannelMap),
        ("owner_module", c_uint32),
        ("volume", _Volume),
        ("mute", c_int),
        ("monitor_of_sink", c_uint32),
    )


class _ServerInfo(ctypes.Structure):
    """The beginning of `pa_server_info`."""

    _fields_ = (
        ("user_name", c_char_p),
        ("host_name", c_char_p),
        ("server_version", c_char_p),
        ("server_name", c_char_p),
        ("sample_spec", _SampleSpec),
        ("default_sink_name", c_char_p),
        ("default_source_name", c_char_p),
    )


_StateCallback = CFUNCTYPE(None, c_void_p, c_void_p)
_EventCallback = CFUNCTYPE(None, c_void_p, c_int, c_uint32, c_void_p)
_SourceCallback = CFUNCTYPE(None, c_void_p, POINTER(_SourceInfo), c_int, c_void_p)
_ServerCallback = CFUNCTYPE(None, c_void_p, POINTER(_ServerInfo), c_void_p)


@dataclass(frozen=True, slots=True)
class Source:
    """One microphone. `id` is its name at the server, `title` its name for people."""

    id: str
    title: str
    muted: bool = False


class PulseServer:
    """One connection. `sources` and `default` are what the server told last; `alive` ends with the server."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Connect. Raises OSError where libpulse is not installed."""
        self._changed = changed
        self.sources: tuple[Source, ...] = ()
        self.default = ""
        self.alive = True
        self._found: list[Source] = []
        self._pulse = _library()
        # Kept for as long as the connection: libpulse calls them.
        self._callbacks = (
            _StateCallback(self._on_state),
            _EventCallback(self._on_event),
            _SourceCallback(self._on_source),
            _ServerCallback(self._on_server),
        )
        self._loop = self._pulse.pa_threaded_mainloop_new()
        self._context = self._pulse.pa_context_new(self._pulse.pa_threaded_mainloop_get_api(self._loop), b"Hark")
        self._pulse.pa_context_set_state_callback(self._context, self._callbacks[0], None)
        if self._pulse.pa_context_connect(self._context, None, _NO_AUTOSPAWN, None) < 0:
            self.alive = False
        self._pulse.pa_threaded_mainloop_start(self._loop)

    def close(self) -> None:
        """Disconnect; no callback comes after that."""
        self.alive = False
        self._pulse.pa_threaded_mainloop_stop(self._loop)
        self._pulse.pa_context_disconnect(self._context)
        self._pulse.pa_context_unref(self._context)
        self._pulse.pa_threaded_mainloop_free(self._loop)

    # All of these run in libpulse's thread.

    def _on_state(self, context: int, _data: int | None) -> None:
        state = self._pulse.pa_context_get_state(context)
        if state == _READY:
            self._pulse.pa_context_set_subscribe_callback(context, self._callbacks[1], None)
            self._drop(self._pulse.pa_context_subscribe(context, _SOURCES_AND_SERVER, None, None))
            self._ask(context)
        elif state in (_FAILED, _TERMINATED) and self.alive:
            self.alive = False
            self.sources, self.default = (), ""
            _log.debug("the sound server is not there")
            self._changed()

    def _on_event(self, context: int, _event: int, _index: int, _data: int | None) -> None:
        self._ask(context)

    def _ask(self, context: int) -> None:
        self._drop(self._pulse.pa_context_get_server_info(context, self._callbacks[3], None))
        self._drop(self._pulse.pa_context_get_source_info_list(context, self._callbacks[2], None))

    def _on_server(self, _context: int, info: Any, _data: int | None) -> None:
        if info:
            self.default = _text(info.contents.default_source_name)

    def _on_source(self, _context: int, info: Any, end: int, _data: int | None) -> None:
        if end:
            self.sources, self._found = tuple(self._found), []
            self._changed()
        elif info.contents.monitor_of_sink == _NO_SINK:
            name, title = _text(info.contents.name), _text(info.contents.description)
            self._found.append(Source(name, title or name, bool(info.contents.mute)))

    def _drop(self, operation: int | None) -> None:
        if operation:
            self._pulse.pa_operation_unref(operation)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def _library() -> Any:
    pulse = ctypes.CDLL("libpulse.so.0")
    for name, result, *arguments in (
        ("pa_threaded_mainloop_new", c_void_p),
        ("pa_threaded_mainloop_get_api", c_void_p, c_void_p),
        ("pa_threaded_mainloop_start", c_int, c_void_p),
        ("pa_threaded_mainloop_stop", None, c_void_p),
        ("pa_threaded_mainloop_free", None, c_void_p),
        ("pa_context_new", c_void_p, c_void_p, c_char_p),
        ("pa_context_connect", c_int, c_void_p, c_char_p, c_int, c_void_p),
        ("pa_context_disconnect", None, c_void_p),
        ("pa_context_unref", None, c_void_p),
        ("pa_context_get_state", c_int, c_void_p),
        ("pa_context_set_state_callback", None, c_void_p, _StateCallback, c_void_p),
        ("pa_context_set_subscribe_callback", None, c_void_p, _EventCallback, c_void_p),
        ("pa_context_subscribe", c_void_p, c_void_p, c_int, c_void_p, c_void_p),
        ("pa_context_get_server_info", c_void_p, c_void_p, _ServerCallback, c_void_p),
        ("pa_context_get_source_info_list", c_void_p, c_void_p, _SourceCallback, c_void_p),
        ("pa_operation_unref", None, c_void_p),
    ):
        function = getattr(pulse, str(name))
        function.restype, function.argtypes = result, arguments
    return pulse
