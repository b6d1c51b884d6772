"""When to listen, when to send and when to speak: the push-to-talk key as a state machine.

Hides every rule about time and order. It touches no device, no timer and no toolkit: each event
takes the time at which it happened and returns the commands to carry out, in order, so that the
rules can be tested without a microphone. `control.VoiceControl` carries them out.

        press            let go, 50 ms          recording is there        answer's sound
  idle -------> listening ---------> finishing -----------------> working ------------> speaking
                    ^                                                                      |
                    +------------------------ press: talk over the answer ----------------+
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RELEASE_GRACE_MS = 50
"""X11 repeats a held key as release and press: a release counts once no press follows it for so long."""
MIN_HOLD_MS = 200
MAX_RECORDING_MS = 60_000


class TalkState(StrEnum):
    """What push-to-talk is doing; the values are what the window shows."""

    IDLE = "idle"
    LISTENING = "listening"
    FINISHING = "finishing"
    """The key is up; the microphone takes in the last syllable."""
    WORKING = "working"
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True)
class Listen:
    """Start a recording."""


@dataclass(frozen=True, slots=True)
class FinishRecording:
    """End the recording after its post-roll and hand it over (`PushToTalk.recording_ready`)."""


@dataclass(frozen=True, slots=True)
class DiscardRecording:
    """Throw the recording away."""


@dataclass(frozen=True, slots=True)
class SubmitRecording:
    """Send the recording that is ready."""


@dataclass(frozen=True, slots=True)
class StartSpeech:
    """Play the answer that has come."""


@dataclass(frozen=True, slots=True)
class StopSpeech:
    """Silence the answer at once."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `PushToTalk.tick` at this time (milliseconds, the caller's clock)."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing was sent: tell the person why and what to do."""

    message: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Something the person should know; what was said is kept."""

    message: str


Command = (
    Listen | FinishRecording | DiscardRecording | SubmitRecording | StartSpeech | StopSpeech | WakeAt | Refuse | Tell
)
Commands = tuple[Command, ...]


class PushToTalk:
    """The state machine. Times are milliseconds of any clock that never goes back.

    Every method is an event, allowed in every state; one that means nothing there returns no
    commands.
    """

    def __init__(self) -> None:
        self.state = TalkState.IDLE
        self._key_down = False
        self._released_at_ms: int | None = None
        self._pressed_at_ms = 0
        self._hushed = False
        self._listen_next = False

    def press(self, now_ms: int) -> Commands:
        """The key went down (or the system repeated it)."""
        late = self.tick(now_ms)
        if self._key_down:
            self._released_at_ms = None
            return late
        self._key_down = True
        self._pressed_at_ms = now_ms
        if self.state is TalkState.FINISHING:
            self._listen_next = True
            return late
        stop_speech = (StopSpeech(),) if self.state is TalkState.SPEAKING else ()
        return (*late, *stop_speech, *self._listen())

    def release(self, now_ms: int) -> Commands:
        """The key went up; it counts after the grace."""
        if not self._key_down or self._released_at_ms is not None:
            return ()
        self._released_at_ms = now_ms
        return (WakeAt(now_ms + RELEASE_GRACE_MS),)

    def tick(self, now_ms: int) -> Commands:
        """Time has passed. Early, late and needless ticks do no harm."""
        released_at_ms = self._released_at_ms
        if released_at_ms is not None and now_ms >= released_at_ms + RELEASE_GRACE_MS:
            self._key_down = False
            self._released_at_ms = None
            self._listen_next = False
            if self.state is TalkState.LISTENING:
                return self._let_go(released_at_ms)
        if self.state is TalkState.LISTENING and now_ms >= self._pressed_at_ms + MAX_RECORDING_MS:
            self.state = TalkState.FINISHING
            return (FinishRecording(), Tell(f"A recording holds {MAX_RECORDING_MS // 1000} s: it was sent as it is."))
        return ()

    def cancel(self) -> Commands:
        """The person takes it back: nothing is sent, or the answer is not spoken."""
        was, self.state = self.state, TalkState.IDLE
        self._listen_next = False
        if was in (TalkState.LISTENING, TalkState.FINISHING):
            return (DiscardRecording(),)
        if was is TalkState.SPEAKING:
            return (StopSpeech(),)
        # The command is on its queue and will be answered in writing; only its sound is unwanted.
        self._hushed = self._hushed or was is TalkState.WORKING
        return ()

    def microphone_failed(self, message: str) -> Commands:
        """No recording could be started."""
        if self.state is not TalkState.LISTENING:
            return ()
        self.state = TalkState.IDLE
        return (Refuse(message),)

    def device_lost(self, message: str) -> Commands:
        """The microphone went away; what it heard until then follows as `recording_ready`."""
        if self.state not in (TalkState.LISTENING, TalkState.FINISHING):
            return ()
        self.state = TalkState.FINISHING
        return (Tell(message),)

    def recording_ready(self, refusal: str | None = None) -> Commands:
        """The recording is complete; `refusal` says why it cannot be used (empty, silent).

        Where the key went down again in the meantime, the next recording begins.
        """
        if self.state is not TalkState.FINISHING:
            return ()
        if refusal is None:
            self._hushed = False
            self.state = TalkState.WORKING
            outcome: Command = SubmitRecording()
        else:
            self.state = TalkState.IDLE
            outcome = Refuse(refusal)
        return (outcome, *self._listen()) if self._listen_next else (outcome,)

    def submitted(self) -> Commands:
        """A typed command is on its way."""
        self._hushed = False
        if self.state is TalkState.IDLE:
            self.state = TalkState.WORKING
        return ()

    def reply(self) -> Commands:
        """An answer's sound has come. While the person speaks, or after cancel, it stays silent."""
        hushed, self._hushed = self._hushed, False
        if hushed or self.state in (TalkState.LISTENING, TalkState.FINISHING):
            return ()
        stop_speech = (StopSpeech(),) if self.state is TalkState.SPEAKING else ()
        self.state = TalkState.SPEAKING
        return (*stop_speech, StartSpeech())

    def spoken(self) -> Commands:
        """The answer was spoken to its end, or could not be played."""
        if self.state is TalkState.SPEAKING:
            self.state = TalkState.IDLE
        return ()

    def failed(self) -> Commands:
        """The command ended without a spoken answer."""
        self._hushed = False
        if self.state is TalkState.WORKING:
            self.state = TalkState.IDLE
        return ()

    def _listen(self) -> Commands:
        self.state = TalkState.LISTENING
        self._listen_next = False
        return (Listen(), WakeAt(self._pressed_at_ms + MAX_RECORDING_MS))

    def _let_go(self, released_at_ms: int) -> Commands:
        if released_at_ms - self._pressed_at_ms < MIN_HOLD_MS:
            self.state = TalkState.IDLE
            return (DiscardRecording(), Refuse("That was too short. Hold the key while you speak, then let go."))
        self.state = TalkState.FINISHING
        return (FinishRecording(),)
