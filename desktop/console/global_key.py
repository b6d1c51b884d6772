"""What the talk key does, and which one it is while another program has the keyboard: as the settings say, at once."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.bridge import Bridge, in_thread
from desktop.pages.settings import SettingsPage
from desktop.voice.control import VoiceControl
from desktop.voice.hotkey import Hotkey, global_key
from desktop.voice.portal_key import PortalKey
from desktop.voice.push_to_talk import TalkKey
from desktop.window import Window
from engine.errors import BadInputError, HarkError
from engine.log import get_logger
from engine.settings import Settings, load_settings

_SETTINGS = "global_key.settings"
_log = get_logger("voice")


class GlobalKey(QObject):
    """Give it the settings by `use`.

    The Assistant page tells which key works, the Settings page what came of a change.
    """

    def __init__(self, window: Window, voice: VoiceControl, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._voice, self._bridge = window, voice, bridge
        self._key: Hotkey | PortalKey | None = None
        self._page: SettingsPage | None = None
        """The Settings page while it waits to be told what came of a change."""
        bridge.answered.connect(self._on_answered)
        bridge.refused.connect(self._on_refused)

    @property
    def keys(self) -> str:
        """The key that is listened for, as the setting writes it; "" before the first settings."""
        return self._key.keys if self._key is not None else ""

    def connect_page(self, page: SettingsPage) -> None:
        """Take up what is changed on the Settings page, without a restart."""
        page.talking_changed.connect(lambda: self._read(page))
        page.pressing.connect(self._hold_back)

    def use(self, settings: Settings) -> None:
        """Do as the settings say, and ask for the key anew."""
        self._use_voice(settings)
        self.stop()
        self._key = key = global_key(settings.hotkey, self)
        key.pressed.connect(self._voice.press)
        key.released.connect(self._voice.release)
        key.ready.connect(self._on_ready)
        key.failed.connect(self._on_failed)
        try:
            key.start()
        except HarkError as error:
            # The window's own key remains, and the page says which it is: nothing to alarm about.
            _log.info("no global key: %s", error)
            self._on_failed(error.message)
            if isinstance(error, BadInputError):  # but for a setting that was written by hand
                self._window.notices.show_notice("warning", error.message, error.remedy)

    def stop(self) -> None:
        """Listen no more."""
        key, self._key = self._key, None
        if key is not None:
            key.stop()
            key.deleteLater()

    def _read(self, page: SettingsPage) -> None:
        if self._key is not None:  # else the first settings are yet to come
            self._page = page
            self._bridge.consult(_SETTINGS, in_thread(load_settings))

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic != _SETTINGS or not isinstance(answer, Settings):
            return
        if answer.hotkey == self.keys:
            self._page = None
            self._use_voice(answer)
        else:
            self.use(answer)

    def _on_refused(self, topic: str, why: str) -> None:
        if topic == _SETTINGS:
            self._tell(why, "caution")

    def _use_voice(self, settings: Settings) -> None:
        longest_ms = settings.longest_recording_s * 1000
        self._voice.use(TalkKey(settings.talk_key), hands_free=settings.hands_free, longest_ms=longest_ms)

    def _hold_back(self, held_back: bool) -> None:
        if self._key is not None:
            self._key.blockSignals(held_back)

    def _on_ready(self, words: str) -> None:
        self._window.assistant.show_global_key(words)
        rivals = self._key.rivals() if isinstance(self._key, Hotkey) else ""
        self._tell(rivals or f"{words} works in any program now.", "caution" if rivals else "accent")

    def _on_failed(self, why: str) -> None:
        self._window.assistant.show_no_global_key(why)
        self._tell(why, "caution")

    def _tell(self, words: str, tone: str) -> None:
        page, self._page = self._page, None
        if page is not None:
            page.show_remark("hotkey", words, tone)
