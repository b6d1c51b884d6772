"""When to listen, when to send and when to speak: the push-to-talk key as a state machine.

Hides every rule about time and order. It touches no device, no timer and no toolkit: each event
takes the time at which it happened and returns the commands to carry out, in order, so that the
rules can be tested without a microphone. `control.VoiceControl` carries them out.

        press            let go, 50 ms          recording is there        answer's sound
  idle -------> listening ---------> finishing -----------------> working ------------> speaking
                    ^                                                                      |
                    +------------------------ press: talk over the answer ----------------+

A key that is let go within 300 ms was tapped: the microphone then stays on until the next press, or, hands-free,
until the person has stopped speaking. `TalkKey` says which of the two a key may do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RELEASE_GRACE_MS = 50
"""X11 repeats a held key as release and press: a release counts once no press follows it for so long."""
TAP_MS = 300
"""A key held for less was tapped; where only holding counts, so short a recording is refused."""
LONGEST_MS = 60_000
"""A recording that still goes on after so long is sent as it is, unless the settings say otherwise."""
WARNED_MS = 10_000
"""For so long before that, the person is told how much is left."""
NOTHING_SAID_MS = 10_000
"""Hands-free, a microphone in which nobody speaks is switched off after so long."""
NOTHING_HEARD = "Nothing was heard: is the microphone muted?"


class TalkKey(StrEnum):
    """What the talk key does."""

    BOTH = "both"
    """Held, it listens while it is down; tapped, until the next press."""
    HOLD = "hold"
    TAP = "tap"


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
class EndsSoon:
    """The recording is ended in so many seconds."""

    left_s: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing was sent: tell the person why and what to do."""

    message: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Something the person should know; what was said is kept."""

    message: str


@dataclass(frozen=True, slots=True)
class CancelCommand:
    """Take back the command that is being worked on, with all of its jobs."""


Command = (
    Listen
    | FinishRecording
    | DiscardRecording
    | SubmitRecording
    | CancelCommand
    | StartSpeech
    | StopSpeech
    | WakeAt
    | EndsSoon
    | Refuse
    | Tell
)
Commands = tuple[Command, ...]


class PushToTalk:
    """The state machine. Times are milliseconds of any clock that never goes back.

    Every method is an event, allowed in every state; one that means nothing there returns no
    commands.
    """

    def __init__(self, key: TalkKey = TalkKey.BOTH, *, hands_free: bool = False, longest_ms: int = LONGEST_MS) -> None:
        """`hands_free`: a tapped recording ends by itself once the person has stopped speaking, and any `longest_ms`
        after it began."""
        self.state = TalkState.IDLE
        self.key = key
        self.hands_free = hands_free
        self.longest_ms = longest_ms
        self._told_left_s: int | None = None
        self._key_down = False
        self._released_at_ms: int | None = None
        self._pressed_at_ms = 0
        self._latched = False
        self._speech_began = False
        self._hushed = False
        self._listen_next = False

    @property
    def latched(self) -> bool:
        """It listens although no key is down: the key was tapped."""
        return self.state is TalkState.LISTENING and self._latched

    @property
    def held(self) -> bool:
        """The key is down, or was let go so lately that a press would be the same one repeated."""
        return self._key_down

    @property
    def ends_by_itself(self) -> bool:
        """It is heeded when the person has stopped speaking (`speech_ended`)."""
        return self.latched and self.hands_free

    def press(self, now_ms: int) -> Commands:
        """The key went down (or the system repeated it)."""
        late = self.tick(now_ms)
        if self._key_down:
            self._released_at_ms = None
            return late
        self._key_down = True
        if self.latched:
            self.state = TalkState.FINISHING
            return (*late, FinishRecording())
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
        if self.state is TalkState.LISTENING and now_ms >= self._pressed_at_ms + self.longest_ms:
            self.state = TalkState.FINISHING
            told = f"A recording holds {self.longest_ms // 1000} s: what you said until then was sent."
            return (FinishRecording(), Tell(told))
        if self.ends_by_itself and not self._speech_began and now_ms >= self._pressed_at_ms + NOTHING_SAID_MS:
            self.state = TalkState.IDLE
            return (DiscardRecording(), Refuse(NOTHING_HEARD))
        if self.state is TalkState.LISTENING:
            return self._count_down(self._pressed_at_ms + self.longest_ms - now_ms)
        return ()

    def speech_began(self) -> Commands:
        """Somebody speaks into the open microphone."""
        self._speech_began = True
        return ()

    def speech_ended(self) -> Commands:
        """Whoever spoke has stopped; it counts where nobody holds the key."""
        if not self.ends_by_itself or self._key_down:
            return ()
        self.state = TalkState.FINISHING
        return (FinishRecording(),)

    def cancel(self) -> Commands:
        """The person takes it back: nothing is sent, its jobs are cancelled, or the answer is not spoken."""
        was, self.state = self.state, TalkState.IDLE
        self._listen_next = False
        if was in (TalkState.LISTENING, TalkState.FINISHING):
            return (DiscardRecording(),)
        if was is TalkState.SPEAKING:
            return (StopSpeech(), CancelCommand())  # more of the answer may be on its way
        if was is TalkState.WORKING:
            self._hushed = True  # a job that ends before its worker hears of it still answers
            return (CancelCommand(),)
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
        self._listen_next = self._latched = self._speech_began = False
        self._told_left_s = None
        return (Listen(), WakeAt(self._pressed_at_ms + self.longest_ms - WARNED_MS))

    def _count_down(self, left_ms: int) -> Commands:
        left_s = -(-left_ms // 1000)
        if left_ms > WARNED_MS or left_s == self._told_left_s:
            return ()
        self._told_left_s = left_s
        return (EndsSoon(left_s), WakeAt(self._pressed_at_ms + self.longest_ms - (left_s - 1) * 1000))

    def _let_go(self, released_at_ms: int) -> Commands:
        tapped = released_at_ms - self._pressed_at_ms < TAP_MS
        if self.key is TalkKey.HOLD and tapped:
            self.state = TalkState.IDLE
            return (DiscardRecording(), Refuse("That was too short. Hold the key while you speak, then let go."))
        if self.key is TalkKey.TAP or (tapped and not self._latched):
            self._latched = True
            return (WakeAt(self._pressed_at_ms + NOTHING_SAID_MS),) if self.hands_free else ()
        self.state = TalkState.FINISHING
        return (FinishRecording(),)
