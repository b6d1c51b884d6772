"""The talk key's rules, without a device: times are given, commands are looked at."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from desktop.voice.push_to_talk import (
    LONGEST_MS,
    NOTHING_HEARD,
    NOTHING_SAID_MS,
    RELEASE_GRACE_MS,
    WARNED_MS,
    CancelCommand,
    Commands,
    DiscardRecording,
    EndsSoon,
    FinishRecording,
    Listen,
    PushToTalk,
    Refuse,
    StartSpeech,
    StopSpeech,
    SubmitRecording,
    TalkKey,
    TalkState,
    Tell,
    WakeAt,
)


def let_go(talk: PushToTalk, at_ms: int) -> Commands:
    """Release the key and let the grace pass."""
    talk.release(at_ms)
    return talk.tick(at_ms + RELEASE_GRACE_MS)


def working() -> PushToTalk:
    """A machine whose command is on its way; the key was held from 0 to 1,000 ms."""
    talk = PushToTalk()
    talk.press(0)
    let_go(talk, 1_000)
    talk.recording_ready()
    return talk


def speaking() -> PushToTalk:
    talk = working()
    talk.reply()
    return talk


def test_hold_speak_let_go_sends_the_recording() -> None:
    talk = PushToTalk()
    assert talk.press(0) == (Listen(), WakeAt(LONGEST_MS - WARNED_MS))
    assert talk.state is TalkState.LISTENING
    assert talk.release(1_000) == (WakeAt(1_050),)
    assert talk.tick(1_050) == (FinishRecording(),)
    assert talk.recording_ready() == (SubmitRecording(),)
    assert talk.state is TalkState.WORKING
    assert talk.reply() == (StartSpeech(),)
    assert talk.state is TalkState.SPEAKING
    talk.spoken()
    assert talk.state is TalkState.IDLE


def test_a_repeating_key_is_a_held_key() -> None:
    talk = PushToTalk()
    talk.press(0)
    for at_ms in range(500, 1_500, 30):
        talk.release(at_ms)
        assert talk.press(at_ms + 1) == ()
        assert talk.tick(at_ms + RELEASE_GRACE_MS) == ()
    assert talk.state is TalkState.LISTENING


def tapped(*, hands_free: bool = False) -> PushToTalk:
    """A machine that listens without a key held down: it was tapped at 0."""
    talk = PushToTalk(hands_free=hands_free)
    talk.press(0)
    let_go(talk, 80)
    return talk


def test_a_tap_listens_until_the_next_press() -> None:
    talk = tapped()
    assert talk.latched
    assert talk.press(5_000) == (FinishRecording(),)
    assert talk.recording_ready() == (SubmitRecording(),)
    assert let_go(talk, 5_100) == ()
    assert talk.state is TalkState.WORKING


def test_a_key_that_only_toggles_may_be_held() -> None:
    talk = PushToTalk(TalkKey.TAP)
    talk.press(0)
    assert let_go(talk, 2_000) == ()
    assert talk.press(4_000) == (FinishRecording(),)


def test_hands_free_sends_when_the_person_has_stopped_speaking() -> None:
    talk = tapped(hands_free=True)
    talk.speech_began()
    assert talk.tick(NOTHING_SAID_MS) == ()
    assert talk.speech_ended() == (FinishRecording(),)


def test_a_pause_ends_nothing_while_the_key_is_held_or_the_next_press_is_to_end_it() -> None:
    held = PushToTalk(hands_free=True)
    held.press(0)
    assert held.speech_ended() == ()
    assert tapped().speech_ended() == ()


def test_hands_free_gives_up_where_nobody_speaks() -> None:
    assert tapped(hands_free=True).tick(NOTHING_SAID_MS) == (DiscardRecording(), Refuse(NOTHING_HEARD))


def test_where_only_holding_counts_a_tap_is_refused_with_what_to_do() -> None:
    talk = PushToTalk(TalkKey.HOLD)
    talk.press(0)
    discard, refuse = let_go(talk, 80)
    assert discard == DiscardRecording()
    assert isinstance(refuse, Refuse)
    assert "Hold the key" in refuse.message
    assert talk.state is TalkState.IDLE


def test_pressing_while_it_speaks_stops_the_speech_and_listens() -> None:
    talk = speaking()
    assert talk.press(2_000)[:2] == (StopSpeech(), Listen())
    assert talk.state is TalkState.LISTENING


def test_an_answer_does_not_talk_into_a_recording() -> None:
    talk = working()
    talk.press(2_000)
    assert talk.reply() == ()
    assert talk.state is TalkState.LISTENING


def test_a_newer_answer_replaces_the_one_being_spoken() -> None:
    assert speaking().reply() == (StopSpeech(), StartSpeech())


def test_cancel_while_listening_sends_nothing() -> None:
    talk = PushToTalk()
    talk.press(0)
    assert talk.cancel() == (DiscardRecording(),)
    assert let_go(talk, 1_000) == ()
    assert talk.state is TalkState.IDLE


def test_a_key_let_go_after_cancel_is_no_command_and_the_next_press_listens() -> None:
    talk = PushToTalk()
    talk.press(0)
    talk.cancel()
    assert let_go(talk, 2_000) == ()
    assert Listen() in talk.press(3_000)


def test_cancel_while_working_takes_the_command_back_and_keeps_its_answer_silent() -> None:
    talk = working()
    assert talk.cancel() == (CancelCommand(),)
    assert talk.reply() == ()
    assert talk.state is TalkState.IDLE


def test_only_the_cancelled_answer_stays_silent() -> None:
    talk = working()
    talk.cancel()
    talk.submitted()
    assert talk.reply() == (StartSpeech(),)


def test_cancel_while_speaking_silences_at_once() -> None:
    assert speaking().cancel() == (StopSpeech(), CancelCommand())


def test_a_lost_microphone_sends_what_was_said() -> None:
    talk = PushToTalk()
    talk.press(0)
    assert talk.device_lost("gone") == (Tell("gone"),)
    assert talk.recording_ready() == (SubmitRecording(),)
    assert let_go(talk, 3_000) == ()
    assert talk.state is TalkState.WORKING


def test_a_microphone_that_does_not_open_is_told() -> None:
    talk = PushToTalk()
    talk.press(0)
    assert talk.microphone_failed("none") == (Refuse("none"),)
    assert talk.state is TalkState.IDLE


def test_an_unusable_recording_is_not_sent() -> None:
    talk = PushToTalk()
    talk.press(0)
    let_go(talk, 1_000)
    assert talk.recording_ready(refusal="silent") == (Refuse("silent"),)
    assert talk.state is TalkState.IDLE


def test_a_recording_ends_after_a_minute_and_a_repeating_key_starts_no_other() -> None:
    talk = PushToTalk()
    talk.press(0)
    finish, tell = talk.tick(LONGEST_MS)
    assert finish == FinishRecording()
    assert isinstance(tell, Tell)
    talk.recording_ready()
    talk.release(LONGEST_MS + 1_000)
    assert talk.press(LONGEST_MS + 1_001) == ()
    assert talk.state is TalkState.WORKING


def test_the_last_seconds_are_counted_down_however_late_it_wakes() -> None:
    talk = PushToTalk(longest_ms=30_000)
    assert talk.press(0) == (Listen(), WakeAt(20_000))
    assert talk.tick(19_999) == ()
    assert talk.tick(20_000) == (EndsSoon(10), WakeAt(21_000))
    assert talk.tick(20_010) == ()
    assert talk.tick(26_700) == (EndsSoon(4), WakeAt(27_000))
    assert talk.tick(29_001) == (EndsSoon(1), WakeAt(30_000))
    assert talk.tick(30_000)[0] == FinishRecording()


def test_pressing_again_during_the_post_roll_starts_the_next_recording() -> None:
    talk = PushToTalk()
    talk.press(0)
    let_go(talk, 1_000)
    assert talk.press(1_100) == ()
    assert talk.recording_ready() == (SubmitRecording(), Listen(), WakeAt(1_100 + LONGEST_MS - WARNED_MS))
    assert talk.state is TalkState.LISTENING


def test_a_failed_command_makes_it_idle() -> None:
    talk = working()
    talk.failed()
    assert talk.state is TalkState.IDLE


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Whatever happens in whatever order, microphone and speech are never commanded out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.talk = PushToTalk(hands_free=True)
        self.now_ms = 0
        self.recording = False
        self.playing = False

    def carry_out(self, commands: Commands) -> None:
        for command in commands:
            match command:
                case Listen():
                    assert not self.recording
                    assert not self.playing
                    self.recording = True
                case FinishRecording():
                    assert self.recording
                case DiscardRecording():
                    assert self.recording
                    self.recording = False
                case StartSpeech():
                    assert not self.playing
                    assert not self.recording
                    self.playing = True
                case StopSpeech():
                    assert self.playing
                    self.playing = False

    @rule(passed_ms=st.sampled_from([0, 1, 30, 49, 50, 51, 300, 70_000]))
    def time_passes(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.carry_out(self.talk.tick(self.now_ms))

    @rule()
    def press(self) -> None:
        self.carry_out(self.talk.press(self.now_ms))

    @rule()
    def release(self) -> None:
        self.carry_out(self.talk.release(self.now_ms))

    @rule(refusal=st.sampled_from([None, "silent"]))
    def recording_ready(self, refusal: str | None) -> None:
        if self.talk.state is TalkState.FINISHING:
            self.recording = False
        self.carry_out(self.talk.recording_ready(refusal))

    @rule()
    def microphone_failed(self) -> None:
        if self.talk.state is TalkState.LISTENING:
            self.recording = False
        self.carry_out(self.talk.microphone_failed("none"))

    @rule()
    def spoken(self) -> None:
        if self.talk.state is TalkState.SPEAKING:
            self.playing = False
        self.carry_out(self.talk.spoken())

    @rule(
        event=st.sampled_from(
            [
                PushToTalk.cancel,
                PushToTalk.reply,
                PushToTalk.failed,
                PushToTalk.submitted,
                PushToTalk.speech_began,
                PushToTalk.speech_ended,
            ]
        )
    )
    def other(self, event: Callable[[PushToTalk], Commands]) -> None:
        self.carry_out(event(self.talk))

    @rule()
    def device_lost(self) -> None:
        self.carry_out(self.talk.device_lost("gone"))

    @invariant()
    def state_tells_what_the_devices_do(self) -> None:
        assert self.recording == (self.talk.state in (TalkState.LISTENING, TalkState.FINISHING))
        assert self.playing == (self.talk.state is TalkState.SPEAKING)


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
TestAnyOrderOfEvents.settings = settings(max_examples=60, stateful_step_count=40)
