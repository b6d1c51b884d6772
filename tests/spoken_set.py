"""What is said to the offline recogniser to see how well it hears: commands, other wordings of them, other sentences.

The weights of its confidence are fitted to none of these (`tests/bench/voice_tuning.py` has sentences and voices of its
own), but its beam, pronunciations and limits were chosen by looking at them: a set that nobody has looked at may fare
worse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.audio import Recording
from engine.providers.offline.grammar import Understood


@dataclass(frozen=True, slots=True)
class Said:
    """A spoken command: the tool that it means, and those of its arguments that are no free words."""

    text: str
    tool: str
    arguments: dict[str, str] = field(default_factory=dict)

    def is_meant_by(self, understood: Understood | None) -> bool:
        """Whether this is what was understood."""
        return (
            understood is not None
            and understood.tool == self.tool
            and self.arguments.items() <= understood.arguments.items()
        )


COMMANDS = (
    Said("what time is it", "tell_time"),
    Said("what is the date today", "tell_date"),
    Said("how is the email queue", "queue_state", {"queue": "email-processing"}),
    Said("pause the voice processing queue", "pause_queue", {"queue": "voice-processing"}),
    Said("resume the notification queue", "resume_queue", {"queue": "notification"}),
    Said("retry the failed jobs in the email queue", "retry_failed", {"queue": "email-processing"}),
    Said("what failed and why", "what_failed"),
    Said("is everything all right", "is_all_right"),
    Said("pause all queues", "pause_all"),
    Said("resume all queues", "resume_all"),
    Said("create a task to buy milk", "create_task"),
    Said("add call the dentist to my list", "create_task"),
    Said("what are my tasks", "list_tasks"),
    Said("mark buy milk as done", "finish_task"),
    Said("remind me in ten minutes to call Anna", "remind_me"),
    Said("what are my reminders", "list_reminders"),
    Said("how many new emails do I have", "count_mail"),
    Said("read my new mail", "read_mail"),
    Said("send an email to Anna saying I will be late", "send_email"),
    Said("what's my next meeting", "next_meeting"),
    Said("what's on my calendar on Friday", "list_events"),
    Said("create a meeting with Anna tomorrow at three", "create_event"),
    Said("move my next meeting to Friday at four", "move_event"),
    Said("cancel my next meeting", "cancel_event"),
    Said("what can you do", "help"),
)

OTHER_WORDINGS = (
    Said("tell me the time please", "tell_time"),
    Said("what day is it today", "tell_date"),
    Said("what's the state of the calendar queue", "queue_state", {"queue": "calendar-sync"}),
    Said("how many jobs are waiting in the task queue", "queue_state", {"queue": "task-processing"}),
    Said("please stop the transcription queue", "pause_queue", {"queue": "transcription"}),
    Said("suspend email processing", "pause_queue", {"queue": "email-processing"}),
    Said("start the synthesis queue again", "resume_queue", {"queue": "synthesis"}),
    Said("unpause notifications", "resume_queue", {"queue": "notification"}),
    Said("run the failed email jobs again", "retry_failed", {"queue": "email-processing"}),
    Said("retry everything that failed in the calendar queue", "retry_failed", {"queue": "calendar-sync"}),
    Said("show me the failed jobs", "what_failed"),
    Said("are there any problems", "is_all_right"),
    Said("hold everything", "pause_all"),
    Said("continue all the queues", "resume_all"),
    Said("remember to water the plants", "create_task"),
    Said("new task send the weekly report", "create_task"),
    Said("what do I have to do today", "list_tasks"),
    Said("tick off pay the rent", "finish_task"),
    Said("set a reminder for tomorrow at nine to pay the rent", "remind_me"),
    Said("remind me to feed the cat tonight", "remind_me"),
    Said("do I have any reminders", "list_reminders"),
    Said("have I got any new messages", "count_mail"),
    Said("check my inbox", "read_mail"),
    Said("write an email to Peter that the meeting is cancelled", "send_email"),
    Said("when is my next appointment", "next_meeting"),
    Said("what meetings do I have tomorrow", "list_events"),
    Said("am I free on Monday", "list_events"),
    Said("schedule a call with Peter on Tuesday at ten", "create_event"),
    Said("reschedule the meeting with Sarah to Thursday at noon", "move_event"),
    Said("cancel the lunch with Tom", "cancel_event"),
    Said("help me please", "help"),
)

SENTENCES = (
    "the weather is lovely today",
    "my brother bought a new car",
    "tell me a joke about elephants",
    "play some jazz music",
    "who won the football match",
    "the price of oil went up again",
    "please close the door when you leave",
    "good morning everyone",
    "we need more people on this project",
    "it was the best day of my life",
    "I think we should go home now",
    "the children are playing in the garden",
    "she told me that she would come later",
    "this soup is far too salty for me",
    "the train to the city was late again",
    "can I have another cup of coffee",
    "he works in an office near the station",
    "turn off the lights in the living room",
    "how tall is the highest mountain in the world",
    "I have never been to the south of France",
    "what a wonderful idea that is",
    "they want to build a new bridge over the river",
    "we met at a concert last summer",
    "the meeting yesterday took far too long",
    "I read your email this morning",
    "there was a long queue at the supermarket",
    "my calendar is on the kitchen wall",
    "somebody should write a book about it",
    "the doctor said that I should rest",
    "let us have lunch at the new place",
)

VOICES = (("en-us", 165), ("en-gb", 150), ("en-us+f3", 165), ("en-gb+m3", 185), ("en-us+f2", 140))
"""espeak-ng's voices, and their speed in words a minute."""


def in_noise(recording: Recording, below_db: float = 20.0) -> Recording:
    """The recording over white noise that is `below_db` weaker than its speech, the same whenever it is made."""
    samples = recording.samples.astype(np.float64)
    loud = samples[np.abs(samples) > 0.05 * np.abs(samples).max()]
    deviation = np.sqrt(np.mean(loud**2)) / 10 ** (below_db / 20)
    noisy = samples + np.random.default_rng(20).normal(0, deviation, len(samples))
    return Recording(noisy.clip(-32768, 32767).astype(np.int16), recording.rate_hz)
