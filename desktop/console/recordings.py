"""What the list of recordings reads and does; no Redis is needed for it, only where a command goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop.bridge import Bridge, in_thread
from desktop.console.talking import Talking
from desktop.pages.assistant import AssistantPage
from desktop.theme import Look
from desktop.voice.control import VoiceControl
from engine.audio import Recording
from engine.recordings import KeptRecording, Recordings, recordings_of
from engine.settings import Settings, load_settings

if TYPE_CHECKING:
    from desktop.pages.recordings import RecordingsDialog

_LIST, _SOUND = "recordings.list", "recordings.sound"


def connect(page: AssistantPage, look: Look, talking: Talking, voice: VoiceControl, bridge: Bridge) -> None:
    """Open the list by the page's button."""
    _Wiring(page, look, talking, voice, bridge)


class _Wiring(QObject):
    """Lives as long as its page; the dialog is made when it is first asked for."""

    def __init__(self, page: AssistantPage, look: Look, talking: Talking, voice: VoiceControl, bridge: Bridge) -> None:
        super().__init__(page)
        self._page, self._look, self._talking = page, look, talking
        self._voice, self._bridge = voice, bridge
        self._dialog: RecordingsDialog | None = None
        self._settings: Settings | None = None
        self._playing = ""
        page.recordings_wanted.connect(self._open)
        voice.heard_again.connect(lambda: self._show_playing(""))
        bridge.answered.connect(self._on_answered)
        bridge.command_ended.connect(lambda _number: self._read())
        bridge.opened.connect(self._on_opened)

    def _open(self) -> None:
        if self._dialog is None:
            from desktop.pages.recordings import RecordingsDialog

            self._dialog = dialog = RecordingsDialog(self._look, self._page)
            dialog.refresh_wanted.connect(self._read)
            dialog.play_wanted.connect(self._play)
            dialog.again_wanted.connect(self._talking.ask_again)
            dialog.delete_wanted.connect(self._delete)
        self._dialog.show_server(self._settings is not None and self._settings.uses_openai)
        self._dialog.ask()

    def _folder(self) -> Recordings:
        return recordings_of(self._settings or load_settings())

    def _read(self, before: Callable[[], None] = lambda: None) -> None:
        def work() -> tuple[KeptRecording, ...]:
            before()
            return self._folder().all()

        self._bridge.consult(_LIST, in_thread(work))

    def _delete(self, kept: KeptRecording) -> None:
        self._bridge.take_back_trace(kept.trace)
        self._read(lambda: self._folder().delete(kept.id))

    def _play(self, kept: KeptRecording) -> None:
        stopped, self._playing = self._playing, ""
        self._voice.stop_hearing_again()
        self._show_playing("")
        if stopped != kept.id:
            self._playing = kept.id
            self._bridge.consult(_SOUND, in_thread(lambda: self._folder().sound(kept.id)))

    def _show_playing(self, recording_id: str) -> None:
        self._playing = recording_id
        if self._dialog is not None:
            self._dialog.show_playing(recording_id)

    def _on_opened(self, settings: Settings) -> None:
        self._settings = settings
        self._read()

    def _on_answered(self, topic: str, answer: object) -> None:
        if topic == _LIST and isinstance(answer, tuple):
            self._page.show_kept(answer)
            if self._dialog is not None and self._dialog.isVisible():
                self._dialog.show_recordings(answer)
                self._dialog.show_playing(self._playing)
        elif topic == _SOUND and isinstance(answer, Recording) and self._playing:
            playing = self._playing
            self._voice.hear_again(answer)
            self._show_playing(playing)
