"""Reminders by command: what is heard as which moment, what is told of them, and that one is cancelled after a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.client import Client
from engine.errors import NotFoundError
from engine.handlers import HANDLERS
from engine.handlers.context import JobContext
from engine.handlers.tools import reminders as tools
from engine.handlers.tools import tools_for
from engine.job_types import ProcessVoiceCommand
from engine.model import JobOptions
from engine.providers import Tool
from engine.queues import NOTIFICATION
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.worker.broker import create_broker

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = datetime(2030, 11, 24, 15, 20, tzinfo=BERLIN)


@pytest.fixture
async def context(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JobContext]:
    """A claimed command of a Sunday afternoon in Berlin."""
    zoned = load_settings(redis_url=str(settings.external_redis_url), calendar_timezone="Europe/Berlin")
    monkeypatch.setattr(tools, "user_now", lambda _: SUNDAY)
    broker = create_broker(zoned)
    await broker.startup()
    payload = ProcessVoiceCommand(text="remind me")
    await Client(store, zoned).add(payload, JobOptions(job_id="c"))
    taken = await store.take(payload.queue, 1, lease_ms=60_000, token="t", worker="test")
    try:
        yield JobContext(taken.jobs[0], broker._services)
    finally:
        await broker.shutdown()


def tool(context: JobContext, name: str) -> Tool:
    return tools_for("local", context)[name]


async def said(context: JobContext, name: str, **arguments: str) -> str:
    """The sentence of a tool that is called once, as by a command's first run."""
    found = tool(context, name)
    return await found.call(found.arguments.model_validate(arguments))


HEARD = {
    "in ten minutes to call Anna": ("call Anna", "2030-11-24 15:30", "today at 3:30 PM"),
    "to call Anna in ten minutes": ("call Anna", "2030-11-24 15:30", "today at 3:30 PM"),
    "to water the plants tomorrow at five": ("water the plants", "2030-11-25 17:00", "tomorrow at 5 PM"),
    "at ten to six to call Anna at home": ("call Anna at home", "2030-11-24 17:50", "today at 5:50 PM"),
    "about the cake tonight": ("the cake", "2030-11-24 21:00", "today at 9 PM"),
    "for tomorrow morning to pay the rent": ("pay the rent", "2030-11-25 09:00", "tomorrow at 9 AM"),
    "on friday that the bins go out": ("the bins go out", "2030-11-29 09:00", "on Friday, November 29 at 9 AM"),
    "this afternoon to stretch": ("stretch", "2030-11-24 16:30", "today at 4:30 PM"),
    "in ten minutes": ("it is time", "2030-11-24 15:30", "today at 3:30 PM"),
    "for ten minutes": ("it is time", "2030-11-24 15:30", "today at 3:30 PM"),
    "ten minutes": ("it is time", "2030-11-24 15:30", "today at 3:30 PM"),
    "for 1h": ("it is time", "2030-11-24 16:20", "today at 4:20 PM"),
    "for ten minutes to check the oven": ("check the oven", "2030-11-24 15:30", "today at 3:30 PM"),
    "for seven": ("it is time", "2030-11-24 19:00", "today at 7 PM"),
    "next week to call the bank": ("call the bank", "2030-11-25 09:00", "tomorrow at 9 AM"),
}


@pytest.mark.parametrize("text", HEARD)
async def test_a_reminder_is_made_for_the_moment_that_was_said(context: JobContext, text: str) -> None:
    what, moment, told = HEARD[text]
    assert await said(context, "remind_me", text=text) == f"I will remind you {told}: {what}."
    (reminder,) = await context.services.client.reminders()
    due = datetime.fromtimestamp(reminder.due_at_ms / 1000, BERLIN)
    assert (reminder.text, due.strftime("%Y-%m-%d %H:%M")) == (what, moment)


@pytest.mark.parametrize(
    ("text", "title"), [("", "This is a notification."), ("saying lunch is ready", "Lunch is ready")]
)
async def test_a_notification_is_sent_at_once(context: JobContext, store: Store, text: str, title: str) -> None:
    assert await said(context, "notify_me", text=text) == f"A notification is on its way: {title.rstrip('.')}."
    job = await store.find("c.notification.1")
    assert (job.name, job.arguments["title"]) == ("push-notification", title)


@pytest.mark.parametrize("when", ["tomorrow at five", "2030-11-25T17:00", "2030-11-25T17:00:00+01:00"])
async def test_a_model_may_give_the_moment_apart(context: JobContext, when: str) -> None:
    told = await said(context, "remind_me", text="to call Anna", when=when)
    assert told == "I will remind you tomorrow at 5 PM: call Anna."


@pytest.mark.parametrize(("when", "told"), [("five minute", "3:25 PM"), ("half an hour", "3:50 PM"), ("six", "6 PM")])
async def test_of_a_timer_its_length_is_enough_and_of_an_alarm_its_hour(
    context: JobContext, when: str, told: str
) -> None:
    assert (
        await said(context, "remind_me", text="it is time", when=when)
        == f"I will remind you today at {told}: it is time."
    )


async def test_only_the_word_before_the_errand_goes(context: JobContext) -> None:
    told = await said(context, "remind_me", text="print the photo for Anna", when="tomorrow at five")
    assert told.endswith(": print the photo for Anna.")


async def test_a_command_that_runs_twice_makes_one_reminder(context: JobContext) -> None:
    for _ in range(2):
        await said(context, "remind_me", text="in ten minutes to call Anna")
    assert len(await context.services.client.reminders()) == 1


