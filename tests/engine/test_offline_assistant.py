"""Understanding typed and recognised commands without a network: the right tool, the right arguments."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from pydantic import BaseModel

from engine.errors import NotFoundError
from engine.model import Action
from engine.providers import Reply, Tool, Turn
from engine.providers.offline import OfflineAssistant
from engine.providers.offline.grammar import Grammar, SharedGrammar, load_grammar
from engine.queues import QUEUES
from tests.spoken_set import COMMANDS, EVERYDAY, EVERYDAY_SENTENCES, OTHER_WORDINGS, SENTENCES, Said

UNDERSTOOD = [
    ("What time is it?", "tell_time", {}),
    ("what's the time", "tell_time", {}),
    ("Could you please tell me the time, thanks", "tell_time", {}),
    ("do you know what time it is", "tell_time", {}),
    ("what day is it", "tell_date", {}),
    ("what is the date today", "tell_date", {}),
    ("What’s today's date?", "tell_date", {}),
    ("what's the state of the email queue", "queue_state", {"queue": "email-processing"}),
    ("how is the email queue", "queue_state", {"queue": "email-processing"}),
    ("how's the AI queue doing?", "queue_state", {"queue": "ai-processing"}),
    ("how many notification jobs are waiting", "queue_state", {"queue": "notification"}),
    ("is the calendar queue paused", "queue_state", {"queue": "calendar-sync"}),
    ("status of transcription", "queue_state", {"queue": "transcription"}),
    ("pause the email queue", "pause_queue", {"queue": "email-processing"}),
    ("Pause the E-Mail queue", "pause_queue", {"queue": "email-processing"}),
    ("Hey Hark, pause the voice processing queue please", "pause_queue", {"queue": "voice-processing"}),
    ("suspend the task queue", "pause_queue", {"queue": "task-processing"}),
    ("pause text to speech", "pause_queue", {"queue": "synthesis"}),
    ("resume the notification queue", "resume_queue", {"queue": "notification"}),
    ("unpause the AI queue", "resume_queue", {"queue": "ai-processing"}),
    ("start the calendar queue again", "resume_queue", {"queue": "calendar-sync"}),
    ("retry the failed jobs in the email queue", "retry_failed", {"queue": "email-processing"}),
    ("retry failed notification jobs", "retry_failed", {"queue": "notification"}),
    ("retry everything that failed in the tasks queue", "retry_failed", {"queue": "task-processing"}),
    ("retry the failed jobs", "retry_failed", {}),
    ("retry the failed", "retry_failed", {}),
    ("retry everything that failed", "retry_failed", {}),
    ("create a task to buy milk", "create_task", {"title": "buy milk"}),
    ("Create a task: ring O'Brien", "create_task", {"title": "ring O'Brien"}),
    ("add buy milk to my to do list", "create_task", {"title": "buy milk"}),
    ("put the bins out on my list", "create_task", {"title": "the bins out"}),
    ("remind me to pay the rent on Friday", "remind_me", {"text": "to pay the rent on Friday"}),
    ("Remind me in ten minutes to call Anna.", "remind_me", {"text": "in ten minutes to call Anna"}),
    ("please remind me at 5:30 to call O'Brien", "remind_me", {"text": "at 5:30 to call O'Brien"}),
    ("don't let me forget to water the plants tonight", "remind_me", {"text": "to water the plants tonight"}),
    ("set a reminder for tomorrow at noon to eat", "remind_me", {"text": "for tomorrow at noon to eat"}),
    ("what are my reminders", "list_reminders", {}),
    ("cancel the reminder to call Anna", "cancel_reminder", {"text": "call Anna"}),
    ("cancel my reminder", "cancel_reminder", {}),
    ("add Call Anna-Marie, re: 5% off to my list", "create_task", {"title": "Call Anna-Marie, re: 5% off"}),
    ("what are my tasks", "list_tasks", {}),
    ("list my tasks", "list_tasks", {}),
    ("what's on my to-do list?", "list_tasks", {}),
    ("what do I have to do today", "list_tasks", {}),
    ("what's due this week?", "list_tasks", {"day": "this week"}),
    ("What are my tasks for Friday", "list_tasks", {"day": "friday"}),
    ("which tasks are overdue", "list_tasks", {"day": "overdue"}),
    ("mark Buy milk as done", "finish_task", {"title": "Buy milk"}),
    ("I've finished the report", "finish_task", {"title": "the report"}),
    ("delete the task call Anna", "delete_task", {"title": "call Anna"}),
    ("take Call Anna off my to-do list", "delete_task", {"title": "Call Anna"}),
    ("how many new emails do I have", "count_mail", {}),
    ("Is there any new mail?", "count_mail", {}),
    ("do I have unread messages", "count_mail", {}),
    ("read my new mail", "read_mail", {}),
    ("Please read me my emails", "read_mail", {}),
    ("summarise new mail", "read_mail", {}),
    ("check my inbox", "read_mail", {}),
    ("send an email to Anna saying I'll be late", "send_email", {"to": "Anna saying I'll be late"}),
    ("email Peter Jones that lunch is off", "send_email", {"to": "Peter Jones that lunch is off"}),
    ("help", "help", {}),
    ("what can you do", "help", {}),
    ("what can you do for me", "help", {}),
    # Other ways to word it, with what is free in its place.
    ("could you check if I have any new mail", "count_mail", {}),
    ("read me the latest email from Sarah", "read_mail", {"mail_sender": "Sarah"}),
    ("drop Anna a line saying thanks", "send_email", {"to": "Anna", "body": "thanks"}),
    ("tell me when my next appointment is", "next_meeting", {}),
    ("have I got anything on tomorrow", "list_events", {"day": "tomorrow"}),
    ("how's my week looking", "list_events", {"day": "this week"}),
    (
        "block tomorrow from one to three for writing",
        "create_event",
        {"title": "tomorrow from one to three for writing"},
    ),
    ("put yoga in my diary for Friday", "create_event", {"title": "yoga", "when": "for Friday"}),
    ("can we reschedule dinner for Saturday at eight", "move_event", {"event": "dinner", "when": "Saturday at eight"}),
    ("scrap the meeting on Friday", "cancel_event", {"event": "meeting on Friday"}),
    ("we are out of milk, add it to my list please", "create_task", {"title": "milk"}),
    ("add the report to my tasks for Friday", "create_task", {"title": "the report", "due": "for Friday"}),
    ("remove milk from my list", "delete_task", {"title": "milk"}),
    ("I paid the rent, mark it as done", "finish_task", {"title": "paid the rent"}),
    ("pop up a notification that says lunch", "notify_me", {"text": "lunch"}),
    ("in an hour remind me to call Anna", "remind_me", {"when": "in an hour", "text": "call Anna"}),
    ("set a timer for five minutes", "remind_me", {"text": "for five minutes"}),
    ("start a ten minute timer", "remind_me", {"when": "ten minute", "text": "it is time"}),
    ("stop the timer", "cancel_reminder", {}),
    ("how many jobs are waiting for transcription", "queue_state", {"queue": "transcription"}),
    ("bring the email queue to a halt", "pause_queue", {"queue": "email-processing"}),
    ("you can let the email queue run again", "resume_queue", {"queue": "email-processing"}),
    ("try the failed jobs again please", "retry_failed", {}),
    ("retry the calendar queue's failed jobs", "retry_failed", {"queue": "calendar-sync"}),
    ("retry the failed jobs of all queues", "retry_failed", {}),
    ("which email jobs have failed", "what_failed", {"queue": "email-processing"}),
    ("shut everything down", "pause_all", {}),
    ("turn all queues back on", "resume_all", {}),
    ("how many jobs are waiting", "is_all_right", {}),
    ("does everything look good", "is_all_right", {}),
    ("would you mind pausing the email queue", "pause_queue", {"queue": "email-processing"}),
    ("tell me how everything is going", "is_all_right", {}),
    ("tell me what my tasks are", "list_tasks", {}),
    ("I want to mark buy milk as done", "finish_task", {"title": "buy milk"}),
    ("add call Bob to my list for Friday", "create_task", {"title": "call Bob", "due": "for Friday"}),
    ("remind me of it", "ask_for_reminder", {}),
    ("stop", "say_no", {}),
    ("anything today", "list_events", {"day": "today"}),
    ("timer 10 minutes", "remind_me", {"text": "10 minutes"}),
    ("set a timer for 90s", "remind_me", {"text": "for 90s"}),
    ("set an alarm for seven", "remind_me", {"text": "it is time", "when": "seven"}),
]

NOT_UNDERSTOOD = [
    "the weather is lovely this afternoon",
    "I need to call my mother tomorrow",
    "pause",
    "pause the music",
    "stop the car",
    "how is your mother",
    "what is the date of the battle of Hastings",
    "a long queue of people",
    "my email address has changed",
    "my calendar is on the kitchen wall",
    "I read the email that you sent",
    "how many emails does a person write in a year",
    # A template would take them, were its free words not to be a time, an event or a name.
    "what's on television tonight",
    "move the chair to the window",
    "email was invented in the seventies",
    "I have a meeting every Monday and I hate it",
    "lunch was delicious today",
    "add two and two",
    # Nobody has named what is meant.
    "mark it as done",
    "mark that as done",
    "mark everything as done",
    "mark the first one as done",
    "cancel everything",
    "cancel the job",
    # Minutes, or o'clock? And neither is a time.
    "set a timer for 10",
    "set a timer for a banana",
    # It is not done yet.
    "I need to finish the report",
    "Hey Hark, I'd like to complete the tax return",
    "let's finish the slides",
    "I need to I've finished the report",  # so the recogniser may write it down
]


class Nothing(BaseModel):
    """No arguments."""


class OneQueue(BaseModel):
    """A queue's name."""

    queue: str


