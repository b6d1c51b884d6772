"""The push-to-talk key while another program has the keyboard.

Hides pynput, imported on first use: its import fails where there is no display. It listens, it
does not grab: the key reaches the other program as well, which is why the default is F9. Where no
program may listen (Wayland, an X server without the RECORD extension), `start` says so, and the
window's own key remains.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.voice.portal_key import PortalKey
from engine.errors import BadInputError, PermanentError
from engine.log import get_logger
from engine.settings.talk_keys import parts_of, words_of

DEFAULT_HOTKEY = "<f9>"
_USE_WINDOW = "Push to talk works with the key in Hark's window."
_STOP_WITHIN_S = 2.0
_log = get_logger("voice")


def global_key(keys: str, parent: QObject | None = None) -> Hotkey | PortalKey:
    """The key while another program has the keyboard, by the means that this desktop has."""
    if sys.platform == "linux" and _is_wayland():
        return PortalKey(keys, parent)
    return Hotkey(keys, parent)


class Hotkey(QObject):
    """Emits `pressed` when all of its keys are down, `released` when the first of them goes up.

    `ready` tells that it listens, and to which key in words. `keys` is written as pynput writes it: "<f9>",
    "<ctrl>+<space>", "<ctrl>+<alt>+h". A held key may repeat `released` and `pressed`; `push_to_talk` knows.
    """

    pressed = Signal()
    released = Signal()
    ready = Signal(str)
    failed = Signal(str)
    """Never emitted: what is wrong is known when `start` returns."""

    def __init__(self, keys: str = DEFAULT_HOTKEY, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keys = keys
        self._listener: Any = None

    def start(self) -> None:
        """Listen from now on.

        Raises PermanentError where the system does not allow it, and BadInputError where `keys`
        is not a key.
        """
        if self._listener is not None:
            return
        parts_of(self.keys)
        if sys.platform == "linux" and not os.environ.get("DISPLAY"):
            raise PermanentError("There is no X display for a global key.", _USE_WINDOW)
        try:
            from pynput import keyboard
        except ImportError as error:
            raise PermanentError(f"A global key does not work here ({error}).", _USE_WINDOW) from error
        try:
            wanted = frozenset(keyboard.HotKey.parse(self.keys))
        except ValueError as error:
            raise BadInputError(f"{words_of(self.keys)} is not a key of this system.", "Take another one.") from error
        if sys.platform == "linux":
            _require_record_extension()
        self._listener = self._listen(keyboard, wanted)
        if not getattr(self._listener, "IS_TRUSTED", True):
            self.stop()
            raise PermanentError(
                "macOS does not let Hark listen for a global key.",
                f"Allow it in System Settings, Privacy & Security, Accessibility, then restart Hark. {_USE_WINDOW}",
            )
        self.ready.emit(words_of(self.keys))

    def rivals(self) -> str:
        """What else a press does as far as the X server knows, in words: another program may have the key, too.

        To be asked after `start`; "" where there is none, and on other systems, which do not tell.
        """
        if self._listener is None or sys.platform != "linux" or not _is_grabbed(self.keys):
            return ""
        return f"Another program or the desktop uses {words_of(self.keys)}, too: a press does both."

    def stop(self) -> None:
        """Listen no more."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.stop()
        if sys.platform == "linux":
            _end_recording(listener._context)
        listener.join(_STOP_WITHIN_S)

    def _listen(self, keyboard: Any, wanted: frozenset[Any]) -> Any:
        down: set[Any] = set()

        def names(key: Any) -> set[Any]:
            # pynput takes the keys at both sides for one; "<ctrl_r>" means the right one.
            own = keyboard.KeyCode.from_vk(key.value.vk) if isinstance(key, keyboard.Key) else key
            return {own, listener.canonical(key)}

        # Both run on pynput's thread; the signals carry the news to Qt's.
        def on_press(key: Any) -> None:
            was_complete = wanted <= down
            down.update(names(key))
            if wanted <= down and not was_complete:
                self.pressed.emit()

        def on_release(key: Any) -> None:
            was_complete = wanted <= down
            down.difference_update(names(key))
            if was_complete and not wanted <= down:
                self.released.emit()

        listener = keyboard.Listener(on_press=on_press, on_release=on_release)
        listener.start()
        listener.wait()
        _log.debug("listening for %s", self.keys)
        return listener


def _is_wayland() -> bool:
    return bool(os.environ.get("WAYLAND_DISPLAY")) or os.environ.get("XDG_SESSION_TYPE") == "wayland"


def _require_record_extension() -> None:
    from Xlib.display import Display  # type: ignore[import-untyped]
    from Xlib.error import DisplayError  # type: ignore[import-untyped]

    try:
        display = Display()
    except DisplayError as error:
        raise PermanentError(f"The X display does not answer ({error}).", _USE_WINDOW) from error
    try:
        if not display.has_extension("RECORD"):
            raise PermanentError("This X server lets no program listen for a global key.", _USE_WINDOW)
    finally:
        display.close()


def _is_grabbed(keys: str) -> bool:
    """Whether another client of the X server has asked for these keys alone (as window managers do for theirs)."""
    from pynput import keyboard
    from Xlib import X  # type: ignore[import-untyped]
    from Xlib.display import Display
    from Xlib.error import BadAccess, CatchError, ConnectionClosedError, DisplayError

    masks = {"ctrl": X.ControlMask, "shift": X.ShiftMask, "alt": X.Mod1Mask, "cmd": X.Mod4Mask}
    names = parts_of(keys)
    state = sum(masks[name] for name in names if name in masks)
    main = [name for name in names if name not in masks]
    if len(main) != 1:
        return False
    (code,) = keyboard.HotKey.parse(main[0] if len(main[0]) == 1 else f"<{main[0]}>")
    try:
        display = Display()
        keycode = display.keysym_to_keycode(getattr(code, "vk", None) or ord(code.char))
        if not keycode:  # no key of this keyboard; the server would take 0 for all of them
            display.close()
            return False
        refused = CatchError(BadAccess)
        root = display.screen().root
        root.grab_key(keycode, state, False, X.GrabModeAsync, X.GrabModeAsync, onerror=refused)
        display.sync()
        display.close()  # lets go of it
    except (ConnectionClosedError, DisplayError) as error:
        _log.debug("the X server cannot be asked who has %s: %s", keys, error)
        return False
    return refused.get_error() is not None


def _end_recording(context: int) -> None:
    """Make the X server end pynput's recording.

    pynput asks for it on the very connection that the recording blocks, so that its thread would
    live until the next key. Another client may ask, too.
    """
    from Xlib.display import Display
    from Xlib.error import ConnectionClosedError, DisplayError

    try:
        display = Display()
        display.record_disable_context(context)
        display.sync()
        display.close()
    except (ConnectionClosedError, DisplayError) as error:
        _log.debug("the X server is gone, and the recording with it: %s", error)
