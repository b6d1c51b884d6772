"""From the talk key to the answer in the ear: what was said goes to the bridge, what comes back to page and speaker."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.pages.assistant import AssistantPage
from desktop.voice.control import VoiceControl
from desktop.window import Window
from engine.audio import Recording
from engine.errors import HarkError
from engine.model import Speaking, Spoken, VoiceEvent
from engine.recordings import KeptRecording
from engine.spoken_commands import Provider


class Talking(QObject):
    """The commands of this window. Answers to one that a newer has overtaken are shown, but no longer spoken."""

    def __init__(self, window: Window, voice: VoiceControl, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._voice, self._bridge = window, voice, bridge
        self._newest = 0
        self._spoken = False
        self._warning = ""
        """What the person was warned of last: with the next recording it is no news any more."""
        window.talk_pressed.connect(voice.press)
        window.talk_released.connect(voice.release)
        window.talk_cancelled.connect(voice.cancel)
        voice.recorded.connect(self.ask_aloud)
        voice.cancelled.connect(self._take_back)
        for signal in (voice.refused, voice.notice):
            signal.connect(self._warn)
        voice.good_news.connect(lambda message: window.notices.show_notice("success", message))
        voice.recording_started.connect(lambda: window.notices.withdraw(self._warning))
        bridge.voice_event.connect(self._on_voice_event)
        bridge.command_ended.connect(self._on_command_ended)
        bridge.resumed.connect(self._on_resumed)

    def connect_page(self, page: AssistantPage) -> None:
        """Let the page, now that it is there, show what goes on."""
        self._voice.recording_level.connect(page.show_level)
        self._voice.state_changed.connect(page.show_state)
        self._voice.hint_changed.connect(page.show_hint)
        self._bridge.command_failed.connect(page.conversation.show_failed)
        page.conversation.answered.connect(self.answer)
        page.microphone.wanted.connect(lambda: self._show_microphones(page))
        page.microphone.device_chosen.connect(self._voice.microphones.choose)
        self._voice.microphones.changed.connect(lambda: self._show_microphones(page))
        self._voice.microphones.choose(page.microphone.device)
        self._voice.microphones.start()

    def _warn(self, message: str) -> None:
        self._warning = message
        self._window.notices.show_notice("warning", message)

    def _show_microphones(self, page: AssistantPage) -> None:
        microphones = self._voice.microphones
        default = microphones.default
        known = [(one.id, f"{one.title} (muted)" if one.muted else one.title) for one in microphones.list()]
        page.microphone.show_microphones(known, default.title if default is not None else "")

    def ask_in_words(self, text: str) -> None:
        """A command was typed."""
        self._begin(self._bridge.ask(text, conversation_id=self._conversation_id), text)
        self._voice.submitted()

    def answer(self, trace: str, yes: bool) -> None:
        """The question of the command `trace` was answered by a button; said or typed, an answer is a command."""
        words = "Yes" if yes else "No"
        number = self._bridge.ask(words, conversation_id=self._conversation_id, answers=trace)
        self._begin(number, words)
        self._voice.submitted()

    def ask_aloud(self, recording: Recording) -> None:
        """A command was spoken."""
        self._begin(self._bridge.ask(recording, conversation_id=self._conversation_id), None)

    def ask_again(self, kept: KeptRecording, provider: Provider = "", language: str = "") -> None:
        """A kept recording is to be tried once more, in the conversation that it was said in."""
        if kept.conversation_id != self._conversation_id:
            self._window.assistant.go_on_with(kept.conversation_id)
        self._begin(self._bridge.ask_again(kept, provider, language), None)
        self._voice.submitted()

    @property
    def _conversation_id(self) -> str:
        return self._window.assistant.conversation_id

    def _begin(self, number: int, said: str | None) -> None:
        self._newest, self._spoken = number, False
        self._window.show_page(0)
        self._window.assistant.begin(number, said)

    def _take_back(self) -> None:
        number, self._newest = self._newest, 0
        self._window.assistant.conversation.show_cancelling(number)
        self._bridge.take_back(number)

    def _on_resumed(self, number: int, kept: KeptRecording) -> None:
        # Nobody waits for its answer any more: it is shown, not spoken.
        self._window.assistant.begin(number, None, kept.conversation_id)

    def _on_voice_event(self, number: int, event: VoiceEvent) -> None:
        self._window.assistant.conversation.show_event(number, event)
        if number != self._newest or not isinstance(event, (Speaking, Spoken)):
            return
        if isinstance(event, Spoken) and self._spoken:
            self._voice.answer_is_whole()
            return
        try:
            sound = Recording.decode(event.flac, "The spoken answer")
        except HarkError as error:
            self._window.notices.show_notice("error", error.message, error.remedy)
            return
        if self._spoken:
            self._voice.speak_on(sound)
        else:
            self._spoken = True
            self._voice.speak(sound, more=isinstance(event, Speaking))

    def _on_command_ended(self, number: int) -> None:
        if number != self._newest:
            return
        if self._spoken:
            self._voice.answer_is_whole()
        else:
            self._voice.command_ended()