class Text(BaseModel):
    """What is to be told, and when."""

    text: str


class Title(BaseModel):
    """A task's title."""

    title: str


class Move(BaseModel):
    """An event, and its new time."""

    event: str
    when: str


async def move(arguments: Move) -> str:
    return f"{arguments.event} is {arguments.when}."


async def it_is_noon(_: Nothing) -> str:
    return "It is noon."


async def pause(arguments: OneQueue) -> str:
    if arguments.queue == "notification":
        raise NotFoundError("There is no queue named 'notification' here.")
    return f"Paused {arguments.queue}."


async def create(arguments: Title) -> str:
    return f"{arguments.title} is on your list."


async def remind(arguments: Text) -> str:
    return f"Set {arguments.text}."


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("tell_time", "Tell the time", Nothing, it_is_noon),
        Tool("pause_queue", "Pause a queue", OneQueue, pause),
        Tool("create_task", "Create a task", Title, create),
    )
}


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar()


@pytest.fixture
def assistant() -> OfflineAssistant:
    return OfflineAssistant(SharedGrammar())


@pytest.mark.parametrize(("text", "tool", "arguments"), UNDERSTOOD, ids=[row[0] for row in UNDERSTOOD])
def test_a_wording_gives_its_tool_and_arguments(
    grammar: Grammar, text: str, tool: str, arguments: dict[str, str]
) -> None:
    understood = grammar.understand(text)
    assert understood is not None
    assert (understood.tool, understood.arguments) == (tool, arguments)


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_an_ordinary_sentence_is_no_command(grammar: Grammar, text: str) -> None:
    assert grammar.understand(text) is None