async def test_without_a_time_it_goes_on_the_list(context: JobContext, store: Store) -> None:
    told = await said(context, "remind_me", text="to call Anna every monday")
    assert told == "I heard no time that I am sure of, so “call Anna every monday” goes on your list."
    task = await store.find("c.reminder.1")
    assert (task.name, task.arguments["title"]) == ("create-task", "call Anna every monday")
    assert await context.services.client.reminders() == ()


@pytest.mark.parametrize("text", ["every day at nine to take my pills", "to take my pills every day at nine"])
async def test_a_reminder_again_and_again_is_refused_not_made_once(context: JobContext, text: str) -> None:
    assert "once, not again and again" in await said(context, "remind_me", text=text)
    assert await context.services.client.reminders() == ()


async def test_a_length_before_something_is_no_moment(context: JobContext) -> None:
    assert "I did not understand" in await said(context, "remind_me", text="ten minutes before lunch to call Anna")
    assert await context.services.client.reminders() == ()


async def test_what_is_no_reminder_makes_none(context: JobContext) -> None:
    assert "I did not understand what to remind you of" in await said(context, "remind_me", text="what my tasks are")
    assert await context.services.client.reminders() == ()


@pytest.mark.parametrize("text", ["today to call Anna", "this week to call Anna"])
async def test_a_day_whose_morning_has_passed_is_asked_about(context: JobContext, text: str) -> None:
    assert "I am not sure when" in await said(context, "remind_me", text=text)


async def test_a_moment_that_has_passed_is_told(context: JobContext) -> None:
    assert "Today at 9 AM has passed." in await said(context, "remind_me", text="to call Anna today at 9 am")


async def test_reminders_are_told_with_their_moments(context: JobContext) -> None:
    assert await said(context, "list_reminders") == "You have no reminders."
    client = context.services.client
    await client.remind("local", "stretch", SUNDAY + timedelta(minutes=5))
    await client.remind("local", "call Anna", SUNDAY + timedelta(days=1))
    assert await said(context, "list_reminders") == (
        "You have 2 reminders: “stretch” today at 3:25 PM; “call Anna” tomorrow at 3:20 PM."
    )


async def test_a_reminder_that_waits_for_a_paused_queue_says_so(context: JobContext) -> None:
    await context.services.admin.pause(NOTIFICATION, actor="ada")
    note = " But the notifications queue is paused: nothing is told until you resume it."
    told = await said(context, "remind_me", text="in ten minutes to call Anna")
    assert told == f"I will remind you today at 3:30 PM: call Anna.{note}"
    assert (await said(context, "list_reminders")).endswith(note)


async def test_a_reminder_is_named_before_it_is_cancelled(context: JobContext) -> None:
    await context.services.client.remind("local", "call Anna", SUNDAY + timedelta(days=1))
    cancel = tool(context, "cancel_reminder")
    assert cancel.confirm is not None
    arguments = cancel.arguments.model_validate({"text": "to call anna"})
    question = cancel.confirm(arguments)
    assert not isinstance(question, str)
    assert await question == "Shall I cancel the reminder “call Anna” tomorrow at 3:20 PM?"
    assert await cancel.call(arguments) == "The reminder “call Anna” is cancelled."
    assert await context.services.client.reminders() == ()


async def test_of_several_that_are_meant_none_is_cancelled(context: JobContext) -> None:
    client = context.services.client
    for text in ("call Anna", "call Bob"):
        await client.remind("local", text, SUNDAY + timedelta(days=1))
    for text, told in (("call", "Which reminder: .*“call Anna”"), ("", "Which reminder"), ("sing", "no reminder like")):
        with pytest.raises(NotFoundError, match=told):
            await said(context, "cancel_reminder", text=text)
    assert len(await client.reminders()) == 2


async def test_of_two_reminders_that_read_the_same_one_is_cancelled(context: JobContext) -> None:
    client = context.services.client
    for seconds in (5, 10):
        await client.remind("local", "stretch", SUNDAY + timedelta(minutes=5, seconds=seconds))
    assert await said(context, "cancel_reminder", text="today at 3:25 PM") == "The reminder “stretch” is cancelled."
    assert len(await client.reminders()) == 1


async def test_of_two_timers_the_moment_tells_which_is_cancelled(context: JobContext) -> None:
    client = context.services.client
    for minutes in (5, 10):
        await client.remind("local", "it is time", SUNDAY + timedelta(minutes=minutes))
    await said(context, "cancel_reminder", text="“it is time” today at 3:30 PM")
    assert [reminder.due_at_ms // 1000 for reminder in await client.reminders()] == [
        (SUNDAY + timedelta(minutes=5)).timestamp()
    ]


async def test_a_reminder_by_the_offline_assistant_is_a_job_in_the_commands_trace(
    context: JobContext, store: Store
) -> None:
    result = await HANDLERS[ProcessVoiceCommand](
        ProcessVoiceCommand(text="Hey Hark, remind me in ten minutes to call O'Brien, please", speak=False), context
    )
    assert result["reply"] == "I will remind you today at 3:30 PM: call O'Brien."
    job = await store.find("c.reminder.1")
    assert (job.trace, job.due_at_ms is not None) == ("c", True)
    assert job.arguments["due_at_ms"] == (SUNDAY + timedelta(minutes=10)).astimezone(UTC).timestamp() * 1000
