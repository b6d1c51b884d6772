"""Push to talk with its devices: carries out what the state machine commands.

Hides the wiring of machine, microphone, speaker and timers. The window and the hotkey call
`press`, `release` and `cancel`; the application sends what `recorded` brings and reports back by
`speak` or `command_ended`.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.voice import push_to_talk
from desktop.voice.devices import Microphones
from desktop.voice.microphone import Microphone, with_trailing_silence
from desktop.voice.portaudio import PortAudio
from desktop.voice.pulse import Source
from desktop.voice.push_to_talk import PushToTalk, TalkKey
from desktop.voice.speaker import Speaker
from engine.audio import Recording
from engine.errors import HarkError

_BY_A_PRESS = "Listening. Press again to send, Esc to cancel"
_BY_ITSELF = "Listening until you stop speaking. Esc cancels"
_ENDS_SOON = "{} s left: then what you have said is sent"
_NOTHING_IS_HEARD = "Nothing is heard: is the microphone muted?"
_IS_MUTED = "{} is muted: unmute it in the system's sound settings"
_TOO_LOUD = "The microphone is too loud: turn its level down, or speak from farther away"


class VoiceControl(QObject):
    """Everything between the talk key and a Recording, and between a Recording and the ear.

    `recording_started`: the microphone hears (show it, play the cue). `recording_level`: 0.0 to
    1.0 while recording. `recorded`: a Recording to send; never an empty or a silent one. `cancelled`: take back the
    command that is being worked on. `refused`: nothing was sent, the message says why and what to do.
    `state_changed`: a value of `push_to_talk.TalkState`. `hint_changed`: how a recording ends or what is wrong with
    it, "" for nothing special, and whether it is a warning. `notice`: something to tell; nothing was lost.
    `good_news`: what such a notice told of is over.
    """

    recording_started = Signal()
    recording_level = Signal(float)
    recorded = Signal(object)
    cancelled = Signal()
    refused = Signal(str)
    state_changed = Signal(str)
    hint_changed = Signal(str, bool)
    notice = Signal(str)
    good_news = Signal(str)
    heard_again = Signal()
    """What `hear_again` plays has ended."""

    def __init__(
        self, parent: QObject | None = None, *, microphone: Microphone | None = None, speaker: Speaker | None = None
    ) -> None:
        super().__init__(parent)
        portaudio = PortAudio()
        self.microphone = microphone or Microphone(portaudio, self)
        self.microphones = Microphones(portaudio, self)
        self.speaker = speaker or Speaker(portaudio, self)
        self._machine = PushToTalk()
        self._recording: Recording | None = None
        self._answer: Recording | None = None
        self._more = False
        self._shown_state = str(self._machine.state)
        self._hint = ""
        self._silent = False
        """Whether the hint tells that nothing is heard."""
        self._current_microphone: Source | None = None
        self.microphone.started.connect(self.recording_started)
        self.microphone.level.connect(self.recording_level)
        self.microphone.lost.connect(lambda message: self._do(self._machine.device_lost(message)))
        self.microphone.finished.connect(self._on_recording)
        self.microphone.silent.connect(self._on_silent)
        self.microphones.changed.connect(self._on_microphones_changed)
        self.microphones.notice.connect(self.notice)
        self.microphones.returned.connect(self.good_news)
        self.microphone.clipped.connect(lambda: self._show_hint(_TOO_LOUD, warns=True))
        self.microphone.speech_began.connect(self._on_speech)
        self.microphone.speech_ended.connect(lambda: self._do(self._machine.speech_ended()))
        self.speaker.finished.connect(self._on_spoken)
        self.speaker.failed.connect(self._on_speaker_failed)

    @property
    def state(self) -> str:
        """The machine's state, a value of `push_to_talk.TalkState`."""
        return str(self._machine.state)

    @property
    def held(self) -> bool:
        """As `PushToTalk.held`."""
        return self._machine.held

    def use(self, key: TalkKey, *, hands_free: bool, longest_ms: int = push_to_talk.LONGEST_MS) -> None:
        """What the talk key does from now on, and how long a recording may be."""
        self._machine.key, self._machine.hands_free, self._machine.longest_ms = key, hands_free, longest_ms

    def press(self) -> None:
        """The talk key went down: listen; a spoken answer falls silent."""
        self._do(self._machine.press(_now_ms()))

    def release(self) -> None:
        """The talk key went up: `recorded` or `refused` follows."""
        self._do(self._machine.release(_now_ms()))

    def cancel(self) -> None:
        """Drop the recording, take back the command, or silence the answer: whichever it is."""
        self._do(self._machine.cancel())

    def submitted(self) -> None:
        """A typed command was sent: show that it is being worked on."""
        self._do(self._machine.submitted())

    def speak(self, recording: Recording, *, more: bool = False) -> None:
        """Play an answer's sound, unless the person is speaking or has cancelled; with `more`, its first part."""
        self._answer, self._more = recording, more
        self._do(self._machine.reply())

    def speak_on(self, recording: Recording) -> None:
        """Play the answer's next part behind the last, unless it was silenced."""
        self.speaker.add(recording)

    def answer_is_whole(self) -> None:
        """The answer has no further parts."""
        self._more = False
        self.speaker.end()

    def hear_again(self, recording: Recording) -> None:
        """Play an earlier recording, where nothing else goes on; `heard_again` tells of its end."""
        if self.state in (push_to_talk.TalkState.IDLE, push_to_talk.TalkState.WORKING):
            try:
                self.speaker.play(recording)
            except HarkError as error:
                self.notice.emit(str(error))
                self.heard_again.emit()
        else:
            self.heard_again.emit()

    def stop_hearing_again(self) -> None:
        """End what `hear_again` plays; a spoken answer goes on."""
        if self.state != push_to_talk.TalkState.SPEAKING:
            self.speaker.stop()

    def command_ended(self) -> None:
        """The command failed, or its answer has no sound."""
        self._do(self._machine.failed())

    def close(self) -> None:
        """Let go of microphone and loudspeaker."""
        self.speaker.stop()
        self.microphone.close()
        self.microphones.close()

    def _do(self, commands: push_to_talk.Commands) -> None:
        for command in commands:
            match command:
                case push_to_talk.Listen():
                    self._listen()
                case push_to_talk.FinishRecording():
                    self.microphone.stop()
                case push_to_talk.DiscardRecording():
                    self.microphone.discard()
                case push_to_talk.SubmitRecording():
                    self.recorded.emit(self._recording)
                case push_to_talk.CancelCommand():
                    self.cancelled.emit()
                case push_to_talk.StartSpeech():
                    self._start_speech()
                case push_to_talk.StopSpeech():
                    self.speaker.stop()
                case push_to_talk.WakeAt(at_ms=at_ms):
                    self._wake_at(at_ms)
                case push_to_talk.EndsSoon(left_s=left_s):
                    self._show_hint(_ENDS_SOON.format(left_s))
                case push_to_talk.Refuse(message=message):
                    self.refused.emit(message)
                case push_to_talk.Tell(message=message):
                    self.notice.emit(message)
        if self.state != self._shown_state:
            self._shown_state = self.state
            self.state_changed.emit(self._shown_state)
        if self._machine.latched:
            if self._hint in ("", _BY_ITSELF, _BY_A_PRESS):
                self._show_hint(_BY_ITSELF if self._machine.hands_free else _BY_A_PRESS)
        elif self.state != push_to_talk.TalkState.LISTENING:
            self._show_hint("")

    def _on_silent(self) -> None:
        current = self.microphones.current
        muted = current is not None and current.muted
        self._show_hint(_IS_MUTED.format(current.title) if current and muted else _NOTHING_IS_HEARD, warns=True)
        self._silent = True

    def _on_speech(self) -> None:
        if self._silent:
            self._show_hint("")
        self._do(self._machine.speech_began())

    def _on_microphones_changed(self) -> None:
        """Another one may be meant now: a warm device is let go, a recording goes on where it began."""
        current = self.microphones.current
        if current != self._current_microphone:
            self._current_microphone = current
            if not self.microphone.is_recording:
                self.microphone.close()

    def _show_hint(self, hint: str, *, warns: bool = False) -> None:
        self._silent = False
        if hint != self._hint:
            self._hint = hint
            self.hint_changed.emit(hint, warns)

    def _wake_at(self, at_ms: int) -> None:
        # A timer may go off early: by the clock, or by Qt's tolerance.
        remaining_ms = at_ms - _now_ms()
        if remaining_ms > 0:
            QTimer.singleShot(remaining_ms, self, lambda: self._wake_at(at_ms))
        else:
            self._do(self._machine.tick(_now_ms()))

    def _listen(self) -> None:
        self.speaker.stop()  # an earlier recording may be playing
        self.heard_again.emit()
        try:
            try:
                self.microphone.start()
            except HarkError:
                if not self.microphones.fall_back():
                    raise
                self.microphone.start()
        except HarkError as error:
            self._do(self._machine.microphone_failed(str(error)))

    def _on_recording(self, recording: Recording) -> None:
        try:
            self._recording = with_trailing_silence(recording.require_speech())
        except HarkError as error:
            self._do(self._machine.recording_ready(refusal=str(error)))
        else:
            self._do(self._machine.recording_ready())

    def _start_speech(self) -> None:
        if self._answer is None:
            return
        try:
            self.speaker.play(self._answer, more=self._more)
        except HarkError as error:
            self._on_speaker_failed(str(error))

    def _on_spoken(self) -> None:
        self._do(self._machine.spoken())
        self.heard_again.emit()

    def _on_speaker_failed(self, message: str) -> None:
        self.notice.emit(message)
        self._on_spoken()


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