@pytest.mark.parametrize("said", [*COMMANDS, *OTHER_WORDINGS, *EVERYDAY], ids=lambda said: said.text)
def test_what_is_said_every_day_is_understood_as_meant(grammar: Grammar, said: Said) -> None:
    assert said.is_meant_by(grammar.understand(said.text))


@pytest.mark.parametrize("sentence", [*SENTENCES, *EVERYDAY_SENTENCES])
def test_a_sentence_of_every_day_is_no_command(grammar: Grammar, sentence: str) -> None:
    assert grammar.understand(sentence) is None


def test_every_example_is_understood_as_its_own_tool(grammar: Grammar) -> None:
    for tool, wording in grammar.examples.items():
        understood = grammar.understand(wording)
        assert understood is not None
        assert understood.tool == tool


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_can_be_named_as_its_name_reads(grammar: Grammar, queue: str) -> None:
    understood = grammar.understand(f"pause the {queue.replace('-', ' ')} queue")
    assert understood is not None
    assert understood.arguments == {"queue": queue}


async def test_the_reply_is_the_tools_sentence_and_the_action_is_recorded(assistant: OfflineAssistant) -> None:
    reply = await assistant.respond("pause the email queue", [], TOOLS)

    sentence = "Paused email-processing."
    assert reply == Reply(sentence, (Action("pause_queue", {"queue": "email-processing"}, sentence),))


async def test_a_tools_error_is_let_through(assistant: OfflineAssistant) -> None:
    with pytest.raises(NotFoundError, match="no queue named 'notification'"):
        await assistant.respond("pause the notification queue", [], TOOLS)


async def test_what_is_not_understood_is_said_back_with_what_can_be_said(assistant: OfflineAssistant) -> None:
    reply = await assistant.respond("sing me a song", [], TOOLS)

    assert "“sing me a song”" in reply.text
    assert "“pause the email queue”" in reply.text
    assert "my tasks" not in reply.text, "there is no such tool here"
    assert reply.actions == ()


async def test_only_the_nearest_wordings_are_offered_since_they_are_spoken(
    assistant: OfflineAssistant, grammar: Grammar
) -> None:
    every = {name: dataclasses.replace(TOOLS["pause_queue"], name=name) for name in grammar.examples}
    reply = await assistant.respond("how is the foo queue", [], every)

    assert reply.text.startswith("I did not understand “how is the foo queue”. You can say “how is the email queue”, ")
    assert reply.text.endswith("; “what can you do” tells you more.")
    assert sum(wording in reply.text for wording in grammar.examples.values()) == 4


