"""What is said of all queues at once, with a real Redis: what failed and why, whether all is well, all paused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.admin import Admin
from engine.client import Client
from engine.failures import signature_of
from engine.handlers.context import JobContext
from engine.handlers.tools.console import console_tools
from engine.handlers.tools.overview import overview_tools
from engine.job_types import CreateTask, SyncInbox
from engine.model import JobOptions
from engine.monitor import Monitor
from engine.providers import Tool
from engine.queues import QUEUES
from engine.store import Store
from engine.write_lock import WriteLock


@pytest.fixture
def tools(admin: Admin, monitor: Monitor) -> dict[str, Tool]:
    """The console's tools on the emptied server."""
    context = cast(JobContext, SimpleNamespace(services=SimpleNamespace(admin=admin, monitor=monitor)))
    return {tool.name: tool for tool in (*console_tools("ada", context), *overview_tools(context))}


async def say(tools: dict[str, Tool], name: str, **arguments: Any) -> str:
    tool = tools[name]
    return await tool.call(tool.arguments.model_validate(arguments))


async def fail_one(client: Client, store: Store, job: Any, job_id: str, error: str) -> None:
    await client.add(job, JobOptions(job_id))
    (claimed,) = (await store.take(job.queue, 1, lease_ms=60_000, token=job_id, worker="w")).jobs
    signature, title = signature_of("HarkError", error)
    await store.fail(
        claimed, error, permanent=True, group={"signature": signature, "title": title, "kind": "HarkError"}
    )


async def test_nothing_has_failed_where_nothing_has(tools: dict[str, Tool]) -> None:
    assert await say(tools, "what_failed") == "Nothing has failed."
    assert await say(tools, "what_failed", queue="notification") == "Nothing has failed in the notifications queue."


async def test_failures_are_told_by_reason_with_the_last_ones_own_words(
    tools: dict[str, Tool], client: Client, store: Store
) -> None:
    for number in (1, 2):
        await fail_one(
            client, store, CreateTask(title="Milk"), f"task-{number}", f"The list has {number} tasks too many"
        )
    await fail_one(client, store, SyncInbox(), "mail", "The mail server refused the password.\nmore")

    assert await say(tools, "what_failed") == (
        "3 jobs have failed, for 2 reasons. 2 in the tasks queue: The list has 2 tasks too many. "
        "1 in the email queue: The mail server refused the password."
    )
    assert await say(tools, "what_failed", queue="email-processing") == (
        "1 job has failed in the email queue. 1: The mail server refused the password."
    )


async def test_a_retry_without_a_queue_retries_the_only_one_with_failures(
    tools: dict[str, Tool], client: Client, store: Store
) -> None:
    await fail_one(client, store, SyncInbox(), "mail", "The mail server refused the password.")

    assert await say(tools, "retry_failed") == "1 failed job of the email queue will run again."


async def test_a_retry_without_a_queue_retries_all_after_a_yes_where_several_have_failures(
    tools: dict[str, Tool], client: Client, store: Store
) -> None:
    await fail_one(client, store, SyncInbox(), "mail", "The mail server refused the password.")
    for number in (1, 2):
        await fail_one(client, store, CreateTask(title="Milk"), f"task-{number}", "The list is full")
    retry = tools["retry_failed"]
    assert retry.confirm is not None

    question = retry.confirm(retry.arguments())
    assert not isinstance(question, str)
    assert await question == "Shall I run 3 failed jobs again: 2 in tasks and 1 in email?"
    assert await say(tools, "retry_failed") == "3 failed jobs will run again: 2 in tasks and 1 in email."
    assert await say(tools, "what_failed") == "Nothing has failed."


async def test_a_retry_of_one_queue_needs_no_yes(tools: dict[str, Tool], client: Client, store: Store) -> None:
    await fail_one(client, store, SyncInbox(), "mail", "The mail server refused the password.")
    retry = tools["retry_failed"]
    assert retry.confirm is not None
    for arguments in ({}, {"queue": "email-processing"}):
        question = retry.confirm(retry.arguments.model_validate(arguments))
        assert not isinstance(question, str)
        assert await question == ""


async def test_all_is_right_on_an_idle_console(tools: dict[str, Tool]) -> None:
    assert await say(tools, "is_all_right") == ("Yes, everything is all right. 0 jobs are waiting and 0 running.")


async def test_paused_queues_failures_and_alerts_are_not_all_right(
    tools: dict[str, Tool], client: Client, store: Store, admin: Admin
) -> None:
    await fail_one(client, store, SyncInbox(), "mail", "The mail server refused the password.")
    await admin.pause("notification", actor="ada")
    said = await say(tools, "is_all_right")
    assert said.startswith("No: there ")
    assert "The notifications queue is paused." in said
    assert "Failed jobs: 1 in email." in said


async def test_pausing_all_leaves_the_voice_its_queues_and_resuming_all_takes_every_one(
    tools: dict[str, Tool], admin: Admin, monitor: Monitor
) -> None:
    said = await say(tools, "pause_all")
    paused = {state.name for state in (await monitor.snapshot()).queues if state.paused}
    assert paused == set(QUEUES) - {"voice-processing", "transcription", "synthesis"}
    assert "say resume all queues" in said
    assert await say(tools, "pause_all") == "All queues but the voice's own are paused already."

    await admin.pause("transcription", actor="ada")
    assert (await say(tools, "resume_all")).startswith("Running again: ")
    assert not any(state.paused for state in (await monitor.snapshot()).queues)
    assert await say(tools, "resume_all") == "No queue was paused."


async def test_a_locked_production_stays_as_it_is(store: Store, monitor: Monitor) -> None:
    locked = Admin(store, WriteLock(True, "orders"))
    context = cast(JobContext, SimpleNamespace(services=SimpleNamespace(admin=locked, monitor=monitor)))
    tools = {tool.name: tool for tool in console_tools("ada", context)}
    assert "Unlock it in the window" in await say(tools, "pause_all")
    assert not any(state.paused for state in (await monitor.snapshot()).queues)
