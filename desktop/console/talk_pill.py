"""When the bar over other programs shows what Hark is about: while the window is not the one in use."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from desktop.bridge import Bridge
from desktop.theme import Look
from desktop.tray import Tray
from desktop.voice.control import VoiceControl
from desktop.voice.push_to_talk import TalkState
from desktop.widgets.talk_pill import TalkPill
from desktop.widgets.text import in_window
from desktop.window import Window
from engine.model import CommandFailed, Replied, VoiceEvent, Waiting

_ESC = re.compile(r"[.,] Esc \w+( \w+)?$")
"""The key is for the window alone."""


class Pill(QObject):
    """Lives as long as its window. On Wayland, where no program may place a window, only the tray's icon tells."""

    def __init__(self, look: Look, window: Window, voice: VoiceControl, bridge: Bridge, tray: Tray) -> None:
        super().__init__(window)
        self._window, self._voice, self._tray = window, voice, tray
        self.bar = TalkPill(look)
        self._can_place = not QGuiApplication.platformName().startswith("wayland")
        self._follows = False
        """Whether what goes on began while another program was in use."""
        self.bar.opened.connect(self._open)
        self.bar.cancelled.connect(self._cancel)
        voice.state_changed.connect(self._on_state)
        voice.recording_level.connect(self.bar.show_level)
        voice.hint_changed.connect(lambda hint, warns: self.bar.show_hint(_ESC.sub("", hint), warns))
        for signal in (voice.refused, voice.notice):
            signal.connect(lambda message: self._tell(message, "caution"))
        bridge.voice_event.connect(self._on_event)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()

    def _on_state(self, state: str) -> None:
        self._tray.show_listening(state in (TalkState.LISTENING, TalkState.FINISHING))
        if state == TalkState.LISTENING:
            self._follows = self._can_place and not self._window.isActiveWindow()
        if state == TalkState.IDLE or not self._follows or self._window.isActiveWindow():
            self.bar.show_state("idle")
        else:
            self.bar.show_state("listening" if state == TalkState.FINISHING else state)

    def _on_event(self, _number: int, event: VoiceEvent) -> None:
        match event:
            case Replied(text=text):
                self._tell(text, "ink")
            case CommandFailed(message=message):
                self._tell(in_window(message), "caution")
            case Waiting(message=message):
                # It may wait for hours: no reason to lie over other programs for so long.
                self.bar.show_state("idle")
                self._tell(in_window(message), "caution")

    def _tell(self, words: str, tone: str) -> None:
        if self._follows and not self._window.isActiveWindow():
            self.bar.tell(words, tone)

    def _open(self) -> None:
        self.bar.hide()
        self._window.come_to_front()

    def _cancel(self) -> None:
        self.bar.hide()
        self._voice.cancel()
