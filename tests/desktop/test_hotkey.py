"""The global key on a real X server, pressed by that server's own test extension."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from desktop.voice.hotkey import Hotkey
from engine.errors import BadInputError, PermanentError


@pytest.fixture(scope="module")
def x_display() -> Iterator[str]:
    """The name of a private X server's display."""
    if shutil.which("Xvfb") is None:
        pytest.fail("The hotkey's tests need Xvfb: install the package xvfb.")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as announced:
        number = announced.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture
def on_x(x_display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in an X session."""
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("XDG_SESSION_TYPE", "x11")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture
def hotkey(on_x: None, qtbot: QtBot) -> Iterator[Hotkey]:
    hotkey = Hotkey("<f9>")
    hotkey.start()
    yield hotkey
    hotkey.stop()


def send(key_name: str, *, down: bool) -> None:
    """Press or release a key on the X server, whoever has the keyboard."""
    from Xlib import XK, X
    from Xlib.display import Display
    from Xlib.ext import xtest

    display = Display()
    code = display.keysym_to_keycode(XK.string_to_keysym(key_name))
    xtest.fake_input(display, X.KeyPress if down else X.KeyRelease, code)
    display.sync()
    display.close()


def press_until_heard(hotkey: Hotkey, qtbot: QtBot, *key_names: str) -> None:
    """Hold the keys down; again and again, since a press before the X server records is heard by nobody."""
    heard: list[bool] = []
    hotkey.pressed.connect(lambda: heard.append(True))

    def press_again() -> bool:
        for down in (False, True):
            for key_name in key_names:
                send(key_name, down=down)
        return bool(heard)

    qtbot.waitUntil(press_again)


def test_hold_and_let_go_are_heard(hotkey: Hotkey, qtbot: QtBot) -> None:
    press_until_heard(hotkey, qtbot, "F9")
    with qtbot.waitSignal(hotkey.released):
        send("F9", down=False)


def test_another_key_is_ignored(hotkey: Hotkey, qtbot: QtBot) -> None:
    heard: list[str] = []
    hotkey.pressed.connect(lambda: heard.append("pressed"))
    send("F8", down=True)
    send("F8", down=False)
    with qtbot.waitSignal(hotkey.released):
        send("F9", down=True)
        send("F9", down=False)
    assert heard == ["pressed"]


def test_a_combination_needs_all_of_its_keys(on_x: None, qtbot: QtBot) -> None:
    hotkey = Hotkey("<ctrl>+<space>")
    hotkey.start()
    try:
        press_until_heard(hotkey, qtbot, "Control_L", "space")
        with qtbot.waitSignal(hotkey.released):
            send("Control_L", down=False)
    finally:
        send("space", down=False)
        hotkey.stop()


def test_a_key_of_one_side_is_told_from_the_other(on_x: None, qtbot: QtBot) -> None:
    hotkey = Hotkey("<ctrl_r>")
    heard: list[str] = []
    hotkey.pressed.connect(lambda: heard.append("pressed"))
    hotkey.start()
    try:
        press_until_heard(hotkey, qtbot, "Control_R")
        with qtbot.waitSignal(hotkey.released):
            send("Control_R", down=False)
        heard.clear()
        for down in (True, False):
            send("Control_L", down=down)
        with qtbot.waitSignal(hotkey.released):
            for down in (True, False):
                send("Control_R", down=down)
        assert heard == ["pressed"]
    finally:
        hotkey.stop()


@pytest.mark.parametrize(("keys", "key_name", "mask"), [("<ctrl>+<space>", "space", 4), ("<alt>+h", "h", 8)])
def test_a_key_that_another_program_has_is_told(on_x: None, qtbot: QtBot, keys: str, key_name: str, mask: int) -> None:
    from Xlib import XK, X
    from Xlib.display import Display

    hotkey = Hotkey(keys)
    hotkey.start()
    try:
        assert hotkey.rivals() == ""
        desktop = Display()
        code = desktop.keysym_to_keycode(XK.string_to_keysym(key_name))
        desktop.screen().root.grab_key(code, mask, False, X.GrabModeAsync, X.GrabModeAsync)
        desktop.sync()
        assert "too: a press does both" in hotkey.rivals()
        desktop.close()
    finally:
        hotkey.stop()


def test_a_key_that_the_keyboard_lacks_has_no_rivals(on_x: None, qtbot: QtBot) -> None:
    from Xlib import XK, X
    from Xlib.display import Display

    desktop = Display()
    assert desktop.keysym_to_keycode(ord("ж")) == 0
    hotkey = Hotkey("ж")
    hotkey.start()
    try:
        code = desktop.keysym_to_keycode(XK.string_to_keysym("F9"))
        desktop.screen().root.grab_key(code, 0, False, X.GrabModeAsync, X.GrabModeAsync)
        desktop.sync()
        assert hotkey.rivals() == ""
    finally:
        desktop.close()
        hotkey.stop()


def test_a_macos_that_does_not_allow_it_is_told(on_x: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from pynput import keyboard

    monkeypatch.setattr(keyboard.Listener, "IS_TRUSTED", False, raising=False)  # as pynput says it there
    with pytest.raises(PermanentError, match="Allow it in System Settings"):
        Hotkey().start()


def test_no_display_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PermanentError, match="no X display"):
        Hotkey().start()


def test_a_key_that_is_none_is_a_setting_to_correct(on_x: None) -> None:
    with pytest.raises(BadInputError, match="'<f99>' is not a key"):
        Hotkey("<f99>").start()
