"""The user's reminders, and notifications that are shown at once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from pydantic import Field

from engine.errors import NotFoundError
from engine.handlers.context import JobContext
from engine.handlers.local_time import user_now
from engine.handlers.tools.arguments import Arguments, Nothing
from engine.handlers.tools.wording import count
from engine.job_types import CreateTask, PushNotification
from engine.model import Reminder
from engine.providers import NotDone, Tool
from engine.queues import NOTIFICATION
from engine.spoken_times import SpokenTime, read_time, say_time, split_time

REMINDERS_READ = 5
_MORNING = time(9, 0)
"""When a reminder for a day, without a time, is told."""
_EXAMPLE = "Say, for example: remind me tomorrow at five to call Anna."
_UNNAMED = "it is time"
"""The reminder of somebody who named only its moment: "remind me in ten minutes", "set a timer for an hour"."""
_LENGTH = re.compile(r"(?:for|of)\s+(?=\w)", re.IGNORECASE)
_AGAIN = re.compile(
    r"\b(?:every|each) (?:(?:other|second|single) )?(?:\w*day|night|morning|afternoon|evening|hour|minute|week|weekend"
    r"|month|year|\d+ \w+|half (?:an )?hour)s?\b|\b(?:daily|hourly|weekly)$",
    re.IGNORECASE,
)
LINK = re.compile(r"^(?:to|about|of|that|for)\s+", re.IGNORECASE)
"""The word that leads from "remind me" to what is to be told."""


class NewReminder(Arguments):
    """Arguments of a new reminder."""

    text: str = Field(description="What to remind the user of, in the user's words", min_length=1, max_length=1000)
    when: str = Field(
        "",
        description="When, in the user's own words, such as: in ten minutes; empty where they named none",
        max_length=200,
    )


class NewNotification(Arguments):
    """Arguments of a notification."""

    text: str = Field("", description="What it says, in the user's words; empty for one that tries it", max_length=200)


class OneReminder(Arguments):
    """Arguments of a tool for one reminder."""

    text: str = Field("", description="Words of the reminder; empty where the user has named none", max_length=1000)


def reminder_tools(user_id: str, context: JobContext) -> tuple[Tool, ...]:
    """The tools of `user_id`'s reminders; a reminder is a delayed job in the command's trace."""
    services = context.services
    numbers = itertools.count(1)  # the same numbers whenever the job runs again

    async def paused() -> str:
        """What to add where no reminder is told for now; else ""."""
        queues = (await services.monitor.snapshot()).queues
        if not any(queue.paused for queue in queues if queue.name == NOTIFICATION):
            return ""
        return " But the notifications queue is paused: nothing is told until you resume it."

    async def remind_me(arguments: NewReminder) -> str:
        now = user_now(services.settings)
        text, found = _text_and_time(arguments, now)
        if (found or not text) and _AGAIN.search(f"{arguments.text} {arguments.when}".strip()):
            return NotDone(f"I can remind you once, not again and again. {_EXAMPLE}")
        if not text:
            return NotDone(f"I did not understand what to remind you of. {_EXAMPLE}")
        options = context.child_options(f"reminder.{next(numbers)}")
        if found is None and not arguments.when:
            await services.client.add(CreateTask(user_id=user_id, title=text), options)
            return f"I heard no time that I am sure of, so “{text}” goes on your list."
        moment = _moment(found, now) if found is not None else None
        if moment is None:
            return NotDone(f"I am not sure when to remind you of “{text}”. {_EXAMPLE}")
        if moment <= now:
            return NotDone(f"{_capital(say_time(moment, now))} has passed. {_EXAMPLE}")
        await services.client.remind(user_id, text, moment, options)
        return f"I will remind you {say_time(moment, now)}: {text}.{await paused()}"

    async def notify_me(arguments: NewNotification) -> str:
        text = LINK.sub("", re.sub(r"^(?:saying|that says)\s+", "", arguments.text)) or "This is a notification."
        payload = PushNotification(user_id=user_id, title=_capital(text))
        await services.client.add(payload, context.child_options(f"notification.{next(numbers)}"))
        return f"A notification is on its way: {_capital(text).rstrip('.')}."

    async def list_reminders(_: Nothing) -> str:
        reminders = await services.client.reminders(user_id)
        if not reminders:
            return "You have no reminders."
        more = f"; and {len(reminders) - REMINDERS_READ} more" if len(reminders) > REMINDERS_READ else ""
        now = user_now(services.settings)
        told = "; ".join(_say(reminder, now) for reminder in reminders[:REMINDERS_READ])
        return f"You have {count(len(reminders), 'reminder')}: {told}{more}.{await paused()}"

    async def meant(text: str) -> Reminder:
        reminders = await services.client.reminders(user_id)
        now = user_now(services.settings)
        found = _like(text, reminders, now)
        if len({_say(reminder, now) for reminder in found}) == 1:
            return found[0]  # nobody could say which of two that read the same
        if not reminders:
            raise NotFoundError("You have no reminders.")
        told = "; ".join(_say(reminder, now) for reminder in (found or reminders)[:REMINDERS_READ])
        if found:
            raise NotFoundError(f"Which reminder: {told}?")
        raise NotFoundError(f"There is no reminder like “{text}”. There are: {told}.")

    async def ask_to_cancel(arguments: OneReminder) -> str:
        reminder = await meant(arguments.text)
        return f"Shall I cancel the reminder {_say(reminder, user_now(services.settings))}?"

    async def cancel_reminder(arguments: OneReminder) -> str:
        reminder = await meant(arguments.text)
        await services.client.cancel_reminder(user_id, reminder.id)
        return f"The reminder “{reminder.text}” is cancelled."

    return (
        Tool("remind_me", "Remind the user of something at a time.", NewReminder, remind_me),
        Tool("notify_me", "Show the user a notification now.", NewNotification, notify_me),
        Tool("list_reminders", "Tell the user's reminders.", Nothing, list_reminders),
        Tool("cancel_reminder", "Cancel a reminder.", OneReminder, cancel_reminder, ask_to_cancel),
    )


def _text_and_time(arguments: NewReminder, now: datetime) -> tuple[str, SpokenTime | None]:
    """What to remind of, "" where that is not clear; and when."""
    if arguments.when:
        return LINK.sub("", arguments.text), _read(arguments.when, now)
    left, found = split_time(arguments.text, now)
    if found is None and (length := _LENGTH.match(arguments.text)):
        # Of a timer, "for five minutes"; of an alarm, "for seven".
        rest = arguments.text[length.end() :]
        left, found = next(
            (cut for word in ("in", "at") if (cut := split_time(f"{word} {rest}", now))[1]), (left, None)
        )
    elif found is None and (cut := split_time(f"in {arguments.text}", now))[1] and (not cut[0] or LINK.match(cut[0])):
        left, found = cut  # of a timer, "five minutes"; not "ten minutes before lunch"
    link = LINK.match(left)
    if link is None and found is None:
        return "", None
    return (left[link.end() :] if link else left) or (_UNNAMED if found else ""), found


def _read(when: str, now: datetime) -> SpokenTime | None:
    try:
        moment = datetime.fromisoformat(when)  # models like to answer so
    except ValueError:
        # Of a timer, "five minutes"; of an alarm, "seven".
        return read_time(when, now) or read_time(f"in {when}", now) or read_time(f"at {when}", now)
    if len(when) <= len("2026-11-30"):
        return SpokenTime(moment.replace(tzinfo=now.tzinfo), all_day=True)
    return SpokenTime(moment.astimezone(now.tzinfo) if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))


def _moment(found: SpokenTime, now: datetime) -> datetime | None:
    """When to remind: a day's morning, the middle of what is left of a part of the day. None where it is not clear."""
    if found.all_day:
        morning = datetime.combine(found.start.date(), _MORNING, now.tzinfo)
        # "today" or "this week", said after the morning: at some time, but at which?
        return None if found.start <= now and morning <= now else morning
    if found.end is None or found.end <= now:
        return found.start
    start = max(found.start, now).astimezone(UTC)
    middle = start + (found.end - start) / 2
    return (middle - timedelta(minutes=middle.minute % 15, seconds=middle.second)).astimezone(now.tzinfo)


def _like(text: str, reminders: Sequence[Reminder], now: datetime) -> list[Reminder]:
    """The reminders that `text` may mean: the one of these very words, else all whose words or moment have them."""
    wanted = LINK.sub("", text).casefold().split()
    same = [reminder for reminder in reminders if reminder.text.casefold().split() == wanted]
    told = {reminder.id: _say(reminder, now).casefold() for reminder in reminders}
    return same[:1] or [reminder for reminder in reminders if all(word in told[reminder.id] for word in wanted)]


def _say(reminder: Reminder, now: datetime) -> str:
    return f"“{reminder.text}” {say_time(datetime.fromtimestamp(reminder.due_at_ms / 1000, UTC), now)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
