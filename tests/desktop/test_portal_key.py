"""The talk key of a Wayland desktop: a portal of the test's own on a real, private D-Bus."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection
from pytestqt.qtbot import QtBot

from desktop.actions import Actions
from desktop.pages.assistant import AssistantPage
from desktop.theme import Look
from desktop.voice.hotkey import global_key
from desktop.voice.key_names import portal_trigger
from desktop.voice.portal_key import PortalKey
from engine.errors import BadInputError
from engine.settings.talk_keys import words_of
from tests.keyrings import private_bus

BUS_NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"


class Portal:
    """The desktop's side. `answer` is what the person says to the key: 0 yes, 1 no, None nothing yet."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self.answer: int | None = 0
        self.asked = threading.Event()
        self.has_shortcuts = True
        self.session = ""
        self.bound: list[tuple[str, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._serve, name="portal")
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._signal(PATH, "test.Portal", "End", "", ())
        self._thread.join()

    def leave(self) -> None:
        """Give the name up, as a portal that crashes does."""
        self._connection.send(message_bus.ReleaseName(BUS_NAME))

    def activate(self, shortcut: str = "push-to-talk") -> None:
        self._signal(PATH, SHORTCUTS, "Activated", "osta{sv}", (self.session, shortcut, 1, {}))

    def deactivate(self) -> None:
        self._signal(PATH, SHORTCUTS, "Deactivated", "osta{sv}", (self.session, "push-to-talk", 2, {}))

    def take_back(self) -> None:
        self._signal(self.session, "org.freedesktop.portal.Session", "Closed", "a{sv}", ({},))

    def change_to(self, words: str) -> None:
        self._signal(PATH, SHORTCUTS, "ShortcutsChanged", "oa(sa{sv})", (self.session, _named(words)))

    def _serve(self) -> None:
        while True:
            message = self._connection.receive()
            fields = message.header.fields
            if fields.get(HeaderFields.interface) == "test.Portal":
                return
            if message.header.message_type is MessageType.method_call:
                self._reply(message, fields[HeaderFields.interface], fields[HeaderFields.member])

    def _reply(self, call: Message, interface: str, method: str) -> None:
        if interface != SHORTCUTS or not self.has_shortcuts:
            return self._connection.send(new_error(call, UNKNOWN, "s", ("no such method",)))
        *_, options = call.body
        sender = call.header.fields[HeaderFields.sender].removeprefix(":").replace(".", "_")
        request = f"{PATH}/request/{sender}/{options['handle_token'][1]}"
        self._connection.send(new_method_return(call, "o", (request,)))
        results: dict[str, tuple[str, Any]] = {}
        if method == "CreateSession":
            self.session = f"{PATH}/session/{sender}/{options['session_handle_token'][1]}"
            results["session_handle"] = ("s", self.session)
        else:
            assert call.body[0] == self.session
            self.bound = call.body[1]
            results["shortcuts"] = ("a(sa{sv})", _named("Press F9"))
        code = self.answer if method == "BindShortcuts" else 0
        if code is None:
            self.asked.set()
            return None
        answer = (code, {} if code else results)
        self._signal(request, "org.freedesktop.portal.Request", "Response", "ua{sv}", answer)
        return None

    def _signal(self, path: str, interface: str, name: str, signature: str, body: tuple[Any, ...]) -> None:
        address = DBusAddress(path, interface=interface)
        self._connection.send(new_signal(address, name, signature or None, body))


def _named(words: str) -> list[tuple[str, dict[str, Any]]]:
    return [("push-to-talk", {"trigger_description": ("s", words)})]


@pytest.fixture(scope="module")
def bus() -> Iterator[str]:
    with private_bus(os.environ) as address:
        yield address


@pytest.fixture
def on_wayland(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_SESSION_TYPE", "wayland")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus)


@contextmanager
def running_portal(bus: str) -> Iterator[Portal]:
    """A portal of its own connection, which is another sender for those on the bus."""
    with open_dbus_connection(bus) as connection:
        own = Proxy(message_bus, connection)
        own.AddMatch("interface='test.Portal'")
        own.RequestName(BUS_NAME)  # last: what comes while another answer is awaited would be lost
        portal = Portal(connection)
        try:
            yield portal
        finally:
            portal.close()


@pytest.fixture
def portal(on_wayland: None, bus: str) -> Iterator[Portal]:
    with running_portal(bus) as portal:
        yield portal


@pytest.fixture
def key(on_wayland: None, qtbot: QtBot) -> Iterator[PortalKey]:
    key = global_key("<ctrl>+<f9>")
    assert isinstance(key, PortalKey)
    yield key
    key.stop()


@pytest.fixture
def bound_key(portal: Portal, key: PortalKey, qtbot: QtBot) -> PortalKey:
    with qtbot.waitSignal(key.ready):
        key.start()
    return key


def test_the_desktop_is_asked_for_the_key_and_tells_which_one_it_is(
    portal: Portal, key: PortalKey, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(key.ready) as ready:
        key.start()
    assert ready.args == ["Press F9"]
    ((name, options),) = portal.bound
    assert (name, options["preferred_trigger"]) == ("push-to-talk", ("s", "CTRL+F9"))
    with qtbot.waitSignal(key.ready) as ready:
        portal.change_to("Press F10")
    assert ready.args == ["Press F10"]


def test_holding_and_letting_go_are_heard_whatever_else_is_pressed(
    portal: Portal, bound_key: PortalKey, qtbot: QtBot
) -> None:
    presses: list[None] = []
    bound_key.pressed.connect(lambda: presses.append(None))
    portal.activate("another-shortcut")
    portal.activate()
    portal.activate()  # a desktop may repeat a key that is held
    with qtbot.waitSignal(bound_key.released):
        portal.deactivate()
    assert len(presses) == 1


def test_a_key_that_the_desktop_takes_back_is_let_go_and_told(
    portal: Portal, bound_key: PortalKey, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(bound_key.pressed):
        portal.activate()
    with qtbot.waitSignals([bound_key.released, bound_key.failed], order="strict"):
        portal.take_back()


def test_a_portal_that_ends_is_told(portal: Portal, bound_key: PortalKey, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bound_key.failed) as failed:
        portal.leave()
    assert "has ended" in failed.args[0]


def test_a_portal_that_comes_back_is_asked_for_the_key_again(
    portal: Portal, bound_key: PortalKey, bus: str, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(bound_key.failed):
        portal.leave()
    with ExitStack() as stack:
        with qtbot.waitSignal(bound_key.ready) as ready:
            newer = stack.enter_context(running_portal(bus))
        assert ready.args == ["Press F9"]
        with qtbot.waitSignal(bound_key.pressed):
            newer.activate()


def test_a_portal_that_ends_while_the_person_is_asked_is_asked_again(
    portal: Portal, key: PortalKey, bus: str, qtbot: QtBot
) -> None:
    portal.answer = None
    key.start()
    qtbot.waitUntil(portal.asked.is_set)
    with qtbot.waitSignal(key.failed):
        portal.leave()
    with ExitStack() as stack, qtbot.waitSignal(key.ready):
        stack.enter_context(running_portal(bus))


def test_a_portal_that_starts_after_hark_is_asked(on_wayland: None, key: PortalKey, bus: str, qtbot: QtBot) -> None:
    with qtbot.waitSignal(key.failed):
        key.start()
    with ExitStack() as stack, qtbot.waitSignal(key.ready):
        stack.enter_context(running_portal(bus))


def test_signals_of_another_program_than_the_portal_are_not_heeded(
    portal: Portal, bound_key: PortalKey, bus: str, qtbot: QtBot
) -> None:
    presses: list[None] = []
    bound_key.pressed.connect(lambda: presses.append(None))
    with open_dbus_connection(bus) as stranger:
        forged = new_signal(
            DBusAddress(PATH, interface=SHORTCUTS), "Activated", "osta{sv}", (portal.session, "push-to-talk", 1, {})
        )
        forged.header.fields[HeaderFields.destination] = bound_key._connection.unique_name
        stranger.send(forged)
        Proxy(message_bus, stranger).GetId()  # the bus has passed it on when it answers
    with qtbot.waitSignal(bound_key.ready):
        portal.change_to("Press F10")
    assert not presses


def test_a_person_who_declines_is_told_what_remains(portal: Portal, key: PortalKey, qtbot: QtBot) -> None:
    portal.answer = 1
    with qtbot.waitSignal(key.failed) as failed:
        key.start()
    assert failed.args == ["It was declined: Hark has no key while another program has the keyboard."]


def test_a_desktop_without_global_shortcuts_is_told(portal: Portal, key: PortalKey, qtbot: QtBot) -> None:
    portal.has_shortcuts = False
    with qtbot.waitSignal(key.failed) as failed:
        key.start()
    assert failed.args == ["This desktop has no global shortcuts: no key works while another program has the keyboard."]


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/bus", "tcp:host=127.0.0.1,port=1"])
def test_a_session_without_a_bus_is_told(
    key: PortalKey, monkeypatch: pytest.MonkeyPatch, address: str, qtbot: QtBot
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    if not address:
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    with qtbot.waitSignal(key.failed) as failed:
        key.start()
    assert "session bus" in failed.args[0]


@pytest.mark.parametrize(
    ("keys", "trigger", "words"),
    [
        ("<f9>", "F9", "F9"),
        ("<ctrl>+<space>", "CTRL+space", "Ctrl+Space"),
        ("<ctrl>+<alt>+h", "CTRL+ALT+h", "Ctrl+Alt+H"),
        ("<cmd>+<page_up>", "LOGO+Page_Up", "Cmd+Page Up"),
        ("<ctrl_r>", "", "Right Ctrl"),
    ],
)
def test_a_key_is_written_for_portals_and_for_people(keys: str, trigger: str, words: str) -> None:
    assert (portal_trigger(keys), words_of(keys)) == (trigger, words)


def test_what_is_no_key_is_a_setting_to_correct() -> None:
    with pytest.raises(BadInputError, match="'f9' is not a key"):
        portal_trigger("f9")


def test_the_page_says_which_key_talks_and_where(qtbot: QtBot) -> None:
    page = AssistantPage(Look(dark=False), Actions())
    qtbot.addWidget(page)
    page.show_global_key("Press F9")
    page.show_state("idle")
    assert page.hint == "Hold the button or the Space key and speak, or tap it. In any program: Press F9"
    page.show_no_global_key("This desktop has no global shortcuts.")
    assert page.hint == "Hold the button or the Space key in this window and speak, or tap it"