@pytest.mark.parametrize(
    ("said", "answer"),
    [("hello", "Hello!"), ("Hi Hark!", "Hello!"), ("thanks", "You are welcome."), ("Thank you very much.", "You are")],
)
async def test_a_greeting_and_thanks_are_answered(assistant: OfflineAssistant, said: str, answer: str) -> None:
    reply = await assistant.respond(said, [], TOOLS)
    assert reply.text.startswith(answer)
    assert reply.actions == ()


@pytest.mark.parametrize(
    "question", ["why is the sky blue", "what is the capital of France?", "tell me a joke", "will it rain tomorrow"]
)
async def test_of_what_a_model_could_answer_it_is_told_where_to_set_one_up(
    assistant: OfflineAssistant, question: str
) -> None:
    reply = await assistant.respond(question, [], TOOLS)
    assert reply.text.startswith(f"I did not understand “{question}”. A language model could answer that: ")
    assert "in the settings" in reply.text


@pytest.mark.parametrize("text", ["  ", "...", "🙂"])
async def test_no_words_are_said_to_be_none(assistant: OfflineAssistant, text: str) -> None:
    reply = await assistant.respond(text, [], TOOLS)
    assert reply == Reply("I heard no words. Please say it again.")


async def test_of_a_long_text_only_the_beginning_is_said_back(assistant: OfflineAssistant) -> None:
    reply = await assistant.respond("blah " * 100, [], TOOLS)
    assert reply.text.startswith("I did not understand “blah blah ")
    assert "blah…”" in reply.text
    assert len(reply.text) < 300


async def test_a_text_too_long_for_templates_is_told_so(assistant: OfflineAssistant) -> None:
    reply = await assistant.respond("move " + "to tomorrow " * 1000, [], TOOLS)
    assert reply.text.startswith("That is too long for me")


async def test_a_command_without_its_tool_is_not_claimed_done(assistant: OfflineAssistant) -> None:
    reply = await assistant.respond("what are my tasks", [], TOOLS)
    assert "cannot do that here" in reply.text
    assert reply.actions == ()


async def test_a_task_without_a_title_is_asked_for_and_the_answer_is_the_title(assistant: OfflineAssistant) -> None:
    question = await assistant.respond("create a new task", [], TOOLS)
    assert question.text.startswith("What is the task?")

    reply = await assistant.respond("Oil the gate", [Turn("create a new task", question.text)], TOOLS)
    assert [action.arguments for action in reply.actions] == [{"title": "Oil the gate"}]


async def test_what_somebody_has_to_do_is_put_on_the_list_after_a_yes(assistant: OfflineAssistant) -> None:
    said = "I need to finish the report by Friday."
    question = await assistant.respond(said, [], TOOLS)
    assert question == Reply("Shall I put “finish the report by Friday” on your list?")

    reply = await assistant.respond("yes", [Turn(said, question.text)], TOOLS)
    assert [action.arguments for action in reply.actions] == [{"title": "finish the report by Friday"}]


MISSPELT = {
    "pause teh email queue": "pause the email queue",
    "paus the email que": "pause the email queue",
    "wat tiem is it": "what time is it",
    "creat a task to buy mlik": "create a task to buy mlik",
    "what's on my calendar on Fridya": "what's on my calendar on friday",
}


@pytest.mark.parametrize("text", MISSPELT)
def test_a_misspelt_command_is_mended_but_for_the_words_that_are_free(grammar: Grammar, text: str) -> None:
    assert grammar.mended(text) == MISSPELT[text]


@pytest.mark.parametrize("sentence", [*NOT_UNDERSTOOD, *SENTENCES, *EVERYDAY_SENTENCES, "word " * 2000])
def test_what_is_spelled_right_is_no_misspelt_command(grammar: Grammar, sentence: str) -> None:
    assert not grammar.mended(sentence)


async def test_a_misspelt_command_is_done_after_a_yes(assistant: OfflineAssistant) -> None:
    question = await assistant.respond("paus the emial queue", [], TOOLS)
    assert question == Reply("Did you mean “pause the email queue”?")

    reply = await assistant.respond("yes", [Turn("paus the emial queue", question.text)], TOOLS)
    assert reply.text == "Paused email-processing."


