"""The push-to-talk key on Wayland: no program may listen to the keyboard there, but the desktop tells of a shortcut.

Hides the XDG desktop portal's GlobalShortcuts, and D-Bus (jeepney) in a thread of its own. The desktop may ask the
person which key it shall be, and they may change it in its settings: which one it is comes from there. A desktop
without that portal is told plainly, and the window's own key remains. A portal that ends and comes back, as with an
update, is asked anew.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any
from uuid import uuid4

from PySide6.QtCore import QObject, Signal

from desktop.voice.key_names import portal_trigger
from engine.log import get_logger

_BUS_NAME, _PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
_BUS = "org.freedesktop.DBus"
_SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
_SESSION, _REQUEST = "org.freedesktop.portal.Session", "org.freedesktop.portal.Request"
_REGISTRY = "org.freedesktop.host.portal.Registry"
_APP_ID = "hark"
"""The name of Hark's desktop file: by it the desktop knows a program that runs in no sandbox."""
_ID = "push-to-talk"
_ANSWER_WITHIN_S = 10.0
_STOP_WITHIN_S = 2.0
_ASK_AGAIN_S = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Where the portal has ended and nobody starts it, it is asked after so long, which starts it; then no more."""
_NO_PORTAL = "This desktop has no global shortcuts: no key works while another program has the keyboard."
_NO_ANSWER = "The desktop does not answer on the session bus ({})."
_ENDED = "The part of the desktop that gave Hark its key has ended. Hark asks for the key again when it is back."
_log = get_logger("voice")


class _Refused(Exception):
    """The desktop gives no key; the words say why."""


class _Gone(Exception):
    """The portal has ended, and with it whatever it gave."""


class PortalKey(QObject):
    """Emits `pressed` and `released` like `hotkey.Hotkey`.

    `start` asks for the key, which may need a person's answer. `ready` then tells which one it is, in the desktop's
    words, and again whenever they change it; `failed` why there is none, or none any more. After `failed` another
    `ready` may come, where the portal has come back.
    """

    pressed = Signal()
    released = Signal()
    ready = Signal(str)
    failed = Signal(str)

    def __init__(self, keys: str, parent: QObject | None = None) -> None:
        """`keys` is what the desktop is asked for, written like `Hotkey.keys`."""
        super().__init__(parent)
        self.keys = keys
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = False
        self._connection: Any = None
        self._portal = self._session = ""
        self._is_down = False

    def start(self) -> None:
        """Ask for the key; `ready` or `failed` follows. Raises BadInputError where `keys` is not a key."""
        trigger = portal_trigger(self.keys)
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, args=(trigger,), name="portal-key", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give the key back."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._lock:
            self._stopping = True
            if self._connection is not None:
                with suppress(OSError):  # the bus may be gone already
                    self._connection.sock.shutdown(socket.SHUT_RDWR)  # ends the wait for a message
        thread.join(_STOP_WITHIN_S)

    # All below runs on the thread; the signals carry the news to Qt's.

    def _run(self, trigger: str) -> None:
        from jeepney.io.blocking import open_dbus_connection

        try:
            with open_dbus_connection() as connection:
                with self._lock:
                    if self._stopping:
                        return
                    self._connection = connection
                self._watch()
                waits_s: deque[float] = deque()
                while True:
                    self._hold_key(trigger, waits_s)
                    self._await_portal(waits_s.popleft() if waits_s else None)
        except _Refused as error:
            self._fail(str(error))
        except (KeyError, RuntimeError, StopIteration) as error:  # jeepney's for an address that is missing or strange
            self._fail(f"There is no session bus to ask the desktop for a key by ({type(error).__name__}).")
        except (OSError, ValueError) as error:  # gone, too late, or it does not let us in
            self._fail(_NO_ANSWER.format(type(error).__name__))
        finally:
            with self._lock:
                self._connection = None

    def _hold_key(self, trigger: str, waits_s: deque[float]) -> None:
        """Ask for the key and tell of it until the portal ends or has none.

        `waits_s` are the times after which to ask anew: all of them once there was a key.
        """
        from jeepney import DBusErrorResponse

        try:
            self._bind(trigger)
            waits_s.clear()
            waits_s.extend(_ASK_AGAIN_S)
            while True:
                self._take(self._connection.receive())
        except _Gone:
            self._fail(_ENDED)
        except DBusErrorResponse as error:
            _log.debug("the portal answered %s", error.name)
            self._fail(_NO_PORTAL)
        except TimeoutError as error:
            self._fail(_NO_ANSWER.format(type(error).__name__))

    def _await_portal(self, timeout_s: float | None) -> None:
        """Return when a portal has come, or after the time; None waits for as long as it takes."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        with suppress(TimeoutError):
            while True:
                left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
                owner = _new_owner(self._connection.receive(timeout=left_s))
                if owner:
                    return

    def _fail(self, why: str) -> None:
        if self._is_down:
            self._is_down = False
            self.released.emit()
        if not self._stopping:
            self.failed.emit(why)

    def _watch(self) -> None:
        """Have the bus send what the portal tells, and that it comes and goes."""
        from jeepney import MatchRule, message_bus
        from jeepney.io.blocking import Proxy

        bus = Proxy(message_bus, self._connection, timeout=_ANSWER_WITHIN_S)
        for interface in (_REQUEST, _SESSION, _SHORTCUTS):
            bus.AddMatch(MatchRule(type="signal", sender=_BUS_NAME, interface=interface))
        bus.AddMatch(_owner_rule())

    def _bind(self, trigger: str) -> None:
        """Make a session and ask for the key in it."""
        from jeepney import DBusErrorResponse

        try:
            self._call(_REGISTRY, "Register", "sa{sv}", (_APP_ID, {}))
        except DBusErrorResponse as error:
            _log.debug("the portal does not register programs: %s", error.name)
        made = self._request("CreateSession", "", (), {"session_handle_token": ("s", _token())}, _ANSWER_WITHIN_S)
        self._session = str(made["session_handle"][1])
        wanted = {"description": ("s", "Push to talk: hold it and speak, or tap it")}
        if trigger:
            wanted["preferred_trigger"] = ("s", trigger)
        # The desktop may show a dialog: the person takes as long as they take.
        bound = self._request("BindShortcuts", "oa(sa{sv})s", (self._session, [(_ID, wanted)], ""), {}, None)
        self._tell_key(bound.get("shortcuts", ("", []))[1])

    def _request(
        self, method: str, signature: str, body: tuple[Any, ...], options: dict[str, Any], timeout_s: float | None
    ) -> dict[str, Any]:
        """Call a method of the portal whose answer comes as a signal of a request object; returns its results."""
        from jeepney import MatchRule

        token = _token()
        sender = self._connection.unique_name.removeprefix(":").replace(".", "_")
        path = f"{_PATH}/request/{sender}/{token}"
        rule = MatchRule(type="signal", interface=_REQUEST, member="Response", path=path)
        responses: deque[Any] = deque()
        connection = self._connection
        with connection.filter(rule, queue=responses), connection.filter(_owner_rule(), queue=responses):
            self._call(_SHORTCUTS, method, f"{signature}a{{sv}}", (*body, {"handle_token": ("s", token), **options}))
            answer = connection.recv_until_filtered(responses, timeout=timeout_s)
            while _new_owner(answer) and not answer.body[1]:  # asking has started it
                answer = connection.recv_until_filtered(responses, timeout=timeout_s)
        if _new_owner(answer) is not None:
            raise _Gone
        code, results = answer.body
        if code:
            why = "It was declined" if code == 1 else "The desktop refused"
            raise _Refused(f"{why}: Hark has no key while another program has the keyboard.")
        found: dict[str, Any] = results
        return found

    def _call(self, interface: str, method: str, signature: str, body: tuple[Any, ...]) -> None:
        from jeepney import DBusAddress, HeaderFields, new_method_call
        from jeepney.wrappers import unwrap_msg

        call = new_method_call(DBusAddress(_PATH, _BUS_NAME, interface), method, signature, body)
        reply = self._connection.send_and_get_reply(call, timeout=_ANSWER_WITHIN_S)
        unwrap_msg(reply)
        self._portal = reply.header.fields[HeaderFields.sender]

    def _take(self, message: Any) -> None:
        """Heed a signal of the portal's; anybody on the bus may send what looks like one."""
        from jeepney import HeaderFields, MessageType

        fields = message.header.fields
        sender, member = fields.get(HeaderFields.sender), fields.get(HeaderFields.member)
        if _new_owner(message) is not None and message.body[1] == self._portal:
            raise _Gone
        if message.header.message_type is not MessageType.signal or sender != self._portal:
            return
        if member == "Closed" and fields.get(HeaderFields.path) == self._session:
            raise _Refused("The desktop has taken the key for other programs back.")
        match member, message.body:
            case "Activated", (self._session, shortcut, *_) if shortcut == _ID and not self._is_down:
                self._is_down = True
                self.pressed.emit()
            case "Deactivated", (self._session, shortcut, *_) if shortcut == _ID and self._is_down:
                self._is_down = False
                self.released.emit()
            case "ShortcutsChanged", (self._session, shortcuts):
                self._tell_key(shortcuts)

    def _tell_key(self, shortcuts: list[tuple[str, dict[str, Any]]]) -> None:
        ours = dict(shortcuts).get(_ID, {})
        words = str(ours.get("trigger_description", ("s", ""))[1])
        self.ready.emit(words or "the key of the desktop's settings")


def _owner_rule() -> Any:
    from jeepney import MatchRule

    rule = MatchRule(type="signal", sender=_BUS, interface=_BUS, member="NameOwnerChanged")
    rule.add_arg_condition(0, _BUS_NAME)
    return rule


def _new_owner(message: Any) -> str | None:
    """Who serves the portal's name from now on, "" for nobody; None where the message tells of something else."""
    return str(message.body[2]) if _owner_rule().matches(message) else None


def _token() -> str:
    return f"hark_{uuid4().hex}"