@pytest.mark.parametrize(
    "question", ["What is the task? Say, for example: add buy milk to my list.", "Shall I put “buy milk” on your list?"]
)
@pytest.mark.parametrize("answer", ["no", "never mind", "nothing", "cancel"])
async def test_a_question_is_answered_with_no(assistant: OfflineAssistant, question: str, answer: str) -> None:
    reply = await assistant.respond(answer, [Turn("create a task", question)], TOOLS)
    assert reply == Reply("All right.")


@pytest.mark.parametrize(
    ("answer", "title"),
    [("buy bread", "buy bread"), ("bread", "bread"), ("the second one", "buy bread"), ("the last one", "buy salt")],
)
async def test_which_one_is_meant_is_answered_by_its_name_or_its_place(
    assistant: OfflineAssistant, answer: str, title: str
) -> None:
    tools = {"finish_task": Tool("finish_task", "Finish", Title, create)}
    question = "Which one: “buy milk”, “buy bread” or “buy salt”?"

    reply = await assistant.respond(answer, [Turn("mark buy as done", question)], tools)
    assert [action.arguments for action in reply.actions] == [{"title": title}]


async def test_which_one_is_meant_may_be_asked_again(assistant: OfflineAssistant) -> None:
    tools = {"finish_task": Tool("finish_task", "Finish", Title, create)}
    first = Turn("mark buy as done", "Which one: “buy milk”, “buy malt” or “buy salt”?")
    again = Turn("malt", "Which one: “buy malt” or “buy malt flakes”?")

    reply = await assistant.respond("the first one", [first, again], tools)
    assert [action.arguments for action in reply.actions] == [{"title": "buy malt"}]


async def test_which_event_is_moved_is_answered_and_where_to_stays(assistant: OfflineAssistant) -> None:
    tools = {"move_event": Tool("move_event", "Move", Move, move)}
    question = "Which one: “Lunch with Anna” tomorrow at noon or “Call with Anna” tomorrow at 3 PM?"

    reply = await assistant.respond("the call", [Turn("move my meeting with Anna to Friday", question)], tools)
    assert [action.arguments for action in reply.actions] == [{"event": "the call", "when": "Friday"}]


async def test_of_many_reminders_one_that_was_not_told_can_be_named(assistant: OfflineAssistant) -> None:
    tools = {"cancel_reminder": Tool("cancel_reminder", "Cancel", Text, remind)}
    question = "Which reminder: " + "; ".join(f"“it is time” today at {hour} PM" for hour in range(5, 10)) + "?"

    reply = await assistant.respond("stretch", [Turn("cancel my reminder", question)], tools)
    assert [action.arguments for action in reply.actions] == [{"text": "stretch"}]


async def test_which_reminder_is_meant_is_answered_by_its_place_and_told_with_its_moment(
    assistant: OfflineAssistant,
) -> None:
    tools = {"cancel_reminder": Tool("cancel_reminder", "Cancel", Text, remind)}
    question = "Which reminder: “it is time” today at 9:05 PM; “it is time” today at 9:55 PM?"

    reply = await assistant.respond("the second one", [Turn("cancel the timer", question)], tools)
    assert [action.arguments for action in reply.actions] == [{"text": "“it is time” today at 9:55 PM"}]


@pytest.mark.parametrize("answer", ["the fourth one", "a horse"])
async def test_none_of_those_asked_about_is_not_understood(assistant: OfflineAssistant, answer: str) -> None:
    tools = {"finish_task": Tool("finish_task", "Finish", Title, create)}
    question = "Which one: “buy milk”, “buy bread” or “buy salt”?"

    reply = await assistant.respond(answer, [Turn("mark buy as done", question)], tools)
    assert reply.text.startswith("I did not understand")
    assert reply.actions == ()


async def test_a_timer_without_its_length_is_asked_for_it(assistant: OfflineAssistant) -> None:
    tools = {"remind_me": Tool("remind_me", "Remind", Text, remind)}
    question = await assistant.respond("set a timer", [], tools)
    assert question.text.startswith("For how long?")

    reply = await assistant.respond("five minutes", [Turn("set a timer", question.text)], tools)
    assert reply.text == "Set for five minutes."


async def test_a_queue_that_was_not_named_is_asked_for(assistant: OfflineAssistant) -> None:
    question = await assistant.respond("pause the queue", [], TOOLS)
    assert question.text.startswith("Which queue shall I pause?")

    reply = await assistant.respond("the email queue", [Turn("pause the queue", question.text)], TOOLS)
    assert reply.text == "Paused email-processing."


async def test_commands_at_the_same_time_share_one_grammar() -> None:
    grammar_file = SharedGrammar()
    one, other = await asyncio.gather(grammar_file.load(), grammar_file.load())
    assert one is other
